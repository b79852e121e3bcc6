"""The training loop: every loss and corruption learns, validation keeps the best, and a bad loss is one sentence."""

from itertools import product

import pytest
import torch

from kg.embeddings.config import EmbeddingConfig
from kg.embeddings.corruptions import CORRUPTIONS
from kg.embeddings.evaluation import validation_mrr
from kg.embeddings.fit import LossNotFiniteError, fit
from kg.embeddings.losses import LOSSES
from kg.embeddings.regularisers import REGULARISERS
from kg.embeddings.scorers import SCORERS
from pipeline.errors import MateriaError
from tests.kg.embeddings.graphs import ring

SMALL = {"trials": 0, "dim": 16, "epochs": 30, "batch": 32, "learning_rate": 0.05}


@pytest.mark.parametrize(("model", "loss"), [*product(sorted(SCORERS), sorted(LOSSES))])
def test_every_scorer_learns_with_every_loss(model, loss):
    _, state = fit(ring(), EmbeddingConfig(model=model, loss=loss, gamma=3.0, **SMALL))
    assert state.losses[-1] < 0.8 * state.losses[0]


@pytest.mark.parametrize(
    ("corruption", "loss"), [*product(sorted(CORRUPTIONS), ("self_adversarial", "margin", "one_vs_all"))]
)
def test_every_corruption_trains_with_losses_of_drawn_negatives(corruption, loss):
    config = EmbeddingConfig(loss=loss, corruption=corruption, negatives=8, gamma=3.0, **SMALL)
    _, state = fit(ring(), config)
    assert state.losses[-1] < 0.8 * state.losses[0]


@pytest.mark.parametrize("regulariser", sorted(REGULARISERS))
def test_a_regulariser_keeps_vectors_shorter(regulariser):
    free, held = (
        fit(ring(), EmbeddingConfig(model="complex", regulariser=regulariser, regularisation=weight, **SMALL))[0]
        for weight in (0.0, 0.5)
    )
    assert held.entity.norm() < 0.8 * free.entity.norm()


@pytest.mark.parametrize("model", sorted(SCORERS))
def test_without_reciprocal_relations_heads_are_asked_by_the_inverse(model):
    graph = ring()
    fitted, _ = fit(graph, EmbeddingConfig(model=model, reciprocal=False, **SMALL))
    assert len(fitted.relation) == len(graph.relations)
    heads, relations, tails = torch.from_numpy(graph.train[:5]).unbind(1)
    one = fitted.score(heads, relations, tails)
    by_head = fitted.score_heads(tails, relations).gather(1, heads[:, None])[:, 0]
    torch.testing.assert_close(by_head, one, atol=1e-4, rtol=1e-4)


def test_the_best_validation_is_kept_and_training_stops_without_a_better_one():
    config = EmbeddingConfig(model="distmult", validate_every=2, patience=3, **(SMALL | {"epochs": 200}))
    model, state = fit(ring(), config)
    epochs, values = zip(*state.validations, strict=True)
    assert len(state.losses) < 200 and epochs == tuple(range(2, len(state.losses) + 1, 2))
    assert values.index(max(values)) == len(values) - 1 - 3
    assert validation_mrr(model, ring()) == max(values)


def test_test_triples_decide_nothing():
    """The same triples with other test triples give the same vectors, though the best of several epochs is chosen."""
    config = EmbeddingConfig(validate_every=3, patience=2, **SMALL)
    graph, other = ring(), ring()
    object.__setattr__(other, "test", other.train[:3])
    assert torch.equal(fit(graph, config)[0].entity, fit(other, config)[0].entity)


def test_a_loss_that_is_not_finite_is_one_sentence_that_names_the_epoch():
    with pytest.raises(
        LossNotFiniteError, match=r"the loss is (nan|inf) in epoch \d+\. Lower learning_rate, which is 1e\+30"
    ):
        fit(ring(), EmbeddingConfig(model="distmult", **(SMALL | {"learning_rate": 1e30})))


def test_vectors_that_the_last_step_broke_are_no_embedding():
    """Adam's step has the length of the learning rate, which no float32 holds; the loss was taken before it."""
    config = EmbeddingConfig(model="distmult", **(SMALL | {"learning_rate": 1e39, "epochs": 1, "batch": 1000}))
    with pytest.raises(LossNotFiniteError, match=r"the vectors are not finite after epoch 1\. Lower learning_rate"):
        fit(ring(), config)


def test_what_no_memory_holds_is_one_sentence():
    config = EmbeddingConfig(**(SMALL | {"dim": 65_536, "negatives": 1_000_000, "batch": 16}))
    with pytest.raises(MateriaError, match=r"need more memory than there is\. Lower dim, batch"):
        fit(ring(), config)
