"""Candidates for a mention: the concepts whose names are the same, are the same but for their form, or are most like it.

Names are compared by normal forms (`name_forms`); homonyms share a form. A text that is a name, or a form of one, is found by a
hash; names like it by one sparse product of roots of words and 3-grams (`vectors`), in which the best of a row are kept. Weights are
frozen (`statistics`), so a name that is added changes no score of another. The index is a folder of mapped arrays: it opens in
milliseconds, and processes share it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipeline.linking.build import FORMAT, build_index
from pipeline.linking.forms import KINDS
from pipeline.linking.keys import hash_of
from pipeline.linking.ranking import EXACT, NGRAMS, NORMAL, Found, best
from pipeline.linking.vectors import vectors_of
from pipeline.mapped import Strings, read_arrays
from pipeline.name_forms import normal_form
from pipeline.preference import DEFAULT_PREFERENCE, Preference

if TYPE_CHECKING:
    import pyarrow as pa
    from scipy.sparse import csr_matrix

__all__ = ["EXACT", "KINDS", "NGRAMS", "NORMAL", "Candidates", "LinkingIndex"]

# Scores of what a hash finds: the text itself, its normal form, a form that a rule made from a name. What is only like it stays below.
_EXACT, _NORMAL, _MADE, _SIMILAR = 1.0, 0.98, 0.96, 0.95
# Similar names are read for each concept wanted, since a concept has several names; and what is less like the text than this is not.
_NAMES, _LEAST = 4, 0.1
_PART = 4096  # texts that are searched for at once


@dataclass(frozen=True)
class Candidates:
    """One row a text, best first, padded with -1; ties by scope of the name, vocabulary and CURIE."""

    concepts: npt.NDArray[np.int32]  #: [n, k] concept numbers, each once a row
    names: npt.NDArray[np.int32]  #: [n, k] the best-matching name of each
    scores: npt.NDArray[np.float32]  #: [n, k] similarity in [0, 1]
    stages: npt.NDArray[np.uint8]  #: [n, k] how found: EXACT, NORMAL, NGRAMS


class LinkingIndex:
    """The names of a vocabulary, opened from a folder; pickled as its path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._arrays, self.header = read_arrays(folder, FORMAT)
        self._curies, self._names = Strings(self._arrays, "curies"), Strings(self._arrays, "names")
        #: Whose concept a homonym means.
        self.preference = Preference(self.header.get("prefer"))
        #: With a preference, how many names are preferred or exact ones: they have the first numbers.
        self.full_names = int(self.header.get("full_names", 0))
        ends = self._arrays["kind_ends"].tolist()
        self._ranges = list(zip([0, *ends[:-1]], ends, strict=True))
        self._lists: dict[str, csr_matrix] = {}

    def __reduce__(self) -> tuple[type[LinkingIndex], tuple[Path]]:
        return LinkingIndex, (self.folder,)

    def __len__(self) -> int:
        """How many concepts there are."""
        return len(self._curies)

    def concept(self, number: int) -> str:
        """The CURIE of a concept."""
        return self._curies[number]

    def category(self, number: int) -> str:
        """The Biolink class of a concept."""
        return str(self.header["categories"][self._arrays["category"][number]])

    def preferred_name(self, number: int) -> str:
        """The preferred name of a concept."""
        return self._names[int(self._arrays["preferred"][number])]

    def parents(self, number: int) -> npt.NDArray[np.int32]:
        """The numbers of a concept's direct superclasses that are in the vocabulary."""
        ends = self._arrays["parent_ends"]
        parents: npt.NDArray[np.int32] = self._arrays["parents"][ends[number - 1] if number else 0 : ends[number]]
        return parents

    @property
    def has_hierarchy(self) -> bool:
        """Whether any concept has a parent."""
        return len(self._arrays["parents"]) > 0

    def ancestors(
        self, concepts: npt.NDArray[np.integer[Any]], steps: int | None = None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The superclasses of concepts, each once, at most so many steps up: (place in `concepts`, ancestor), sorted.

        A concept that is its own superclass by a mistake of its vocabulary is not told as one.
        """
        ends, parents = self._arrays["parent_ends"], self._arrays["parents"]
        place, concept = np.arange(len(concepts)), concepts.astype(np.int64)
        found = np.zeros(0, np.int64)
        taken = 0
        while len(concept) and taken != steps:
            start = np.where(concept > 0, ends[concept - 1], 0)
            which, at = _members(start, ends[concept])
            keys = np.unique(place[which] << 32 | parents[at])
            keys = keys[~np.isin(keys, found, assume_unique=True)]
            found = np.union1d(found, keys)
            place, concept = keys >> 32, keys & 0xFFFFFFFF
            taken += 1
        found = found[found & 0xFFFFFFFF != concepts[found >> 32]]
        return found >> 32, found & 0xFFFFFFFF

    def name(self, number: int) -> str:
        """A name by its number."""
        return self._names[number]

    @classmethod
    def open(cls, folder: Path) -> LinkingIndex:
        """Open a folder that `build` wrote.

        Raises:
            MateriaError: the folder holds no such index.
        """
        return cls(folder)

    @classmethod
    def build(cls, vocabulary: pa.Table, folder: Path, preference: Preference = DEFAULT_PREFERENCE) -> LinkingIndex:
        """Index the names of a table [VOCABULARY] into a folder, and open it."""
        build_index(vocabulary, folder, preference)
        return cls(folder)

    def search(
        self, texts: Sequence[str], k: int = 30, kinds: Sequence[Collection[str] | None] | None = None
    ) -> Candidates:
        """The k best concepts for each text.

        Args:
            texts: mentions, as they stand or with abbreviations expanded. Those that come again cost nothing.
            k: how many concepts to a text, at most.
            kinds: for each text the kinds of concept (of `KINDS`) that it can mean, or None for any.
        """
        masks = [_mask(wanted) for wanted in kinds] if kinds is not None else [(1 << len(KINDS)) - 1] * len(texts)
        queries = list(zip(texts, masks, strict=True))
        distinct = {query: number for number, query in enumerate(dict.fromkeys(queries))}
        asked = list(distinct)
        shape = (len(asked), k)
        found = Candidates(
            np.full(shape, -1, dtype=np.int32),
            np.full(shape, -1, dtype=np.int32),
            np.zeros(shape, dtype=np.float32),
            np.zeros(shape, dtype=np.uint8),
        )
        for start in range(0, len(asked) if len(self) else 0, _PART):
            part = asked[start : start + _PART]
            mask = np.array([m for _, m in part], dtype=np.uint8)
            row, rank, names, scores, stages = best(
                self._found([text for text, _ in part], mask, k), self._arrays["concept_of"], k
            )
            at = row + start, rank
            found.concepts[at], found.names[at] = self._arrays["concept_of"][names], names
            found.scores[at], found.stages[at] = scores, stages
        place = np.array([distinct[query] for query in queries], dtype=np.int64)
        return Candidates(found.concepts[place], found.names[place], found.scores[place], found.stages[place])

    def _found(self, texts: list[str], masks: npt.NDArray[np.uint8], k: int) -> list[Found]:
        """What each stage finds for texts of the kinds given."""
        a = self._arrays
        forms = [normal_form(text) for text in texts]
        keys = np.array([hash_of(" ".join(form)) for form in forms], dtype=np.uint64)
        row, entry = _equal(a["form_keys"], keys, len(KINDS))
        form = a["forms"][entry]
        kind = np.searchsorted(a["kind_ends"], form, "right").astype(np.uint8)
        wanted = (masks[row] >> kind) & 1 > 0
        found = [self._names_of(row[wanted], form[wanted], None, k)]
        # A name of the same spelling is one of the same form, too: of what was found, the best.
        exact = np.array([hash_of(text) for text in texts], dtype=np.uint64)
        row, entry = _equal(a["exact_keys"], exact, k)
        found.append(Found(row, a["exact_names"][entry], np.full(len(row), _EXACT), np.full(len(row), EXACT)))
        vectors = vectors_of(forms, a["roots"])
        from sparse_dot_topn import sp_matmul_topn

        for kind_number, (kind_name, (begin, end)) in enumerate(zip(KINDS, self._ranges, strict=True)):
            rows = np.flatnonzero((masks >> kind_number) & 1)
            if begin == end or not len(rows):
                continue
            some = vectors if len(rows) == len(texts) else vectors[rows]
            near = sp_matmul_topn(some, self._matrix(kind_name, end - begin), _NAMES * k, threshold=_LEAST, sort=False)
            row = np.repeat(rows, np.diff(near.indptr))
            n = len(row)
            found.append(self._names_of(row, near.indices[:n] + begin, near.data[:n], k))
        return found

    def _names_of(
        self,
        rows: npt.NDArray[np.int64],
        forms: npt.NDArray[np.int32],
        similarity: npt.NDArray[np.float32] | None,
        k: int,
    ) -> Found:
        """The best names of forms, at most k of each; without a similarity, the forms are the texts' own."""
        ends = self._arrays["entry_ends"]
        start = ends[forms]
        pick, entry = _members(start, np.minimum(ends[forms + 1], start + k))
        if similarity is None:
            score = np.where(self._arrays["made"][entry] > 0, _MADE, _NORMAL)
            return Found(rows[pick], self._arrays["entries"][entry], score, np.full(len(pick), NORMAL))
        score = np.minimum(similarity[pick], 1.0) * _SIMILAR
        return Found(rows[pick], self._arrays["entries"][entry], score, np.full(len(pick), NGRAMS))

    def _matrix(self, kind: str, columns: int) -> csr_matrix:
        """The inverted lists of a kind."""
        if kind not in self._lists:
            from scipy.sparse import csr_matrix

            # The compiled product takes no array that is marked read only. Mapped copy-on-write, the pages are shared all the same.
            data, indices, indptr = (
                np.asarray(np.load(self.folder / f"{kind}_{name}.npy", mmap_mode="c", allow_pickle=False))
                for name in ("data", "indices", "indptr")
            )
            matrix = csr_matrix((len(indptr) - 1, columns), dtype=np.float32)
            matrix.data, matrix.indices, matrix.indptr = data, indices, indptr  # the constructor would read them all
            self._lists[kind] = matrix
        return self._lists[kind]


def _mask(kinds: Collection[str] | None) -> int:
    """Kinds as bits."""
    return sum(1 << number for number, kind in enumerate(KINDS) if kinds is None or kind in kinds)


def _equal(
    keys: npt.NDArray[np.uint64], wanted: npt.NDArray[np.uint64], most: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where sorted keys are equal to those wanted, at most `most` of each: (number of the one wanted, place)."""
    start = np.searchsorted(keys, wanted)
    return _members(start, np.minimum(np.searchsorted(keys, wanted, "right"), start + most))


def _members(
    start: npt.NDArray[np.int64], end: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The members of ranges [start, end): the number of the range, and the member."""
    counts = np.maximum(end - start, 0)
    which = np.repeat(np.arange(len(counts)), counts)
    return which, np.arange(len(which)) + np.repeat(start - (np.cumsum(counts) - counts), counts)
