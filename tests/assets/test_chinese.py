"""A home with an English and a Chinese paper: each sentence is read in its own language, and both speak of the same concepts."""

import json
from pathlib import Path

import pytest
from upath import UPath

from assets.config import Config
from assets.home import Home
from assets.stage import refresh
from assets.stages import until
from cli.main import main

OBO = """format-version: 1.2

[Term]
id: HP:0000118
name: Phenotypic abnormality

[Term]
id: HP:0002094
name: Dyspnea
is_a: HP:0000118 ! Phenotypic abnormality

[Term]
id: HP:0012735
name: Cough
is_a: HP:0000118 ! Phenotypic abnormality

[Term]
id: HP:0002099
name: Asthma
is_a: HP:0000118 ! Phenotypic abnormality
"""
BABELON = (
    "source_language\ttranslation_language\tsubject_id\tpredicate_id\tsource_value\ttranslation_value\ttranslation_status\n"
    + "".join(
        f"en\tzh\t{curie}\trdfs:label\t{name}\t{chinese}\tOFFICIAL\n"
        for curie, name, chinese in (
            ("HP:0002094", "Dyspnea", "呼吸困难"),
            ("HP:0012735", "Cough", "咳嗽"),
            ("HP:0002099", "Asthma", "哮喘"),
        )
    )
)
PAPERS = [
    {"id": "PMID:1", "title": "Asthma", "abstract": "Dyspnea is associated with asthma. There was no cough.", "language": "en"},
    {"id": "zh-1", "title": "支气管病例", "abstract": "呼吸困難與哮喘有關。患者无咳嗽；父亲患有哮喘。", "language": "zh"},
]  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Home:
    files = {"hp.obo": OBO, "hp-zh.babelon.tsv": BABELON}
    files["papers.jsonl"] = "".join(json.dumps(paper, ensure_ascii=False) + "\n" for paper in PAPERS)
    for name, content in files.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    home = Home(UPath(tmp_path / "home")).configure(
        [str(tmp_path / "papers.jsonl")],
        [str(tmp_path / "hp.obo"), str(tmp_path / "hp-zh.babelon.tsv")],
        Config(buckets=2, small_file_groups=1),
    )
    for stage in until("evidence"):
        list(refresh(stage, home, stage.keys(home)))
    return home


def rows(home: Home, asset: str) -> list[dict]:
    return [row for key in home.dataset(asset).manifests() for row in home.dataset(asset).read(key).to_pylist()]


def test_a_concept_is_found_in_both_languages_with_what_is_said_of_it(home: Home) -> None:
    found = {(row["text"], row["curie"], row["negated"], row["experiencer"]) for row in rows(home, "mentions")}
    assert found == {
        ("Asthma", "HP:0002099", False, "patient"),
        ("Dyspnea", "HP:0002094", False, "patient"),
        ("asthma", "HP:0002099", False, "patient"),
        ("cough", "HP:0012735", True, "patient"),
        ("呼吸困難", "HP:0002094", False, "patient"),
        ("哮喘", "HP:0002099", False, "patient"),
        ("咳嗽", "HP:0012735", True, "patient"),
        ("哮喘", "HP:0002099", False, "other"),
    }


def test_papers_of_both_languages_are_evidence_for_one_claim(home: Home) -> None:
    found = {(row["extractor"], row["subject"], row["predicate"], row["object"]) for row in rows(home, "evidence")}
    claim = ("HP:0002094", "biolink:associated_with", "HP:0002099")
    assert found == {("trigger.v2", *claim), ("trigger.zh.v1", *claim)}


def test_read_tells_what_a_chinese_sentence_says(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["read", "患者哮喘，无咳嗽", "--home", str(home.url), "--json"]) == 0
    (document,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(m["text"], m["name"], m["negated"]) for m in document["mentions"]] == [
        ("哮喘", "Asthma", False),
        ("咳嗽", "Cough", True),
    ]
