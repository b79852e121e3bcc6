"""What the build checks of the graph it has just indexed: some of the changed claims, by SHACL, as the index holds them."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from assets.config import Config
from assets.graph import STAGES
from assets.home import SAMPLE, Home, open_home
from assets.stage import refresh
from kg.config import GraphConfig
from pipeline.errors import MateriaError

from ..cli.test_validate import fill
from ..kg.validation.conftest import DISEASE, DRUG, GENE, Tables

GRAPH, INDEX = (stage for stage in STAGES if stage.name in ("knowledge_graph", "graph_index"))


def make_home(folder: Path, **settings: int) -> Home:
    config = Config(buckets=1, graph=GraphConfig(**settings))
    return open_home(str(folder / "home")).configure([str(SAMPLE / "literature")], [], config)


def checks(stage: Any, home: Home) -> dict[str, Any]:
    manifest = home.dataset(stage.name).manifest(stage.keys(home)[0])
    assert manifest is not None
    return manifest.summary["checks"]


def build(home: Home, tables: Tables) -> tuple[dict[str, Any], int]:
    """The result of the check after the graph of these tables was written and indexed, and how many claims were looked at."""
    fill(home, tables)
    with suppress(MateriaError):  # where the queries find a violation, too; what was written is kept to be looked at
        list(refresh(GRAPH, home, home.buckets))
    told: list[str] = []
    list(refresh(INDEX, home, INDEX.keys(home), progress=told.append))
    looked_at = [int(text.split()[0]) for text in told if "SHACL" in text]
    return checks(INDEX, home)["changed_claims_conform"], sum(looked_at)


SOUND = {"passed": True, "findings": 0}


def some_claims(more: int = 0) -> Tables:
    tables = Tables()
    tables.claim(DRUG, "biolink:treats", DISEASE, documents=2)
    tables.claim(GENE, "biolink:gene_associated_with_condition", DISEASE)
    tables.claim(DRUG, "biolink:affects", GENE)
    for number in range(more):
        tables.claim(DRUG, "biolink:treats", f"MESH:D9{number:05}")
    return tables


def test_after_a_whole_load_some_claims_are_looked_at(tmp_path: Path) -> None:
    assert build(make_home(tmp_path), some_claims()) == (SOUND, 3)
    assert build(make_home(tmp_path / "two", shacl_claims=2), some_claims()) == (SOUND, 2)
    assert build(make_home(tmp_path / "none", shacl_claims=0), some_claims()) == (SOUND, 0)


def test_after_a_large_update_only_changed_claims_are(tmp_path: Path) -> None:
    home = make_home(tmp_path, shacl_from=3)
    build(home, some_claims(more=40))  # so many that a few more are a small part, and the index is not loaded whole
    assert build(home, some_claims(more=43)) == (SOUND, 3)


def test_after_a_small_update_none_is_and_nothing_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = make_home(tmp_path)
    build(home, some_claims(more=40))
    monkeypatch.setitem(sys.modules, "pyshacl", None)  # an import of it would raise ImportError
    assert build(home, some_claims(more=43)) == (SOUND, 0)
    tables = some_claims(more=43)
    tables.concepts[0]["definition"] = "An oral drug."
    assert build(home, tables) == (SOUND, 0)


def test_the_manifest_of_the_index_does_not_tell_how_the_graph_came_about(tmp_path: Path) -> None:
    one, other = (make_home(tmp_path / name, shacl_from=1) for name in ("one", "other"))
    build(one, some_claims(more=40))
    build(one, some_claims(more=41))
    build(other, some_claims(more=41))
    assert one.dataset("graph_index").manifest() == other.dataset("graph_index").manifest()


FAULTS = {
    "predicate_unknown": {"predicate": "biolink:heals"},
    "score_out_of_range": {"support": 1.25, "belief": 1.25},
    "belief_not_product": {"belief": 0.3},
    "contested_wrong": {"contested": True},
    "evidence_miscounted": {"supporting_evidence": 7},
    "publications_differ": {"doc_ids": ["PMID:1", "PMID:99"]},
}


@pytest.mark.parametrize("rule", FAULTS)
def test_shapes_find_in_the_index_what_queries_find_in_the_tables(rule: str, tmp_path: Path) -> None:
    """The check of the bucket asks the tables, that of the index the graph: both name the rule and the claim."""
    home, tables = make_home(tmp_path), some_claims()
    tables.triples[1] |= FAULTS[rule]
    found, _ = build(home, tables)
    told = checks(GRAPH, home)["claims_are_sound"]
    assert not found["passed"]
    assert not told["passed"]
    assert found["rules"] == told["rules"]
    assert rule in found["rules"]
    nodes = [{example["node"] for example in check["examples"] if example["rule"] == rule} for check in (found, told)]
    assert nodes[0] == nodes[1] == {f"materia:triple/{tables.triples[1]['triple_id']}"}
