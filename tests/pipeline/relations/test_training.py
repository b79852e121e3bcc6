"""A classifier from gold documents to its folder, and from its folder to evidence."""

import pyarrow as pa
import pytest

from pipeline.claims import evidence_workers, extract_evidence
from pipeline.errors import MateriaError
from pipeline.gold_corpus import read_gold_corpus
from pipeline.relations.evaluation import evaluate_relations
from pipeline.relations.gold_mentions import gold_mentions
from pipeline.relations.model import load_classifier
from pipeline.relations.predicted_entities import annotated_vocabulary
from pipeline.relations.training import fold_of, train_relations
from pipeline.tables import EVIDENCE

CHEMICALS = ["Aspirin", "Cisplatin", "Lithium", "Haloperidol", "Captopril", "Warfarin", "Amiodarone", "Metformin"]
DISEASES = ["bleeding", "renal failure", "tremor", "catalepsy", "cough", "hemorrhage", "bradycardia", "lactic acidosis"]


def corpus(path, documents, first=1):
    """PubTator documents in which a chemical induces one disease and treats another."""
    lines = []
    for number in range(first, first + documents):
        chemical, disease = CHEMICALS[number % 8], DISEASES[(number * 3) % 8]
        other = DISEASES[(number * 3 + 1) % 8]
        title = f"{chemical} induced {disease} in a patient."
        abstract = f"{chemical} was given for {other}."
        lines += [f"{number}|t|{title}", f"{number}|a|{abstract}"]
        base = len(title) + 1
        for start, name, kind, key in (
            (0, chemical, "Chemical", f"D1{number % 8:05}"),
            (title.index(disease), disease, "Disease", f"D2{(number * 3) % 8:05}"),
            (base, chemical, "Chemical", f"D1{number % 8:05}"),
            (base + abstract.index(other), other, "Disease", f"D2{(number * 3 + 1) % 8:05}"),
        ):
            lines.append(f"{number}\t{start}\t{start + len(name)}\t{name}\t{kind}\t{key}")
        lines += [f"{number}\tCID\tD1{number % 8:05}\tD2{(number * 3) % 8:05}", ""]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("relations")
    train = corpus(folder / "train.pubtator", 60)
    report = train_relations([train], str(folder / "model"))
    return folder, train, report


def test_the_same_seed_gives_the_same_bytes(trained):
    folder, train, report = trained
    assert report["documents"] == 60 and report["relations"] == 60
    train_relations([train], str(folder / "again"))
    names = sorted(path.name for path in (folder / "model").iterdir())
    assert names == ["model.safetensors", "relations.json"]
    for name in names:
        assert (folder / "model" / name).read_bytes() == (folder / "again" / name).read_bytes()


def test_what_was_learned_is_found_in_other_documents_and_told_as_evidence(trained):
    folder, _, _ = trained
    unseen = read_gold_corpus([corpus(folder / "unseen.pubtator", 8, first=501)])
    with evidence_workers(1, str(folder / "model")) as workers:
        batches = list(extract_evidence(unseen.documents, gold_mentions(unseen.documents), workers))
    rows = [row for row in pa.Table.from_batches(batches, EVIDENCE).to_pylist() if row["trigger"] == "CID"]
    assert len({row["doc_id"] for row in rows}) >= 7
    assert {row["extractor"] for row in rows} == {load_classifier(folder / "model").name}
    texts = {
        d: t for b in unseen.documents for d, t in zip(b["doc_id"].to_pylist(), b["text"].to_pylist(), strict=True)
    }
    for row in rows:
        assert row["predicate"] == "biolink:causes" and 0 < row["probability"] < 1
        assert row["subject"].startswith("MESH:D1") and row["object"].startswith("MESH:D2")
        assert texts[row["doc_id"]][row["sentence_start"] : row["sentence_end"]] == row["sentence"]
        assert row["sentence_start"] <= row["subject_start"] < row["sentence_end"]
        assert row["sentence_start"] <= row["object_start"] < row["sentence_end"]
        assert " induced " in row["sentence"]


def test_patterns_alone_import_no_torch(trained):
    import subprocess
    import sys

    code = "import sys, pipeline.claims as c; c._load(None); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_a_paper_that_is_judged_on_is_not_learned_from(trained):
    folder, train, _ = trained
    gold = corpus(folder / "gold.pubtator", 20, first=41)
    figures = evaluate_relations([train], [gold])
    assert figures["documents"] == 40
    assert figures["gold"] == 20 and figures["f1"] > 0.9


def test_entities_may_be_found_by_extraction(trained):
    folder, train, _ = trained
    gold = corpus(folder / "judged.pubtator", 20, first=101)
    figures = evaluate_relations([train], [gold], entities="predicted")
    assert figures["entities"] == "predicted" and figures["vocabulary"] == "names of the training annotations"
    assert figures["gold"] == 20 and figures["f1"] > 0.8


def test_the_names_of_annotations_are_a_vocabulary(trained):
    _, train, _ = trained
    table = annotated_vocabulary(read_gold_corpus([train]))
    names = dict(zip(table["curie"].to_pylist(), table["name"].to_pylist(), strict=True))
    assert names["MESH:D100001"] == "Cisplatin" and len(names) == 16
    assert set(table["category"].to_pylist()) == {"biolink:ChemicalEntity", "biolink:Disease"}


def test_folds_are_disjoint_and_depend_on_the_document_alone():
    folds = [fold_of(f"PMID:{number}", 5) for number in range(1000)]
    assert set(folds) == set(range(5)) and folds == [fold_of(f"PMID:{number}", 5) for number in range(1000)]
    assert min(folds.count(fold) for fold in range(5)) > 150


def test_too_few_documents_are_one_clear_error(tmp_path):
    with pytest.raises(MateriaError, match="too few"):
        train_relations([corpus(tmp_path / "one.pubtator", 1)], str(tmp_path / "model"))


@pytest.mark.parametrize("content", ["", "{}", '{"format": "materia_relations.v0"}', "[1]"])
def test_a_folder_that_holds_no_classifier_is_one_clear_error(tmp_path, content):
    (tmp_path / "relations.json").write_text(content)
    with pytest.raises(MateriaError, match="holds"):
        load_classifier(tmp_path)
