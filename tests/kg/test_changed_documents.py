"""A shuffle that is brought up to date writes what a whole one writes."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.changed_documents import DIGESTS, Since, keys_by_bucket, merge_buckets
from kg.shuffle import Shuffle, shuffle_evidence, shuffle_literature
from pipeline.tables import DOCUMENTS, EVIDENCE, LITERATURE_BY_BUCKET, LIVE_DOCUMENTS, MENTIONS
from tests.kg.conftest import evidence_row
from tests.kg.test_shuffle import document

BUCKETS = 4
Rows = list[dict[str, Any]]
#: What a batch says of a document: version of its text, its sections' label, and which concepts and claims are found in it.
Said = tuple[int, str, list[int], list[int]]
#: Batches, each with what it says of its documents; the batch that counts and the status, by document; edges of a graph.
World = tuple[dict[str, dict[int, Said]], dict[int, tuple[str, str]], list[int]]

_SAID = st.tuples(
    st.integers(1, 2),
    st.sampled_from(["ABSTRACT", "RESULTS"]),
    st.lists(st.integers(0, 3), max_size=3),
    st.lists(st.integers(0, 3), max_size=3),
)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    documents = st.dictionaries(st.integers(1, 9), _SAID, max_size=8)
    batches = draw(st.dictionaries(st.sampled_from("abc"), documents, max_size=3))
    live = {}
    for number in sorted({number for said in batches.values() for number in said}):
        batch = draw(st.sampled_from(sorted(batch for batch, said in batches.items() if number in said)))
        live[number] = batch, draw(st.sampled_from(["active", "active", "retracted", "deleted"]))
    return batches, live, draw(st.lists(st.integers(1, 12), max_size=4))


class Built:
    """The tables of a world as files, and the buckets as they were written."""

    def __init__(self, folder: Path, world: World) -> None:
        self.folder, (self.batches, live, graph) = folder, world
        folder.mkdir()
        self.live = self._write("live", [self._row(n, b, status=s) for n, (b, s) in live.items()], LIVE_DOCUMENTS)
        self.graph = self._write(
            "graph", [evidence_row(doc_id=f"PMID:{n}", extractor="edges.v1") for n in graph], EVIDENCE
        )
        self.documents, self.mentions, self.evidence = (
            {b: self._write(f"{name}-{b}", [r for n in said for r in rows(n, b)], schema) for b, said in self.batches.items()}
            for name, rows, schema in (
                ("documents", lambda n, b: [self._row(n, b)], DOCUMENTS),
                ("mentions", self._mentions, MENTIONS),
                ("evidence", self._evidence, EVIDENCE),
            )
        )  # fmt: skip

    def _row(self, number: int, batch: str, **columns: Any) -> dict[str, Any]:
        version, label, *_ = self.batches[batch][number]
        sections = [{"label": label, "start": 0, "end": 4}]
        more = {"batch": batch, "file": batch, "reason": "only", "superseded": 0, "text": f"text {version}"}
        return document(f"PMID:{number}", version=version, text_hash=f"{version}", sections=sections, **more, **columns)

    def _mentions(self, number: int, batch: str) -> Rows:
        version, _, mentions, _ = self.batches[batch][number]
        fixed = {
            "doc_id": f"PMID:{number}",
            "version": version,
            "text_hash": f"{version}",
            "category": "biolink:Disease",
        }
        return [{**fixed, "start": 2 * m, "end": 2 * m + 1, "curie": f"MESH:{m}" if m else None} for m in mentions]

    def _evidence(self, number: int, batch: str) -> Rows:
        version, label, _, claims = self.batches[batch][number]
        fixed = {"doc_id": f"PMID:{number}", "version": version, "text_hash": f"{version}", "section": label}
        return [evidence_row(**fixed, subject=f"MESH:{c}", evidence_id=f"{number}-{version}-{c}") for c in claims]

    def _write(self, name: str, rows: Rows, schema: pa.Schema) -> list[str]:
        known = [{key: value for key, value in row.items() if key in schema.names} for row in rows]
        path = self.folder / f"{name}.parquet"
        pq.write_table(pa.Table.from_pylist(known, schema), path)
        return [str(path)]

    def shuffle(self, kind: str, since: Since | None = None) -> Any:
        if kind == "evidence":
            return shuffle_evidence(self.evidence, self.live, BUCKETS, graphs=self.graph, since=since)
        return shuffle_literature(self.documents, self.mentions, self.evidence, self.live, BUCKETS, since=since)

    def keep(self, kind: str, shuffle: Shuffle, buckets: Iterator[tuple[int, Any]]) -> None:
        """Write the digests and these buckets, as the stage does."""
        digests = pa.Table.from_batches(shuffle.digests, DIGESTS)
        pq.write_table(digests, self.folder / f"{kind}-digests.parquet")
        self.written: dict[int, pa.Table] = {}
        for bucket, rows in buckets:
            table = pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows
            self.written[bucket] = pa.concat_tables(
                [*([self.written[bucket]] if bucket in self.written else []), table]
            )
        for bucket, table in self.written.items():
            pq.write_table(table, self.bucket(kind, bucket))

    def bucket(self, kind: str, bucket: int) -> Path:
        return self.folder / f"{kind}-{bucket}.parquet"

    def rows(self, kind: str) -> list[Rows]:
        paths = [self.bucket(kind, bucket) for bucket in range(BUCKETS)]
        return [pq.read_table(path).to_pylist() if path.exists() else [] for path in paths]


KINDS = {"evidence": (EVIDENCE, "evidence_id"), "literature": (LITERATURE_BY_BUCKET, "doc_id")}


def changed_batches(before: Built, after: Built) -> set[str]:
    """Batches whose content differs, as the manifests of a home would say."""
    return {b for b in before.batches.keys() | after.batches.keys() if before.batches.get(b) != after.batches.get(b)}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=10)
@given(first=worlds(), second=worlds())
def test_bringing_buckets_up_to_date_equals_writing_them_anew(kind: str, first: World, second: World) -> None:
    second = (*second[:2], first[2])  # where the graph changed the stage shuffles the whole
    schema, order = KINDS[kind]
    with TemporaryDirectory() as scratch:
        before, whole, after = (
            Built(Path(scratch) / name, world) for name, world in (("a", first), ("b", second), ("c", second))
        )
        for built in (before, whole):
            with built.shuffle(kind) as shuffle:
                built.keep(kind, shuffle, shuffle.rows)
        since = Since(before.live, [str(before.folder / f"{kind}-digests.parquet")], changed_batches(before, whole))
        with after.shuffle(kind, since) as shuffle:
            changed = keys_by_bucket(shuffle.changed, "doc_id")

            def kept(bucket: int) -> pa.Table:
                path = before.bucket(kind, bucket)
                rows = pq.read_table(path) if path.exists() else schema.empty_table()
                return rows.filter(pc.invert(pc.is_in(rows["doc_id"], pa.array(changed[bucket], pa.string()))))

            merged = merge_buckets(shuffle.rows, changed, kept, lambda rows: pc.sort_indices(rows[order]))
            after.keep(kind, shuffle, merged)
        old, new = before.rows(kind), after.rows(kind)
        assert [new[b] if b in changed else old[b] for b in range(BUCKETS)] == whole.rows(kind)
        assert {b for b in range(BUCKETS) if old[b] != whole.rows(kind)[b]} <= set(changed)
        digests = (pq.read_table(built.folder / f"{kind}-digests.parquet") for built in (after, whole))
        assert next(digests) == next(digests)


def test_one_claim_more_in_a_batch_touches_one_bucket(tmp_path: Path) -> None:
    said: dict[int, Said] = {number: (1, "ABSTRACT", [1], [1, 2]) for number in range(1, 30)}
    live = dict.fromkeys(said, ("a", "active"))
    before = Built(tmp_path / "a", ({"a": said}, live, []))
    after = Built(tmp_path / "b", ({"a": said | {7: (1, "ABSTRACT", [1], [1, 2, 3])}}, live, []))
    with before.shuffle("evidence") as shuffle:
        before.keep("evidence", shuffle, shuffle.rows)
    with after.shuffle(
        "evidence", Since(before.live, [str(before.folder / "evidence-digests.parquet")], {"a"})
    ) as shuffle:
        assert shuffle.changed.num_rows == 1
        rows = [row for _, batch in shuffle.rows for row in batch.to_pylist()]
    assert [(row["doc_id"], row["subject"]) for row in rows] == [("PMID:7", "MESH:3")]
