"""The linker: a mention and its document to a concept of the vocabularies, or to none of them.

Every reading of a mention (`readings`) brings its candidates (`candidates`), a re-ranker weighs them (`reranker`) by spelling, words, type,
the kind of reading and what else the document names, and by what was learned from annotated mentions where a model is
given. Documents are linked in batches, all pairs in one array.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from pipeline.errors import MateriaError
from pipeline.linking import homonyms
from pipeline.linking.candidates import CONCEPT_FEATURES, FAMILY_NUMBERS, CandidateSource, Question
from pipeline.linking.encoder import DEFAULT_WEIGHT, ENCODER_FEATURES, NameEncoder, encoder_features
from pipeline.linking.features import PAIR_FEATURES
from pipeline.linking.hierarchy import HIERARCHY_FEATURES, hierarchy_features
from pipeline.linking.index import LinkingIndex
from pipeline.linking.memory import MEMORY_FEATURES, Memory
from pipeline.linking.readings import READINGS, Query, readings_of
from pipeline.linking.reranker import Reranker, shipped_reranker, softmax_with_none
from pipeline.linking.types import family_of

__all__ = ["FEATURES", "NONE_FEATURES", "Link", "Linker", "Query", "Rows"]

#: Features that depend on the mention's type or on the document.
_CONTEXT_FEATURES: dict[str, str] = {
    "type_agrees": "of the mention's type",
    "type_near": "nearly of the mention's type",
    "type_differs": "not of the mention's type",
    "named_elsewhere": "named in the document by other words",
    "rest_in_document": "the rest of the name is in the document",
    "induced": "induced, and the document names chemicals",
}
#: Every feature of a candidate, with the words that explain it.
FEATURES: dict[str, str] = {
    **PAIR_FEATURES,
    **CONCEPT_FEATURES,
    **MEMORY_FEATURES,
    **_CONTEXT_FEATURES,
    **READINGS,
    **HIERARCHY_FEATURES,
    **ENCODER_FEATURES,
}
#: Features of a mention that speak for "none of these".
NONE_FEATURES: tuple[str, ...] = (
    "always",
    *READINGS,
    *(f"is_{family}" for family in FAMILY_NUMBERS),
    "best_similarity",
    "named_whole",
)

_Kind = TypeVar("_Kind", bound=np.generic)
_NEAR = {("chemical", "gene"), ("gene", "chemical"), ("chemical", "organism"), ("anatomy", "disease")}
_NEAR_NUMBERS = {(FAMILY_NUMBERS[a], FAMILY_NUMBERS[b]) for a, b in _NEAR}


@dataclass(frozen=True, slots=True)
class Link:
    """A concept that a mention may be linked to.

    Attributes:
        curie, category, name: the concept, its Biolink class, its preferred name.
        probability: that it is the right one, calibrated on the corpora that the weights were fitted on.
        reasons: the features that spoke most for it and against it, with what they added to the score in nats.
    """

    curie: str
    category: str
    name: str
    probability: float
    reasons: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Rows:
    """Candidates of many mentions as flat arrays: a row for each candidate of each reading.

    Attributes:
        groups: the mention of each row, ascending.
        concepts: numbers in the index.
        features: [rows, len(FEATURES)].
        none_features: of each mention [mentions, len(NONE_FEATURES)].
    """

    groups: npt.NDArray[np.int64]
    concepts: npt.NDArray[np.int32]
    features: npt.NDArray[np.float64]
    none_features: npt.NDArray[np.float64]


class Linker:
    """Links mentions to the concepts of an index. Pickled as the paths of its index and model."""

    def __init__(
        self,
        index: LinkingIndex,
        reranker: Reranker | None = None,
        memory: Memory | None = None,
        k: int = 30,
        encoder: NameEncoder | None = None,
    ) -> None:
        self.index, self.memory, self.k, self.encoder = index, memory, k, encoder
        self.reranker = reranker or shipped_reranker()
        self._source = CandidateSource(index, memory, k)
        self._weights = self.reranker.vector(list(FEATURES))
        self._weights[list(FEATURES).index("less_preferred")] = homonyms.WEIGHT
        encoded = list(FEATURES).index("encoded_apart")
        self._weights[encoded] = (self._weights[encoded] or DEFAULT_WEIGHT) if encoder else 0.0
        self._none_weights = self.reranker.none_vector(NONE_FEATURES)

    def __reduce__(self) -> tuple[type[Linker], tuple[object, ...]]:
        return Linker, (self.index, self.reranker, self.memory, self.k, self.encoder)

    @classmethod
    def open(cls, index: LinkingIndex, model: Path | None = None, encoder: str | None = None) -> Linker:
        """A linker with what `train_linker` learned, or with the weights that ship with the project.

        Args:
            model: a folder that `train_linker` wrote.
            encoder: folder or name of a Hugging Face encoder (see `encoder`).

        Raises:
            MateriaError: the folder holds no such model.
        """
        encodes = NameEncoder(encoder) if encoder else None
        if model is None:
            return cls(index, encoder=encodes)
        weights = model / "weights.json"
        try:
            text = weights.read_text(encoding="utf-8")
        except OSError as error:
            raise MateriaError(
                f"cannot be read ({error.strerror})",
                file=str(weights),
                remedy="Give a folder that `materia train linker` wrote",
            ) from error
        return cls(index, Reranker.parse(text, str(weights)), Memory(model), encoder=encodes)

    @property
    def none_threshold(self) -> float:
        """A best link of a probability below this is "none of these"."""
        return self.reranker.none_threshold

    def rows(self, documents: Sequence[tuple[str, Sequence[Query]]]) -> Rows:
        """The candidates of all mentions of documents, with their features."""
        readings = [readings_of(text, queries) for text, queries in documents]
        asked: list[Question] = []
        kinds: list[int] = []
        groups: list[int] = []
        families: list[int] = []
        documents_of: list[int] = []
        for number, ((_, queries), mentions) in enumerate(zip(documents, readings, strict=True)):
            for query, one in zip(queries, mentions, strict=True):
                family = FAMILY_NUMBERS.get(family_of(query.type) or "", -1)
                asked += [(reading.text, family) for reading in one]
                kinds += [reading.kind for reading in one]
                groups += [len(families)] * len(one)
                families.append(family)
                documents_of.append(number)
        blocks = self._source.blocks(asked)
        parts = [blocks[question] for question in asked]
        sizes = np.asarray([len(part.concepts) for part in parts], np.int64)
        row_groups = np.repeat(np.asarray(groups, np.int64), sizes)
        row_kinds = np.repeat(np.asarray(kinds, np.int64), sizes)
        concepts = _join([p.concepts for p in parts], np.int32)
        whole = _join([p.whole for p in parts], np.bool_)
        pair = (
            np.concatenate([p.features for p in parts])
            if parts
            else np.zeros((0, len(PAIR_FEATURES) + len(CONCEPT_FEATURES) + len(MEMORY_FEATURES)), np.float32)
        )
        wanted = np.asarray(families, np.int64)
        own = _join([p.families for p in parts], np.int8).astype(np.int64)
        context = np.zeros((len(concepts), len(_CONTEXT_FEATURES)))
        context[:, :3] = _type_features(wanted[row_groups], own)
        row_documents = np.asarray(documents_of, np.int64)[row_groups]
        context[:, 3] = _named_elsewhere(row_documents, row_groups, concepts, whole)
        mention_rows = np.repeat(np.asarray([p.mention_row for p in parts], np.int64), sizes)
        name_rows = _join([p.name_rows for p in parts], np.int64)
        context[:, 4] = self._rest_in_document([text for text, _ in documents], row_documents, mention_rows, name_rows)
        context[:, 5] = _join([p.induced for p in parts], np.bool_) & _with_chemicals(wanted, documents_of)[row_groups]
        one_hot = np.eye(len(READINGS))
        hierarchy = hierarchy_features(self.index, row_documents, row_groups, concepts, whole)
        encoded = np.zeros((len(concepts), len(ENCODER_FEATURES)))
        features = np.concatenate([pair, context, one_hot[row_kinds], hierarchy, encoded], axis=1)
        none = np.zeros((len(families), len(NONE_FEATURES)))
        none[:, 0] = 1
        none[np.asarray(groups, np.int64), 1 + np.asarray(kinds, np.int64)] = 1
        known = np.flatnonzero(wanted >= 0)
        none[known, 1 + len(READINGS) + wanted[known]] = 1
        np.maximum.at(none[:, -2], row_groups, pair[:, 0])
        np.maximum.at(none[:, -1], row_groups, whole)
        if self.encoder is not None:
            scores = features @ self._weights
            likely = softmax_with_none(scores, none @ self._none_weights, row_groups)
            texts = self._source.surfaces.texts
            features[:, -1] = encoder_features(
                self.encoder, likely, row_groups, texts=texts, left=mention_rows, right=name_rows
            )
        return Rows(row_groups, concepts, features, none)

    def _rest_in_document(
        self,
        texts: Sequence[str],
        documents: npt.NDArray[np.int64],
        mentions: npt.NDArray[np.int64],
        names: npt.NDArray[np.int64],
    ) -> npt.NDArray[np.float32]:
        """Of the words of a name that its mention lacks, the share by weight that the document has."""
        surfaces = self._source.surfaces
        has = np.zeros((len(texts), surfaces.word_count + 1), np.bool_)
        for place, text in enumerate(texts):
            has[place, surfaces.word_numbers(text)] = True
        words = surfaces.words[names]
        rest = surfaces.weights[names] * ~(words[:, :, None] == surfaces.words[mentions][:, None, :]).any(2)
        found = (rest * has[documents[:, None], words]).sum(1)
        share: npt.NDArray[np.float32] = found / np.maximum(rest.sum(1), 1e-6)
        return share

    def link(self, text: str, queries: Sequence[Query], k: int = 30) -> list[list[Link]]:
        """The concepts that the mentions of a document may mean, best first, at most k each.

        Args:
            text: the document; definitions and other names in it help.
            queries: its mentions.
        """
        return next(iter(self.link_many([(text, queries)], k)))

    def link_many(self, documents: Sequence[tuple[str, Sequence[Query]]], k: int = 30) -> Iterable[list[list[Link]]]:
        """The same for many documents, faster: for each document, its mentions' links."""
        rows = self.rows(documents)
        order, probability = self.order(rows)
        ends = np.searchsorted(rows.groups[order], np.arange(sum(len(q) for _, q in documents) + 1))
        mention = 0
        for _, queries in documents:
            links = []
            for _ in queries:
                chosen = order[ends[mention] : ends[mention + 1]][:k]
                links.append([self._link(rows, int(row), float(probability[row])) for row in chosen])
                mention += 1
            yield links

    def order(self, rows: Rows) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """The best row of each concept of each mention, mention by mention, best first; and the probability of each such row's concept."""
        scores = rows.features @ self._weights
        p = softmax_with_none(scores, rows.none_features @ self._none_weights, rows.groups)
        by_concept = np.lexsort((-p, rows.concepts, rows.groups))
        if not len(by_concept):
            return by_concept, p
        groups, concepts = rows.groups[by_concept], rows.concepts[by_concept]
        first = np.concatenate([[True], (groups[1:] != groups[:-1]) | (concepts[1:] != concepts[:-1])])
        starts = np.flatnonzero(first)
        best = by_concept[starts]
        probability = p.copy()
        probability[best] = np.add.reduceat(p[by_concept], starts)
        ranked = best[np.lexsort((rows.concepts[best], -probability[best].round(9), rows.groups[best]))]
        return ranked, probability

    def _link(self, rows: Rows, row: int, probability: float) -> Link:
        number = int(rows.concepts[row])
        added = rows.features[row] * self._weights
        strongest = np.argsort(-np.abs(added), kind="stable")[:5]
        words = list(FEATURES.values())
        reasons = tuple(
            (words[place], round(float(added[place]), 3)) for place in strongest if abs(added[place]) >= 0.05
        )
        return Link(
            self.index.concept(number),
            self.index.category(number),
            self.index.preferred_name(number),
            probability,
            reasons,
        )


