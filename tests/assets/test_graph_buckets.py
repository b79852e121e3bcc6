"""A graph that is brought up to date bucket by bucket is, byte for byte, the graph that is made at once of the same tables.

A longer run: `MATERIA_EXAMPLES=200 python -m pytest tests/assets/test_graph_buckets.py`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.config import Config
from assets.graph import STAGES
from assets.home import SAMPLE, Home, open_home
from assets.stage import refresh
from kg.tables import TRIPLES
from pipeline.hashing import bucket_of
from pipeline.tables import EVIDENCE, VOCABULARY

from ..kg.conftest import evidence_row
from ..kg.validation.conftest import concept

EXAMPLES = int(os.environ.get("MATERIA_EXAMPLES", "4"))
BUCKETS = 3
CURIES = [f"MESH:D{number}" for number in range(6)]
BUILT = [stage for stage in STAGES if stage.name in ("triples", "concept_shuffle", "knowledge_graph")]

EVIDENCE_ROWS = st.lists(
    st.builds(
        lambda **columns: evidence_row(**columns),
        doc_id=st.sampled_from(["PMID:1", "PMID:2", "PMID:3"]),
        subject=st.sampled_from(CURIES),
        predicate=st.sampled_from(["biolink:treats", "biolink:contraindicated_in", "biolink:affects"]),
        object=st.sampled_from(CURIES),
        sentence=st.sampled_from(["It does.", 'It "does"\n.', "没有。"]),
        direction=st.sampled_from([None, "increased", "decreased"]),
        polarity=st.booleans(),
        extractor=st.sampled_from(["trigger.v1", "relations.v1"]),
        retracted=st.booleans(),
    ),
    max_size=10,
    unique_by=lambda row: row["evidence_id"],
)
CONCEPT_ROWS = st.lists(
    st.builds(
        lambda curie, name, category, parents: concept(curie, name, category, parents=parents),
        st.sampled_from(CURIES),
        st.sampled_from(["Gout", "Metformin"]),
        st.sampled_from(["biolink:Disease", "biolink:Drug", "biolink:Gene"]),
        st.lists(st.sampled_from(CURIES), max_size=1),
    ),
    max_size=5,
    unique_by=lambda row: row["curie"],
)


def make_home(folder: str, buckets: int = BUCKETS) -> Home:
    return open_home(folder).configure([str(SAMPLE / "literature")], [], Config(buckets=buckets))


def write(home: Home, asset: str, key: str, schema: pa.Schema, rows: list[dict[str, Any]]) -> None:
    with home.dataset(asset).writer(key) as writer:
        table = pa.Table.from_pylist(sorted(rows, key=lambda row: row[schema.names[0]]), schema)
        writer.table(f"{key}/{asset}.parquet", schema).write(table)
        writer.commit(skip_key="test", code_version="test", inputs={})


def build(home: Home, evidence: list[dict[str, Any]], concepts: list[dict[str, Any]]) -> dict[str, bytes]:
    """Every file of the graph that a build of these tables gives, manifests too."""
    write(home, "vocabulary", "all", VOCABULARY, concepts)
    for number, key in enumerate(home.buckets):
        own = [row for row in evidence if bucket_of(row["subject"], len(home.buckets)) == number]
        write(home, "evidence_by_bucket", key, EVIDENCE, own)
    for stage in BUILT:
        list(refresh(stage, home, stage.stale(home)))
    folders = [home.path / stage.name for stage in BUILT]
    return {str(p.relative_to(home.path)): p.read_bytes() for f in folders for p in f.rglob("*") if p.is_file()}


@settings(max_examples=EXAMPLES)
@given(st.lists(st.tuples(EVIDENCE_ROWS, CONCEPT_ROWS), min_size=2, max_size=3), st.booleans())
def test_after_any_changes_the_files_are_those_of_a_graph_made_at_once(
    states: list[tuple[list[dict[str, Any]], list[dict[str, Any]]]], only_evidence: bool
) -> None:
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        home = make_home(one)
        for evidence, concepts in states:
            last = (evidence, states[0][1] if only_evidence else concepts)
            found = build(home, *last)
        assert found == build(make_home(other), *last)


@settings(max_examples=EXAMPLES)
@given(EVIDENCE_ROWS, CONCEPT_ROWS)
def test_buckets_together_hold_what_one_bucket_holds(
    evidence: list[dict[str, Any]], concepts: list[dict[str, Any]]
) -> None:
    """Claims, lines and findings belong to one bucket each, whichever buckets share a query."""

    def held(buckets: int) -> tuple[pa.Table, list[bytes], dict[str, int]]:
        with TemporaryDirectory() as folder:
            home = make_home(folder, buckets)
            files = build(home, evidence, concepts)
            claims = pa.concat_tables([home.dataset("triples").read(key) for key in home.buckets])
            lines = sorted(line for name in files if name.endswith(".nq") for line in files[name].splitlines())
            summaries = [json.loads(files[name])["summary"] for name in files if "knowledge_graph/_manifests" in name]
            warned = [summary["checks"]["claims_are_plausible"].get("rules", {}) for summary in summaries]
            told = {
                rule: sum(rules.get(rule, 0) for rules in warned) for rule in {r for rules in warned for r in rules}
            }
            return claims.sort_by("triple_id").cast(TRIPLES), lines, told

    assert held(1) == held(BUCKETS)


def test_a_claim_more_leaves_the_file_of_concepts_unread(tmp_path: Path) -> None:
    home, row = make_home(str(tmp_path / "home"), 2), evidence_row(subject="MESH:D0", object="MESH:D1")
    concepts = [concept("MESH:D0", "Metformin", "biolink:Drug"), concept("MESH:D1", "Gout", "biolink:Disease")]
    build(home, [row], concepts)
    kept = sorted((home.path / "knowledge_graph").glob("*/concepts-*.nq"))
    times = [path.stat().st_ino for path in kept]
    build(home, [row, evidence_row(subject="MESH:D0", object="MESH:D2")], concepts)
    assert [path.stat().st_ino for path in kept] == times
    concepts[0]["name"] = "Metformin hydrochloride"
    build(home, [row], concepts)
    assert sorted((home.path / "knowledge_graph").glob("*/concepts-*.nq")) != kept
