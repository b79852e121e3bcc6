"""One CURIE in both languages: what only its name identifies becomes the concept that has the name, and the log says why or why not."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from upath import UPath

from pipeline.curated.names import name_curie
from pipeline.storage import Dataset
from pipeline.vocabularies import list_vocabularies
from pipeline.vocabularies.categories import load_rules
from pipeline.vocabularies.join import joined
from pipeline.vocabularies.source_tables import read_sources

HP = """format-version: 1.2
[Term]
id: HP:0000001
name: All
[Term]
id: HP:0001945
name: Fever
[Term]
id: HP:0000819
name: Diabetes mellitus
[Term]
id: HP:0003073
name: Hypoalbuminemia
[Term]
id: HP:0003075
name: Hypoproteinemia
[Term]
id: HP:0000938
name: Osteopenia
"""
TRANSLATIONS = (
    "source_language\ttranslation_language\tsubject_id\tpredicate_id\tsource_value\ttranslation_value\n"
    + "".join(
        f"en\tzh\t{curie}\trdfs:label\tx\t{name}\n"
        for curie, name in {
            "HP:0001945": "發熱",  # traditional
            "HP:0000819": "糖尿病",
            "HP:0003073": "低蛋白血症",
            "HP:0003075": "低蛋白血症",
            "HP:0000938": "骨质减少",
        }.items()
    )
)
DOID = """format-version: 1.2
[Term]
id: DOID:9351
name: diabetes mellitus
[Term]
id: DOID:1
name: bone loss
synonym: "osteopenia" EXACT []
"""
DRUGS = "curie\tname\tsynonyms\tcategory\nMESH:D008687\tMetformin\tGlucophage\tSmallMolecule\nMESH:D1\tERCP\t\tProtein\nMESH:D2\tMRI\t\tDiagnosticAid\n"
TABLE = (
    "name,alias,part,department,checklist,symptom,complication,treatment,drug\n"
    "糖尿病,,,,ERCP MRI,发热 低蛋白血症,,,metformin\n"
    "骨质减少,,,,,乏力,,,\n"
)
NAMES = {"hp.obo": HP, "zh.tsv": TRANSLATIONS, "doid.obo": DOID, "drugs.tsv": DRUGS, "table.csv": TABLE}


def merged(paths: list[Path]) -> tuple[dict[str, dict[str, object]], list[dict[str, str]]]:
    with TemporaryDirectory() as folder:
        sources = read_sources(list_vocabularies([str(p) for p in paths]), Dataset(UPath(folder), "s"), lambda _: None)
        with joined(sources, lambda _: None, rules=load_rules(), threads=1) as vocabulary:
            rows = [row for batch in vocabulary.concepts for row in batch.to_pylist()]
            log = [row for batch in vocabulary.merges for row in batch.to_pylist()]
    return {row["curie"]: row for row in rows}, log


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    for name, text in NAMES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return [tmp_path / name for name in NAMES]


def outcome(log: list[dict[str, str]], name: str, category: str) -> list[tuple[str, str | None, str, str | None]]:
    curie = name_curie(name, f"biolink:{category}")
    return [(row["why"], row["merged_into"], row["other"], row["refused"]) for row in log if row["curie"] == curie]


def test_a_symptom_becomes_the_phenotype_whose_translation_it_is(files: list[Path]) -> None:
    rows, log = merged(files)
    assert outcome(log, "发热", "PhenotypicFeature") == [("same-name", "HP:0001945", "HP:0001945", None)]
    fever = rows["HP:0001945"]
    assert (fever["name"], fever["synonyms"]) == ("Fever", [])  # the Chinese name is no English one
    assert {one["name"] for one in fever["translations"]} == {"發熱", "发热"}  # type: ignore[attr-defined]
    assert name_curie("发热", "biolink:PhenotypicFeature") not in rows
    assert next(row["source"] for row in log if row["merged_into"] == "HP:0001945") == "zh.tsv"


def test_a_disease_never_becomes_a_phenotype_but_the_disease_of_that_english_name(files: list[Path]) -> None:
    rows, log = merged(files)
    assert outcome(log, "糖尿病", "Disease") == [("translated-name", "DOID:9351", "DOID:9351", None)]
    assert outcome(log, "骨质减少", "Disease") == [("translated-synonym", "DOID:1", "DOID:1", None)]
    assert (rows["DOID:9351"]["name"], rows["DOID:9351"]["category"]) == ("diabetes mellitus", "biolink:Disease")
    assert rows["HP:0000819"]["category"] == "biolink:PhenotypicFeature"


def test_a_name_of_two_concepts_and_one_of_another_kind_alone_are_refused(files: list[Path]) -> None:
    rows, log = merged(files)
    ambiguous = [("same-name", None, curie, "ambiguous") for curie in ("HP:0003073", "HP:0003075")]
    assert outcome(log, "低蛋白血症", "PhenotypicFeature") == ambiguous
    assert outcome(log, "ERCP", "DiagnosticAid") == [("same-name", None, "MESH:D1", "different-kind")]
    assert outcome(log, "MRI", "DiagnosticAid") == []  # initials
    without = [path for path in files if path.name != "doid.obo"]
    assert outcome(merged(without)[1], "糖尿病", "Disease") == [("same-name", None, "HP:0000819", "different-kind")]
    assert name_curie("乏力", "biolink:PhenotypicFeature") in rows  # no vocabulary has it


def test_a_drug_in_latin_letters_is_the_drug_of_that_name_in_any_case(files: list[Path]) -> None:
    rows, log = merged(files)
    # Biolink's drugs are mixtures and no small molecules
    assert outcome(log, "Metformin", "Drug") == [("same-name", None, "MESH:D008687", "different-kind")]
    with_drug = DRUGS.replace("SmallMolecule", "ChemicalEntity")
    files[3].write_text(with_drug, encoding="utf-8")
    rows, log = merged(files)
    assert outcome(log, "Metformin", "Drug") == [("same-name", "MESH:D008687", "MESH:D008687", None)]
    assert rows["MESH:D008687"]["name"] == "Metformin"


def test_two_names_of_one_concept_are_its_synonyms_in_their_languages(files: list[Path]) -> None:
    files[4].write_text(TABLE + "Diabetes mellitus,diabetes of adults,,,,烦渴,,,\n", encoding="utf-8")
    rows, log = merged(files)
    assert outcome(log, "Diabetes mellitus", "Disease") == [("same-name", "DOID:9351", "DOID:9351", None)]
    assert outcome(log, "糖尿病", "Disease") == [("translated-name", "DOID:9351", "DOID:9351", None)]
    one = rows["DOID:9351"]
    assert [name["name"] for name in one["synonyms"]] == ["Diabetes mellitus", "diabetes of adults"]  # type: ignore[attr-defined]
    assert [name["name"] for name in one["translations"]] == ["糖尿病"]  # type: ignore[attr-defined]


def test_the_order_of_the_files_changes_no_merge(files: list[Path]) -> None:
    def pairs(order: list[Path]) -> list[tuple[str, ...]]:
        return [
            (row["curie"], row["merged_into"], row["other"], row["why"], row["refused"]) for row in merged(order)[1]
        ]

    assert pairs(files) == pairs(files[::-1]) == pairs(files[2:] + files[:2])


@pytest.mark.realdata
def test_the_disease_table_against_hp_its_translations_and_doid(materia_data: Path) -> None:
    names = ["doid_2016-03-04.obo.gz", "hp_2013-11-30.obo.gz", "hp-zh.babelon.tsv.gz"]
    files = [materia_data / "vocabulary" / name for name in names]
    rows, log = merged([*files, materia_data / "chinese" / "disease_gb18030.csv.gz"])
    by_name = Counter((row["why"], row["refused"]) for row in log if row["curie"].startswith("materia.name:"))
    assert by_name["same-name", None] == 401
    assert by_name["translated-name", None] + by_name["translated-synonym", None] == 266
    assert by_name["same-name", "different-kind"] == 304
    diseases = [row for row in rows.values() if row["category"] == "biolink:Disease"]
    named = {one["name"]: row["curie"] for row in diseases for one in row["translations"]}  # type: ignore[attr-defined]
    assert (named["糖尿病"], named["哮喘"]) == ("DOID:9351", "DOID:2841")
    # 头痛 has a row of its own, but it is also a symptom of other diseases
    assert outcome(log, "头痛", "DiseaseOrPhenotypicFeature") == [("same-name", "HP:0002315", "HP:0002315", None)]
    # no merge joins kinds, and none makes an English name of a Chinese one
    assert not any("\u4e00" <= c <= "\u9fff" for row in rows.values() for one in row["synonyms"] for c in one["name"])  # type: ignore[attr-defined]
