"""The passages of a window as tokens: where sentences, units of masking, linked entities and claims lie among them.

All passages stand in one array of tokens, and every table points into it, so that each step is a few numpy operations for a
whole window. Offsets of passages count code points, and so do the tokenizer's; both ascend, so every span is found by binary
search. The tokenizer takes two thirds of the time that rows take: 350,000 tokens a processor second with WordPiece, all tables
made, 440,000 with byte-level BPE (`benchmarks/loader.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from training.data.ragged import Integers, offsets

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from training.data.graph import GraphIndex

__all__ = ["EncodedPassages", "encode_passages"]


@dataclass(frozen=True)
class EncodedPassages:
    """Passages in tokens, without special tokens, one after another. Places count tokens of all passages.

    Attributes:
        ids: (tokens,) token numbers.
        begins: (tokens,) bool: the token begins a unit of masking, which is a word or a linked entity.
        passages: (passages + 1,) where each passage begins.
        sentences: (sentences,) first token of each sentence, ascending; each passage begins one.
        spans: (spans, 2) tokens [start, end) of each linked entity, ascending; start = end where it has no token.
        concepts: (spans,) number of the span's concept, the same for the same CURIE; unique where it has none.
        entities: (spans,) number of the concept among the graph's entities, -1 where it is none.
        claims: (claims, 3) span of the subject, class of the relation, span of the object.
        beliefs: (claims,) float32.
    """

    ids: Integers
    begins: NDArray[np.bool_]
    passages: Integers
    sentences: Integers
    spans: Integers
    concepts: Integers
    entities: Integers
    claims: Integers
    beliefs: NDArray[np.float32]


def encode_passages(
    passages: pa.Table,
    tokenizer: Tokenizer,
    classes: Mapping[str, int],
    *,
    graph: GraphIndex | None = None,
    whole_entities: bool = True,
) -> EncodedPassages:
    """Encode passages.

    Args:
        passages: columns text, sentences, spans, relations and belief of kg.tables.PASSAGES.
        tokenizer: as `text_tokenizer` gives it.
        classes: number of each predicate's class; claims with others are left out.
        graph: gives entities their numbers, and claims their belief. Without it, or where it has not the claim, the belief is
            that of the passage, or 1.
        whole_entities: the tokens of a linked entity are one unit.
    """
    texts = passages["text"]
    ids, bounds, words, counts = _tokens(texts.to_pylist(), tokenizer)
    begins_at = offsets(counts)
    # Passages are laid out one after another with a gap, so that one search serves all.
    places = offsets(pc.utf8_length(texts).to_numpy().astype(np.int64) + 1)[:-1]
    bounds += np.repeat(places, counts)[:, None]
    ends = np.maximum.accumulate(bounds[:, 1]) if len(bounds) else bounds[:, 1]
    starts = bounds[:, 0]

    owners, sentence = _flat(passages["sentences"])
    first = np.searchsorted(ends, _numbers(sentence, "start") + places[owners], side="right")
    filled = counts > 0
    sentences = np.unique(np.concatenate([begins_at[:-1][filled], first[first < begins_at[owners + 1]]]))

    owners, span = _flat(passages["spans"])
    spans = np.stack(
        [
            np.searchsorted(ends, _numbers(span, "start") + places[owners], side="right"),
            np.searchsorted(starts, _numbers(span, "end") + places[owners], side="left"),
        ],
        axis=1,
    )
    spans[:, 1] = np.maximum(spans[:, 0], spans[:, 1])
    concepts, entities = _concepts(pc.struct_field(span, "curie"), graph)

    begins = np.ones(len(ids), dtype=bool)
    begins[1:] = words[1:] != words[:-1]
    begins[begins_at[:-1][filled]] = True
    if whole_entities:
        _join_entities(begins, spans[spans[:, 1] > spans[:, 0]])
    claims, beliefs = _claims(passages, offsets(_counts(passages["spans"])), entities, classes, graph=graph)
    return EncodedPassages(ids, begins, begins_at, sentences, spans, concepts, entities, claims, beliefs)


def _join_entities(begins: NDArray[np.bool_], spans: Integers) -> None:
    """Make the tokens of each span one unit, apart from those around it; spans that overlap become one."""
    size = len(begins) + 1
    edges = np.bincount(spans.reshape(-1), minlength=size)[:-1] > 0
    # A token inside a span, but not its first, is one that more spans have begun before than ended.
    begun, ended = (np.cumsum(np.bincount(side, minlength=size)) for side in (spans[:, 0] + 1, spans[:, 1]))
    begins |= edges
    begins &= (begun == ended)[:-1]


def _tokens(texts: Sequence[str], tokenizer: Tokenizer) -> tuple[Integers, Integers, Integers, Integers]:
    """Tokens of all texts, [start, end) of each in its text, the number of its word, and how many each text has."""
    encodings = tokenizer.encode_batch(texts, add_special_tokens=False)
    counts = np.array([len(encoding) for encoding in encodings], dtype=np.int64)
    total = int(counts.sum())
    ids = np.fromiter(chain.from_iterable(e.ids for e in encodings), np.int64, total)
    pairs = chain.from_iterable(e.offsets for e in encodings)
    bounds = np.fromiter(chain.from_iterable(pairs), np.int64, 2 * total).reshape(-1, 2)
    words = np.fromiter(chain.from_iterable(e.word_ids for e in encodings), np.int64, total)
    return ids, bounds, words, counts


def _counts(column: pa.ChunkedArray) -> Integers:
    return np.asarray(pc.fill_null(pc.list_value_length(column), 0).to_numpy(), dtype=np.int64)


def _flat(column: pa.ChunkedArray) -> tuple[Integers, pa.StructArray]:
    """The entries of a column of lists, and the number of the row that each stands in."""
    counts = _counts(column)
    return np.repeat(np.arange(len(counts)), counts), pc.list_flatten(column).combine_chunks()


def _numbers(entries: pa.StructArray, name: str) -> Integers:
    return np.asarray(pc.struct_field(entries, name).to_numpy(zero_copy_only=False), dtype=np.int64)


def _concepts(curies: Any, graph: GraphIndex | None) -> tuple[Integers, Integers]:
    """Numbers of concepts within the window, and within the graph."""
    encoded = curies.dictionary_encode()
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    names = encoded.dictionary.to_pylist()
    known = np.array([graph.entity(name) if graph else -1 for name in names] + [-1], dtype=np.int64)
    unnamed = codes < 0
    concepts = codes.copy()
    concepts[unnamed] = len(names) + np.arange(int(unnamed.sum()))
    return concepts, known[codes]


def _claims(
    passages: pa.Table,
    span_offsets: Integers,
    entities: Integers,
    classes: Mapping[str, int],
    *,
    graph: GraphIndex | None,
) -> tuple[Integers, NDArray[np.float32]]:
    owners, relation = _flat(passages["relations"])
    encoded = pc.struct_field(relation, "predicate").dictionary_encode()
    names = encoded.dictionary.to_pylist()
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    kinds = np.array([classes.get(name, -1) for name in names] + [-1], dtype=np.int64)[codes]
    subjects = span_offsets[owners] + _numbers(relation, "subject")
    objects = span_offsets[owners] + _numbers(relation, "object")
    belief = np.asarray(pc.fill_null(passages["belief"], 1.0).to_numpy(), dtype=np.float32)[owners]
    if graph is not None:
        predicates = np.array([graph.relation(name) for name in names] + [-1], dtype=np.int64)[codes]
        belief = graph.beliefs(entities[subjects], predicates, entities[objects], otherwise=belief)
    told = kinds >= 0
    return np.stack([subjects, kinds, objects], axis=1)[told], belief[told]
