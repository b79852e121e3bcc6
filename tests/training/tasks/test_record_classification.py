"""Records in every form, labels of every kind, the archive of Hallmarks of Cancer, and figures as scikit-learn counts them."""

import csv
import gzip
import io
import json
import tarfile
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from pipeline.errors import MateriaError, SetAside
from training.finetuning.config import FinetuningConfig
from training.finetuning.finetune import finetune
from training.finetuning.folder import load_finetuned
from training.tasks.base import Example
from training.tasks.config import TaskDataConfig
from training.tasks.record_classification import RecordClassification

ROWS = [{"text": "Pain was seen.", "label": "1"}, {"text": "It was\ninduced, by X.", "label": "2"}]


def read(*files, **settings):
    return list(RecordClassification.read([str(file) for file in files], TaskDataConfig(**settings)))


def written(folder, form, rows):
    path = folder / f"rows.{form}"
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif form in ("csv", "tsv", "csv.gz"):
        text = io.StringIO()
        table = csv.DictWriter(text, rows[0], delimiter="\t" if form == "tsv" else ",")
        table.writeheader()
        table.writerows(rows)
        path.write_bytes(gzip.compress(text.getvalue().encode()) if form == "csv.gz" else text.getvalue().encode())
    elif form == "json":
        path.write_text(json.dumps(rows))
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("form", ["csv", "tsv", "csv.gz", "json", "jsonl", "parquet"])
def test_a_record_is_the_same_in_every_form(form, tmp_path):
    found = read(written(tmp_path, form, ROWS))
    assert [(e.texts, e.target) for e in found] == [((r["text"],), frozenset({r["label"]})) for r in ROWS]
    assert len({e.document for e in found}) == 2
    assert all(e.id.startswith(f"rows.{form}, ") for e in found)


@pytest.mark.parametrize(
    ("row", "columns", "labels"),
    [
        ({"medical_abstract": "T", "condition_label": "3"}, {}, {"3"}),
        ({"transcription": "T", "medical_specialty": " Surgery "}, {}, {"Surgery"}),
        ({"note": "T", "class": 2}, {}, {"2"}),
        ({"note": "T", "class": 2.0}, {}, {"2"}),
        ({"text": "T", "labels": ["b", "a"]}, {}, {"a", "b"}),
        ({"text": "T", "labels": []}, {}, set()),
        ({"text": "T", "label": "a | b"}, {"separator": "|"}, {"a", "b"}),
        ({"text": "T", "label": ""}, {"separator": "|"}, set()),
        ({"text": "T", "label": "a | b"}, {}, {"a | b"}),
        ({"text": "no", "Note Body": "T", "label": "no", "Diagnosis!": "x"}, {"text": "note body", "label": "diagnosis"}, {"x"}),
    ],
)  # fmt: skip
def test_columns_are_found_and_cells_read(row, columns, labels, tmp_path):
    (found,) = read(written(tmp_path, "json", [row]), **columns)
    assert (found.texts, found.target) == (("T",), frozenset(labels))


def test_documents_have_the_names_that_files_give_them(tmp_path):
    rows = [
        {"text": "A", "label": "1", "pmid": 123},
        {"text": "B", "label": "1", "doc_id": "n7"},
        {"text": "C", "label": "1"},
    ]
    names = [e.document for e in read(written(tmp_path, "json", rows))]
    assert names[:2] == ["PMID:123", "n7"]
    assert names[2].startswith("text:")
    assert read(written(tmp_path, "json", [rows[0] | {"visit": "v1"}]), id="visit")[0].document == "v1"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"text": "", "label": "1"}, "no-text"),
        ({"text": 7, "label": "1"}, "no-text"),
        ({"text": "T", "label": None}, "no-label"),
        ({"text": "T", "label": "  "}, "no-label"),
        ({"text": "T", "label": float("nan")}, "no-label"),
    ],
)
def test_records_without_text_or_label_are_set_aside(row, reason, tmp_path):
    found = read(written(tmp_path, "json", [row, ROWS[0]]))
    assert isinstance(found[0], SetAside) and found[0].reason == reason
    assert isinstance(found[1], Example)


def test_an_empty_cell_is_not_filled_from_another_column(tmp_path):
    """A row without a label has not its category for one, nor a row without text the name of its document."""
    file = tmp_path / "notes.csv"
    file.write_text("text,label,document,category\nA note.,,n1,x\n,y,n2,x\n")
    assert [(one.record, one.reason) for one in read(file)] == [("line 2", "no-label"), ("line 3", "no-text")]


def test_a_line_that_is_broken_is_set_aside_and_the_rest_read(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(f"{json.dumps(ROWS[0])}\n{{broken\n{json.dumps(ROWS[1])}\n")
    found = read(path)
    assert [isinstance(one, SetAside) for one in found] == [False, True, False]
    assert (found[1].record, found[1].reason) == ("line 2", "invalid-json")


def test_a_file_without_the_columns_says_which_it_has(tmp_path):
    with pytest.raises(MateriaError, match=r"none of the columns label.*but finding, text.*data.label=COLUMN"):
        read(written(tmp_path, "json", [{"text": "T", "finding": "x"}]))
    with pytest.raises(MateriaError, match="cannot be read"):
        read(tmp_path / "missing.csv")


def archive(path, texts, labels):
    with tarfile.open(path, "w:gz") as tar:
        for kind, files in (("labels", labels), ("text", texts)):
            for name, content in files.items():
                info = tarfile.TarInfo(f"hoc/{kind}/{name}.txt")
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content.encode()))
    return path


