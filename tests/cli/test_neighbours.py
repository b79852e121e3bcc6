"""`materia neighbours`: by CURIE or name, from a home or a folder, as text or JSON, and what it says of mistakes."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cli.main import main
from kg.embeddings.tables import Embeddings
from pipeline.storage import Dataset
from pipeline.tables import VOCABULARY
from tests.kg.embeddings.vectors import untrained

NAMES = ["aspirin", "ibuprofen", "asthma", "cold", "Cold", "fever"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with six named concepts and two embeddings of them, of which distmult has the higher MRR."""
    rows = [{"curie": f"E:{i:02}", "name": name, "category": "biolink:NamedThing"} for i, name in enumerate(NAMES)]
    with Dataset(tmp_path, "vocabulary").writer() as writer:
        writer.table("vocabulary.parquet", VOCABULARY).write(pa.Table.from_pylist(rows, VOCABULARY))
        writer.commit(skip_key="k", code_version="1", inputs={})
    with Dataset(tmp_path, "kg_embeddings").writer() as writer:
        for model, mrr in (("distmult", 0.8), ("rotate", 0.5)):
            embedding(model, mrr).save(writer.folder(model))
        writer.file("embeddings.json").write_text("{}")
        writer.commit(skip_key="k", code_version="1", inputs={})
    return tmp_path


def embedding(model: str, mrr: float) -> Embeddings:
    made = untrained(model, entities=6)
    vectors = made.entity_vectors.astype(np.float32)
    return replace(made, entity_vectors=vectors, metrics={"validation": {"mrr": mrr}})


def answer(words: list[object], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["neighbours", *map(str, words), "--json"]) == 0
    return dict(json.loads(capsys.readouterr().out))


def test_a_name_finds_the_neighbours_with_their_names(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(["Aspirin", "--home", home, "--k", 3], capsys)
    assert (found["curie"], found["name"], len(found["neighbours"])) == ("E:00", "aspirin", 3)
    assert all(one["name"] == NAMES[int(one["curie"][2:])] for one in found["neighbours"])
    similarities = [one["similarity"] for one in found["neighbours"]]
    assert similarities == sorted(similarities, reverse=True)


def test_without_a_model_the_best_on_validation_serves(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["E:03", "--home", home], capsys)["embeddings"].startswith("distmult")
    assert answer(["E:03", "--home", home, "--model", "rotate"], capsys)["embeddings"].startswith("rotate")
    assert main(["neighbours", "E:03", "--home", str(home)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("E:03 cold: nearest by cosine in distmult") and len(lines) == 6
    assert lines[1].split()[:3] == ["1.000", "E:04", "Cold"]


def test_a_folder_needs_no_home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    embedding("complex", 0.1).save(tmp_path / "e")
    found = answer(["E:03", "--embeddings", tmp_path / "e", "--home", tmp_path / "none", "--k", 1], capsys)
    assert [(one["curie"], one["name"]) for one in found["neighbours"]] == [("E:04", None)]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["E:0x"], "E:0x: has no vector in distmult"),
        (["asprin"], "Did you mean aspirin?"),
        (["cold"], "is a name of 2 concepts"),
        (["E:00", "--model", "transe"], "Choose one of distmult, rotate"),
        (["E:00", "--k", "0"], "Give 1 or more"),
        (["E:00", "--embeddings", "nowhere"], "nowhere: holds no embeddings"),
        (["E:00", "--embeddings", "x", "--model", "rotate"], "--model chooses among those of a home"),
    ],
)
def test_mistakes_are_one_sentence(words: list[str], says: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["neighbours", *words, "--home", str(home)]) == 1
    assert says in capsys.readouterr().err


def test_a_home_without_embeddings_says_how_to_get_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["neighbours", "E:00", "--home", str(tmp_path)]) == 1
    assert "materia build --until kg_embeddings" in capsys.readouterr().err


def test_a_name_with_control_characters_does_not_reach_the_terminal(tmp_path: Path, capsys: Any) -> None:
    made = embedding("rotate", 0.5)
    replace(made, entities=[f"\x1b[31m{name}" for name in made.entities]).save(tmp_path / "e")
    words = ("--embeddings", str(tmp_path / "e"), "--home", str(tmp_path / "home"))
    assert main(["neighbours", "\x1b[31mE:02", *words]) == 0
    assert main(["neighbours", "\x1b[31mE:2", *words]) == 1
    out, err = capsys.readouterr()
    assert "E:03" in out and "E:02" in err and "\x1b" not in out + err
