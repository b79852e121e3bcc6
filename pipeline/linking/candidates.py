"""Candidates of a text with their features, document aside: searched for and weighed once for each distinct text.

A text comes again and again (a third of BC5CDR's mentions are distinct), so its block of candidates is kept, up to a bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.curies import PREFIX_ORDER, prefix_of
from pipeline.linking.features import PAIR_FEATURES, pair_features
from pipeline.linking.homonyms import less_preferred
from pipeline.linking.index import LinkingIndex
from pipeline.linking.memory import MEMORY_FEATURES, Memory
from pipeline.linking.surfaces import Surfaces
from pipeline.linking.types import FAMILIES, family_of
from pipeline.linking.words import shipped_words

__all__ = ["CONCEPT_FEATURES", "Block", "CandidateSource"]

#: Features of a concept, whatever the text, and of a homonym, with the words that explain them.
CONCEPT_FEATURES: dict[str, str] = {
    "later_vocabulary": "a vocabulary of lower rank",
    "supplementary": "a supplementary record",
    "less_preferred": "another vocabulary is preferred for this name",
}
FAMILY_NUMBERS = {family: number for number, family in enumerate(FAMILIES)}
_LIMIT = 60_000
# Kinds of the index that are searched for a family: vocabularies of chemicals have proteins, too, and the reverse.
_KINDS_OF: dict[int, tuple[str, ...] | None] = {
    FAMILY_NUMBERS[family]: {
        "disease": ("condition",),
        "chemical": ("chemical", "gene"),
        "gene": ("gene", "chemical"),
    }.get(family, ("other",))
    for family in FAMILIES
} | {-1: None}
_REMEMBERED = 10

#: A text and the number of the family that it is to be found in, -1 for any.
Question = tuple[str, int]
# Text, concept, spelling and similarity of what was found, and the number of its name, -1 for a remembered one.
_Found = tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], list[str], npt.NDArray[np.float32], npt.NDArray[np.int32]]


@dataclass(frozen=True, slots=True)
class Block:
    """The candidates of one text, best of the index first: numbers of concepts, families, features of each.

    `whole` says whether a name has the same words as the text, `induced` whether the concept is something induced by something;
    `mention_row` and `name_rows` are rows of the source's `surfaces`.
    """

    concepts: npt.NDArray[np.int32]
    families: npt.NDArray[np.int8]
    features: npt.NDArray[np.float32]
    whole: npt.NDArray[np.bool_]
    induced: npt.NDArray[np.bool_]
    mention_row: int
    name_rows: npt.NDArray[np.int64]


class CandidateSource:
    """Blocks of candidates out of an index."""

    def __init__(self, index: LinkingIndex, memory: Memory | None = None, k: int = 30) -> None:
        self.index, self.memory, self.k = index, memory, k
        self._numbers: dict[str, int] = {}
        if memory is not None:
            self._numbers = {index.concept(number): number for number in range(len(index))}
        self.surfaces = Surfaces(shipped_words())
        self._blocks: dict[Question, Block] = {}
        self._concepts: dict[int, tuple[int, float, float, str, str]] = {}
        self._names: dict[int, str] = {}

    def blocks(self, questions: Sequence[Question]) -> dict[Question, Block]:
        """The block of each text and family (number in `FAMILIES`, -1 for any); those not kept are searched for together."""
        if len(self._blocks) > _LIMIT:
            self._blocks.clear()
            self._concepts.clear()
            self._names.clear()
            self.surfaces.trim()
        fresh = [question for question in dict.fromkeys(questions) if question not in self._blocks]
        for start in range(0, len(fresh), 4096):
            self._add(fresh[start : start + 4096])
        return {question: self._blocks[question] for question in questions}

    def concept(self, number: int) -> tuple[int, float, float, str, str]:
        """Family (-1 for none), rank of the vocabulary in [0, 1], whether it is a supplementary record, preferred name, CURIE."""
        found = self._concepts.get(number)
        if found is None:
            curie = self.index.concept(number)
            family = FAMILY_NUMBERS.get(family_of(self.index.category(number)) or "", -1)
            prefix = prefix_of(curie)
            rank = PREFIX_ORDER.index(prefix) / len(PREFIX_ORDER) if prefix in PREFIX_ORDER else 1.0
            extra = float(curie.startswith("MESH:C"))
            found = self._concepts[number] = (family, rank, extra, self.index.preferred_name(number), curie)
        return found

    def _name(self, number: int) -> str:
        found = self._names.get(number)
        if found is None:
            found = self._names[number] = self.index.name(number)
        return found

    def _search(self, questions: Sequence[Question]) -> _Found:
        texts, kinds = [text for text, _ in questions], [_KINDS_OF[family] for _, family in questions]
        found = self.index.search(texts, self.k, kinds)
        rows, columns = np.nonzero(found.concepts >= 0)
        names = found.names[rows, columns]
        spellings = [self._name(number) for number in names.tolist()]
        return rows, found.concepts[rows, columns], spellings, found.scores[rows, columns], names

    def _remember(self, questions: Sequence[Question], known: _Found) -> _Found:
        """Add the candidates that annotated mentions were linked to."""
        assert self.memory is not None
        names = self.memory.index
        texts, kinds = [text for text, _ in questions], [_KINDS_OF[family] for _, family in questions]
        found = names.search(texts, _REMEMBERED, kinds)
        more, columns = np.nonzero(found.concepts >= 0)
        numbers = [self._numbers[names.concept(number)] for number in found.concepts[more, columns].tolist()]
        more_spellings = [names.name(number) for number in found.names[more, columns].tolist()]
        return (
            np.concatenate([known[0], more]),
            np.concatenate([known[1], np.asarray(numbers, np.int32)]),
            known[2] + more_spellings,
            np.concatenate([known[3], found.scores[more, columns]]),
            np.concatenate([known[4], np.full(len(more), -1, np.int32)]),
        )

    def _add(self, questions: Sequence[Question]) -> None:
        texts = [text for text, _ in questions]
        found = self._search(questions)
        if self.memory is not None:
            found = self._remember(questions, found)
        rows, concepts, spellings, similarity, names = found
        order = np.argsort(rows, kind="stable")
        rows, concepts, similarity, names = rows[order], concepts[order], similarity[order], names[order]
        spellings = [spellings[place] for place in order.tolist()]
        told = [self.concept(number) for number in concepts.tolist()]
        all_rows = self.surfaces.rows(texts)
        mention_rows = all_rows[rows]
        name_rows = self.surfaces.rows(spellings)
        preferred_rows = self.surfaces.rows([t[3] for t in told])
        pairs = pair_features(self.surfaces, mention_rows, name_rows, preferred_rows, similarity)
        same = pairs[:, list(PAIR_FEATURES).index("same_words")] > 0
        own = np.zeros((len(told), len(CONCEPT_FEATURES)), np.float32)
        own[:, :2] = np.asarray([t[1:3] for t in told], np.float32).reshape(-1, 2)
        own[:, 2] = less_preferred(self.index, rows, concepts, names, same)
        past = np.zeros((len(told), len(MEMORY_FEATURES)), np.float32)
        if self.memory is not None:
            past = self.memory.features(texts, rows, [t[4] for t in told])
            past[:, 0] = names < 0
        features = np.concatenate([pairs, own, past], axis=1)
        families = np.fromiter((t[0] for t in told), np.int8, len(told))
        induced = np.fromiter(("induced" in t[3].lower() for t in told), np.bool_, len(told))
        ends = np.searchsorted(rows, np.arange(len(texts) + 1))
        for place, question in enumerate(questions):
            part = slice(ends[place], ends[place + 1])
            self._blocks[question] = Block(
                concepts[part],
                families[part],
                features[part],
                same[part],
                induced[part],
                int(all_rows[place]),
                name_rows[part],
            )
