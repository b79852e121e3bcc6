"""A Chinese table and an English paper in one graph: one word gives names and edges, one triple has the evidence of both."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assets.build import build
from assets.config import load_config
from assets.home import Home, open_home
from cli.main import main
from kg.claims import triple_id
from pipeline.curated.names import name_curie
from pipeline.errors import MateriaError

HP = """format-version: 1.2
[Term]
id: HP:0000819
name: Diabetes mellitus
[Term]
id: HP:0001959
name: Polydipsia
"""
DOID = """format-version: 1.2
[Term]
id: DOID:9351
name: diabetes mellitus
"""
TRANSLATIONS = """source_language\ttranslation_language\tsubject_id\tpredicate_id\tsource_value\ttranslation_value
en\tzh\tHP:0000819\trdfs:label\tDiabetes mellitus\t糖尿病
en\tzh\tHP:0001959\trdfs:label\tPolydipsia\t烦渴
"""
TABLE = """name,alias,part,department,checklist,symptom,complication,treatment,drug
糖尿病,消渴,全身,内分泌科,血糖 [详细],煩渴 乏力 [详细],肾病,药物治疗,盐酸二甲双胍片 盐酸二甲... [详细]
"""
PAPER = json.dumps(
    {"id": "PMID:7", "title": "A study.", "abstract": "Diabetes mellitus is characterized by polydipsia."}
)
TABLE_CLAIM = ("DOID:9351", "biolink:has_phenotype", "HP:0001959")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    for name, text in {"hp.obo": HP, "doid.obo": DOID, "zh.tsv": TRANSLATIONS, "paper.jsonl": PAPER}.items():
        (tmp_path / name).write_text(text + "\n", encoding="utf-8")
    (tmp_path / "diseases.csv").write_bytes(TABLE.encode("gb18030"))
    vocabulary = [str(tmp_path / name) for name in ("hp.obo", "zh.tsv", "doid.obo")]
    return open_home(str(tmp_path / "home")).configure(
        [str(tmp_path / "paper.jsonl")], vocabulary, graphs=[str(tmp_path / "diseases.csv")]
    )


def rows(home: Home, asset: str) -> list[dict[str, object]]:
    dataset = home.dataset(asset)
    return [row for key in sorted(dataset.manifests()) for row in dataset.read(key).to_pylist()]


def test_an_english_paper_and_a_row_of_a_chinese_table_meet_in_one_triple(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    build(home, "triples")
    found = next(row for row in rows(home, "triples") if row["triple_id"] == triple_id(*TABLE_CLAIM))
    assert found["extractors"] == ["curated_table.v1", "trigger.v2"]
    assert len(found["doc_ids"]) == 2 and "PMID:7" in found["doc_ids"]  # type: ignore[arg-type, operator]

    manifest = home.dataset("graph_evidence").manifest()
    assert manifest is not None
    predicates = manifest.summary["graphs"]["diseases.csv"]["predicates"]
    assert predicates["biolink:has_phenotype"] == 2 and sum(predicates.values()) == manifest.rows == 8
    assert manifest.set_aside == {"cut-name": 1}

    capsys.readouterr()
    assert main(["explain", "--home", str(home.url), *TABLE_CLAIM]) == 0
    text = capsys.readouterr().out
    assert "diseases.csv" in text and "line 2" in text and "PMID:7" in text


def test_a_table_given_as_a_graph_alone_names_its_concepts(home: Home, tmp_path: Path) -> None:
    build(home, "vocabulary")
    alone = {row["curie"]: row for row in rows(home, "vocabulary")}
    assert alone[name_curie("乏力", "biolink:PhenotypicFeature")]["name"] == "乏力"
    both = home.configure(vocabulary=[*home.vocabulary, str(tmp_path / "diseases.csv")])
    build(both, "vocabulary")
    assert {row["curie"]: row for row in rows(both, "vocabulary")} == alone
    without = both.configure(vocabulary=list(home.vocabulary), graphs=())
    build(without, "vocabulary")
    assert sorted(row["curie"] for row in rows(without, "vocabulary")) == ["DOID:9351", "HP:0000819", "HP:0001959"]  # type: ignore[type-var]


MAPPING = """
subject: {column: Condition, category: Disease}
columns:
  Remedy: {predicate: treats, reverse: true, category: Drug, separators: [";"]}
"""


def test_a_mapping_of_ones_own_is_configuration_and_its_change_reads_the_table_again(
    tmp_path: Path, home: Home
) -> None:
    (tmp_path / "mine.csv").write_text("Condition,Remedy\nGout,allopurinol; colchicine\n")
    (tmp_path / "mine.yaml").write_text(MAPPING)
    (tmp_path / "config.yaml").write_text("vocabulary: {tables: [mine.yaml]}\nbuckets: 4\n")
    mine = home.configure(config=load_config(str(tmp_path / "config.yaml")), graphs=[str(tmp_path / "mine.csv")])
    build(mine, "graph_evidence")
    assert {row["predicate"] for row in rows(mine, "graph_evidence")} == {"biolink:treats"}
    assert build(mine, "graph_evidence") == {}
    (tmp_path / "mine.yaml").write_text(MAPPING.replace("treats", "ameliorates_condition"))
    build(mine, "graph_evidence")
    assert {row["predicate"] for row in rows(mine, "graph_evidence")} == {"biolink:ameliorates_condition"}
    (tmp_path / "mine.yaml").write_text(MAPPING + "unknown: 1\n")
    with pytest.raises(MateriaError, match=r"mine\.yaml: unknown: Extra inputs are not permitted\. "):
        build(mine, "graph_evidence")
