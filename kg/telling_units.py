"""What is told apart from all else, so that a change of the graph costs the units it touches.

A unit is the facts of one subject and split, or what is said of a subject itself. No sentence of one depends on another, so units
can be told one at a time, and the passages of those whose triples and names did not change stay as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kg.corpus import word_counts
from kg.passage_rows import PassageRows, verbalized_id
from kg.tables import PASSAGES
from kg.telling import Fact, Told
from pipeline.errors import SetAside
from pipeline.hashing import bucket_of

__all__ = ["ENTITY", "Unit", "UnitPassages", "Verbalized"]

#: The part of a subject that says what it is; the others are splits.
ENTITY = "entity"
_BATCH_ROWS = 4096


class Unit:
    """What became of a unit beside its passages.

    Attributes:
        place: its number among the units that are told.
        counts: triples told (`told-high`, `told-denied` ...), left out (`untold-low-belief`), and told with the words of their
            predicate's name for want of a template (`no-template biolink:...`). With several languages, each counts for itself.
        set_aside: triples that cannot be told because an entity has no name, and names with markup or line ends, by reason and id.
        opening: texts, one a line, in which names were looked for.
    """

    def __init__(self, subject: str, part: str, place: int) -> None:
        self.subject = subject
        self.part = part
        self.place = place
        self.counts: Counter[str] = Counter()
        self.set_aside: dict[tuple[str, str], SetAside] = {}
        self.opening: list[str] = []

    def sets_aside(self, record: SetAside) -> None:
        """Put a record aside, once."""
        self.set_aside.setdefault((record.reason, record.record), record)


class Verbalized(NamedTuple):
    """Passages (PASSAGES, sorted by id), all units by subject and part, and for each passage the place of its unit and its words."""

    passages: pa.Table
    units: list[Unit]
    unit_of: npt.NDArray[np.int64]
    words: npt.NDArray[np.int64]

    def by_bucket(self, buckets: int) -> dict[int, Verbalized]:
        """The same of each bucket that has any, as if it had been told alone."""
        home = np.array([bucket_of(unit.subject, buckets) for unit in self.units], dtype=np.int64)
        row_home = home[self.unit_of]
        apart = {}
        for bucket in np.unique(home).tolist():
            rows, units = np.flatnonzero(row_home == bucket), np.flatnonzero(home == bucket)
            apart[bucket] = Verbalized(
                self.passages.take(pa.array(rows)),
                [self.units[place] for place in units.tolist()],
                np.searchsorted(units, self.unit_of[rows]),
                self.words[rows],
            )
        return apart

    def counts(self) -> Counter[str]:
        """What became of the triples, of all units together."""
        counts: Counter[str] = Counter()
        for unit in self.units:
            counts.update(unit.counts)
        return counts

    def set_aside(self) -> list[SetAside]:
        """What could not be told, each once."""
        found: dict[tuple[str, str], SetAside] = {}
        for unit in self.units:
            found |= {key: record for key, record in unit.set_aside.items() if key not in found}
        return list(found.values())


class UnitPassages:
    """Passages as they are told, and their units. Kept as Arrow, not as Python objects, which the garbage collector would go through."""

    def __init__(self) -> None:
        self._units: dict[tuple[str, str], Unit] = {}
        self._rows = PassageRows("verbalized")
        self._batches: list[pa.RecordBatch] = []
        self._unit_of: list[int] = []

    def unit(self, subject: str, part: str) -> Unit:
        """The unit of a subject's facts in a split, or of what it is."""
        found = self._units.get((subject, part))
        if found is None:
            found = self._units[subject, part] = Unit(subject, part, len(self._units))
        return found

    def add(self, unit: Unit, form: str, language: str, facts: Sequence[Fact], told: Told) -> None:
        """Append one passage with what stands behind it. Where that is no fact, it is the entity it is about: two may be called alike."""
        belief: float | None
        if len(facts) == 1:  # most are, and need no sets
            (fact,) = facts
            triple_ids, evidence_ids, doc_ids, belief = [fact.triple_id], fact.evidence_ids, fact.doc_ids, fact.belief
        else:
            triple_ids = sorted([fact.triple_id for fact in facts])
            evidence_ids, doc_ids = _union([f.evidence_ids for f in facts]), _union([f.doc_ids for f in facts])
            belief = min([fact.belief for fact in facts], default=None)
        self._rows.add(
            passage_id=verbalized_id(language, triple_ids or [unit.subject], told.text),
            language=language,
            text=told.text,
            sentences=told.sentences,
            spans=told.spans,
            relations=told.relations,
            triple_ids=triple_ids,
            evidence_ids=evidence_ids,
            doc_ids=doc_ids,
            belief=belief,
            split="train" if unit.part == ENTITY else unit.part,
            form=form,
        )
        self._unit_of.append(unit.place)
        if len(self._rows) >= _BATCH_ROWS:
            self._flush()

    def _flush(self) -> None:
        self._batches.append(self._rows.batch())
        self._rows = PassageRows("verbalized")

    def sorted(self) -> Verbalized:
        """All that was added."""
        self._flush()
        units = sorted(self._units.values(), key=lambda unit: (unit.subject, unit.part))
        places = np.empty(len(units), dtype=np.int64)
        places[[unit.place for unit in units]] = np.arange(len(units))
        rows = pa.Table.from_batches(self._batches, PASSAGES)
        rows = rows.append_column("unit", pa.array(places[self._unit_of], pa.int64()))
        # Two ways to tell the same facts may come out alike, and then have one id.
        rows = rows.sort_by([("passage_id", "ascending"), ("form", "ascending")]).combine_chunks()
        words = word_counts(rows).to_numpy().astype(np.int64)
        return Verbalized(rows.select(PASSAGES.names), units, rows["unit"].to_numpy(), words)


def _union(lists: Iterable[Collection[Any]]) -> list[Any]:
    return sorted(set().union(*lists))
