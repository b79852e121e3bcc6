"""Checkpoints: a training that was killed goes on as if it had not been, and nothing wrong is taken for a checkpoint."""

import errno
import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from kg.embeddings.checkpoint import Checkpoint
from kg.embeddings.config import EmbeddingConfig
from kg.embeddings.fit import fit
from pipeline.errors import DiskFullError, MateriaError
from tests.kg.embeddings.graphs import ring

PLAIN = {"trials": 0, "dim": 8, "epochs": 8, "batch": 16, "dropout": 0.2, "validate_every": 2}
CONFIGS = [
    EmbeddingConfig(model="complex", regularisation=0.01, **PLAIN),
    EmbeddingConfig(model="transe", optimizer="adagrad", loss="margin", negatives=4, corruption="bernoulli", **PLAIN),
]


class KilledError(Exception):
    """Stands for a signal that no code sees coming."""


def checkpoint_of(path, config, **options):
    return Checkpoint(path / "checkpoint.safetensors", ring(), config, every=0, **options)


def killed_after(epochs):
    def on_epoch(epoch, total, loss):
        if epoch == epochs:
            raise KilledError

    return on_epoch


@settings(max_examples=12)
@given(config=st.sampled_from(CONFIGS), kills=st.lists(st.integers(1, 8), max_size=3, unique=True))
def test_a_training_killed_at_any_epochs_ends_with_the_same_weights_and_losses(tmp_path_factory, config, kills):
    whole, expected = fit(ring(), config)
    path = tmp_path_factory.mktemp("checkpoint")
    for epoch in sorted(kills):
        with pytest.raises(KilledError):
            fit(ring(), config, on_epoch=killed_after(epoch), checkpoint=checkpoint_of(path, config))
    model, state = fit(ring(), config, checkpoint=checkpoint_of(path, config))
    assert state.losses == expected.losses and state.validations == expected.validations
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), whole.parameters(), strict=True))


def test_the_checkpoint_of_another_configuration_or_of_other_triples_is_refused(tmp_path):
    config = CONFIGS[0]
    fit(ring(), config, checkpoint=checkpoint_of(tmp_path, config))
    before = (tmp_path / "checkpoint.safetensors").read_bytes()
    other = config.model_copy(update={"learning_rate": 0.5})
    with pytest.raises(MateriaError, match="checkpoint of another configuration"):
        fit(ring(), other, checkpoint=checkpoint_of(tmp_path, other))
    with pytest.raises(MateriaError, match="or of other triples"):
        fit(ring(8), config, checkpoint=Checkpoint(tmp_path / "checkpoint.safetensors", ring(8), config))
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before


@pytest.mark.parametrize("damage", [lambda b: b[:-9], lambda b: b"", lambda b: b"\x80\x04K\x01." + b, lambda b: b"{}"])
def test_a_damaged_checkpoint_is_one_sentence(tmp_path, damage):
    config = CONFIGS[0]
    fit(ring(), config, checkpoint=checkpoint_of(tmp_path, config))
    file = tmp_path / "checkpoint.safetensors"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(MateriaError, match="is no checkpoint that can be read. Delete it"):
        fit(ring(), config, checkpoint=checkpoint_of(tmp_path, config))


def without(name):
    return lambda tensors, state: (tensors.pop(name), state)[1]


def smaller(tensors, state):
    tensors["model.entity"] = tensors["model.entity"][:3].clone()
    return state


@pytest.mark.parametrize(
    "damage",
    [
        without("model.relation"),
        smaller,
        lambda tensors, state: tensors.update(weird=tensors["model.entity"].clone()) or state,
        lambda tensors, state: [],
        lambda tensors, state: {key: value for key, value in state.items() if key != "losses"},
    ],
)
def test_a_checkpoint_that_lacks_a_part_is_one_sentence(tmp_path, damage):
    config, path = CONFIGS[0], tmp_path / "checkpoint.safetensors"
    fit(ring(), config, checkpoint=checkpoint_of(tmp_path, config))
    with safe_open(str(path), "pt") as file:
        state = json.loads(file.metadata()["state"])
    tensors = load_file(path)
    state = damage(tensors, state)
    save_file(tensors, path, metadata={"state": json.dumps(state)})
    with pytest.raises(MateriaError, match="is no checkpoint that can be read. Delete it"):
        fit(ring(), config, checkpoint=checkpoint_of(tmp_path, config))


def test_a_full_disk_leaves_the_last_good_state(tmp_path, monkeypatch):
    config = CONFIGS[0]
    with pytest.raises(KilledError):
        fit(ring(), config, on_epoch=killed_after(3), checkpoint=checkpoint_of(tmp_path, config))
    before = (tmp_path / "checkpoint.safetensors").read_bytes()

    def no_room(tensors, path, metadata):
        with open(path, "wb") as file:
            file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("safetensors.torch.save_file", no_room)
        with pytest.raises(DiskFullError):
            fit(ring(), config, checkpoint=checkpoint_of(tmp_path, config))
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.safetensors"]
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before
    model, _ = fit(ring(), config, checkpoint=checkpoint_of(tmp_path, config))
    assert torch.equal(model.entity, fit(ring(), config)[0].entity)