def test_hallmarks_are_those_of_any_sentence_of_an_abstract(tmp_path):
    path = archive(
        tmp_path / "hoc.tgz",
        {"11": "Cells grew .\nThey died .\n", "12": "Nothing .\n", "13": "Lost .\n", "14": "\n"},
        {"11": "<Sustaining--Receptors AND Resisting death--Apoptosis<Resisting death", "12": "< NULL <", "14": "<A"},
    )
    first, second, *aside = read(path)
    assert (first.document, first.texts) == ("PMID:11", ("Cells grew . They died .",))
    assert first.target == {"Sustaining", "Resisting death"}
    assert second.target == frozenset()
    assert [(one.record, one.reason) for one in aside] == [("13", "no-label"), ("14", "no-text")]


def test_another_archive_is_refused(tmp_path):
    with pytest.raises(MateriaError, match="not that of Hallmarks of Cancer"):
        read(archive(tmp_path / "x.tgz", {"a": "b"}, {}))


LABELS = ("a", "b", "c")


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=20))
def test_figures_of_single_labels_are_those_of_scikit_learn(pairs):
    gold, said = zip(*pairs, strict=True)
    examples = [Example(str(n), f"d{n % 3}", ("t",), frozenset({g})) for n, g in enumerate(gold)]
    task = RecordClassification(LABELS)
    found = task.figures(examples, [frozenset({s}) for s in said])
    assert found["accuracy"] == pytest.approx(accuracy_score(gold, said))
    assert found["macro_f1"] == pytest.approx(f1_score(gold, said, average="macro", zero_division=0))
    assert found["macro_f1"] == pytest.approx(task.outcomes(examples, [frozenset({s}) for s in said]).value())
    one = f1_score(gold, said, labels=["b"], average="macro", zero_division=0)
    assert found["f1 b"] == pytest.approx(one)


SETS = st.frozensets(st.sampled_from(LABELS))


@settings(max_examples=30)
@given(st.lists(st.tuples(SETS, SETS), min_size=1, max_size=20))
def test_figures_of_several_labels_are_those_of_scikit_learn(pairs):
    rows = [np.array([[label in labels for label in LABELS] for labels in side]) for side in zip(*pairs, strict=True)]
    examples = [Example(str(n), str(n), ("t",), gold) for n, (gold, _) in enumerate(pairs)]
    task = RecordClassification(LABELS, several=True)
    found = task.figures(examples, [said for _, said in pairs])
    assert task.metric == "micro_f1"
    assert found["micro_f1"] == pytest.approx(f1_score(*rows, average="micro", zero_division=0))
    assert found["accuracy"] == pytest.approx(accuracy_score(*rows))


def test_scores_become_the_highest_label_or_all_likely_ones():
    scores = [np.array([-1.0, 2.0, 1.0], np.float32), np.array([-3.0, -2.0, -1.0], np.float32)]
    assert RecordClassification(LABELS).predict([], [], scores) == [{"b"}, {"c"}]
    assert RecordClassification(LABELS, several=True).predict([], [], scores) == [{"b", "c"}, frozenset()]


def examples(*targets):
    return [Example(f"f.csv, line {n}", f"d{n}", ("t",), frozenset(target)) for n, target in enumerate(targets)]


def test_how_many_labels_a_record_has_is_learned_and_checked():
    assert not RecordClassification.learn(examples("a", "b")).several
    assert RecordClassification.learn(examples("a", "")).several
    with pytest.raises(MateriaError, match="all have the label a"):
        RecordClassification.learn(examples("a", "a"))
    with pytest.raises(MateriaError, match="none has a label"):
        RecordClassification.learn(examples("", ""))
    with pytest.raises(MateriaError, match=r"1 examples have not one label.*f.csv, line 1"):
        RecordClassification("ab").check(examples("a", "ab"))
    RecordClassification("ab", several=True).check(examples("a", "ab", ""))
    with pytest.raises(MateriaError, match=r"7 examples .*lacks \(x\): f.csv, line 0;.*line 4; and 2 more"):
        RecordClassification("ab").check(examples(*"xxxxxxx"))


def test_a_model_of_several_labels_is_written_and_read_again(tmp_path, tiny_encoder):
    told = {"treats": "metformin treats renal pain.", "causes": "aspirin causes nasal edema."}
    sets = [{"treats"}, {"causes"}, {"treats", "causes"}, set()]
    rows = [
        {"text": f"Case {n}. " + " ".join(told[label] for label in sorted(sets[n % 4])), "labels": sorted(sets[n % 4])}
        for n in range(80)
    ]
    file = written(tmp_path, "jsonl", rows)
    config = FinetuningConfig.model_validate(
        {"task": "record_classification", "data": {"train": [str(file)]}, "epochs": 6, "batch": 8, "max_length": 32,
         "learning_rate": 5e-3, "class_weights": "balanced"}
    )  # fmt: skip
    report = finetune(config, model=tiny_encoder, out=tmp_path / "model")
    assert report["metric"] == "micro_f1"
    assert report["test"]["micro_f1"] > 0.9
    finetuned = load_finetuned(tmp_path / "model")
    assert finetuned.task.several
    assert finetuned.model.config.problem_type == "multi_label_classification"
    test = [replace(e, target=frozenset()) for e in read(file)[:4]]
    assert finetuned.predict(test) == sets


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("file", "number", "labels", "several"),
    [
        ("hoc.tgz", 1852, 10, True),
        ("mtsamples.csv.gz", 500, 4, False),
        ("medical_abstracts_5class.csv.gz", 2888, 5, False),
    ],
)
def test_real_files_are_read_whole(file, number, labels, several, materia_data):
    found = read(materia_data / "downstream" / file)
    task = RecordClassification.learn(found)
    assert (len(found), len(task.labels), task.several) == (number, labels, several)
