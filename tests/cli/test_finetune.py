"""`materia finetune`: a model and its figures, several seeds, folds; mistakes are one sentence and leave nothing."""

import json
import shutil
from pathlib import Path

import pytest

from cli.main import main
from tests.training.conftest import corpus, tiny_encoder  # noqa: F401  # the encoder of the training tests
from tests.training.tasks import tiny_record_classification as tiny
from training.finetuning.folder import load_finetuned

QUICK = ("epochs=1", "batch=8", "max_length=32")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return tiny.write(tmp_path_factory.mktemp("files"))


@pytest.fixture
def finetune(capsys, tmp_path, tiny_encoder, files):  # noqa: F811
    """The command over the tiny files: status, output, messages."""

    def run(*words, train=files["train"], settings=QUICK):
        given = ("--model", tiny_encoder, "--home", tmp_path / "home", "--train", *train, "--set", *settings)
        status = main(["finetune", *map(str, (words[0], *given, *words[1:]))])
        out, err = capsys.readouterr()
        return status, out, err

    return run


def test_a_model_is_written_and_its_figures_shown(finetune, files, tmp_path):
    status, out, err = finetune("record-classification", "--test", *files["test"], "--out", tmp_path / "model")
    assert (status, err) == (0, "")
    assert out.split()[:3] == ["figure", "validation", "test"]
    assert "macro_f1" in out and "16 test examples" in out and "after epoch 1." in out and "Wrote" in out
    assert load_finetuned(tmp_path / "model").task.labels == ("cause", "neither", "treatment")


def test_a_linear_model_beside_the_encoder_is_shown_alone_too(finetune, files, tmp_path):
    words = ("--test", *files["test"], "--out", tmp_path / "model")
    status, out, _ = finetune("record_classification", *words, settings=(*QUICK, "wide=true"))
    assert status == 0
    assert " ".join(out.splitlines()[0].split()) == "figure validation test test, linear model alone"
    assert load_finetuned(tmp_path / "model").wide is not None


def test_seeds_have_a_folder_each_and_a_mean(finetune, tmp_path):
    status, out, _ = finetune("record_classification", "--out", tmp_path / "model", "--seeds", 2, "--json")
    report = json.loads(out)
    assert status == 0
    assert [one["seed"] for one in report["seeds"]] == [13, 14]
    values = [one["test"]["macro_f1"] for one in report["seeds"]]
    assert report["test"]["macro_f1"]["mean"] == pytest.approx(sum(values) / 2)
    assert report["test"]["macro_f1"]["deviation"] == pytest.approx(abs(values[0] - values[1]) / 2**0.5)
    assert {path.name for path in (tmp_path / "model").iterdir()} == {"seed-13", "seed-14"}


def test_folds_write_nothing(finetune, tmp_path):
    status, out, _ = finetune("record_classification", "--folds", 2)
    assert status == 0
    assert out.split()[:5] == ["figure", "fold", "1", "fold", "2"]
    assert "64 train" in out and "Wrote" not in out
    assert not (tmp_path / "home").exists()


def test_settings_come_from_a_file_and_single_ones_after(finetune, tmp_path):
    file = tmp_path / "settings.yaml"
    file.write_text("epochs: 9\nseed: 3\ndata: {test_share: 0.3}\n")
    status, _, err = finetune("record_classification", "--config", file, "--out", tmp_path / "model")
    assert (status, err) == (0, "")
    settings = json.loads((tmp_path / "model" / "materia_task.json").read_text())["settings"]
    assert (settings["epochs"], settings["seed"], settings["data"]["test_share"]) == (1, 3, 0.3)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("records",), "task: input should be 'entity_recognition', "),
        (("record_classification", "--set", "epoch=3"), "epoch: there is no such key; did you mean epochs?"),
        (("record_classification", "--seeds", 0), "--seeds is below 1"),
        (("record_classification", "--folds", 1), "--folds is below 2"),
        (("record_classification", "--folds", 2, "--out", "x"), "--folds writes no model"),
        (("record_classification", "--train", "missing.csv"), "missing.csv: cannot be read"),
        (("record_classification", "--set", "data.label=diagnosis"), "has no column diagnosis"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing(words, said, finetune, tmp_path):
    status, out, err = finetune(*words)
    assert (status, out) == (1, "")
    assert err.startswith("materia: ") and said in err and err.count("\n") == 1
    assert not (tmp_path / "home").exists()


def test_what_is_no_fine_tuned_model_is_not_replaced(finetune, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    status, _, err = finetune("record_classification", "--out", tmp_path / "mine")
    assert status == 1 and "is no fine-tuned model" in err
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    status, _, err = finetune("record_classification", "--out", tmp_path / "link")
    assert status == 1 and "is a link" in err


def test_seeds_replace_no_folder_of_another_kind_and_enter_no_model(finetune, tmp_path):
    (tmp_path / "three" / "seed-14").mkdir(parents=True)
    (tmp_path / "three" / "seed-14" / "thesis.txt").write_text("years of work")
    (tmp_path / "three" / "seed-13").mkdir()
    (tmp_path / "three" / "seed-13" / "materia_task.json").write_text("{}")
    status, _, err = finetune("record_classification", "--seeds", 2, "--out", tmp_path / "three")
    assert status == 1 and "seed-14: is there already, and is no fine-tuned model" in err
    assert (tmp_path / "three" / "seed-14" / "thesis.txt").read_text() == "years of work"
    status, _, err = finetune("record_classification", "--seeds", 2, "--out", tmp_path / "three" / "seed-13")
    assert status == 1 and "is one fine-tuned model" in err


def test_rows_that_were_set_aside_are_shown_with_their_reasons(finetune, files, tmp_path):
    train = tmp_path / "train.csv"
    rows = "".join(f"n{number},,cause\n" for number in range(7))
    train.write_text(Path(*files["train"]).read_text() + rows)
    status, out, _ = finetune("record_classification", "--out", tmp_path / "model", train=(train,))
    assert status == 0
    assert "7 rows were set aside (no-text); the first:\n  train.csv, line 66: The record has no text." in out
    assert "line 70: " in out and "line 71: " not in out


def test_it_says_when_nobody_could_look_at_what_the_encoder_has_read(finetune, tiny_encoder, tmp_path):  # noqa: F811
    pretrained = tmp_path / "pretrained"
    shutil.copytree(tiny_encoder, pretrained)
    (pretrained / "materia_manifest.json").write_text("{}")
    status, _, err = finetune("record_classification", "--model", pretrained, "--out", tmp_path / "model")
    assert status == 0
    assert "The home has no corpus" in err
