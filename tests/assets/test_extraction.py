"""What a change of the settings of extraction makes stale, and a build that reads with a trained recogniser."""

from pathlib import Path

import pytest
import spacy
from upath import UPath

from assets.config import load_config
from assets.extraction import STAGES
from assets.home import Home
from assets.stage import refresh
from assets.stages import until
from pipeline.errors import MateriaError

BY_NAME = {stage.name: stage for stage in STAGES}


def ruler(folder: Path, pattern: str) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "Disease", "pattern": pattern}])
    nlp.to_disk(folder)


def built(home: Home, last: str) -> Home:
    for stage in until(last):
        list(refresh(stage, home, stage.keys(home)))
    return home


def stale(home: Home) -> list[str]:
    return [name for name in ("name_index", "mentions", "evidence") if BY_NAME[name].stale(home)]


def test_models_make_stale_what_reads_with_them_and_enter_by_their_content(tmp_path: Path) -> None:
    folder = tmp_path / "settings"
    (folder / "models" / "relations").mkdir(parents=True)
    (folder / "models" / "relations" / "weights").write_text("1")
    (folder / "linker").mkdir()
    (folder / "linker" / "weights").write_text("1")
    ruler(folder / "models" / "ner", "severe nausea")
    home = built(Home(UPath(tmp_path / "home")), "evidence")
    assert stale(home) == []

    def given(text: str) -> Home:
        (folder / "materia.yaml").write_text("buckets: 8\nsmall_file_groups: 1\nextraction:\n" + text)
        return home.configure(config=load_config(str(folder / "materia.yaml")))

    assert stale(given("  cooccurrence: true")) == []
    # A linker links what a recogniser finds; there is none yet.
    assert stale(given("  linker: linker")) == []
    (folder / "encoder").mkdir()
    (folder / "encoder" / "config.json").write_text("{}")
    assert stale(given("  linker_encoder: encoder")) == []
    assert stale(given("  relations: models/relations")) == ["evidence"]
    assert stale(given("  prefer: {Disease: [MONDO, MESH]}"))[:1] == ["name_index"]
    with_ner = given("  ner: models/ner")
    # What a recogniser finds is linked, so that the linker's index is needed too.
    assert stale(with_ner)[:2] == ["name_index", "mentions"]
    for name in ("name_index", "mentions"):
        list(refresh(BY_NAME[name], with_ner, BY_NAME[name].keys(with_ner)))
    assert "mentions" not in stale(with_ner)
    assert "mentions" in stale(given("  ner: models/ner\n  linker_encoder: encoder"))
    assert "mentions" not in stale(given("  ner: models/ner"))
    ruler(folder / "models" / "ner", "severe headache")
    assert "mentions" in stale(with_ner)


def test_a_build_with_a_recogniser_says_what_found_the_mentions(tmp_path: Path) -> None:
    ruler(tmp_path / "ner", "heart")
    (tmp_path / "materia.yaml").write_text("small_file_groups: 1\nextraction: {ner: ner}")
    home = Home(UPath(tmp_path / "home"), config=load_config(str(tmp_path / "materia.yaml")))
    built(home, "mentions")
    manifests = home.dataset("mentions").manifests().values()
    finders = {name.split("@")[0] for manifest in manifests for name in manifest.summary["finders"]}
    assert finders == {"ner", "dictionary.v2"}
    assert not any(str(tmp_path) in manifest.to_json() for manifest in manifests)


def test_a_model_that_is_not_there_stops_the_build_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "materia.yaml").write_text("extraction: {ner: models/gone}")
    home = Home(UPath(tmp_path / "home"), config=load_config(str(tmp_path / "materia.yaml")))
    with pytest.raises(MateriaError, match="gone"):
        built(home, "mentions")
