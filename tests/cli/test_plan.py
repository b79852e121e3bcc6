"""`materia plan`: figures for people and for programs, and nothing of the sample left behind."""

import json
import os
import tempfile
from pathlib import Path

import pytest

from cli.main import main
from cli.plan import _seconds
from pipeline.errors import MateriaError


@pytest.mark.parametrize(
    ("text", "seconds"), [("8h", 28800), ("90min", 5400), ("1.5 h", 5400), ("2d", 172800), ("30s", 30)]
)
def test_times_as_people_write_them(text: str, seconds: float) -> None:
    assert _seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "8", "0h", "-3h"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(MateriaError, match="is no time"):
        _seconds(text)


def test_the_plan_of_the_sample(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("MATERIA_HOME", str(tmp_path / "none"))
    words = ["plan", "--until", "triples", "--engine", "ray", "--workers", "3", "--within", "1h"]
    assert main([*words, "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan["engine"], plan["workers"], plan["workers_needed"]) == ("ray", 3, 1)
    assert plan["documents"] == 81
    assert plan["longest_stage"] in plan["stages"]
    assert plan["seconds_range"][0] < plan["seconds"] < plan["seconds_range"][1]
    assert os.listdir(tmp_path) == []

    assert main(words[:3]) == 0
    said = capsys.readouterr().out
    for word in ("81 documents", "triples", "time ", "memory ", "disk ", "Rests on 81 documents read"):
        assert word in said


def test_a_missing_file_is_one_sentence_and_makes_no_home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / "home"
    assert main(["plan", "--home", str(home), "--literature", str(tmp_path / "none")]) == 1
    assert "does not exist" in capsys.readouterr().err
    assert not home.exists()
