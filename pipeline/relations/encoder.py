"""The deep half of the classifier on any Hugging Face encoder: the passage of a pair with both mentions marked, fine-tuned.

The mentions stand between markers, `[E1] aspirin [/E1]`, and the states of the two opening markers, side by side, are classified (entity
markers and entity start of Baldini Soares et al. 2019, arXiv:1906.03158). The fine-tuned encoder and its tokenizer lie in the
classifier's folder as `from_pretrained` takes them. This module imports transformers, so import it where it is used.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.errors import MateriaError
from pipeline.relations.deep import deterministic
from pipeline.relations.views import View

__all__ = ["Encoder", "load_encoder", "train_encoder"]

_MARKERS = ("[E1]", "[/E1]", "[E2]", "[/E2]")
_BATCH = 16
_RATE = 3e-5
_LENGTH = 192


class Encoder(nn.Module):
    """Log-probabilities of labels for passages, by an encoder with a linear layer.

    Args:
        tokenizer: a fast tokenizer, which learns the markers here where it lacks them.
        encoder: the model.
        labels: number of labels.
    """

    def __init__(self, tokenizer: Any, encoder: Any, labels: int) -> None:
        super().__init__()
        self.tokenizer, self.encoder = tokenizer, encoder
        if tokenizer.add_tokens(list(_MARKERS), special_tokens=True):
            encoder.resize_token_embeddings(len(tokenizer), mean_resizing=False)
        self._starts = tokenizer.convert_tokens_to_ids(["[E1]", "[E2]"])
        self.out = nn.Linear(2 * encoder.config.hidden_size, labels)

    def forward(self, views: Sequence[View]) -> Tensor:
        """Scores [pairs, labels] of passages."""
        batch = self.tokenizer(
            [_marked(view) for view in views], truncation=True, max_length=_LENGTH, padding=True, return_tensors="pt"
        )
        states = self.encoder(**batch).last_hidden_state
        ends = []
        for start in self._starts:
            # a marker that truncation cut off is read where the passage begins
            there = (batch["input_ids"] == start).float().argmax(dim=1)
            ends.append(states[torch.arange(len(views)), there])
        return torch.as_tensor(self.out(torch.cat(ends, dim=1)))

    def log_probabilities(self, views: Sequence[View]) -> npt.NDArray[np.float64]:
        """Log-probabilities of the labels [pairs, labels]."""
        self.eval()
        found = np.zeros((len(views), self.out.out_features))
        with torch.inference_mode():
            for start in range(0, len(views), 4 * _BATCH):
                part = views[start : start + 4 * _BATCH]
                found[start : start + len(part)] = functional.log_softmax(self(part).double(), dim=1).numpy()
        return found

    def save(self, folder: Path) -> None:
        """Write encoder and tokenizer as `from_pretrained` takes them; the linear layer is the classifier's to keep."""
        self.encoder.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)


def load_encoder(name: str, labels: int) -> Encoder:
    """An encoder by the folder, or by the name under which it lies in the local cache.

    Raises:
        MateriaError: there is none.
    """
    from transformers import AutoModel, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(name, use_fast=True, local_files_only=True)
        encoder = AutoModel.from_pretrained(name, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise MateriaError(
            f"holds no Hugging Face encoder with its tokenizer ({type(error).__name__})",
            file=name,
            remedy="Give the folder of a model and its tokenizer",
        ) from error
    return Encoder(tokenizer, encoder, labels)


def train_encoder(
    views: Sequence[View],
    labels: npt.NDArray[np.int64],
    count: int,
    *,
    name: str,
    epochs: int,
    seed: int,
    on_step: Callable[[], object] = lambda: None,
) -> Encoder:
    """Fine-tune an encoder; the same for the same seed.

    Args:
        views: the pairs.
        labels: the label of each, in [0, count).
        name: folder or name of the encoder.
        epochs: passes over the pairs.
        seed: of the linear layer, of dropout and of the order.
        on_step: called after each epoch.
    """
    with deterministic(seed):
        model = load_encoder(name, count)
        optimizer = torch.optim.AdamW(model.parameters(), lr=_RATE, weight_decay=1e-2)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, _RATE, total_steps=max(epochs * -(-len(views) // _BATCH), 1)
        )
        order = random.Random(seed)  # noqa: S311 - no secret
        places = list(range(len(views)))
        for _ in range(epochs):
            model.train()
            order.shuffle(places)
            for start in range(0, len(places), _BATCH):
                part = places[start : start + _BATCH]
                loss = functional.cross_entropy(model([views[p] for p in part]), torch.from_numpy(labels[part]))
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                schedule.step()
            on_step()
        return model.eval()


def _marked(view: View) -> str:
    words = list(view.words)
    for place, opening, closing in ((view.a, "[E1]", "[/E1]"), (view.b, "[E2]", "[/E2]")):
        words[place] = f"{opening} {words[place]} {closing}"
    return " ".join(words)
