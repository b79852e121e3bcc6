"""`materia pretrain`: where settings come from, what it refuses, what it prints."""

import json
from pathlib import Path

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
        (["--set", "seed=99999999999999999999"], "seed: input should be less than"),
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


def test_a_preset_given_by_set_counts_as_one_given_by_preset(home, settings):
    from argparse import Namespace

    from assets.home import open_home
    from cli.pretrain import _config

    usual = {"config": None, "preset": None, "steps": None, "processes": None, "set": []}
    by_word, by_key = (
        _config(Namespace(**usual | given), open_home(str(home)))
        for given in ({"preset": "one-gpu"}, {"set": ["preset=one-gpu"]})
    )
    assert by_word == by_key
    assert by_key.backbone.layers == 12


def test_nobody_elses_folder_is_emptied_or_replaced(home, settings, tmp_path, capsys):
    words = ["--home", home, "--config", settings, "--set", *FAST]
    (tmp_path / "thesis.run").mkdir()
    (tmp_path / "thesis.run" / "chapter.tex").write_text("years of work")
    (tmp_path / "file.run").touch()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name, said in (
        ("thesis", "thesis.run: is there already, and is no run of Materia. Name another --out."),
        ("file", "file.run: cannot be written to (File exists). Name another --out."),
        ("link", "link: is a link, and a model's folder is replaced as a whole. Name the folder itself as --out."),
    ):
        status, _, err = run(capsys, *words, "--out", tmp_path / name)
        assert status == 1
        assert said in err
    assert (tmp_path / "thesis.run" / "chapter.tex").read_text() == "years of work"


def test_a_model_that_cannot_be_put_in_its_place_keeps_the_last_checkpoint(
    home, settings, tmp_path, capsys, monkeypatch
):
    words = ["--home", home, "--config", settings, "--set", *FAST, "--out", tmp_path / "m"]
    real = Path.rename

    def rename(path, target):
        if target == tmp_path / "m":
            raise PermissionError(1, "Operation not permitted")
        return real(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", rename)
        status, _, err = run(capsys, *words)
    assert status == 1
    assert "m: cannot be written (Operation not permitted)" in err
    assert [path.name for path in (tmp_path / "m.run").glob("step-*")] == ["step-00000002"]
    assert run(capsys, *words, "--resume")[0] == 0
    assert not list((tmp_path / "m.run").glob("step-*"))
