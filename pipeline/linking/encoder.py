"""Names as vectors of a Hugging Face encoder, to tell apart candidates that spelling and context leave close together.

Mention and names are encoded alone and compared by cosine, as SapBERT does (Liu et al. 2021, "Self-Alignment Pretraining for
Biomedical Entity Representations", doi:10.18653/v1/2021.naacl-main.334): the state of the first token, or the mean over tokens where
the folder says so in the manner of sentence-transformers (`1_Pooling/config.json`). Only the first candidates of mentions that the
re-ranker is unsure of are encoded, each distinct text once while it is kept. No weights ship with the project. Cosines are rounded, so that
they do not depend on what is encoded together. Heavy imports happen when an encoder is opened.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.errors import MateriaError
from pipeline.quiet_loading import quiet

__all__ = ["DEFAULT_WEIGHT", "ENCODER_FEATURES", "NameEncoder", "encoder_features"]

#: The feature of a candidate, with the words that explain it.
ENCODER_FEATURES: dict[str, str] = {"encoded_apart": "farther off than another by the encoder"}
#: Its weight where none was learned: a tenth in cosine is half a nat.
DEFAULT_WEIGHT = -5.0

_SURE = 0.9  # a mention whose best candidate has this probability is not encoded
_CANDIDATES = 10
_BATCH, _LENGTH, _KEPT = 64, 48, 200_000

_Floats = npt.NDArray[np.float64]
_Numbers = npt.NDArray[np.int64]


class NameEncoder:
    """Unit vectors of texts. Pickled as its folder or name.

    Args:
        name: a folder with a model and its tokenizer, or the name under which they lie in the local cache.

    Raises:
        MateriaError: there is none.
    """

    def __init__(self, name: str) -> None:
        from transformers import AutoModel, AutoTokenizer

        self.name = name
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(name, use_fast=True, local_files_only=True)
            with quiet():
                self._model: Any = AutoModel.from_pretrained(name, local_files_only=True).eval()
        except (OSError, ValueError, KeyError) as error:
            raise MateriaError(
                f"holds no Hugging Face encoder with its tokenizer ({type(error).__name__})",
                file=name,
                remedy="Give the folder of a model and its tokenizer",
            ) from error
        pooling = Path(name) / "1_Pooling" / "config.json"
        self._mean = pooling.is_file() and bool(json.loads(pooling.read_text()).get("pooling_mode_mean_tokens"))
        self._known: dict[str, npt.NDArray[np.float32]] = {}

    def __reduce__(self) -> tuple[type[NameEncoder], tuple[str]]:
        return NameEncoder, (self.name,)

    def vectors(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """A vector of length one for each text [texts, size]."""
        fresh = sorted({*texts} - self._known.keys(), key=lambda text: (len(text), text))
        if len(self._known) + len(fresh) > _KEPT:
            self._known.clear()
            fresh = sorted({*texts}, key=lambda text: (len(text), text))
        for start in range(0, len(fresh), _BATCH):
            part = fresh[start : start + _BATCH]
            self._known.update(zip(part, self._encoded(part), strict=True))
        return np.stack([self._known[text] for text in texts]) if texts else np.zeros((0, 0), np.float32)

    def _encoded(self, texts: list[str]) -> npt.NDArray[np.float32]:
        import torch

        batch = self._tokenizer(texts, truncation=True, max_length=_LENGTH, padding=True, return_tensors="pt")
        with torch.inference_mode():
            states = self._model(**batch).last_hidden_state
            mask = batch["attention_mask"].unsqueeze(-1).to(states.dtype)
            pooled = (states * mask).sum(1) / mask.sum(1).clamp(min=1) if self._mean else states[:, 0]
            unit: npt.NDArray[np.float32] = torch.nn.functional.normalize(pooled.float(), dim=-1).numpy()
        return unit


def encoder_features(
    encoder: NameEncoder,
    probability: _Floats,
    mentions: _Numbers,
    *,
    texts: Sequence[str],
    left: _Numbers,
    right: _Numbers,
) -> _Floats:
    """How much farther each candidate is, in cosine, than the nearest of its mention [n]; zeros where the re-ranker is sure.

    Candidates that are too unlikely to be encoded are as far as the farthest that is.

    Args:
        probability: of each candidate without the encoder.
        mentions: its mention.
        texts: what `left` (the reading of the mention) and `right` (the name) are places in.
    """
    apart = np.zeros(len(probability))
    if not len(probability):
        return apart
    count = int(mentions.max()) + 1
    best = np.zeros(count)
    np.maximum.at(best, mentions, probability)
    order = np.lexsort((np.arange(len(mentions)), -probability.round(9), mentions))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - np.searchsorted(mentions[order], np.arange(count))[mentions[order]]
    unsure = best[mentions] < _SURE
    asked = np.flatnonzero(unsure & (rank < _CANDIDATES))
    places, inverse = np.unique(np.concatenate([left[asked], right[asked]]), return_inverse=True)
    if not len(places):
        return apart
    vectors = encoder.vectors([texts[place] for place in places.tolist()])
    a, b = vectors[inverse[: len(asked)]], vectors[inverse[len(asked) :]]
    cosine = np.einsum("ij,ij->i", a, b).astype(np.float64).round(4)
    nearest, farthest = np.full(count, -1.0), np.full(count, 1.0)
    np.maximum.at(nearest, mentions[asked], cosine)
    np.minimum.at(farthest, mentions[asked], cosine)
    apart[unsure] = (nearest - farthest)[mentions[unsure]]
    apart[asked] = nearest[mentions[asked]] - cosine
    return apart