def _join(parts: Sequence[npt.NDArray[_Kind]], kind: type[_Kind]) -> npt.NDArray[_Kind]:
    return np.concatenate(parts) if parts else np.zeros(0, kind)


def _with_chemicals(families: npt.NDArray[np.int64], documents: Sequence[int]) -> npt.NDArray[np.bool_]:
    """For each mention, whether its document has a mention of a chemical."""
    own = np.asarray(documents, np.int64)
    beside: npt.NDArray[np.bool_] = np.isin(own, own[families == FAMILY_NUMBERS["chemical"]])
    return beside


def _type_features(wanted: npt.NDArray[np.int64], own: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Whether the family of a candidate is, is near, or is not the family of its mention's type; zeros where that is unknown."""
    told = wanted >= 0
    same = told & (wanted == own)
    near = np.zeros(len(wanted), np.bool_)
    for one, other in sorted(_NEAR_NUMBERS):
        near |= (wanted == one) & (own == other)
    told_apart: npt.NDArray[np.float64] = np.stack([same, near, told & ~same & ~near], axis=1).astype(np.float64)
    return told_apart


def _named_elsewhere(
    documents: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64],
    concepts: npt.NDArray[np.int32],
    whole: npt.NDArray[np.bool_],
) -> npt.NDArray[np.bool_]:
    """Whether another mention of the document names the candidate in full."""
    keys = documents << 32 | concepts
    named = whole.copy()
    pairs = (
        np.unique(np.stack([keys[named], groups[named]], axis=1), axis=0) if named.any() else np.zeros((0, 2), np.int64)
    )
    values = np.unique(pairs[:, 0])
    if not len(values):
        return np.zeros(len(keys), np.bool_)
    place = np.minimum(np.searchsorted(values, keys), len(values) - 1)
    elsewhere: npt.NDArray[np.bool_] = (values[place] == keys) & ~whole
    return elsewhere
