"""What the units of some buckets are told from: read once, compared by fingerprints, and handed out for units that are told anew.

A unit (`kg.telling_units`) depends on its triples with what stands beside them, less what is withheld, and on the concepts that they name.
Its fingerprint is a hash of all these rows. Opening a file costs ten times what reading a small bucket's rows does, and planning a
query forty, so a group of buckets is read by one query a table. Rejected: a query a bucket.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from kg.shuffle import by_bucket
from kg.tables import CONTEXT, TOLD_CONCEPTS, TRIPLES, WITHHELD_CLAIMS
from kg.telling import Fact
from kg.telling_units import ENTITY
from pipeline.duck import bucketed_view
from pipeline.hashing import BUCKET_SQL
from pipeline.tables import table_schema

__all__ = ["FINGERPRINTS", "UNIT", "ToldFrom"]

_TEXT, _INT = pa.string(), pa.int32()
#: The columns that name a unit, and tell whether it changed.
UNIT: Final = {
    "subject": (_TEXT, "CURIE; sorted by it, then by part"),
    "part": (_TEXT, "a split: the facts of the subject in it; entity: what the subject is"),
    "fingerprint": (
        pa.uint64(),
        "hash of the triples, of what stands beside them, and of the concepts that these name",
    ),
}
FINGERPRINTS = table_schema(
    "unit_fingerprints",
    2,
    UNIT | {"withheld": (_INT, "triples that are not told; where that is all of them, the hash is null")},
)

Files = Mapping[str, Sequence[str]]


class ToldFrom:
    """The rows of a group of buckets.

    Args:
        connection: a new one, as `pipeline.duck.connect` gives it; tables are made in it.
        triples, context, concepts: by bucket, its Parquet files of TRIPLES, CONTEXT and TOLD_CONCEPTS.
        withheld: likewise of WITHHELD_CLAIMS, which are not told.
        buckets: number of buckets of the home.
    """

    def __init__(
        self, connection: Any, triples: Files, context: Files, concepts: Files, withheld: Files, *, buckets: int
    ) -> None:
        self._connection = connection
        bucketed_view(connection, "triples", triples, TRIPLES)
        bucketed_view(connection, "context", context, CONTEXT)
        bucketed_view(connection, "concepts", concepts, TOLD_CONCEPTS)
        bucketed_view(connection, "withheld", withheld, WITHHELD_CLAIMS)
        connection.execute(_TABLES.format(own=BUCKET_SQL.format("curie", buckets)))

    def fingerprints(self) -> dict[int, pa.Table]:
        """The FINGERPRINTS of the units of each bucket that has any."""
        rows = self._connection.sql(_FINGERPRINTS).to_arrow_table().combine_chunks()
        found = (part for batch in rows.to_batches() for part in by_bucket(batch, FINGERPRINTS))
        return {bucket: pa.Table.from_batches([batch], FINGERPRINTS) for bucket, batch in found}

    def rows(self, units: Iterable[tuple[str, str]]) -> tuple[pa.Table, pa.Table, pa.Table]:
        """What some units (subject and part) are told from: TRIPLES, CONTEXT, TOLD_CONCEPTS, none of them sorted.

        A concept that several buckets have comes as its own bucket has it, if that is among them, with all that is said of it.
        """
        pairs = sorted(units)
        columns = [pa.array([pair[place] for pair in pairs], _TEXT) for place in (0, 1)]
        self._connection.register("wanted_units", pa.table(columns, ["subject", "part"]))
        self._connection.execute(_CHOSEN)
        schemas = {"triples": TRIPLES, "context": CONTEXT, "concepts": TOLD_CONCEPTS}
        triples, context, concepts = (
            self._connection.sql(f"SELECT {', '.join(schema.names)} FROM chosen_{name}").to_arrow_table().cast(schema)  # noqa: S608
            for name, schema in schemas.items()
        )
        return triples, context, concepts


_FACT: Final = ", ".join(f"'{name}': {name}" for name in Fact._fields[:-1])
_TABLES: Final = """
CREATE TEMP TABLE facts AS
SELECT * EXCLUDE (bucket, split), bucket::INTEGER AS bucket, split AS part,
    (bucket, triple_id) IN (SELECT (bucket, triple_id) FROM withheld) AS withheld
FROM triples;
CREATE TEMP TABLE beside AS
SELECT f.bucket, f.subject, f.part, c.* EXCLUDE (bucket)
FROM context c JOIN facts f ON c.triple_id = f.triple_id WHERE NOT f.withheld;
CREATE TEMP TABLE known AS
SELECT * EXCLUDE (bucket), bucket::INTEGER AS bucket, {own} = bucket::INTEGER AS own FROM concepts;
"""
# Hashes are put together by XOR, which needs no sort; that of a unit with facts is never null.
_FINGERPRINTS: Final = f"""
WITH told AS MATERIALIZED (
    SELECT bucket, subject, part, object, md5_number_lower(to_json({{{_FACT}}})::VARCHAR) AS hash
    FROM (SELECT *, part AS split FROM facts) WHERE NOT withheld
), named AS (
    SELECT bucket, subject, part, subject AS curie FROM told
    UNION SELECT bucket, subject, part, object FROM told
    UNION SELECT bucket, subject, part, onward.object FROM beside
    UNION SELECT bucket, subject, '{ENTITY}', subject FROM told
), parts AS (
    SELECT bucket, subject, part, hash FROM told
    UNION ALL SELECT bucket, subject, part,
        md5_number_lower(to_json({{'triple_id': triple_id, 'onward': onward, 'quotation': quotation}})::VARCHAR) FROM beside
    UNION ALL SELECT n.bucket, n.subject, n.part, k.hash FROM named n JOIN (
        SELECT bucket, curie, md5_number_lower(to_json(known)::VARCHAR) AS hash FROM known
    ) k ON n.bucket = k.bucket AND n.curie = k.curie
    UNION ALL SELECT DISTINCT bucket, subject, '{ENTITY}', 0::UBIGINT FROM told
    UNION ALL SELECT bucket, subject, part, NULL FROM facts WHERE withheld
)
SELECT bucket, subject, part, bit_xor(hash) AS fingerprint, (count(*) FILTER (hash IS NULL))::INTEGER AS withheld
FROM parts GROUP BY ALL ORDER BY bucket, subject, part
"""  # noqa: S608
_CHOSEN: Final = f"""
CREATE TEMP TABLE chosen_triples AS SELECT *, part AS split FROM facts SEMI JOIN wanted_units USING (subject, part) WHERE NOT withheld;
CREATE TEMP TABLE chosen_context AS SELECT * FROM beside SEMI JOIN wanted_units USING (subject, part);
CREATE TEMP TABLE chosen_concepts AS
SELECT * FROM known WHERE curie IN (
    SELECT subject FROM chosen_triples UNION SELECT object FROM chosen_triples
    UNION SELECT onward.object FROM chosen_context UNION SELECT subject FROM wanted_units WHERE part = '{ENTITY}'
) QUALIFY row_number() OVER (PARTITION BY curie ORDER BY own DESC, bucket) = 1;
"""  # noqa: S608
