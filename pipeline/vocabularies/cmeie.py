"""The names that CMeIE's relations stand between (`pipeline.readers.cmeie`), as concepts; those of a class only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from pipeline.curated.names import problem_of
from pipeline.errors import SetAside
from pipeline.readers.cmeie import is_cmeie, read_sentences
from pipeline.relations.schemes import CATEGORY_OF_TYPE
from pipeline.vocabularies.base import Concept, OnSetAside
from pipeline.vocabularies.named_concepts import NamedConcepts

__all__ = ["Cmeie"]


class Cmeie:
    """Names of CMeIE."""

    name = "cmeie.v1"

    def recognises(self, head: bytes, name: str) -> bool:
        """By a first line with a text and its relations."""
        del name
        return is_cmeie(head)

    def load(self, stream: BinaryIO, file: str, set_aside: OnSetAside) -> Iterator[Concept]:
        """Yield a concept for each name, when all were read."""
        named = NamedConcepts("zh")
        for item in read_sentences(stream, file):
            if isinstance(item, SetAside):
                set_aside(item)
                continue
            for end in (end for one in item.statements for end in (one.subject, one.object)):
                if end.type in CATEGORY_OF_TYPE and problem_of(end.name, shortest=1) is None:
                    named.meet(end.name, CATEGORY_OF_TYPE[end.type])
        yield from named.concepts()
