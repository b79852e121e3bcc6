"""A suite file: what is read, and what is said of mistakes."""

import json

import pytest

from pipeline.errors import MateriaError
from training.evaluation.suite import load_suite, suite_as_written


def write(folder, text, name="suite.yaml"):
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data" / "notes.csv").write_text("text,label\na,b\n")
    (folder / name).write_text(text)
    return str(folder / name)


TASK = "tasks: {notes: {task: record_classification, data: {train: [data/notes.csv]}, epochs: 2}}"


def test_files_are_found_beside_the_suite_and_written_without_their_place(tmp_path):
    suite = load_suite(write(tmp_path, f"seeds: [1, 2]\nperplexity: null\n{TASK}"))
    assert suite.tasks["notes"].data.train == (str(tmp_path / "data" / "notes.csv"),)
    assert (suite.seeds, suite.perplexity, suite.tasks["notes"].epochs) == ((1, 2), None, 2)
    assert suite.probing is not None
    written = json.dumps(suite_as_written(suite))
    assert "notes.csv" in written
    assert str(tmp_path) not in written


def test_json_is_read_too(tmp_path):
    assert load_suite(write(tmp_path, '{"probing": {"phrasings": 1}}', "suite.json")).probing.phrasings == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("probing: {phrasing: 1}", r"probing\.phrasing: there is no such key; did you mean phrasings"),
        ("probing: null\nlink_probe: null\nperplexity: null", "asks for nothing"),
        ("seeds: [1, 1]", "1 stands there twice"),
        ("seeds: []", "seeds"),
        ("tasks: {notes: {task: record_classification}}", r"tasks\.notes\.data\.train: no files"),
        ("tasks: {notes: {task: poetry}}", r"tasks\.notes\.task"),
        ("tasks: {n: {task: record_classification, data: {train: [a], test_share: 0}}}", "nothing to judge on"),
        (TASK.replace("notes:", "../x:"), "no name for a task"),
        (TASK.replace("notes.csv", "missing.csv"), r"there is no file data/missing\.csv"),
        ("- 1", "holds no settings"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_the_file(tmp_path, text, said):
    with pytest.raises(MateriaError, match=said) as caught:
        load_suite(write(tmp_path, text))
    assert "suite.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_suite_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(MateriaError, match="does not exist"):
        load_suite(str(tmp_path / "none.yaml"))
