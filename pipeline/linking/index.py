"""Candidates for a mention: the concepts whose names are the same, are the same but for their form, or are most like it.

Names are compared by normal forms (`name_forms`), so the matrix has a row for each distinct form and homonyms share one. A text
that is a name, or a form of one, is found by a hash; names like it by one sparse product of words and 3-grams, in which the
best k of a row are kept. Weights are frozen (`statistics`), so a name that is added changes no score of another. The index is a
folder of mapped arrays: it opens in milliseconds, and processes share it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import os
import numpy as np
import numpy.typing as npt

from pipeline.curies import prefix_of
from pipeline.linking.keys import hash_of
from pipeline.linking.vectors import hash_words, vectors_of
from pipeline.mapped import Strings, pack_strings, read_arrays, write_arrays
from pipeline.name_forms import adjectives, normal_form, organ_variant, variants
from pipeline.name_senses import PREFIX_ORDER

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["EXACT", "NGRAMS", "NORMAL", "TOKENS", "Candidates", "LinkingIndex"]

#: How a candidate was found: the same text, the same normal form, the same words in any order, or similar words and 3-grams.
EXACT, NORMAL, TOKENS, NGRAMS = 0, 1, 2, 3

_KIND = "linking_index.v1"
_SCOPES = {"preferred": 0, "exact": 1, "narrow": 2, "related": 3, "broad": 4}
# Scores of what is found by a hash: the text itself, its normal form, a form made from a name by rule. What is found by similarity stays below.
_EXACT, _NORMAL, _VARIANT, _SIMILAR = 1.0, 0.98, 0.96, 0.95


@dataclass(frozen=True)
class Candidates:
    """One row a text, best first, padded with -1; ties by scope of the name, vocabulary and CURIE."""

    concepts: npt.NDArray[np.int32]  #: [n, k] concept numbers, each once a row
    names: npt.NDArray[np.int32]  #: [n, k] the best-matching name of each
    scores: npt.NDArray[np.float32]  #: [n, k] similarity in [0, 1]
    stages: npt.NDArray[np.uint8]  #: [n, k] how found: EXACT, NORMAL, TOKENS, NGRAMS


class LinkingIndex:
    """The names of a vocabulary, opened from a folder; pickled as its path."""

    def __init__(self, folder: Path) -> None:
        from scipy.sparse import csr_matrix

        self.folder = folder
        self._arrays, self.header = read_arrays(folder, _KIND)
        self._curies, self._names = Strings(self._arrays, "curies"), Strings(self._arrays, "names")
        shape = (len(self._arrays["indptr"]) - 1, len(self._arrays["forms"]))
        self._postings = csr_matrix(shape, dtype=np.float32)
        # The compiled product takes no array that is marked read only; mapped copy-on-write, the pages are shared all the same.
        self._postings.data, self._postings.indices, self._postings.indptr = (
            np.asarray(np.load(folder / f"{name}.npy", mmap_mode="c", allow_pickle=False))
            for name in ("data", "indices", "indptr")
        )

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
    def build(cls, vocabulary: pa.Table, folder: Path) -> LinkingIndex:
        """Index the names of a table [VOCABULARY] into a folder."""
        curies: list[str] = vocabulary.column("curie").to_pylist()
        order = sorted(range(len(curies)), key=curies.__getitem__)
        rows = vocabulary.take(order)
        curies = rows.column("curie").to_pylist()
        categories = rows.column("category").to_pylist()
        kinds = sorted(set(categories))
        number = {curie: n for n, curie in enumerate(curies)}
        parents = [sorted(number[p] for p in ps or () if p in number) for ps in rows.column("parents").to_pylist()]
        place = {prefix: n for n, prefix in enumerate(PREFIX_ORDER)}
        named = [
            (_SCOPES.get(scope, 3), place.get(prefix_of(curies[concept]), len(place)), concept, name)
            for concept, (preferred, synonyms) in enumerate(
                zip(rows.column("name").to_pylist(), rows.column("synonyms").to_pylist(), strict=True)
            )
            for name, scope in [(preferred, "preferred"), *((s["name"], s["scope"]) for s in synonyms or ())]
        ]
        named.sort()
        concept_of = np.array([concept for _, _, concept, _ in named], dtype=np.int32)
        preferred = np.zeros(len(curies), dtype=np.int32)
        entries: dict[tuple[str, ...], dict[int, int]] = {}  # form -> variant * 2^32 + name, of each concept the best
        for n, (scope, _, concept, name) in enumerate(named):
            if scope == 0:
                preferred[concept] = n
            for form, variant in _forms(name):
                names = entries.setdefault(form, {})
                names[concept] = min(names.get(concept, 1 << 40), variant << 32 | n)
        forms = sorted(entries)
        found = [sorted(entries[form].values()) for form in forms]
        keys = np.array([hash_of(" ".join(form)) for form in forms], dtype=np.uint64)
        by_key = np.argsort(keys)
        exact = np.array([hash_of(name) for *_, name in named], dtype=np.uint64)
        by_exact = np.argsort(exact, kind="stable")
        words = np.unique(hash_words(forms)[1])
        postings = vectors_of(forms, words).tocsc()
        flat = np.array([value for values in found for value in values], dtype=np.int64)
        arrays = {
            **pack_strings(curies, "curies"),
            **pack_strings((name for *_, name in named), "names"),
            "category": np.array([kinds.index(c) for c in categories], dtype=np.uint8),
            "preferred": preferred,
            "parents": np.array([p for ps in parents for p in ps], dtype=np.int32),
            "parent_ends": np.cumsum([len(ps) for ps in parents], dtype=np.int64),
            "concept_of": concept_of,
            "exact_keys": exact[by_exact],
            "exact_names": by_exact.astype(np.int32),
            "form_keys": keys[by_key],
            "forms": by_key.astype(np.int32),
            "entry_ends": np.cumsum([0, *(len(values) for values in found)], dtype=np.int64),
            "entries": (flat & 0xFFFFFFFF).astype(np.int32),
            "variants": (flat >> 32).astype(np.uint8),
            "words": words,
            "data": postings.data.astype(np.float32),
            "indices": postings.indices.astype(np.int32),
            "indptr": postings.indptr.astype(np.int64 if postings.nnz >> 31 else np.int32),
        }
        write_arrays(folder, _KIND, arrays, {"categories": kinds, "concepts": len(curies), "names": len(named)})
        return cls(folder)

    def search(self, texts: Sequence[str], k: int = 30) -> Candidates:
        """The k best concepts for each text.

        Args:
            texts: mentions, as they stand or with abbreviations expanded. Those that come again cost nothing.
            k: how many concepts to a text, at most.
        """
        distinct = {text: n for n, text in enumerate(dict.fromkeys(texts))}
        place = np.array([distinct[text] for text in texts], dtype=np.int64)
        found = self._search(list(distinct), k)
        return Candidates(found.concepts[place], found.names[place], found.scores[place], found.stages[place])

    def _search(self, texts: Sequence[str], k: int) -> Candidates:
        a = self._arrays
        shape = (len(texts), k)
        result = Candidates(
            np.full(shape, -1, np.int32),
            np.full(shape, -1, np.int32),
            np.zeros(shape, np.float32),
            np.zeros(shape, np.uint8),
        )
        if not len(a["forms"]) or not texts:
            return result
        forms = [normal_form(text) for text in texts]
        # Found by a hash: the text itself, and its normal form.
        exact = np.array([hash_of(text) for text in texts], dtype=np.uint64)
        start = np.searchsorted(a["exact_keys"], exact)
        row, entry = _ranges(start, np.minimum(np.searchsorted(a["exact_keys"], exact, "right"), start + k))
        parts = [(row, a["exact_names"][entry], np.full(len(row), _EXACT), np.full(len(row), EXACT))]
        keys = np.array([hash_of(" ".join(form)) for form in forms], dtype=np.uint64)
        at = np.minimum(np.searchsorted(a["form_keys"], keys), len(a["form_keys"]) - 1)
        hit = np.flatnonzero(a["form_keys"][at] == keys)
        parts.append(self._of_forms(hit, a["forms"][at[hit]], np.ones(len(hit)), k, NORMAL))
        # Found by similarity.
        from sparse_dot_topn import sp_matmul_topn

        near = sp_matmul_topn(vectors_of(forms, a["words"]), self._postings, int(float(os.environ.get("MUL","4")) * k), threshold=0.05, sort=True)
        row = np.repeat(np.arange(len(texts)), np.diff(near.indptr))
        parts.append(self._of_forms(row, near.indices[: len(row)], near.data[: len(row)], k, NGRAMS))
        row, name, score, stage = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        concept = a["concept_of"][name]
        score = score.astype(np.float32)
        # Of each concept the best, of each text the best k.
        order = np.lexsort((name, -score, concept, row))
        first = np.ones(len(order), dtype=bool)
        first[1:] = (row[order][1:] != row[order][:-1]) | (concept[order][1:] != concept[order][:-1])
        order = order[first]
        order = order[np.lexsort((name[order], -score[order], row[order]))]
        row = row[order]
        rank = np.arange(len(row)) - np.searchsorted(row, row)
        kept = rank < k
        order, row, rank = order[kept], row[kept], rank[kept]
        result.concepts[row, rank], result.names[row, rank] = concept[order], name[order]
        result.scores[row, rank], result.stages[row, rank] = score[order], stage[order]
        return result

    def _of_forms(
        self,
        rows: npt.NDArray[np.int64],
        forms: npt.NDArray[np.int32],
        scores: npt.NDArray[np.float64],
        k: int,
        stage: int,
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        """The names of forms, at most k of each: text, name, score, stage."""
        ends = self._arrays["entry_ends"]
        start = ends[forms]
        pick, entry = _ranges(start, np.minimum(ends[forms + 1], start + k))
        variant = self._arrays["variants"][entry] > 0
        if stage == NORMAL:
            score = np.where(variant, _VARIANT, _NORMAL)
        else:
            score = np.minimum(scores[pick], 1.0) * _SIMILAR
        return rows[pick], self._arrays["entries"][entry], score, np.full(len(pick), stage)


def _forms(name: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """The normal forms of a name: its own (0), and those made from it by rule (1)."""
    form = normal_form(name)
    if not form:
        return
    yield form, 0
    for variant in variants(name):
        other = normal_form(variant)
        if other and other != form:
            yield other, 0
            form = other
    if len(form) == 1:
        for adjective in adjectives(form[0]):
            yield (adjective,), 1
    elif (swapped := organ_variant(form)) != form:
        yield swapped, 1


def _ranges(
    start: npt.NDArray[np.int64], end: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The members of ranges [start, end): the number of the range, and the member."""
    counts = np.maximum(end - start, 0)
    which = np.repeat(np.arange(len(counts)), counts)
    return which, np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(start, counts)
