"""The family of corruptions: what every member promises, and the shares and pools of each."""

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch.nn import functional

from kg.embeddings.config import EmbeddingConfig
from kg.embeddings.corruptions import CORRUPTIONS
from kg.embeddings.encode import encode_triples
from kg.embeddings.model import EmbeddingModel
from kg.embeddings.steps import make_steps

#: `has` goes from two heads to many tails; `in` from many heads to one tail.
ROWS = [("h0", "has", f"t{i}") for i in range(6)] + [("h1", "has", "t0")] + [(f"t{i}", "in", "z") for i in range(4)]


@pytest.fixture(scope="module")
def encoded():
    columns = ("subject", "predicate", "object")
    table = {name: [row[i] for row in ROWS] for i, name in enumerate(columns)}
    return encode_triples(pa.table(table | {"split": ["train"] * len(ROWS)}))


@pytest.mark.parametrize("name", sorted(CORRUPTIONS))
def test_every_corruption_draws_entities_the_same_way_from_the_same_generator(encoded, name):
    corruption = CORRUPTIONS[name](encoded)
    relations = torch.tensor([0, 1, 2, 3])
    first, again = (corruption.draw(relations, 50, torch.Generator().manual_seed(1)) for _ in range(2))
    assert corruption.name == f"{name}.v1"
    assert first.shape == (4, 50) and first.dtype == torch.int64
    assert torch.equal(first, again)
    assert first.min() >= 0 and first.max() < len(encoded.entities)
    share = corruption.head_share()
    assert share.shape == (2,) and ((share >= 0) & (share <= 1)).all()


@pytest.mark.parametrize("name", sorted(CORRUPTIONS))
def test_training_triples_are_known_as_true_from_both_ends(encoded, name):
    corruption = CORRUPTIONS[name](encoded)
    everything = torch.arange(len(encoded.entities))
    for ask, answer, offset in ((0, 2, 0), (2, 0, len(encoded.relations))):
        pairs = np.unique(encoded.train[:, [ask, 1]], axis=0)
        asked, relations = torch.from_numpy(pairs[:, 0].copy()), torch.from_numpy(pairs[:, 1] + offset)
        known = corruption.is_true(asked, relations, everything.expand(len(pairs), -1))
        for row, (entity, relation) in enumerate(pairs):
            true = encoded.train[(encoded.train[:, ask] == entity) & (encoded.train[:, 1] == relation)][:, answer]
            assert set(known[row].nonzero()[:, 0].tolist()) == set(true.tolist())


def test_bernoulli_replaces_the_head_of_one_to_many_and_the_tail_of_many_to_one(encoded):
    share = dict(zip(encoded.relations, CORRUPTIONS["bernoulli"](encoded).head_share().tolist(), strict=True))
    # has: 7 triples, 2 heads, 6 tails: tph 3.5, hpt 7/6. in: 4 triples, 4 heads, 1 tail: tph 1, hpt 4.
    assert share["has"] == pytest.approx(3.5 / (3.5 + 7 / 6))
    assert share["in"] == pytest.approx(1 / 5)
    assert CORRUPTIONS["uniform"](encoded).head_share().tolist() == [0.5, 0.5]


def test_typed_draws_only_ends_that_the_relation_has(encoded):
    corruption = CORRUPTIONS["typed"](encoded)
    count = len(encoded.relations)
    for number, relation in enumerate(encoded.relations):
        for offset, end in ((0, 2), (count, 0)):
            drawn = corruption.draw(torch.tensor([number + offset]), 400, torch.Generator().manual_seed(0))
            names = {encoded.entities[i] for i in drawn.flatten().tolist()}
            assert names == {row[end] for row in ROWS if row[1] == relation}


def test_no_true_triple_counts_as_a_corruption(encoded):
    """`in` has one tail, and every head that `typed` can draw is a true one: what is left is the loss of the true triples."""
    config = EmbeddingConfig(trials=0, dim=4, loss="binary", negatives=20, corruption="typed")
    model = EmbeddingModel(len(encoded.entities), len(encoded.relations), config)
    chosen = torch.from_numpy(np.flatnonzero(encoded.train[:, 1] == encoded.relations.index("in")))
    steps = make_steps(model, encoded)
    steps.head_share = torch.zeros(2)
    loss = steps(chosen, torch.Generator().manual_seed(5))
    scores = model.scorer.logits(model.score(*torch.from_numpy(encoded.train)[chosen].unbind(1)))
    torch.testing.assert_close(loss, functional.softplus(-scores).mean())


def test_the_configuration_and_the_family_name_the_same_corruptions():
    assert set(EmbeddingConfig.model_fields["corruption"].annotation.__args__) == set(CORRUPTIONS)
