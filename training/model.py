"""The model: one encoder that all objectives share, and their heads.

On disk the encoder is a plain `save_pretrained` folder, so `AutoModel.from_pretrained` loads it without this project;
the heads lie beside it in heads.safetensors, and what they mean (relations, classes) in heads.json.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoTokenizer, BertConfig, BertForPreTraining
from transformers.utils import logging

from pipeline.errors import MateriaError
from training.data.batches import TextBatch
from training.data.links import LinkBatch
from training.objectives import OBJECTIVES, HeadSpec, Objective, Outcome, Step

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from training.config import PretrainingConfig

__all__ = ["PretrainingModel", "load_model", "make_backbone", "save_model"]


class PretrainingModel(nn.Module):
    """A BERT and the heads of its objectives.

    Args:
        backbone: a BertForPreTraining.
        spec: what the heads are made for.
        weights: weight of each objective; those with 0 are not made.
    """

    def __init__(self, backbone: Any, spec: HeadSpec, weights: Mapping[str, float]) -> None:
        super().__init__()
        self.backbone = backbone
        self.spec = spec
        self.weights = {name: weight for name, weight in weights.items() if weight > 0}
        self.objectives = nn.ModuleDict({name: OBJECTIVES[name](spec) for name in OBJECTIVES if name in self.weights})

    def objective(self, name: str) -> Objective:
        """An objective by its name."""
        module = self.objectives[name]
        assert isinstance(module, Objective)
        return module

    def states(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        """States of the encoder, (batch, tokens, hidden)."""
        output = self.backbone.bert(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)
        states: Tensor = output.last_hidden_state
        return states

    def entity_vectors(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """The [CLS] states of names, (names, hidden)."""
        return self.states(input_ids, attention_mask)[:, 0]

    def outcomes(self, text: TextBatch, links: LinkBatch | None) -> dict[str, Outcome]:
        """The outcome of every objective over one step: one pass for the sequences, one short pass for the names."""
        states = self.states(text.input_ids, text.attention_mask, text.token_type_ids)
        names = None if links is None else self.entity_vectors(links.input_ids, links.attention_mask)
        step = Step(text, states, links, names)
        return {name: self.objective(name).outcome(self.backbone, step) for name in self.objectives}

    def total(self, outcomes: Mapping[str, Outcome]) -> Tensor:
        """The one loss: the weighted sum."""
        return torch.stack([self.weights[name] * outcome.loss for name, outcome in outcomes.items()]).sum()


def make_backbone(config: PretrainingConfig, tokenizer: PreTrainedTokenizerFast) -> BertForPreTraining:
    """A new BERT of the configured sizes, for a tokenizer. Its weights come from torch's global seed."""
    sizes = config.backbone
    return BertForPreTraining(
        BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=sizes.hidden,
            num_hidden_layers=sizes.layers,
            num_attention_heads=sizes.heads,
            intermediate_size=sizes.feed_forward,
            hidden_dropout_prob=sizes.dropout,
            attention_probs_dropout_prob=sizes.dropout,
            initializer_range=sizes.hidden**-0.5,
            max_position_embeddings=config.max_length,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def check_fit(model: PretrainingModel, tokenizer: PreTrainedTokenizerFast, folder: str) -> None:
    """Refuse a tokenizer that does not fit its model.

    Raises:
        MateriaError: where the tokenizer has more tokens than the model, or lacks [CLS], [SEP], [MASK] or [PAD].
    """
    room = model.backbone.config.vocab_size
    if len(tokenizer) > room:
        raise MateriaError(
            f"the tokenizer has {len(tokenizer)} tokens but the model only {room}",
            file=folder,
            remedy="Use the tokenizer the model was trained with",
        )
    for role in ("cls_token", "sep_token", "mask_token", "pad_token"):
        if getattr(tokenizer, role) is None:
            raise MateriaError(f"the tokenizer has no {role}", file=folder, remedy="Use a tokenizer of the BERT family")


@contextmanager
def _no_progress_bars() -> Iterator[None]:
    """Keep transformers from drawing its own bars into a log or over another progress bar."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def save_model(model: PretrainingModel, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write the encoder, the tokenizer and the heads into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with _no_progress_bars():
        model.backbone.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    heads = {name: tensor.contiguous() for name, tensor in model.objectives.state_dict().items()}
    save_file(heads, str(folder / "heads.safetensors"))
    described = {"spec": asdict(model.spec), "weights": model.weights}
    text = json.dumps(described, indent=1, sort_keys=True, ensure_ascii=False)
    (folder / "heads.json").write_text(text + "\n", encoding="utf-8")


def load_model(folder: Path) -> tuple[PretrainingModel, PreTrainedTokenizerFast]:
    """The model and tokenizer that `save_model` wrote.

    Raises:
        MateriaError: where the folder holds no such model, or the tokenizer does not fit it.
    """
    try:
        described = json.loads((folder / "heads.json").read_text(encoding="utf-8"))
        spec: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in described["spec"].items()}
        with _no_progress_bars():
            backbone = BertForPreTraining.from_pretrained(folder)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model = PretrainingModel(backbone, HeadSpec(**spec), described["weights"])
        model.objectives.load_state_dict(load_file(str(folder / "heads.safetensors")))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise MateriaError(
            f"holds no complete pretrained model ({str(error).splitlines()[0]})",
            file=folder.name,
            remedy="Pretrain it again",
        ) from error
    check_fit(model, tokenizer, folder.name)
    return model, tokenizer
