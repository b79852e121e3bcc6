"""The command line: help for everything, one sentence for every mistake."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from assets.home import open_home
from cli.main import COMMANDS, main


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main([command, "--help"])
    assert done.value.code == 0
    text = capsys.readouterr().out
    assert f"materia {command}" in text.split("xamples:")[1]
    assert "--home" in text


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_is_in_the_readme(command: str) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    assert f"materia {command}" in readme


def problem(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(words) == 1
    return capsys.readouterr().err.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["status", "--home", "{tmp}/none"], "materia build"),
        (["build", "--home", "{tmp}/h", "--literature", "{tmp}/missing.xml"], "missing.xml"),
        (["build", "--home", "{tmp}/h", "--literature", "{tmp}/empty.xml"], "empty.xml"),
        (["build", "--home", "{tmp}/h", "--vocabulary", "{tmp}/missing.obo"], "missing.obo"),
        (["build", "--home", "{tmp}/h", "--until", "nonsense"], "Choose one of literature_inventory"),
        (["build", "--home", "{tmp}/h", "--config", "{tmp}/missing.yaml"], "missing.yaml"),
        (["build", "--home", "{tmp}/h", "--config", "{tmp}/unknown.yaml"], "nonsense"),
        (["build", "--home", "{tmp}/h", "--config", "{tmp}/broken.yaml"], "is no YAML"),
        (["build", "--home", "{tmp}/h", "--config", "noprotocol://x"], "cannot be reached"),
        (["build", "--home", "{tmp}/h", "--config", "{tmp}/pipe"], "is no file"),
        (["build", "--home", "{tmp}/h", "--config", "{tmp}/deep.yaml"], "is no YAML"),
        (["build", "--home", "{tmp}/h", "--graph-mapping", "github://x"], "cannot be reached"),
        (["build", "--home", "{tmp}/h", "--graph-mapping", "{tmp}/pipe"], "is no file"),
        (["build", "--home", "{tmp}/h", "--vocabulary", "github://x"], "cannot be reached"),
        (["build", "--home", "{tmp}/h", "--vocabulary", "{tmp}/pipe"], "is a pipe"),
        (["build", "--home", "{tmp}/h", "--vocabulary", "{tmp}/h"], "holds no vocabulary"),
        (["build", "--home", "{tmp}/h", "--literature", ""], "a path is empty"),
        (["build", "--home", "{tmp}/why?"], "Name another folder"),
        (["build", "--home", "{tmp}/50%41"], "Name another folder"),
        (["build", "--home", "{tmp}/\udcff"], "Name another folder"),
        (["build", "--home", "{tmp}/broken"], "Remove it, and give the sources again"),
        (["status", "--home", "{tmp}/odd"], "Remove it, and give the sources again"),
        (["build", "--home", "{tmp}/empty.xml"], "is a file, not a folder"),
        (["trace", "--home", "{tmp}/h", "verbalized_corpus/split=train/bucket=0:0"], "no such shard"),
        (["query", "--home", "{tmp}/h", "SELECT * WHERE {?s ?p ?o}"], "materia build"),
        (["evaluate", "mentions"], "--gold"),
    ],
)
def test_a_mistake_is_one_sentence_with_a_remedy(
    words: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty.xml").write_text("")
    (tmp_path / "unknown.yaml").write_text("nonsense: 1")
    (tmp_path / "broken.yaml").write_text("a: [")
    (tmp_path / "deep.yaml").write_text("[" * 10_000)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "h").mkdir()
    (tmp_path / "odd" / "home.json").mkdir(parents=True)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "home.json").write_text("{")
    assert says in problem([word.replace("{tmp}", str(tmp_path)) for word in words], capsys)


def test_a_mistyped_path_is_not_recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["build", "--home", str(tmp_path / "h"), "--literature", str(tmp_path / "missing.xml")]
    assert "missing.xml" in problem(words, capsys)
    assert not (tmp_path / "h" / "home.json").exists()


def recorded(tmp_path: Path) -> dict[str, Any]:
    return dict(json.loads((tmp_path / "h" / "home.json").read_text()))


def test_notes_given_as_literature_by_mistake_can_be_given_as_records(tmp_path: Path) -> None:
    (tmp_path / "notes.jsonl").write_text('{"id": "1", "text": "Aspirin treats headache."}\n')
    notes = str(tmp_path / "notes.jsonl")
    words = ["build", "--home", str(tmp_path / "h"), "--until", "literature_inventory"]
    assert main([*words, "--literature", notes]) == 0
    assert main([*words, "--records", notes]) == 1
    assert main([*words, "--records", notes, "--literature"]) == 0
    assert (recorded(tmp_path)["literature"], recorded(tmp_path)["records"]) == ([], [notes])
    assert main([*words, "--format", "text"]) == 0
    assert main([*words, "--format"]) == 0
    assert recorded(tmp_path)["formats"] == []


def test_a_link_keeps_the_name_it_was_given_by(tmp_path: Path) -> None:
    (tmp_path / "SHA256E-s31").write_text('{"id": "1", "text": "Aspirin treats headache."}\n')
    (tmp_path / "pubmed.jsonl").symlink_to("SHA256E-s31")
    home = open_home(str(tmp_path / "h")).configure([str(tmp_path / "pubmed.jsonl")])
    assert [file.name for file in home.literature_files()] == ["pubmed.jsonl"]


def test_inspect_of_a_file_of_which_nothing_is_read_is_no_success(tmp_path: Path) -> None:
    (tmp_path / "cut.xml").write_text("<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>1")
    (tmp_path / "whole.jsonl").write_text('{"id": "1", "text": "Aspirin treats headache."}\n')
    assert main(["inspect", str(tmp_path / "cut.xml")]) == 1
    assert main(["inspect", str(tmp_path / "cut.xml"), str(tmp_path / "whole.jsonl")]) == 0


def test_inspect_shows_a_name_with_brackets_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "[red]y.txt").write_text("Aspirin treats headache.")
    for paths in ([tmp_path / "[red]y.txt"], [tmp_path, tmp_path / "[red]y.txt"]):
        assert main(["inspect", *map(str, paths)]) == 0
        assert "[red]y.txt" in capsys.readouterr().out


def test_a_build_of_which_nothing_lives_says_what_was_set_aside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("Aspirin treats headache.")
    words = ["--literature", str(tmp_path / "notes.txt"), "--format", "jats", "--until", "live_documents"]
    assert "set aside: 1 malformed-xml" in problem(["build", "--home", str(tmp_path / "h"), *words], capsys)
