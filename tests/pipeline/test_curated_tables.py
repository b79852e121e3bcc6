"""A table that people keep: what of it becomes names and edges, what is set aside, and what a mapping may say."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.biolink import CATEGORIES
from pipeline.biolink_predicates import PREDICATES, categories_of
from pipeline.curated.mapping import TableMapping, load_table_mapping, shipped_tables
from pipeline.curated.names import name_curie, name_key, problem_of
from pipeline.errors import MateriaError, SetAside
from pipeline.graphs.base import Edge
from pipeline.graphs.files import edges_of, open_graphs
from pipeline.graphs.mapping import GraphMapping
from pipeline.inventory import list_files
from pipeline.vocabularies import load_vocabulary

HEADER = "name,alias,part,age,department,checklist,symptom,complication,treatment,drug,period,,\n"
FEVER = "发热,发烧,全身,所有人群,内科  感染科,血常规 MRI [详细],头痛 乏力 [详细],暂无相关资料,药物治疗、物理降温 [详细],布洛芬片 布洛... [详细],1天,,\n"


def read(
    folder: Path, table: str | bytes, tables: list[TableMapping] | None = None
) -> tuple[list[Edge], list[SetAside]]:
    path = folder / "table.csv"
    path.write_bytes(table.encode("gb18030") if isinstance(table, str) else table)
    (graph,) = open_graphs(list_files([str(path)]), print, tables or [])
    items = list(edges_of(graph, GraphMapping()))
    return [i for i in items if isinstance(i, Edge)], [i for i in items if isinstance(i, SetAside)]


def names(folder: Path, table: str, tables: list[TableMapping] | None = None) -> dict[str, dict[str, object]]:
    path = folder / "table.csv"
    path.write_bytes(table.encode("gb18030"))
    return {row["name"]: row for row in load_vocabulary([str(path)], lambda _: None, tables=tables or []).to_pylist()}


def said(edge: Edge) -> tuple[str, str, str]:
    one, other = edge.sentence[slice(*edge.spans[:2])], edge.sentence[slice(*edge.spans[2:])]
    return one, edge.predicate.removeprefix("biolink:"), other


def test_a_row_says_what_its_columns_mean_and_each_edge_has_its_direction_and_place(tmp_path: Path) -> None:
    edges, aside = read(tmp_path, HEADER + FEVER)
    assert [said(edge) for edge in edges] == [
        ("发热", "has_phenotype", "头痛"),
        ("发热", "has_phenotype", "乏力"),
        ("布洛芬片", "treats", "发热"),
        ("药物治疗", "applied_to_treat", "发热"),
        ("物理降温", "applied_to_treat", "发热"),
        ("血常规", "diagnoses", "发热"),
        ("MRI", "diagnoses", "发热"),
        ("发热", "disease_has_location", "全身"),
        ("发热", "related_to", "内科"),
        ("发热", "related_to", "感染科"),
    ]
    assert {edge.place for edge in edges} == {"line 2"}
    assert [edge.trigger for edge in edges[:3]] == ["symptom", "symptom", "drug"]
    assert edges[0].subject == name_curie("发热", "biolink:Disease") == edges[2].object
    assert [(record.reason, record.record) for record in aside] == [("cut-name", "line 2")]


def test_every_claim_of_the_shipped_mapping_is_within_its_predicates_domain_and_range() -> None:
    (mapping,) = shipped_tables()
    for column in mapping.columns.values():
        ends = (mapping.subject.category, column.category)
        subject, object_ = reversed(ends) if column.reverse else ends
        assert subject in categories_of(PREDICATES[column.predicate].domain)
        assert object_ in categories_of(PREDICATES[column.predicate].range)


def test_the_names_are_chinese_and_never_english_ones(tmp_path: Path) -> None:
    rows = names(tmp_path, HEADER + FEVER + "头痛,,,,,,,,,,,,\n")
    assert rows["发热"]["category"] == "biolink:Disease"
    assert [one["name"] for one in rows["发热"]["translations"]] == ["发烧", "发热"]  # type: ignore[index, attr-defined]
    assert rows["头痛"]["category"] == "biolink:DiseaseOrPhenotypicFeature"  # it has a row, and is a symptom of another
    assert all(row["synonyms"] == [] for row in rows.values())
    assert {"布洛...", "暂无相关资料"}.isdisjoint(rows)


def test_the_same_name_is_one_concept_however_it_is_written_and_another_thing_is_another() -> None:
    assert name_curie("糖尿病腎病變", "biolink:Disease") == name_curie("糖尿病肾病变", "biolink:PhenotypicFeature")
    assert name_curie("Ｂ型肝炎", "biolink:Disease") == name_curie("b型肝炎", "biolink:Disease")
    assert name_curie("氧", "biolink:Drug") == name_curie("氧", "biolink:SmallMolecule")
    assert name_curie("氧", "biolink:Drug") != name_curie("氧", "biolink:Disease")
    # the hash is an identifier that homes keep: it must not change
    assert name_curie("发热", "biolink:Disease") == "materia.name:82fbb254231dfffc"


@given(st.text(), st.sampled_from(sorted(CATEGORIES)))
def test_the_key_of_a_key_is_itself_and_so_is_its_concept(name: str, category: str) -> None:
    assert name_key(name_key(name)) == name_key(name)
    assert name_curie(name_key(name), category) == name_curie(name, category)


@pytest.mark.parametrize(
    "text", ["", "90%以上", "应该如何用药？", "红色，稍高起的丘疹", "结核菌素试验（OT", "疖", "12.5", "病" * 31]
)
def test_what_is_no_name(text: str) -> None:
    assert problem_of(text)


@pytest.mark.parametrize("text", ["发热", "MRI", "法布里病(Fabry 病)", "1型糖尿病", "ovarian granulosa cell tumors"])
def test_what_may_be_a_name(text: str) -> None:
    assert problem_of(text) is None


def test_a_cut_name_names_nothing_not_even_where_one_name_begins_so(tmp_path: Path) -> None:
    edges, aside = read(tmp_path, HEADER + FEVER + "阿克森费尔德...,,,,,,疲乏,,,,,,\n")
    assert [(record.reason, record.record) for record in aside] == [("cut-name", "line 2"), ("cut-name", "line 3")]
    assert {edge.place for edge in edges} == {"line 2"}


def test_bytes_that_are_no_characters_cost_their_row_and_nothing_else(tmp_path: Path) -> None:
    bad = b"\xb7\xa2\xff\xff,,,,,,\xcd\xb7\xcd\xb4,,,,,,\n"
    edges, aside = read(tmp_path, HEADER.encode() + bad + FEVER.encode("gb18030"))
    assert {edge.place for edge in edges} == {"line 3"}
    assert (aside[0].record, aside[0].reason) == ("line 2", "not-gb18030")
    assert aside[0].detail == "The line is not GB18030, which the file begins in. Save the whole file in one encoding."


def test_two_encodings_in_one_file_give_no_wrong_characters(tmp_path: Path) -> None:
    """A line of UTF-8 is valid GB18030 too, and would be read as other characters without any error."""
    other = "咳嗽,,,,,,头痛头晕 咳嗽痰多,,,,,,\n"
    assert "头痛" not in other.encode().decode("gb18030")
    table = HEADER.encode() + FEVER.encode("gb18030") * 3 + other.encode()
    edges, aside = read(tmp_path, table)
    assert {edge.sentence.split()[0] for edge in edges} == {"发热"}
    assert [(one.record, one.reason) for one in aside if one.reason != "cut-name"] == [("line 5", "mixed-encodings")]
    edges, aside = read(tmp_path, HEADER.encode() + other.encode() * 9 + FEVER.encode("gb18030"))
    assert {edge.sentence.split()[0] for edge in edges} == {"咳嗽"}
    assert [(one.record, one.reason) for one in aside if one.reason != "cut-name"] == [("line 11", "not-utf-8")]


def test_a_short_line_that_is_utf_8_by_accident_decides_nothing(tmp_path: Path) -> None:
    assert "头痛".encode("gb18030").decode() == "\u0377\u0374"
    edges, _ = read(tmp_path, HEADER + "头痛,,,,,,恶心,,,,,,\n")
    assert [said(edge) for edge in edges] == [("头痛", "has_phenotype", "恶心")]


def test_a_row_with_its_cells_in_the_wrong_columns_is_set_aside_whole(tmp_path: Path) -> None:
    edges, aside = read(tmp_path, HEADER + "终身治疗,,,,无特殊人群,CT检查,根据不同医院，收费标准不一致,,,,,,\n")
    assert (edges, [record.reason for record in aside]) == ([], ["shifted-row"])


def test_columns_that_are_missing_are_named_and_the_others_are_read(tmp_path: Path) -> None:
    edges, aside = read(tmp_path, "name,symptom,drug,checklist,part,alias\n发热,头痛,,,,\n")
    assert [said(edge) for edge in edges] == [("发热", "has_phenotype", "头痛")]
    assert [one.reason for one in aside] == ["no-column"]
    assert "complication, treatment, department" in aside[0].detail


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (gzip.compress((HEADER + FEVER * 99).encode("gb18030"), mtime=0)[:-40], "cannot be read to its end"),
        (b"\xff\xfe" + (HEADER + FEVER).encode("utf-16-le"), "is UTF-16"),
        (HEADER.encode(), "holds no usable concept"),
        (b"name,age\nx,3\n", "is of no vocabulary format that is known"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(content: bytes, problem: str, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_bytes(content)
    with pytest.raises(MateriaError, match=rf"^table\.csv: {problem}[^\n]*\.$"):
        load_vocabulary([str(tmp_path / "table.csv")], lambda _: None)


MAPPING = """
delimiter: "\\t"
subject: {column: Condition, category: Disease}
aliases: {Also: {separators: [";"]}}
columns:
  Remedy: {predicate: biolink:treats, reverse: true, category: Drug, separators: [","], knowledge_level: observation}
