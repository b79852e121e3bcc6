"""`materia validate` and the checks of the build, on graphs with the faults that users' files have."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from upath import UPath

from assets.config import Config
from assets.graph import STAGES as GRAPH
from assets.home import SAMPLE, Home, open_home
from assets.stage import checks_together, refresh
from assets.vocabulary import STAGES as VOCABULARIES
from cli.main import main
from kg.tables import TRIPLES
from pipeline.errors import MateriaError
from pipeline.tables import EVIDENCE, VOCABULARY

from ..kg.validation.conftest import DISEASE, DRUG, GENE, Tables


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home(str(tmp_path / "home")).configure([str(SAMPLE / "literature")], [], Config(buckets=1))


def fill(home: Home, tables: Tables) -> Home:
    """A home with these tables in its only bucket, as if they had been built."""
    contents = (
        ("vocabulary", "all", VOCABULARY, tables.concepts),
        ("triples", home.buckets[0], TRIPLES, tables.triples),
        ("evidence_by_bucket", home.buckets[0], EVIDENCE, tables.evidence),
    )
    for asset, key, schema, rows in contents:
        with home.dataset(asset).writer(key) as writer:
            writer.table(f"{asset}.parquet", schema).write(pa.Table.from_pylist(rows, schema))
            writer.commit(skip_key="test", code_version="test", inputs={})
    (shuffle,) = (stage for stage in GRAPH if stage.name == "concept_shuffle")
    list(refresh(shuffle, home, shuffle.keys(home)))
    return home


def validate(home: Home, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    status = main(["validate", "--home", str(home.url), *words])
    return status, capsys.readouterr().out


def test_a_sound_graph_passes(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    tables = Tables()
    tables.claim(DRUG, "biolink:treats", DISEASE, documents=2)
    assert validate(fill(home, tables), capsys) == (0, "the whole graph, by its tables: nothing is wrong\n")


def test_a_warning_leaves_the_exit_status_at_0(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    tables = Tables()
    tables.claim(DRUG, "biolink:treats", GENE)
    status, said = validate(fill(home, tables), capsys)
    assert status == 0
    assert f"{DRUG} biolink:treats {GENE} (biolink:Gene)" in said


def _predicate(tables: Tables) -> None:
    tables.claim(DRUG, "biolink:heals", DISEASE)


def _cycle(tables: Tables) -> None:
    tables.concepts[1]["parents"] = [DRUG]


def _mappings(tables: Tables) -> None:
    tables.concepts[0]["matches"] = [{"curie": "CHEBI:6801", "predicate": kind} for kind in ("broad", "exact")]


def _space(tables: Tables) -> None:
    tables.claim(DRUG, "biolink:treats", "MESH:D 003924")


def _quote(tables: Tables) -> None:
    tables.claim('MESH:"D008687"', "biolink:treats", DISEASE)


@pytest.mark.parametrize(
    ("fault", "rule", "node"),
    [
        pytest.param(_predicate, "predicate_unknown", "materia:triple/", id="a predicate outside the model"),
        pytest.param(_cycle, "is_a_cycle", "MESH:D001645", id="a cycle in is_a"),
        pytest.param(_mappings, "matches_contradict", DRUG, id="contradictory mappings"),
        pytest.param(_space, "identifier_malformed", "MESH:D 003924", id="an IRI with a space"),
        pytest.param(_quote, "identifier_malformed", 'MESH:"D008687"', id="an IRI with a quote"),
    ],
)
def test_bad_input_is_told_with_example_and_remedy(fault, rule, node, home, capsys) -> None:
    tables = Tables()
    fault(tables)
    status, said = validate(fill(home, tables), capsys, "--json")
    told = {row["rule"]: row for row in json.loads(said)["tables"]}
    assert status == 1
    assert told[rule]["severity"] == "violation"
    assert told[rule]["count"] >= 1
    assert told[rule]["examples"][0]["node"].startswith(node)
    assert told[rule]["remedy"]


def test_a_home_without_a_graph_is_told_so(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "--home", str(home.url)]) == 1
    assert "Run: materia build" in capsys.readouterr().err


def test_a_malformed_claim_stops_the_build_and_says_which(home: Home) -> None:
    tables = Tables()
    _predicate(tables)
    stage = next(stage for stage in GRAPH if stage.name == "knowledge_graph")
    with pytest.raises(
        MateriaError, match=r"claims_are_sound failed \(findings: 1, first: materia:triple/.*biolink:heals"
    ):
        list(refresh(stage, fill(home, tables), home.buckets))


def test_what_is_outside_a_domain_is_told_and_stops_nothing(home: Home) -> None:
    tables = Tables()
    tables.claim(DRUG, "biolink:treats", GENE)
    stage = next(stage for stage in GRAPH if stage.name == "knowledge_graph")
    list(refresh(stage, fill(home, tables), home.buckets))
    check = checks_together(home.dataset("knowledge_graph").manifests().values())["claims_are_plausible"]
    assert not check["passed"]
    assert check["rules"] == {"object_outside_range": 1}
    assert check["examples"][0]["detail"] == f"{DRUG} biolink:treats {GENE} (biolink:Gene)"


def test_a_cycle_in_a_vocabulary_is_a_check_with_an_example(tmp_path: Path) -> None:
    terms = "".join(f"\n[Term]\nid: DOID:{n}\nname: n{n}\nis_a: DOID:{3 - n}\n" for n in (1, 2))
    (tmp_path / "a.obo").write_text(f"format-version: 1.2\n{terms}")
    home = Home(UPath(tmp_path / "home"), vocabulary=(str(tmp_path / "a.obo"),))
    (stage,) = VOCABULARIES
    list(refresh(stage, home, stage.keys(home)))
    check = checks_together(home.dataset("vocabulary").manifests().values())["concepts_are_sound"]
    assert check["rules"] == {"is_a_cycle": 2}
    assert check["examples"][0]["node"] == "DOID:1"
    assert check["examples"][0]["detail"] == "DOID:1 DOID:2"
