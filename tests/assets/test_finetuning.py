"""The stage of fine-tuned models: nothing without tasks, a folder for each, and nothing where the model has read the tests."""

import csv
import random
import subprocess
import sys

import pytest

from assets.config import Config, load_config
from assets.decontamination import check_home_decontaminated
from assets.finetuning import STAGES
from assets.home import open_home
from assets.models import STAGES as MODELS
from assets.models import model_folder
from assets.stage import refresh
from cli.main import main
from pipeline.errors import MateriaError
from tests.training.conftest import DISEASES, DRUGS, curie, make_triples, passage
from tests.training.pretraining_home import SMALL, make_home
from training.decontamination_report import ContaminatedError
from training.finetuning.folder import load_finetuned

(FINETUNED,) = STAGES
PRETRAINED = MODELS[1]
SETTINGS = {"task": "record_classification", "max_length": 24, "epochs": 1, "batch": 8}


def records(path, number=60, text=lambda i: f"note {i} of a ward"):
    """A table of short records with two labels."""
    with path.open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["text", "label"])
        rows.writerows([f"{text(i)}, {'fever' if i % 2 else 'cough'}", "ab"[i % 2]] for i in range(number))
    return str(path)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home with a pretrained model and no claim that is held out."""
    draw = random.Random(3)
    passages = [passage(i, "train" if i % 8 else "validation", draw) for i in range(80)]
    triples = [
        row | {"triple_id": f"t{n:03}", "belief": 0.9, "split": "train"}
        for n, row in enumerate(make_triples().to_pylist())
    ]
    names = {curie(name): name for name in (*DRUGS, *DISEASES)}
    folder = make_home(tmp_path_factory.mktemp("home"), passages, triples, names)
    small = {**SMALL, "data": {**SMALL["data"], "workers": 0}, "trainer": {**SMALL["trainer"], "steps": 4}}
    made = open_home(str(folder)).configure(config=Config(buckets=8, small_file_groups=1, pretraining=small))
    list(refresh(PRETRAINED, made, ["all"]))
    return made


def configured(home, **tasks):
    home = open_home(str(home.path))  # as the test before left it
    return home.configure(config=home.config.model_copy(update={"finetuning": Config(finetuning=tasks).finetuning}))


def build(home, progress=lambda text: None):
    (made,) = refresh(FINETUNED, home, ["all"], progress=progress)
    return made


def test_without_tasks_nothing_is_made_and_it_says_how(home):
    made = build(configured(home))
    assert not made.manifest.files
    assert "Name some under `finetuning`" in made.manifest.summary["how"]
    assert made.manifest.inputs == {}


def test_each_task_has_a_folder_that_loads_with_figures_and_the_check(home, tmp_path):
    both = configured(
        home,
        wards={**SETTINGS, "data": {"train": [records(tmp_path / "wards.csv")]}},
        other={
            **SETTINGS,
            "seed": 14,
            "data": {"train": [records(tmp_path / "other.csv", text=lambda i: f"letter {i}")]},
        },
    )
    manifest = build(both).manifest
    folders = {name.split("/")[0].rpartition("-")[0] for name in (f.path for f in manifest.files) if "/" in name}
    assert folders == {"wards", "other"}
    assert set(manifest.summary["figures"]) == {"wards", "other"}
    assert "| wards | record_classification.v1 | macro_f1 |" in manifest.summary["table_of_figures"]
    assert "none of them is there" in manifest.summary["table_of_decontamination"]
    folder = next(p for p in (home.path / "finetuned_models").glob("wards-*") if p.is_dir())
    assert load_finetuned(folder).task.labels == ("a", "b")
    assert not (home.path / "cache" / "finetuning").exists() or not list((home.path / "cache" / "finetuning").iterdir())
    assert FINETUNED.stale(both) == []


def test_a_file_counts_by_its_name_and_content_and_not_by_its_place(home, tmp_path):
    def task(path):
        return {**SETTINGS, "data": {"train": [str(path)]}}

    first = tmp_path / "one" / "notes.csv"
    first.parent.mkdir()
    records(first)
    build(configured(home, notes=task(first)))
    (tmp_path / "two").mkdir()
    moved = first.rename(tmp_path / "two" / "notes.csv")
    assert FINETUNED.stale(configured(home, notes=task(moved))) == []
    records(moved, number=62)
    assert FINETUNED.stale(configured(home, notes=task(moved))) == ["all"]


def test_a_stopped_run_keeps_the_tasks_that_are_done(home, tmp_path):
    tasks = {
        name: {**SETTINGS, "data": {"train": [records(tmp_path / f"{name}.csv", text=lambda i, n=name: f"{n} {i}")]}}
        for name in ("first", "second")
    }
    both = configured(home, **tasks)

    def stopping(text):
        if "second training" in text:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(both, stopping)
    said = []
    build(both, said.append)
    assert any("second training" in text for text in said)
    assert not any("first training" in text for text in said)


def test_a_test_record_among_the_shards_of_the_model_blocks_before_anything_is_trained(home, tmp_path):
    read = [passage(i, "train", random.Random(3))["text"] for i in range(1)]
    path = tmp_path / "read.csv"
    records(path, text=lambda i: f"{i} {read[0]}" if i == 3 else f"letter {i} about nothing that matters")
    planted = configured(
        home, read={**SETTINGS, "data": {"train": [str(path)], "test": [str(path)], "test_share": 0.0}}
    )
    said = []
    with pytest.raises(MateriaError, match="test examples are among the training examples"):
        build(planted, said.append)
    train = records(tmp_path / "train.csv", text=lambda i: f"word {i}")
    planted = configured(home, read={**SETTINGS, "data": {"train": [train], "test": [str(path)]}})
    with pytest.raises(ContaminatedError, match=r"test-ngram of read\.csv, line 5 "):
        build(planted, said.append)
    assert not any("training" in text for text in said)
    assert check_home_decontaminated(planted, []).clean


def test_the_commands_block_too(home, tmp_path, capsys):
    text = passage(0, "train", random.Random(3))["text"]
    test = records(tmp_path / "test.csv", text=lambda i: f"{i} {text}" if i == 3 else f"letter {i} of nothing")
    train = records(tmp_path / "train.csv", text=lambda i: f"word {i}")
    model, out = str(model_folder(home)), tmp_path / "out"
    words = ["finetune", "record_classification", "--home", str(home.path), "--model", model, "--set", "max_length=24"]
    assert main([*words, "--train", train, "--test", test, "--out", str(out)]) == 1
    assert "test-ngram of test.csv, line 5" in capsys.readouterr().err
    assert main([*words, "--train", test, "--folds", "2"]) == 1  # every example is judged on
    assert "test-ngram of test.csv, line 5" in capsys.readouterr().err
    suite = tmp_path / "suite.yaml"
    suite.write_text(
        "{probing: null, link_probe: null, perplexity: null, tasks: "
        "{read: {data: {train: [train.csv], test: [test.csv]}, max_length: 24}}}"
    )
    words = ["evaluate", "model", model, "--home", str(home.path), "--suite", str(suite), "--out", str(out)]
    assert main(words) == 1
    assert "test-ngram of test.csv, line 5" in capsys.readouterr().err
    assert not out.exists()


def test_paths_are_relative_to_the_configuration_and_mistakes_are_told_before_a_build(tmp_path):
    records(tmp_path / "notes.csv")
    file = tmp_path / "materia.yaml"
    file.write_text("finetuning: {notes: {data: {train: [notes.csv]}, graph: {vocabulary: [notes.csv]}}}")
    task = load_config(str(file)).finetuning["notes"]
    assert task.data.train == task.graph.vocabulary == (str(tmp_path / "notes.csv"),)
    assert task.graph.embeddings == "kg_embeddings/distmult"
    for text, said in (
        ("finetuning: {notes: {data: {train: [none.csv]}}}", "none.csv: does not exist"),
        ("finetuning: {a/b: {}}", "'a/b' is no name of a model"),
        ("finetuning: {notes: {tsak: x}}", "finetuning.notes.tsak: there is no such key"),
    ):
        file.write_text(text)
        with pytest.raises(MateriaError, match=said):
            load_config(str(file))


def test_a_build_with_nothing_to_do_loads_no_torch(home):
    build(configured(home))
    code = (
        "import sys\nfrom assets.build import build\nfrom assets.finetuning import STAGES\nfrom assets.home import open_home\n"
        f"assert STAGES[0].stale(open_home({str(home.path)!r})) == []\n"
        "assert not {'torch', 'transformers', 'peft', 'seqeval', 'sklearn', 'matplotlib'} & set(sys.modules), 'loaded'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
