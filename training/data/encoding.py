"""A passage as tokens: where its sentences, words, linked entities and relations lie among them.

Offsets of passages count code points, and so do the tokenizer's; both are sorted, so every span is found by binary
search. A passage is encoded once for each time it is drawn: that costs about 0.1 ms, less than keeping encodings of a
whole corpus.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["EncodedPassage", "encode_passages"]

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class EncodedPassage:
    """A passage in tokens, without special tokens.

    Attributes:
        ids: (tokens,) token numbers.
        units: (tokens,) what is masked together: a word, or a linked entity; numbers are unique within the passage
            only.
        sentences: (sentences,) first token of each sentence, ascending.
        spans: (spans, 2) tokens [start, end) of each linked entity; (0, 0) where it has no token.
        concepts: CURIE of each span.
        relations: (subject span, class, object span) of each claim.
    """

    ids: Integers
    units: Integers
    sentences: Integers
    spans: Integers
    concepts: tuple[str, ...]
    relations: tuple[tuple[int, int, int], ...]

    def sentence_of(self, tokens: Integers) -> Integers:
        """Number of the sentence that each token stands in."""
        return np.searchsorted(self.sentences, tokens, side="right") - 1


def encode_passages(
    passages: Sequence[dict[str, Any]],
    tokenizer: PreTrainedTokenizerFast,
    classes: dict[str, int],
    *,
    whole_entities: bool = True,
) -> list[EncodedPassage]:
    """Encode passages (rows with text, sentences, spans, relations); predicates outside `classes` are left out."""
    backend = tokenizer.backend_tokenizer
    # Encoding names leaves padding and truncation switched on in the tokenizer they share.
    backend.no_padding()
    backend.no_truncation()
    encodings = backend.encode_batch([p["text"] for p in passages], add_special_tokens=False)
    return [
        _encode(passage, encoding, classes, whole_entities)
        for passage, encoding in zip(passages, encodings, strict=True)
    ]


def _encode(passage: dict[str, Any], encoding: Any, classes: dict[str, int], whole_entities: bool) -> EncodedPassage:
    ids = np.array(encoding.ids, dtype=np.int64)
    offsets = np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2)
    units = np.array(encoding.word_ids, dtype=np.int64)
    given = passage["spans"]
    bounds = np.array([(s["start"], s["end"]) for s in given], dtype=np.int64).reshape(-1, 2)
    first = np.searchsorted(offsets[:, 1], bounds[:, 0], side="right")
    after = np.searchsorted(offsets[:, 0], bounds[:, 1], side="left")
    spans = np.stack([first, after], axis=1)
    spans[after <= first] = 0
    if whole_entities:
        for start, end in spans:
            units[start:end] = units[start] if end > start else 0
    starts = np.array([s["start"] for s in passage["sentences"]] or [0], dtype=np.int64)
    sentences = np.unique(np.searchsorted(offsets[:, 0], starts, side="left"))
    relations = tuple(
        (r["subject"], classes[r["predicate"]], r["object"]) for r in passage["relations"] if r["predicate"] in classes
    )
    return EncodedPassage(ids, units, sentences, spans, tuple(s["curie"] or "" for s in given), relations)
