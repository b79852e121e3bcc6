"""One vector for each name: what a frozen encoder makes of it, and two controls that know no text.

A name is read alone, and its vector is the mean over its word pieces' states: the one pooling that asks nothing of how a model
was pretrained (the state of [CLS] means something only where an objective used it).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from training.evaluation.loading import load, pieces_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["encode_names", "random_encodings", "wordpiece_encodings"]

_AT_ONCE = 256
#: Word pieces of a name that are read, at most.
_LONGEST = 48


@torch.no_grad()
def encode_names(folder: Path, names: Sequence[str]) -> Tensor:
    """Means of the last states over the pieces of each name, (names, hidden); zero where a name has no pieces.

    Raises:
        MateriaError: the folder holds no encoder with its tokenizer.
    """
    model, tokenizer = load(folder, "AutoModel")
    pieces = _pieces(tokenizer, names)
    before, after = ([token] if token is not None else [] for token in (tokenizer.cls_token_id, tokenizer.sep_token_id))
    if model.config.model_type in ("gpt2", "llama"):
        before, after = [token for token in [tokenizer.bos_token_id] if token is not None], []
    vectors = torch.zeros(len(names), int(model.config.hidden_size))
    order = sorted(
        range(len(names)), key=lambda place: len(pieces[place])
    )  # alike in length, so that little is padding
    for start in range(0, len(order), _AT_ONCE):
        part = [place for place in order[start : start + _AT_ONCE] if pieces[place]]
        if not part:
            continue
        rows = [[*before, *pieces[place], *after] for place in part]
        width = max(map(len, rows))
        ids = torch.zeros((len(rows), width), dtype=torch.long)
        attended, own = torch.zeros_like(ids), torch.zeros_like(ids)
        for number, row in enumerate(rows):
            ids[number, : len(row)] = torch.tensor(row)
            attended[number, : len(row)] = 1
            own[number, len(before) : len(row) - len(after)] = 1
        device = model.device
        states = model(input_ids=ids.to(device), attention_mask=attended.to(device)).last_hidden_state.float().cpu()
        vectors[part] = (states * own[:, :, None]).sum(1) / own.sum(1, keepdim=True)
    return vectors


def random_encodings(names: int, hidden: int, seed: int) -> Tensor:
    """A random vector for each name, (names, hidden): what the probe learns from the graph alone."""
    return torch.randn(names, hidden, generator=torch.Generator().manual_seed(seed))


def wordpiece_encodings(folder: Path, names: Sequence[str], hidden: int, seed: int) -> Tensor:
    """The mean of random vectors of a name's pieces, (names, hidden): what the words of names tell by themselves."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    pieces = _pieces(tokenizer, names)
    table = random_encodings(len(tokenizer), hidden, seed)
    return torch.stack([table[found].mean(0) if found else torch.zeros(hidden) for found in pieces])


def _pieces(tokenizer: PreTrainedTokenizerFast, names: Sequence[str]) -> list[list[int]]:
    return [found[:_LONGEST] for found in pieces_of(tokenizer)(names)]
