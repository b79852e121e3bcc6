"""The loop closes: a home's model is pretrained, fine-tuned for relations, and reads the home's own papers in the next build."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from assets.build import build
from assets.config import load_config
from assets.extraction import STAGES
from assets.home import Home, open_home
from assets.models import model_folder
from cli.main import main
from pipeline.content import folder_hash
from pipeline.relations.model import load_classifier
from tests.training.pretraining_home import SMALL
from tests.training.tasks.tiny_relation_extraction import CHEMICALS, DISEASES, TRAIN, corpus

(EVIDENCE,) = [stage for stage in STAGES if stage.name == "evidence"]
LEARNING = ["batch=8", "learning_rate=5e-3", "max_length=48", "data.test_share=0", "data.validation_share=0.3"]
#: How extraction names what a fine-tuned model says.
FINETUNED = "relation_extraction.v1."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with papers that have gold relations, the same papers without, a vocabulary, and settings."""
    folder = tmp_path_factory.mktemp("loop")
    corpus(folder / "train.pubtator", TRAIN)
    (folder / "literature").mkdir()
    corpus(folder / "literature" / "papers.pubtator", [n for n in range(40) if n % 2], relation=None)
    concepts = [(f"MESH:D1{n:05}", name, "ChemicalEntity") for n, name in enumerate(CHEMICALS)]
    concepts += [(f"MESH:D2{n:05}", name, "Disease") for n, name in enumerate(DISEASES)]
    lines = ["format-version: 1.4", "idspace: biolink https://w3id.org/biolink/vocab/", ""]
    for curie, name, category in concepts:
        lines += ["[Term]", f"id: {curie}", f"name: {name}", f"property_value: biolink:category biolink:{category}", ""]
    (folder / "names.obo").write_text("\n".join(lines))
    return folder


def configured(folder: Path, relations: str | None = None) -> Home:
    small: dict[str, Any] = {**SMALL, "data": {**SMALL["data"], "workers": 0}}
    settings: dict[str, Any] = {"buckets": 2, "small_file_groups": 1, "pretraining": small}
    if relations is not None:
        settings["extraction"] = {"relations": relations}
    (folder / "materia.yaml").write_text(json.dumps(settings))
    sources = [str(folder / "literature")], [str(folder / "names.obo")]
    return open_home(str(folder / "home")).configure(*sources, load_config(str(folder / "materia.yaml")))


def finetune(folder: Path, name: str, epochs: int) -> str:
    """The folder of a relation model that is fine-tuned from the home's pretrained one."""
    out = folder / name
    words = ["--model", str(model_folder(configured(folder))), "--train", str(folder / "train.pubtator")]
    settings = [*LEARNING, f"epochs={epochs}"]
    assert main(["finetune", "relation_extraction", *words, "--set", *settings, "--out", str(out)]) == 0
    return str(out)


def evidence(home: Home) -> pa.Table:
    return pa.concat_tables([home.dataset("evidence").read(key) for key in EVIDENCE.keys(home)])


def test_a_relation_model_from_the_pretrained_encoder_reads_the_next_build(folder: Path) -> None:
    build(configured(folder), "pretrained_model")
    before = evidence(configured(folder)).to_pylist()
    first, second = finetune(folder, "models/first", 12), finetune(folder, "models/second", 1)

    home = configured(folder, "models/first")
    build(home, "evidence")
    rows = evidence(home).to_pylist()
    found = [row for row in rows if row["extractor"].startswith(FINETUNED)]
    name = load_classifier(first).name
    assert {row["extractor"] for row in found} == {name} and name == FINETUNED + folder_hash(Path(first))[:8]
    assert [row for row in rows if row not in found] == before
    induced = [row for row in found if " induced " in row["sentence"] and row["predicate"] == "biolink:causes"]
    assert len(induced) >= 15 and len(found) <= 25
    assert all(0 < row["probability"] < 1 for row in found)
    assert EVIDENCE.stale(home) == []

    other = configured(folder, "models/second")
    assert EVIDENCE.stale(other) == EVIDENCE.keys(other)
    build(other, "evidence")
    named = {row["extractor"] for row in evidence(other).to_pylist()}
    assert name not in named and named <= {load_classifier(second).name, *(row["extractor"] for row in before)}
