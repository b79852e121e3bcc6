"""The stages of models: they go on after a kill, and start from each other's vectors only where settings say so."""

import json
import random

import pytest

from assets.config import Config
from assets.extraction import STAGES as EXTRACTION
from assets.home import open_home
from assets.models import STAGES, graph_sources, model_folder
from assets.stage import refresh
from pipeline.errors import MateriaError
from tests.training.conftest import DISEASES, DRUGS, curie, make_triples, passage
from tests.training.pretraining_home import SMALL, make_home
from training.finetuning.config import GraphFusionConfig
from training.finetuning.fusion.fusion import make_fusion

EMBEDDINGS, PRETRAINED, EVALUATION = STAGES
NAMES = EXTRACTION[0]


class KilledError(Exception):
    pass


def settings(**objectives):
    small = {**SMALL, "data": {**SMALL["data"], "workers": 0}, "objectives": objectives}
    small["trainer"] = {**SMALL["trainer"], "checkpoint_every": 10}
    embedding = {"model": "distmult", "dim": 16, "epochs": 2, "trials": 0}
    return Config(buckets=8, small_file_groups=1, embeddings=[embedding], pretraining=small)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    draw = random.Random(3)
    passages = [passage(i, "train" if i % 8 else "validation", draw) for i in range(120)]
    triples = [row | {"triple_id": f"t{n:03}", "belief": 0.9} for n, row in enumerate(make_triples().to_pylist())]
    names = {curie(name): name for name in (*DRUGS, *DISEASES)}
    folder = make_home(tmp_path_factory.mktemp("home"), passages, triples, names)
    return open_home(str(folder)).configure(None, None, settings())


def build(home, stage, progress=lambda text: None):
    (made,) = refresh(stage, home, ["all"], progress=progress)
    return made


def killed_at(step):
    def progress(text):
        if f"step {step}/" in text:
            raise KilledError

    return progress


def test_a_killed_stage_goes_on_and_leaves_no_checkpoint(home):
    build(home, EMBEDDINGS)
    with pytest.raises(KilledError):
        build(home, PRETRAINED, killed_at(20))
    (run,) = (home.path / "cache" / "pretraining").glob("*.run")
    assert [p.name for p in run.glob("step-*")] == ["step-00000010"]
    said = []
    manifest = build(home, PRETRAINED, said.append).manifest
    assert not any("step 10/" in text for text in said)
    assert any("step 20/" in text for text in said)
    assert not list(run.glob("step-*"))
    assert manifest.summary["figures"]["steps"] == 24
    assert manifest.summary["model_card"].startswith("---\n")
    assert "tokens_per_second" not in json.dumps(manifest.summary)
    build(home, EVALUATION)
    assert (model_folder(home) / "README.md").exists()


def test_other_embeddings_train_no_model_again_unless_it_starts_from_them(home):
    build(home, EMBEDDINGS)
    build(home, PRETRAINED)
    before = home.config
    other = before.model_copy(update={"embeddings": (before.embeddings[0].model_copy(update={"epochs": 3}),)})
    changed = home.configure(None, None, other)
    build(changed, EMBEDDINGS)
    assert PRETRAINED.stale(changed) == []
    table = settings(link_prediction_table={"embeddings": "kg_embeddings/distmult"})
    started = changed.configure(None, None, table.model_copy(update={"embeddings": other.embeddings}))
    assert PRETRAINED.stale(started) == ["all"]
    manifest = build(started, PRETRAINED).manifest
    assert "kg_embeddings/all" in manifest.inputs
    written = b"".join(p.read_bytes() for p in model_folder(started).iterdir() if p.suffix == ".json")
    assert str(home.path).encode() not in written


def test_embeddings_that_the_home_does_not_make_are_told(home):
    changed = home.configure(None, None, settings(link_prediction_table={"embeddings": "kg_embeddings/rotate"}))
    build(changed, EMBEDDINGS)
    with pytest.raises(MateriaError, match="there are no such embeddings. Train them .* or name one of kg_embeddings/"):
        build(changed, PRETRAINED)


def test_a_home_gives_what_fuses_its_graph_into_a_model(home, tmp_path):
    config = GraphFusionConfig(how="attention", embeddings="kg_embeddings/distmult", neighbours=2)
    empty = open_home(str(tmp_path))
    with pytest.raises(MateriaError, match="there is no home with a vocabulary"):
        make_fusion(config, graph_sources(empty), hidden=8, seed=1)
    build(home, EMBEDDINGS)
    build(home, NAMES)
    fusion = make_fusion(config, graph_sources(home), hidden=8, seed=1)
    text = f"{DRUGS[0]} was given for {DISEASES[0]}."
    assert [m.curie for m in fusion.linker.mentions([text])[text]] == [curie(DRUGS[0]), curie(DISEASES[0])]
    assert set(fusion.curies) <= {curie(name) for name in (*DRUGS, *DISEASES)}
    assert fusion.layer.around.shape == (len(fusion.curies) + 1, 3) and fusion.layer.around[1:, 1].all()
