"""What `materia read` shows, from the command line's own entry."""

import io
import json
from types import SimpleNamespace

import pytest

from cli.main import main

TEXT = "Aspirin may cause headache, but there was no evidence of asthma. Metformin treats type 2 diabetes."


def test_a_sentence_is_shown_with_links_reasons_and_claims(tmp_path, capsys):
    assert main(["read", TEXT, "--home", str(tmp_path / "none")]) == 0
    shown = capsys.readouterr().out
    for words in ("aspirin", "MESH:", "linker: ", "hedged", "claims metformin treats", "probability"):
        assert words in shown, words
    assert not (tmp_path / "none").exists()


def test_json_has_one_document_a_line_with_every_candidate(tmp_path, capsys, monkeypatch):
    vocabulary = tmp_path / "names.tsv"
    vocabulary.write_text("id\tname\tcategory\nMESH:D1\tAspirin\tDrug\nMESH:D2\tHeadache\tDisease\n")
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(TEXT.encode() + b"\xff")))
    assert main(["read", "-", "--json", "--vocabulary", str(vocabulary), "--home", str(tmp_path / "none")]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    document = json.loads(line)
    assert [m["curie"] for m in document["mentions"]] == ["MESH:D1", "MESH:D2"]
    for mention in document["mentions"]:
        assert document["text"][mention["start"] : mention["end"]] == mention["text"]
        best = mention["candidates"][0]
        assert (best["curie"], best["name"]) == (mention["curie"], mention["name"])
        assert 0 < best["probability"] <= 1
        assert best["reasons"]
    (claim,) = document["claims"]
    assert (claim["subject_name"], claim["predicate"], claim["object_name"]) == (
        "Aspirin",
        "biolink:causes",
        "Headache",
    )


def test_a_file_of_literature_is_read(tmp_path, capsys):
    paper = tmp_path / "papers.jsonl"
    paper.write_text("".join(json.dumps({"id": n, "title": "Aspirin.", "abstract": TEXT}) + "\n" for n in (1, 2)))
    assert main(["read", str(paper), "--json", "--home", str(tmp_path / "none")]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize("words", ["", "\udcff", "x" * 5000, "a\u0301\U0001f9ea"])
def test_odd_words_are_read_and_nothing_is_found(words, tmp_path, capsys):
    assert main(["read", words, "--home", str(tmp_path / "none")]) == 0
    assert "Nothing found" in capsys.readouterr().out


def test_a_model_that_is_not_there_is_said_in_one_sentence(tmp_path, capsys):
    assert main(["read", TEXT, "--ner", str(tmp_path / "gone"), "--home", str(tmp_path / "none")]) == 1
    error = capsys.readouterr().err
    assert "materia: " in error
    assert "Traceback" not in error
