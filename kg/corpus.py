"""The corpus as a whole: which shards it has, what they hold, and the proof that training rows give no held-out pair away.

The index is one JSON file: shards with relative paths, rows, tokens and hashes, and totals by split, kind and language, all
from the manifests of the shards, so that no shard is opened for it. The leak check reads *all* training rows of both kinds,
not a sample: DuckDB joins the names of each sentence with each other and hashes each pair, at the memory of one batch. It
shares the rule of splits with the stages that make the passages, but none of their code, so a mistake there is caught here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from upath import UPath

from kg.config import MixtureConfig, SplitConfig
from kg.splits import split_sql
from kg.tables import CORPUS_PASSAGES
from pipeline.storage import Dataset, Manifest
from pipeline.tables import table_version

__all__ = ["KINDS", "SHARDS", "SPLITS", "Leak", "corpus_index", "count_tokens", "find_leaks", "leaks_in", "write_index"]

#: The asset whose files are the corpus.
SHARDS = "corpus_shards"
SPLITS = ("train", "validation", "test")
KINDS = ("verbalized", "literature")

_NOTHING = {"rows": 0, "passages": 0, "tokens": 0}

_CHECKED_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class Leak:
    """A training row that gives a held-out pair away.

    Attributes:
        reason: `pair-in-sentence`, `held-out-relation`, `held-out-triple`, or `not-train`.
        subject, object: the two concepts, in order of their CURIEs; for `held-out-triple` the triple's id and "".
    """

    reason: str
    passage_id: str
    kind: str
    subject: str
    object: str
    text: str


def count_tokens(table: pa.Table | pa.RecordBatch) -> int:
    """Number of words of all passages: runs of letters and digits, and each ideograph. Needs the column `text` only."""
    counts = pc.count_substring_regex(table.column("text"), r"\p{Han}|[\p{Latin}\p{Greek}\p{Cyrillic}\p{N}_]+")
    return int(pc.sum(counts).as_py() or 0)


def corpus_index(
    home: UPath | Path | str, splits: SplitConfig | None = None, mixture: MixtureConfig | None = None
) -> dict[str, Any]:
    """What the corpus holds, from the manifests of its shards and of the selection.

    Returns:
        a JSON-like object: `schema`; `table`, name and version of the shards' table; `splits` and `mixture`, as configured, if
        given; `shards`, sorted by path, each with path (relative to the home), split, bucket, rows, tokens, bytes, sha256;
        `totals` by split and kind, and `languages` by split and language, with rows (repeats included), passages (each
        once) and tokens (of the rows); `graph_to_text`, tokens of told facts over tokens of papers in train (null
        without papers); `candidates`, passages there were to choose from; `rejected`, how many of them by reason.
    """
    manifests = list(Dataset(home, SHARDS).manifests().items())
    shards = sorted(
        (shard for key, one in manifests for shard in _shards(key, one)), key=lambda shard: str(shard["path"])
    )
    totals = {split: {kind: dict(_NOTHING) for kind in KINDS} for split in SPLITS}
    languages: dict[str, dict[str, dict[str, int]]] = {split: {} for split in SPLITS}
    for _, manifest in manifests:
        for split, counted in manifest.summary["splits"].items():
            for kind, figures in counted["kinds"].items():
                _add(totals[split][kind], figures)
            for language, figures in counted["languages"].items():
                _add(languages[split].setdefault(language, dict(_NOTHING)), figures)
    chosen = Dataset(home, "corpus_selection").manifest()
    text = totals["train"]["literature"]["tokens"]
    return {
        "schema": "materia.corpus.v2",
        "table": table_version(CORPUS_PASSAGES),
        "splits": splits.model_dump() if splits else None,
        "mixture": mixture.model_dump() if mixture else None,
        "graph_to_text": round(totals["train"]["verbalized"]["tokens"] / text, 6) if text else None,
        "totals": totals,
        "languages": languages,
        "candidates": chosen.summary["candidates"] if chosen else 0,
        "rejected": chosen.summary["rejected"] if chosen else {},
        "shards": shards,
    }


def _add(total: dict[str, int], figures: dict[str, int]) -> None:
    for name in total:
        total[name] += figures[name]


def write_index(index: dict[str, Any], path: UPath | Path) -> None:
    """Write an index as JSON with sorted keys: equal corpora give equal bytes."""
    path.write_text(json.dumps(index, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def _shards(key: str, manifest: Manifest) -> Iterator[dict[str, Any]]:
    for entry in manifest.files:
        split = entry.path.partition("/")[0].removeprefix("split=")
        yield {
            "path": f"{SHARDS}/{entry.path}",
            "split": split,
            "bucket": key,
            "rows": entry.rows or 0,
            "tokens": manifest.summary["splits"][split]["tokens"],
            "bytes": entry.bytes,
            "sha256": entry.sha256,
        }


def find_leaks(home: UPath | Path | str, splits: SplitConfig, limit: int = 20) -> list[dict[str, str]]:
    """Training rows of a home's corpus that give a held-out pair away, as JSON-like objects; none where all is well.

    Reads every row of every training shard, and the ids of held-out triples from the asset `triples`.
    """
    triples, shards = Dataset(home, "triples"), Dataset(home, SHARDS)
    held_out = (
        batch.column("triple_id").filter(pc.not_equal(batch.column("split"), "train"))
        for key in triples.manifests()
        for batch in triples.batches(key, columns=["triple_id", "split"], batch_size=_CHECKED_ROWS)
    )
    rows = (
        batch for key in shards.manifests() for batch in shards.batches(key, batch_size=4096, containing="split=train/")
    )
    return [asdict(leak) for leak in leaks_in(rows, splits, held_out_triples=held_out, limit=limit)]


def leaks_in(
    train: Iterable[pa.RecordBatch],
    splits: SplitConfig,
    *,
    held_out_triples: Iterable[pa.Array] = (),
    limit: int = 20,
) -> list[Leak]:
    """Rows of PASSAGES that do not belong into training; the first `limit` of them.

    A row leaks where one of its sentences names both ends of a held-out pair, where one of its relations joins such a
    pair (in either direction, across sentences too), where it tells a held-out triple, or where its split is not train.

    Args:
        train: batches of PASSAGES that are to be trained on.
        held_out_triples: ids of triples whose split is not train, in pieces.
    """
    import duckdb

    leaks: list[Leak] = []
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE held_out (triple_id VARCHAR)")
        for ids in held_out_triples:
            if len(ids):
                connection.register("ids", pa.table({"triple_id": ids}))
                connection.execute("INSERT INTO held_out SELECT triple_id FROM ids")
                connection.unregister("ids")
        for rows in _in_pieces(train):
            connection.register("passages", rows)
            found = connection.execute(_LEAKS_SQL.format(held=split_sql("a", "b", splits), limit=int(limit))).fetchall()
            connection.unregister("passages")
            leaks += [Leak(*row) for row in found]
            if len(leaks) >= limit:
                break
    return leaks[:limit]


# Each name is joined to the sentences it touches; names of one sentence are joined with each other.
_LEAKS_SQL = """
WITH
spans AS MATERIALIZED (
    SELECT row, unnest(spans) AS span, generate_subscripts(spans, 1) - 1 AS place FROM passages
),
sentences AS (
    SELECT row, unnest(sentences) AS sentence, generate_subscripts(sentences, 1) AS number FROM passages
),
named AS MATERIALIZED (
    SELECT DISTINCT row, number, span.curie AS curie
    FROM spans JOIN sentences USING (row)
    WHERE span.start < sentence."end" AND span."end" > sentence.start
),
stated AS (SELECT row, unnest(relations) AS relation FROM passages),
pairs AS (
    SELECT 'pair-in-sentence' AS reason, l.row, l.curie AS a, r.curie AS b
    FROM named l JOIN named r ON l.row = r.row AND l.number = r.number AND l.curie < r.curie
    UNION
    SELECT 'held-out-relation', row, least(s.span.curie, o.span.curie), greatest(s.span.curie, o.span.curie)
    FROM stated
    JOIN spans s USING (row)
    JOIN spans o USING (row)
    WHERE s.place = relation.subject AND o.place = relation.object AND s.span.curie <> o.span.curie
),
different AS MATERIALIZED (SELECT DISTINCT a, b FROM pairs),
held_pairs AS (SELECT a, b FROM different WHERE {held} <> 'train'),
told AS (SELECT row, unnest(triple_ids) AS triple_id FROM passages),
leaks AS (
    SELECT reason, row, a, b FROM pairs SEMI JOIN held_pairs USING (a, b)
    UNION ALL
    SELECT 'held-out-triple', row, triple_id, '' FROM told SEMI JOIN held_out USING (triple_id)
    UNION ALL
    SELECT 'not-train', row, '', '' FROM passages WHERE split <> 'train'
)
SELECT reason, passage_id, kind, a, b, text FROM leaks JOIN passages USING (row)
ORDER BY passage_id, reason, a, b LIMIT {limit}
"""


def _in_pieces(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Batches gathered into tables of a size that DuckDB works well on."""
    pending: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        pending.append(batch)
        rows += batch.num_rows
        if rows >= _CHECKED_ROWS:
            yield _numbered(pending)
            pending, rows = [], 0
    if rows:
        yield _numbered(pending)


def _numbered(batches: list[pa.RecordBatch]) -> pa.Table:
    table = pa.Table.from_batches(batches)
    return table.append_column("row", pa.array(range(table.num_rows), pa.int32()))
