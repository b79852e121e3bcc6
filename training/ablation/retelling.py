"""Passages that tell the shuffled graph: the same sentences and names, in which other names stand as objects.

A told triple keeps its sentence; the name of its object gives way to the name by which the triple told its object that the shuffle
took it from. So the corpus has the same sentences, subjects and names, each as often, and as many tokens but for where a name
breaks into word pieces. Names that stand first in a sentence begin with a capital there and nowhere else. Claims that passages of
the literature support keep their places, and change predicates among themselves: all that are made equally often, so
that each predicate is as frequent as before and a pair of entities mostly has the same wrong predicate throughout. That such a pair is
related *somehow* stays told, which can only flatter the control.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from training.ablation.shuffled_graph import ShuffledGraph, shuffle_values

__all__ = ["Claim", "Retelling", "Tellings", "shuffle_claims"]

Row = dict[str, Any]
#: A claim of the literature: CURIE of the subject, predicate, CURIE of the object.
Claim = tuple[str, str, str]
#: Times a claim is made that get one predicate, at most.
_PART: Final = 8


class Telling(NamedTuple):
    """How a triple's object is told: its CURIE and class, its name, and whether that stands first in a sentence."""

    curie: str
    category: str
    name: str
    first: bool


def number_of(name: str) -> str:
    """Whether a name looks plural, so that verbs agree with what takes its place.

    >>> [number_of(name) for name in ("statins", "diabetes mellitus", "stenosis")]
    ['plural', 'singular', 'singular']
    """
    return "plural" if name.endswith("s") and not name.endswith(("ss", "us", "is")) else "singular"


class Tellings:
    """How the objects of triples are told in passages."""

    def __init__(self) -> None:
        self._of_triple: dict[str, Telling] = {}
        self._of_entity: dict[str, Telling] = {}
        self._forms: dict[str, set[str]] = {}
        self._capitals: set[tuple[str, str]] = set()

    def add(self, row: Row) -> None:
        """Note a passage. Of a triple the first telling counts."""
        starts = {sentence["start"] for sentence in row["sentences"]}
        for relation in row["relations"]:
            span = row["spans"][relation["object"]]
            name = row["text"][span["start"] : span["end"]]
            telling = Telling(span["curie"], span["category"], name, span["start"] in starts)
            self._of_triple.setdefault(relation["source"], telling)
            self._of_entity.setdefault(telling.curie, telling)
            self._forms.setdefault(relation["source"], set()).add(row["form"])
            if not telling.first and name[:1].isupper():
                self._capitals.add((telling.curie, name))

    def kinds(self) -> dict[str, tuple[str, ...]]:
        """The kind of each told triple's object for `shuffle_graph`: its class, the forms that tell it, singular or plural."""
        return {
            triple: (one.category, " ".join(sorted(self._forms[triple])), number_of(one.name))
            for triple, one in self._of_triple.items()
        }

    def of(self, triple: str, curie: str, name: str | None) -> Telling:
        """How the object of a triple is told: by its passages, else by those of others, else by the name that is given."""
        found = self._of_triple.get(triple) or self._of_entity.get(curie)
        return found or Telling(curie, "biolink:NamedThing", name or curie, first=False)

    def inside(self, telling: Telling) -> str:
        """The name as it stands within a sentence."""
        if telling.first and (telling.curie, telling.name) not in self._capitals:
            return telling.name[:1].lower() + telling.name[1:]
        return telling.name


class Retelling:
    """Tells passages again.

    Args:
        graph: the shuffled graph.
        told: how its objects are told.
        names: of entities, by CURIE.
    """

    def __init__(self, graph: ShuffledGraph, told: Tellings, names: Mapping[str, str]) -> None:
        self.graph, self.told, self.names = graph, told, names
        columns = (graph.triples[name].to_pylist() for name in ("triple_id", "object"))
        self._objects = dict(zip(*columns, strict=True))

    def passage(self, row: Row) -> Row:
        """A verbalized passage with the shuffled triples in place of its own. It keeps its id, and so its place in the corpus."""
        starts = {sentence["start"] for sentence in row["sentences"]}
        swapped: dict[int, Telling] = {}
        relations = []
        for relation in row["relations"]:
            source = self.graph.renamed[relation["source"]]
            curie = self._objects[source]
            swapped[relation["object"]] = self.told.of(
                self.graph.origin[relation["source"]], curie, self.names.get(curie)
            )
            relations.append(relation | {"source": source})
        text, spans, moved, done = "", [], [], 0
        for place, span in enumerate(row["spans"]):
            text += row["text"][done : span["start"]]
            done = span["end"]
            begin, name, now = len(text), row["text"][span["start"] : span["end"]], span
            if (telling := swapped.get(place)) is not None:
                name = self.told.inside(telling)
                name = name[:1].upper() + name[1:] if span["start"] in starts else name
                now = {"curie": telling.curie, "category": telling.category}
            text += name
            spans.append(span | now | {"start": begin, "end": len(text)})
            moved.append((span["end"], len(text) - span["end"]))
        text += row["text"][done:]

        def at(offset: int) -> int:
            return offset + next((shift for end, shift in reversed(moved) if end <= offset), 0)

        sentences = [{"start": at(one["start"]), "end": at(one["end"])} for one in row["sentences"]]
        ids = sorted(relation["source"] for relation in relations)
        return row | {"text": text, "spans": spans, "sentences": sentences, "relations": relations, "triple_ids": ids}


def shuffle_claims(claims: Mapping[Claim, int], *, seed: int) -> dict[Claim, list[str]]:
    """Other predicates for the claims of the literature; each predicate is as frequent as before.

    A claim's mentions are divided into parts of 8, 4, 2 and 1, and parts of one size change predicates with each other. So a claim
    that is made up to eight times mostly has one wrong predicate throughout, and one that is made often has a few.

    Args:
        claims: how often each is made.
        seed: decides.

    Returns:
        The predicate of each time that a claim is made.
    """
    ordered = sorted(claims)
    sizes = [[1 << bit for bit in _bits(claims[claim])] for claim in ordered]
    parts = np.array([size for some in sizes for size in some], dtype=np.int64)
    owner = np.repeat(np.arange(len(ordered)), [len(some) for some in sizes])
    predicates, labels = np.unique([claim[1] for claim in ordered], return_inverse=True)
    pairs = np.unique(["\x1f".join((s, o)) for s, _, o in ordered], return_inverse=True)[1]
    known = np.unique(pairs * len(predicates) + labels)
    rows, _ = shuffle_values(
        labels[owner].astype(np.int64),
        np.arange(len(owner)),
        [parts],
        lambda rows, values: np.isin(pairs[owner[rows]] * len(predicates) + values, known),
        random=np.random.Generator(np.random.Philox(key=[seed, 0x636C6169])),
    )
    found: dict[Claim, list[str]] = {claim: [] for claim in ordered}
    for place, size, row in zip(owner.tolist(), parts.tolist(), rows.tolist(), strict=True):
        found[ordered[place]] += [str(predicates[labels[owner[row]]])] * size
    return found


def _bits(number: int) -> list[int]:
    """Powers of two that add up to a number, the largest `_PART`, the largest first."""
    whole, rest = divmod(number, _PART)
    top = _PART.bit_length() - 1
    return [top] * whole + [bit for bit in reversed(range(top)) if rest >> bit & 1]
