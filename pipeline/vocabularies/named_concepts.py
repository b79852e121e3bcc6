"""Concepts that only their names identify, gathered over a file: each with the class that covers all it is met as.

头痛, which has a row of its own among diseases and is a symptom of others, is a `DiseaseOrPhenotypicFeature`. Therefore concepts
come when the whole file was read. Names in another language than English are translations, also the preferred one, so that a merge
never makes an English name of it. What a Chinese file writes in Latin words (leukemia, and not MRI, which Chinese has too) is English.
Memory: 0.5 kB for each distinct name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pipeline.biolink import ancestors_of, is_kind_of
from pipeline.curated.names import name_curie
from pipeline.han import has_han
from pipeline.vocabularies.base import Concept

__all__ = ["NamedConcepts"]

_WORD = re.compile("[a-z]{3}")


class NamedConcepts:
    """Names that were met, in their order. `language` is that of all of them, as an ISO 639-1 code."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._found: dict[str, tuple[str, str]] = {}

    def meet(self, name: str, category: str) -> str:
        """The CURIE of a name that stands for a thing of this Biolink class."""
        curie = name_curie(name, category)
        first, known = self._found.get(curie, (name, category))
        self._found[curie] = (first, _covering(known, category))
        return curie

    def concepts(self) -> Iterator[Concept]:
        """Every concept with its name and class."""
        for curie, (name, category) in self._found.items():
            concept = self.with_names(curie, name, ())
            concept.category = category
            yield concept

    def with_names(self, curie: str, name: str, others: Sequence[str]) -> Concept:
        """A part of a concept: its name and others, without a class."""
        return Concept(
            curie,
            name,
            tuple((one, "exact") for one in others if self._is_english(one)),
            translations=tuple(
                (self._language, one, "label" if one == name else "exact")
                for one in (name, *others)
                if not self._is_english(one)
            ),
        )

    def _is_english(self, name: str) -> bool:
        return self._language == "en" or (self._language == "zh" and not has_han(name) and bool(_WORD.search(name)))


def _covering(one: str, other: str) -> str:
    """The nearest class that covers both."""
    return next(above for above in ancestors_of(one) if is_kind_of(other, above))
