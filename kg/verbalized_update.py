"""Passages told of a bucket's triples: made for the units that changed, taken over for the others.

All that a unit (`kg.telling_units`) depends on has a fingerprint: its triples with what stands beside them, less what is withheld, and
the concepts that they name. DuckDB takes the fingerprints of all units of all touched buckets in one query (20 ms for a few
buckets, 0.2 s for 64 with 6,000 triples). What a definition names depends on the name index too: such texts are kept, and looked
through for names that changed. Rejected: telling a touched bucket as a whole (it reads all definitions again, and grows with the graph).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kg.corpus import word_counts
from kg.corpus_shards import SPLITS
from kg.shuffle import by_bucket
from kg.standing_rows import StandingRows
from kg.tables import CONTEXT, TOLD_CONCEPTS, TRIPLES
from kg.telling import Fact
from kg.telling_units import ENTITY, Verbalized
from pipeline.duck import connect, one_array, stream, table_view
from pipeline.errors import SetAside
from pipeline.hashing import BUCKET_SQL
from pipeline.tables import SET_ASIDE, table_schema

__all__ = ["FINGERPRINTS", "UNITS", "VerbalizedUpdate", "unit_fingerprints"]

_TEXT, _INT = pa.string(), pa.int32()
_UNIT: Final = {
    "subject": (_TEXT, "CURIE; sorted by it, then by part"),
    "part": (_TEXT, "a split: the facts of the subject in it; entity: what the subject is"),
    "fingerprint": (_TEXT, "hash of the triples, of what stands beside them, and of the concepts that these name"),
}
FINGERPRINTS = table_schema(
    "unit_fingerprints",
    1,
    _UNIT | {"withheld": (_INT, "triples that are not told; where that is all of them, the hash is null")},
)
UNITS = table_schema(
    "units_told",
    1,
    _UNIT
    | {
        "rows": (pa.list_(_INT), "places of its passages in the shard of its split, ascending"),
        "tokens": (_INT, "their words"),
        "counts": (pa.list_(pa.struct([("name", _TEXT), ("count", _INT)])), "what became of its triples, by name"),
        "set_aside": (pa.list_(pa.struct(list(SET_ASIDE))), "what could not be told"),
        "opening": (pa.list_(_TEXT), "texts in which names were looked for"),
    },
)
_Places = npt.NDArray[np.int64]


def unit_fingerprints(
    triples: Sequence[str],
    context: Sequence[str],
    concepts: Sequence[str],
    withheld: Iterable[tuple[int, str]],
    buckets: int,
    *,
    threads: int | None = None,
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The fingerprints of the units of some buckets.

    Args:
        triples, context, concepts: Parquet files of TRIPLES, CONTEXT and TOLD_CONCEPTS of these buckets.
        withheld: bucket and id of the triples that are not told there.
        buckets: number of buckets of the home.
        threads: worker threads; all cores where None.

    Yields:
        Bucket and rows of FINGERPRINTS, buckets ascending.
    """
    pairs = list(withheld)
    columns = [pa.array([pair[0] for pair in pairs], _INT), pa.array([pair[1] for pair in pairs], _TEXT)]
    fact = ", ".join(f"'{name}': t.{name}" for name in Fact._fields[:-1])
    with connect(threads=threads) as connection:
        table_view(connection, "triples", triples, TRIPLES)
        table_view(connection, "context", context, CONTEXT)
        table_view(connection, "concepts", concepts, TOLD_CONCEPTS)
        connection.register("withheld", pa.table(columns, ["bucket", "triple_id"]))
        connection.execute(
            f"""CREATE TEMP TABLE facts AS
                SELECT {BUCKET_SQL.format("subject", buckets)}::INTEGER AS bucket, subject, split AS part, object, triple_id,
                    to_json({{{fact}}})::VARCHAR AS value FROM triples t"""  # noqa: S608
        )
        connection.execute("CREATE TEMP TABLE told AS SELECT * FROM facts ANTI JOIN withheld USING (bucket, triple_id)")
        connection.execute(
            """CREATE TEMP TABLE beside AS
               SELECT t.bucket, t.subject, t.part, c.triple_id, c.onward.object AS object, to_json(c)::VARCHAR AS value
               FROM context c JOIN told t ON c.triple_id = t.triple_id"""
        )
        # A concept stands in several buckets, with the same row.
        connection.execute(
            "CREATE TEMP TABLE known AS SELECT DISTINCT curie, to_json(concepts)::VARCHAR AS value FROM concepts"
        )
        rows = stream(
            connection,
            f"""WITH named AS (
                    SELECT bucket, subject, part, subject AS curie FROM told
                    UNION SELECT bucket, subject, part, object FROM told
                    UNION SELECT bucket, subject, part, object FROM beside
                    UNION SELECT bucket, subject, '{ENTITY}', subject FROM told
                ), parts AS (
                    SELECT bucket, subject, part, 0 AS kind, triple_id AS id, value FROM told
                    UNION ALL SELECT bucket, subject, part, 1, triple_id, value FROM beside
                    UNION ALL SELECT n.bucket, n.subject, n.part, 2, n.curie, k.value FROM named n JOIN known k USING (curie)
                    UNION ALL SELECT DISTINCT bucket, subject, '{ENTITY}', 3, '', '' FROM told
                    UNION ALL SELECT bucket, subject, part, 4, triple_id, NULL FROM facts SEMI JOIN withheld USING (bucket, triple_id)
                )
                SELECT bucket, subject, part, md5(string_agg(value, '' ORDER BY kind, id, value)) AS fingerprint,
                    (count(*) FILTER (kind = 4))::INTEGER AS withheld
                FROM parts GROUP BY ALL ORDER BY bucket, subject, part""",  # noqa: S608
        )
        for batch in rows:
            yield from by_bucket(batch, FINGERPRINTS)


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
        self._made = self._now.keys() - {key for key, is_kept in zip(keys, kept, strict=True) if is_kept}
        gone = {key for key, is_kept in zip(keys, kept, strict=True) if not is_kept}
        self.splits = {_split_of(part) for _, part in self._made | gone}

    @property
    def subjects(self) -> list[str]:
        """Entities of which it is told anew what they are."""
        return sorted(subject for subject, part in self._made if part == ENTITY)

    def triples(self, triples: pa.Table) -> pa.Table:
        """Those of the bucket's triples (TRIPLES, less what is withheld) that are told anew."""
        units = pa.array(["\x1f".join(key) for key in sorted(self._made)], pa.string())
        return triples.filter(
            pc.is_in(pc.binary_join_element_wise(triples["subject"], triples["split"], "\x1f"), units)
        )

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
        words = np.bincount(told.unit_of, word_counts(told.passages).to_numpy(), len(told.units)).astype(np.int64)
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