"""


def mapping(folder: Path, text: str) -> TableMapping:
    (folder / "mapping.yaml").write_text(text, encoding="utf-8")
    return load_table_mapping(str(folder / "mapping.yaml"))


def test_a_mapping_of_ones_own_reads_a_table_in_english(tmp_path: Path) -> None:
    tables = [mapping(tmp_path, MAPPING)]
    table = "Condition\tAlso\tRemedy\tNotes\nGout\tPodagra; tophi\tallopurinol, naïve drug\t3\n"
    (edge, _), aside = read(tmp_path, table.encode(), tables)
    assert (said(edge), edge.probability, aside) == (("allopurinol", "treats", "Gout"), 0.8, [])
    rows = {
        row["name"]: row for row in load_vocabulary([str(tmp_path / "table.csv")], print, tables=tables).to_pylist()
    }
    assert [one["name"] for one in rows["Gout"]["synonyms"]] == ["Podagra", "tophi"]
    assert rows["Gout"]["translations"] == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (MAPPING + "extra: 1", "extra: Extra inputs are not permitted"),
        (MAPPING.replace("treats", "heals"), "columns.Remedy.predicate: 'biolink:heals' is no Biolink predicate"),
        (
            MAPPING.replace("category: Drug", "category: Potion"),
            "columns.Remedy.category: 'Potion' is no Biolink class",
        ),
        (
            MAPPING.replace("observation", "rumour"),
            "columns.Remedy.knowledge_level: 'rumour' is none of knowledge_assertion",
        ),
        (MAPPING.replace("Also:", "Remedy:"), "gives Remedy two meanings"),
        (MAPPING + "encoding: utf-16", "encoding: 'utf-16' is no encoding that includes ASCII"),
        (MAPPING + "encoding: klingon", "encoding: 'klingon' is no encoding"),
        (MAPPING + "shifted: '('", "shifted: '\\(' is no regular expression"),
        ("columns: {}", "subject: Field required"),
        ("- a", "holds no keys"),
        ("a: [", "is no YAML"),
    ],
)
def test_a_bad_mapping_is_one_sentence(text: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(
        MateriaError,
        match=rf"mapping\.yaml(, line 1)?: {problem}[^\n]*See docs/vocabularies\.md|gives Remedy two meanings",
    ):
        mapping(tmp_path, text)


@pytest.mark.realdata
def test_the_disease_table_gives_more_than_100_000_rows_of_evidence(materia_data: Path) -> None:
    path = materia_data / "chinese" / "disease_gb18030.csv.gz"
    (graph,) = open_graphs(list_files([str(path)]), print)
    items = list(edges_of(graph, GraphMapping()))
    edges = [item for item in items if isinstance(item, Edge)]
    predicates = Counter(edge.predicate.removeprefix("biolink:") for edge in edges)
    assert predicates == {
        "has_phenotype": 46_585,
        "diagnoses": 29_598,
        "related_to": 23_050,
        "treats": 22_204,
        "contributes_to": 21_807,
        "applied_to_treat": 21_375,
        "disease_has_location": 9_801,
    }
    # a disease that has two rows says a thing twice, which is one row of evidence
    assert len({(edge.subject, edge.predicate, edge.object, edge.sentence) for edge in edges}) > 159_000
    reasons = Counter(item.reason for item in items if isinstance(item, SetAside))
    assert reasons == {"cut-name": 7_415, "no-name": 169, "shifted-row": 8}
    words = {word for edge in edges for word in said(edge)}
    assert not any("..." in word or "详细" in word or "？" in word for word in words)
