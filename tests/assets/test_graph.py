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


def build(home: Home, tables: Tables) -> dict[str, Any]:
    """The result of the check after the graph of these tables was written and indexed."""
    fill(home, tables)
    with suppress(MateriaError):  # where the queries find a violation, too; what was written is kept to be looked at
        list(refresh(GRAPH, home, home.buckets))
    list(refresh(INDEX, home, INDEX.keys(home)))
    return checks(INDEX, home)["changed_claims_conform"]


def some_claims() -> Tables:
    tables = Tables()
    tables.claim(DRUG, "biolink:treats", DISEASE, documents=2)
    tables.claim(GENE, "biolink:gene_associated_with_condition", DISEASE)
    tables.claim(DRUG, "biolink:affects", GENE)
    return tables


def test_after_a_whole_load_some_claims_are_looked_at(tmp_path: Path) -> None:
    assert build(make_home(tmp_path), some_claims()) == {"passed": True, "claims": 3, "findings": 0}
    assert build(make_home(tmp_path / "two", shacl_claims=2), some_claims())["claims"] == 2
    assert build(make_home(tmp_path / "none", shacl_claims=0), some_claims())["claims"] == 0


def test_after_an_update_only_changed_claims_are(tmp_path: Path) -> None:
    home, tables = make_home(tmp_path), some_claims()
    for number in range(40):  # so many that one more is a small change
        tables.claim(DRUG, "biolink:treats", f"MESH:D9{number:05}")
    build(home, tables)
    tables.claim(DRUG, "biolink:treats", "MESH:D900040")
    assert build(home, tables) == {"passed": True, "claims": 1, "findings": 0}


def test_where_no_claim_changed_nothing_is_looked_at_or_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, tables = make_home(tmp_path), some_claims()
    build(home, tables)
    monkeypatch.setitem(sys.modules, "pyshacl", None)  # an import of it would raise ImportError
    tables.concepts[0]["definition"] = "An oral drug."
    assert build(home, tables) == {"passed": True, "claims": 0, "findings": 0}


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
    found = build(home, tables)
    told = checks(GRAPH, home)["claims_are_sound"]
    assert not found["passed"]
    assert not told["passed"]
    assert found["rules"] == told["rules"]
    assert rule in found["rules"]
    nodes = [{example["node"] for example in check["examples"] if example["rule"] == rule} for check in (found, told)]
    assert nodes[0] == nodes[1] == {f"materia:triple/{tables.triples[1]['triple_id']}"}
