"""Category rules: how marks compare, and which class each semantic type and supplementary record has."""

from __future__ import annotations

import csv
import gzip
import io
import re
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
import yaml

from pipeline.biolink import parse_category
from pipeline.vocabularies.categories import Rule, assign, load_rules


def categories(concepts: dict[str, tuple[tuple[str, ...], tuple[str, ...]]], rules: list[Rule]) -> dict[str, str]:
    """The category that the rules give each concept, of which parents and marks are known."""
    ids = {curie: place for place, curie in enumerate(concepts)}
    links = [
        {"id": ids[curie], "kind": kind, "target": target}
        for curie, (parents, marks) in concepts.items()
        for kind, targets in (("parent", parents), ("mark", marks))
        for target in targets
    ]
    with duckdb.connect() as connection:
        named = pa.table({"id": list(ids.values()), "curie": list(ids)})  # noqa: F841  (DuckDB sees it by its name)
        linked = pa.Table.from_pylist(  # noqa: F841
            links, pa.schema([("id", pa.int64()), ("kind", pa.string()), ("target", pa.string())])
        )
        connection.execute("CREATE TABLE concept AS FROM named")
        connection.execute("CREATE TABLE link AS FROM linked")
        assign(connection, rules)
        return dict(connection.sql("SELECT curie, category FROM assigned JOIN concept USING (id)").fetchall())


def category(marks: tuple[str, ...], rules: list[Rule] | None = None) -> str | None:
    return categories({"X:1": ((), marks)}, load_rules() if rules is None else rules).get("X:1")


@pytest.mark.parametrize(
    ("rule", "mark", "fits"),
    [
        ("mesh:C", "mesh:C04.588", True),
        ("mesh:C04", "mesh:C04.588", True),
        ("mesh:C04.588", "mesh:C04.588", True),
        ("mesh:C04.5", "mesh:C04.588", False),
        ("mesh:C0", "mesh:C04", False),
        ("mesh:", "mesh:Z01", True),
        ("sty:T047", "sty:T047", True),
        ("sty:T04", "sty:T047", False),
        ("sty:T", "sty:T047", True),
        ("namespace:biological", "namespace:biological_process", False),
    ],
)
def test_a_mark_begins_with_a_rule_at_a_joint_only(rule: str, mark: str, fits: bool) -> None:
    assert (category((mark,), [Rule("mark", rule, "biolink:Disease")]) is not None) == fits


def test_of_several_types_the_first_rule_counts() -> None:
    assert category(("sty:T121", "sty:T116", "sty:T126")) == "biolink:Protein"
    assert category(("sty:T121", "sty:T109")) == category(("sty:T109", "sty:T121")) == "biolink:SmallMolecule"
    assert category(("sty:T121",)) == "biolink:ChemicalEntity"
    assert category(("sty:T046", "sty:T047")) == "biolink:Disease"
    assert category(("mesh:C04.588", "sty:T121")) == "biolink:Disease"
    assert category(("sty:T071",)) == "biolink:NamedThing"


def test_supplementary_records_follow_their_heading_then_their_class() -> None:
    vocabulary = {
        "MESH:D010750": (("MESH:D011506",), ("mesh:D12.776.744",)),
        "MESH:C000001": (("MESH:D010750",), ("mesh_scr:1",)),
        "MESH:C000002": (("MESH:D001561",), ("mesh_scr:1",)),
        "MESH:C536914": ((), ("mesh_scr:3",)),
        "MESH:C046539": ((), ("mesh_scr:2",)),
    }
    assert categories(vocabulary, load_rules()) == {
        "MESH:D010750": "biolink:Protein",
        "MESH:C000001": "biolink:Protein",
        "MESH:C000002": "biolink:ChemicalEntity",
        "MESH:C536914": "biolink:Disease",
        "MESH:C046539": "biolink:Procedure",
    }


@pytest.mark.realdata
def test_every_semantic_type_of_a_real_release_has_a_rule(materia_data: Path) -> None:
    """BioPortal's RxNorm lists the whole Semantic Network beside the drugs."""
    text = gzip.decompress((materia_data / "vocabulary" / "RXNORM.csv.gz").read_bytes()).decode()
    types = set(re.findall(r"STY/(T[0-9]{3})\b", "\n".join(",".join(row) for row in csv.reader(io.StringIO(text)))))
    assert len(types) == 133  # the 127 of today, and six since retired
    assert types <= {rule.value.removeprefix("sty:") for rule in load_rules() if rule.value.startswith("sty:")}


@pytest.mark.realdata
def test_types_have_the_class_that_biolink_maps_but_where_the_table_says_so(materia_data: Path) -> None:
    model = yaml.safe_load(gzip.decompress((materia_data / "vocabulary" / "biolink-model.yaml.gz").read_bytes()))
    mapped = {
        (mapping.removeprefix("STY:"), parse_category(name))
        for name, definition in model["classes"].items()
        for kind, mappings in definition.items()
        if kind.endswith("_mappings")
        for mapping in mappings or ()
        if str(mapping).startswith("STY:")
    }
    table = (Path(__file__).parents[2] / "pipeline" / "vocabularies" / "categories.yaml").read_text("utf-8")
    rules = re.findall(r"sty:(T[0-9]{3})\", category: (\w+)}\s*# (.*)", table)
    assert len(rules) == 136
    retired = {"T003", "T006", "T009"}
    other = {tui for tui, name, note in rules if (tui, f"biolink:{name}") not in mapped}
    assert other - retired == {tui for tui, _, note in rules if note.endswith("*")}
