"""The file of reliabilities: read as written, the same bytes for the same content, one sentence for a bad one."""

import json
from pathlib import Path
from typing import Any

import pytest

from kg.reliability import Extractor, LearnedFrom, Reliabilities, Step, load_reliabilities, save_reliabilities
from pipeline.errors import MateriaError


def reliabilities() -> Reliabilities:
    steps = (Step(least=0, probability=0.2, claims=40, true=8), Step(least=0.5, probability=0.8, claims=10, true=8))
    return Reliabilities(
        learned_from=LearnedFrom(files=(), documents=3, claims=60, true=16),
        extractors={
            "trigger.v2": Extractor(systematic_error=0.04, steps=steps),
            "b.v1": Extractor(systematic_error=0.1, steps=steps[:1]),
        },
        unclaimed=0.05,
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    save_reliabilities(reliabilities(), tmp_path / "a.json")
    again = load_reliabilities(tmp_path / "a.json")
    assert again == reliabilities()
    save_reliabilities(again, tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_steps_are_a_table_sorted_by_extractor_and_figure() -> None:
    table = reliabilities().steps()
    assert table.to_pydict() == {
        "extractor": ["b.v1", "trigger.v2", "trigger.v2"],
        "least": [0.0, 0.0, 0.5],
        "probability": [0.2, 0.2, 0.8],
    }
    assert reliabilities().systematic_errors == {"b.v1": 0.1, "trigger.v2": 0.04}


def test_the_hash_follows_what_beliefs_depend_on_and_nothing_else() -> None:
    one = reliabilities()
    assert one.model_copy(update={"unclaimed": None}).content_hash == one.content_hash
    fewer = {"b.v1": one.extractors["b.v1"]}
    assert one.model_copy(update={"extractors": fewer}).content_hash != one.content_hash


def changed(**values: Any) -> str:
    content = json.loads(reliabilities().model_dump_json())
    content["extractors"]["b.v1"].update(values)
    return json.dumps(content)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[]",
        "{}",
        '{"format": "materia_reliabilities.v9"}',
        "\x00",
        changed(surprise=1),
        changed(systematic_error=1),
        changed(steps=[]),
        changed(steps=[{"least": 0.1, "probability": 0.5}]),
        changed(steps=[{"least": 0, "probability": 0.5}, {"least": 0, "probability": 0.6}]),
        changed(steps=[{"least": 0, "probability": 0.5}, {"least": 0.5, "probability": 0.4}]),
        changed(steps=[{"least": 0, "probability": float("nan")}]),
    ],
)
def test_a_bad_file_is_one_sentence_that_names_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(MateriaError, match=r"bad\.json: holds no reliabilities .*materia calibrate") as caught:
        load_reliabilities(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_or_a_folder_is_one_sentence_too(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(MateriaError, match="does not exist, or is no file"):
            load_reliabilities(path)
