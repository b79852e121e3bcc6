"""Candidate pairs of a document and, in a gold corpus, what is true of them.

A corpus relates either identifiers in a document (BC5CDR, BioRED) or single mentions in a sentence (DDI, ChemProt); its own
relations tell which. Candidates are all pairs of the types that its relations join: in a document all pairs of entities, of single
mentions only those in one sentence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from pipeline.errors import MateriaError
from pipeline.relations.reading import MentionSpan, Reading, read

__all__ = ["NONE", "Example", "Level", "Scheme", "examples", "gold_reading", "learn_scheme", "pairs_of"]

Level = Literal["document", "mention"]
#: No relation; always the first label.
NONE = ""


@dataclass(frozen=True, slots=True)
class Scheme:
    """What a model tells apart.

    Attributes:
        level: whether relations hold between identifiers of a document or between single mentions of a sentence.
        labels: names of the relations, sorted.
        ends: types (a, b) of the pairs that are candidates, `a` the first of the alphabet.
        reversed: (relation, a, b) where `b` is more often the subject; else `a` is, or the first in the text where the types are equal.
    """

    level: Level
    labels: tuple[str, ...]
    ends: frozenset[tuple[str, str]]
    reversed: frozenset[tuple[str, str, str]]

    def to_dict(self) -> dict[str, Any]:
        """The scheme as JSON."""
        return {
            "level": self.level,
            "labels": list(self.labels),
            "ends": sorted(map(list, self.ends)),
            "reversed": sorted(map(list, self.reversed)),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Scheme:
        """The scheme from the keys that `to_dict` gives; others are left alone."""
        return cls(
            values["level"],
            tuple(values["labels"]),
            frozenset((a, b) for a, b in values["ends"]),
            frozenset((label, a, b) for label, a, b in values["reversed"]),
        )


@dataclass(frozen=True, slots=True)
class Example:
    """A candidate pair of a document: places of its two entities, and its relation ("" where there is none)."""

    a: int
    b: int
    label: str


def learn_scheme(documents: Sequence[pa.RecordBatch]) -> Scheme:
    """What the relations of a corpus [DOCUMENTS] join, and how.

    Raises:
        MateriaError: no document holds a relation between its annotations.
    """
    levels: Counter[Level] = Counter()
    labels: set[str] = set()
    ends: set[tuple[str, str]] = set()
    turned: Counter[tuple[str, str, str]] = Counter()
    for row in _rows(documents):
        names = {a["name"]: a["type"] for a in row["annotations"] if a["name"]}
        identifiers = {i: a["type"] for a in reversed(row["annotations"]) for i in a["identifiers"]}
        for relation in row["relations"]:
            subject, object_ = (argument["reference"] for argument in relation["arguments"][:2])
            for level, types in (("mention", names), ("document", identifiers)):
                if subject in types and object_ in types:
                    levels[level] += 1  # type: ignore[index]
                    labels.add(relation["type"])
                    a, b = sorted((types[subject], types[object_]))
                    ends.add((a, b))
                    if a != b:
                        turned[relation["type"], a, b] += 1 if types[subject] == b else -1
                    break
    if not labels:
        raise MateriaError(
            "The documents to learn from hold no relation between their annotations",
            remedy="Give a corpus with relations: BC5CDR, BioRED, ChemProt or DDI",
        )
    reversed_ = frozenset(key for key, count in turned.items() if count > 0)
    level = max(sorted(levels), key=lambda name: levels[name])
    return Scheme(level, tuple(sorted(labels)), frozenset(ends), reversed_)


def gold_reading(row: dict[str, Any], level: Level) -> Reading:
    """A row of DOCUMENTS with its annotations as entities, by identifier or each its own."""
    spans = []
    for number, annotation in enumerate(row["annotations"]):
        if level == "mention":
            keys: tuple[str, ...] = (annotation["name"] or f"#{number}",)
        else:
            keys = tuple(annotation["identifiers"])
        part = annotation["spans"][0]
        spans.append(MentionSpan(part["start"], part["end"], keys, annotation["type"]))
    return read(row["text"], spans)


def pairs_of(reading: Reading, scheme: Scheme) -> list[tuple[int, int]]:
    """Candidate pairs of entities: `a` has the type that comes first in the alphabet, or comes first in the text."""
    found = []
    entities = reading.entities
    for first, one in enumerate(entities):
        for second in range(first + 1, len(entities)):
            other = entities[second]
            if scheme.level == "mention" and reading.sentence_of[one.units[0]] != reading.sentence_of[other.units[0]]:
                break
            if (one.type, other.type) in scheme.ends:
                found.append((first, second))
            elif (other.type, one.type) in scheme.ends:
                found.append((second, first))
    return found


def examples(row: dict[str, Any], reading: Reading, scheme: Scheme) -> list[Example]:
    """The candidate pairs of a gold document with their relations."""
    said: dict[frozenset[str], str] = {}
    for relation in row["relations"]:
        ends = frozenset(argument["reference"] for argument in relation["arguments"][:2])
        said.setdefault(ends, relation["type"])
    keys = [entity.key for entity in reading.entities]
    return [Example(a, b, said.get(frozenset((keys[a], keys[b])), NONE)) for a, b in pairs_of(reading, scheme)]


def _rows(documents: Sequence[pa.RecordBatch]) -> Iterator[dict[str, Any]]:
    for batch in documents:
        yield from batch.select(["doc_id", "text", "annotations", "relations"]).to_pylist()
