"""The stage of the ablation: nothing where none is asked for, else the page of result, by the folder of `materia ablate`."""

import random
import re

import pytest

from assets.ablation import STAGES
from assets.config import Config, load_config
from assets.home import open_home
from assets.metadata import partition_metadata
from assets.stage import refresh
from pipeline.errors import MateriaError
from tests.training.conftest import DISEASES, DRUGS, curie, make_triples, passage
from tests.training.pretraining_home import SMALL, make_home

(ABLATION,) = STAGES


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home whose passages name no held-out pair: those of test triples are of things that no passage names."""
    draw = random.Random(3)
    passages = [passage(i, "train" if i % 8 else "validation", draw) for i in range(80)]
    rows = [row | {"split": "train"} for row in make_triples().to_pylist()]
    named = {curie(name): name for name in (*DRUGS, *DISEASES)} | {f"T:new_{i}": f"novum {i}" for i in range(6)}
    rows += [
        {"subject": f"T:new_{i}", "predicate": "biolink:treats", "object": curie(disease), "split": split}
        for i, (disease, split) in enumerate(zip(DISEASES, ["test"] * 3 + ["validation"] * 3, strict=False))
    ]
    triples = [row | {"triple_id": f"t{n:03}", "belief": 0.9} for n, row in enumerate(rows)]
    folder = make_home(tmp_path_factory.mktemp("home"), passages, triples, named)
    return open_home(str(folder)).configure(config=Config(buckets=8, small_file_groups=1))


def configured(home, ablation):
    values = None if ablation is None else Config(ablation=ablation).ablation
    home = open_home(str(home.path))
    return home.configure(config=home.config.model_copy(update={"ablation": values}))


def build(home):
    said = []
    (made,) = refresh(ABLATION, home, ["all"], progress=said.append)
    return made.manifest, said


def test_without_settings_nothing_is_made_and_it_says_how(home):
    manifest, _ = build(configured(home, None))
    assert not manifest.files
    assert manifest.inputs == {}
    assert "No ablation is asked for" in manifest.summary["how"]


def test_the_page_of_result_and_its_plots_are_the_output_and_metadata(home, tmp_path):
    suite = tmp_path / "suite.yaml"
    suite.write_text("{link_probe: {steps: 5, dimension: 8}, probing: null, perplexity: null, bootstrap: {draws: 100}}")
    pretraining = {**SMALL, "data": {**SMALL["data"], "workers": 0}, "trainer": {**SMALL["trainer"], "steps": 6}}
    asked = configured(home, {"arms": ["untrained", "text"], "seeds": [1], "pretraining": pretraining, "suite": str(suite), "workers": 1})  # fmt: skip
    manifest, said = build(asked)
    names = [re.sub("-[0-9a-f]{16}", "", entry.path) for entry in manifest.files]
    assert sorted(names) == ["results.json", "results.md", "results.png"]
    shown = manifest.summary["table_of_results"]
    assert shown.startswith("# Does the graph help?")
    assert "data:image/png;base64," in shown
    assert "](results.png)" not in shown
    assert "held-out claims: none of them is there." in shown
    metadata = partition_metadata(ABLATION, asked, "all", manifest)
    assert metadata["table_of_results"].value == shown  # as Markdown in Dagster
    assert any("text 1 step 6/6" in text for text in said)
    assert ABLATION.stale(asked) == []
    moved = suite.rename(tmp_path / "other.yaml")
    elsewhere = asked.config.ablation.model_copy(update={"suite": str(moved), "workers": 2})
    assert ABLATION.stale(asked.configure(config=asked.config.model_copy(update={"ablation": elsewhere}))) == []


def test_the_suite_is_relative_to_the_configuration_and_looked_for_at_once(tmp_path):
    file = tmp_path / "materia.yaml"
    file.write_text("ablation: {suite: suite.yaml, minutes: 3}")
    with pytest.raises(MateriaError, match=r"suite.yaml: does not exist"):
        load_config(str(file))
    (tmp_path / "suite.yaml").write_text("perplexity: {}")
    assert load_config(str(file)).ablation.suite == str(tmp_path / "suite.yaml")
