"""`materia pretrain`: where settings come from, what it refuses, what it prints."""

import json

import pytest

from cli.main import main
from tests.training.pretraining_home import SMALL

FAST = ["trainer.steps=2", "data.workers=0"]


@pytest.fixture
def settings(tmp_path):
    file = tmp_path / "settings.yaml"
    file.write_text(json.dumps({"pretraining": SMALL}))
    return file


def run(capsys, *words):
    status = main(["pretrain", *map(str, words)])
    out, err = capsys.readouterr()
    return status, out, err


def test_a_model_is_written_with_its_card_and_told_as_json(home, settings, tmp_path, capsys):
    out = tmp_path / "models" / "one"
    status, told, _ = run(capsys, "--home", home, "--config", settings, "--set", *FAST, "--out", out, "--json")
    assert status == 0
    report = json.loads(told)
    assert report["steps"] == 2
    assert set(report["losses"]) >= {"link_prediction", "link_prediction_table", "masked_lm", "total"}
    assert json.loads((out / "training_config.json").read_text())["backbone"]["hidden"] == 32
    assert (out / "README.md").read_text().startswith("---\n")
    # A model is replaced as a whole, other things never.
    (out / "old").touch()
    status, told, _ = run(capsys, "--home", home, "--config", settings, "--set", *FAST, "--out", out)
    assert status == 0
    assert not (out / "old").exists()
    assert "Wrote" in told
    assert "tensorboard --logdir" in told
    status, _, err = run(capsys, "--home", home, "--config", settings, "--out", tmp_path)
    assert (status, err.strip()) == (
        1, f"materia: {tmp_path}: is there already, and is no model of Materia. Name another --out."
    )  # fmt: skip


def test_shards_may_come_from_elsewhere(corpus, home, settings, tmp_path, capsys):
    words = ["--home", home, "--config", settings, "--set", *FAST, "--out", tmp_path / "m", "--json"]
    status, _, _ = run(capsys, *words, "--shards", corpus.folder)
    assert status == 0
    shards = json.loads((tmp_path / "m" / "materia_manifest.json").read_text())["shards"]
    assert [s["name"] for s in shards] == [s.name for s in (*corpus.train, *corpus.validation)]
    status, _, err = run(capsys, *words, "--shards", tmp_path / "m")
    assert status == 1
    assert "holds no shards: there is no Parquet file in a folder split=train" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "trainer.step=3"], "trainer.step: there is no such key; did you mean steps?"),
        (["--set", "steps=3"], "steps: there is no such key; did you mean trainer.steps?"),
        (["--set", "trainer.steps"], "'trainer.steps' sets nothing. Write --set section.key=value"),
        (["--preset", "one-gpux"], "preset: input should be 'laptop', 'one-gpu' or 'cluster'"),
        (["--config", "{tmp}/none.yaml"], "none.yaml"),
        (["--steps", "0"], "trainer.steps: input should be greater than or equal to 1"),
        (["--home", "{tmp}/none"], "has no corpus yet. Run: materia build --until corpus, or name --shards"),
        (["--set", "backbone.family=gpt2", "objectives.masked_lm.weight=1"], "masked_lm needs a masked language model"),
    ],
)
def test_a_mistake_is_one_sentence_before_anything_is_read(home, tmp_path, capsys, words, said):
    given = [word.replace("{tmp}", str(tmp_path)) for word in words]
    status, _, err = run(capsys, "--home", home, "--out", tmp_path / "m", *given)
    assert status == 1
    assert said in err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "m").exists()
