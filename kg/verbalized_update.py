"""Passages told of a bucket's triples: made for the units that changed, taken over for the others.

All that a unit (`kg.telling_units`) depends on has a fingerprint (`kg.told_from`). What a definition names depends on the name index too:
such texts are kept, and looked through for names that changed. Rejected: telling a touched bucket as a whole (it reads all definitions
again, and grows with the graph).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kg.corpus_shards import SPLITS
from kg.standing_rows import StandingRows
from kg.telling_units import ENTITY, Verbalized
from kg.told_from import UNIT
from pipeline.duck import one_array
from pipeline.errors import SetAside
from pipeline.tables import SET_ASIDE, table_schema

__all__ = ["UNITS", "VerbalizedUpdate"]

_TEXT, _INT = pa.string(), pa.int32()
UNITS = table_schema(
    "units_told",
    2,
    UNIT
    | {
        "rows": (pa.list_(_INT), "places of its passages in the shard of its split, ascending"),
        "tokens": (_INT, "their words"),
        "counts": (pa.list_(pa.struct([("name", _TEXT), ("count", _INT)])), "what became of its triples, by name"),
        "set_aside": (pa.list_(pa.struct(list(SET_ASIDE))), "what could not be told"),
        "opening": (pa.list_(_TEXT), "texts in which names were looked for"),
    },
)
_Places = npt.NDArray[np.int64]


class VerbalizedUpdate:
    """How the told passages of one bucket come up to date.

    Args:
        now: FINGERPRINTS of all units of the bucket.
        before: UNITS of last time; empty where all shall be made.
        may_read_otherwise: tells which texts may be read otherwise than last time; none where None.
        entities: whether it is told what the subjects are.

    Attributes:
        units: UNITS, complete after `merge`.
        splits: the splits whose shards change; the others stand as they are.
    """

    def __init__(
        self,
        now: pa.Table,
        before: pa.Table,
        may_read_otherwise: Callable[[pa.Array], pa.Array] | None = None,
        *,
        entities: bool = True,
    ) -> None:
        self._withheld = pc.sum(now["withheld"]).as_py() or 0
        told = now.filter(pc.is_valid(now["fingerprint"]))
        wanted = told if entities else told.filter(pc.not_equal(told["part"], ENTITY))
        self._now = dict(zip(_keys(wanted), wanted["fingerprint"].to_pylist(), strict=True))
        keys, fingerprints = _keys(before), before["fingerprint"].to_pylist()
        kept = [self._now.get(key) == f for key, f in zip(keys, fingerprints, strict=True)]
        if may_read_otherwise is not None:
            texts = one_array(before["opening"])
            doubtful = may_read_otherwise(texts.flatten()).to_numpy(zero_copy_only=False)
            for place in pc.list_parent_indices(texts).to_numpy()[doubtful].tolist():
                kept[place] = False
        self.units = before.filter(pa.array(kept, pa.bool_()))
        self._made = frozenset(self._now.keys() - {key for key, is_kept in zip(keys, kept, strict=True) if is_kept})
        gone = {key for key, is_kept in zip(keys, kept, strict=True) if not is_kept}
        self.splits = {_split_of(part) for _, part in self._made | gone}

    @property
    def made(self) -> frozenset[tuple[str, str]]:
        """Subject and part of the units that are told anew."""
        return self._made

    def merge(self, told: Verbalized, standing: Mapping[str, StandingRows]) -> Iterator[tuple[str, pa.Table]]:
        """The shards that change: split and PASSAGES, sorted.

        Args:
            told: what was told anew.
            standing: the shards as they stand, by split, if there are any.
        """
        kept = one_array(self.units["rows"])
        places, parents = kept.flatten().to_numpy().copy(), pc.list_parent_indices(kept).to_numpy()
        kept_split = np.array([_split_of(part) for part in self.units["part"].to_pylist()], dtype=object)[parents]
        told_split = np.array(told.passages["split"].to_pylist(), dtype=object)
        told_places = np.empty(len(told_split), dtype=np.int64)
        for split in sorted(self.splits):
            old, new = np.flatnonzero(kept_split == split), np.flatnonzero(told_split == split)
            old = old[np.argsort(places[old])]
            rows = told.passages.take(pa.array(new))
            if len(old):
                rows = pa.concat_tables([standing[split].all().take(pa.array(places[old])), rows])
            order = pc.sort_indices(rows, [("passage_id", "ascending"), ("form", "ascending")]).to_numpy()
            after = np.empty(len(order), dtype=np.int64)
            after[order] = np.arange(len(order))
            places[old], told_places[new] = after[: len(old)], after[len(old) :]
            yield split, rows.take(pa.array(order))
        self._set_units(kept, places, told, told_places)

    def _set_units(self, kept: pa.ListArray, places: _Places, told: Verbalized, told_places: _Places) -> None:
        """The units with their rows where these are now."""
        rows = pa.ListArray.from_arrays(_offsets(kept.value_lengths().to_numpy()), pa.array(places, _INT))
        column = self.units.schema.get_field_index("rows")
        taken_over = self.units.set_column(column, UNITS.field("rows"), rows)
        words = np.bincount(told.unit_of, told.words, len(told.units)).astype(np.int64)
        in_order = np.argsort(told.unit_of, kind="stable")
        lengths = np.bincount(told.unit_of, minlength=len(told.units))
        columns = [
            [unit.subject for unit in told.units],
            [unit.part for unit in told.units],
            [self._now[unit.subject, unit.part] for unit in told.units],
            pa.ListArray.from_arrays(_offsets(lengths), pa.array(told_places[in_order], _INT)),
            words,
            [[{"name": n, "count": c} for n, c in sorted(unit.counts.items())] for unit in told.units],
            [[asdict(record) for record in unit.set_aside.values()] for unit in told.units],
            [unit.opening for unit in told.units],
        ]
        arrays = [pa.array(column, field.type) for column, field in zip(columns, UNITS, strict=True)]
        made = pa.Table.from_arrays(arrays, schema=UNITS)
        self.units = pa.concat_tables([taken_over.cast(UNITS), made]).sort_by(
            [("subject", "ascending"), ("part", "ascending")]
        )

    def set_aside(self) -> list[SetAside]:
        """What could not be told, each once."""
        records = (SetAside(**row) for row in pc.list_flatten(self.units["set_aside"]).to_pylist())
        found: dict[tuple[str, str], SetAside] = {}
        for record in records:
            found.setdefault((record.reason, record.record), record)
        return list(found.values())

    def figures(self) -> dict[str, Any]:
        """What the manifest says of these passages, and of the triples."""
        splits = {split: {"passages": 0, "tokens": 0} for split in SPLITS}
        columns = (self.units["part"], pc.list_value_length(self.units["rows"]), self.units["tokens"])
        for part, passages, tokens in zip(*(column.to_pylist() for column in columns), strict=True):
            splits[_split_of(part)]["passages"] += passages
            splits[_split_of(part)]["tokens"] += tokens
        counts = Counter({"withheld-entails-held-out": self._withheld})
        for count in pc.list_flatten(self.units["counts"]).to_pylist():
            counts[count["name"]] += count["count"]
        tokens = sum(figures["tokens"] for figures in splits.values())
        return {"splits": splits, "tokens": tokens, "told": dict(sorted((+counts).items()))}


def _keys(units: pa.Table) -> list[tuple[str, str]]:
    return list(zip(units["subject"].to_pylist(), units["part"].to_pylist(), strict=True))


def _split_of(part: str) -> str:
    return "train" if part == ENTITY else part


def _offsets(lengths: _Places) -> pa.Array:
    return pa.array(np.concatenate(([0], np.cumsum(lengths))), pa.int32())
