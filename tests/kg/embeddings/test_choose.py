"""Choosing settings: what is set stays, what is open comes from size and search, and test triples decide nothing."""

import numpy as np
import pytest

from kg.embeddings.choose import choose_config
from kg.embeddings.config import EmbeddingConfig
from kg.embeddings.defaults import settings_of_size, settings_to_try
from kg.embeddings.scorers import SCORERS
from tests.kg.embeddings.graphs import ring


def with_test(encoded, test):
    object.__setattr__(encoded, "test", test)
    return encoded


@pytest.mark.parametrize("model", sorted(SCORERS))
def test_every_scorer_has_settings_to_try_and_they_are_settings(model):
    tried = settings_to_try(model, 10_000)
    assert len(tried) >= 4
    for settings in tried:
        EmbeddingConfig(model=model, **settings)


def test_without_trials_nothing_is_chosen():
    config = EmbeddingConfig(model="rotate", trials=0)
    assert choose_config(ring(), config) is config


def test_what_is_set_stays():
    config = EmbeddingConfig(model="complex", dim=8, epochs=4, dropout=0.1, trials=3)
    chosen = choose_config(ring(200), config)
    assert (chosen.dim, chosen.epochs, chosen.dropout) == (8, 4, 0.1)
    pair = chosen.learning_rate, chosen.regularisation
    assert pair in {(s["learning_rate"], s["regularisation"]) for s in settings_to_try("complex", 200)}


def test_the_search_picks_what_ranks_validation_best_and_picks_the_same_again():
    """With regularisation that flattens everything among the members, it is never chosen."""
    seen = []
    config = EmbeddingConfig(model="distmult", dim=8, epochs=16)
    chosen = choose_config(ring(200), config, on_trial=lambda done, total: seen.append((done, total)))
    assert chosen == choose_config(ring(200), config)
    assert seen == [(i + 1, seen[0][1]) for i in range(seen[0][1])]
    assert chosen.regularisation < 0.3


def test_test_triples_decide_nothing():
    config = EmbeddingConfig(model="distmult", dim=8, epochs=8, trials=3)
    graph = ring(200)
    other = with_test(ring(200), np.empty((0, 3), dtype=np.int64))
    assert choose_config(graph, config) == choose_config(other, config)


def test_a_graph_without_validation_takes_the_settings_of_its_size_and_the_likeliest_of_the_list():
    graph = ring(200)
    object.__setattr__(graph, "validation", graph.validation[:0])
    chosen = choose_config(graph, EmbeddingConfig(model="transe"), on_trial=lambda done, total: pytest.fail("no trial"))
    expected = EmbeddingConfig(model="transe").model_copy(
        update=settings_of_size(graph) | settings_to_try("transe", 200)[0]
    )
    assert chosen == expected


def test_steps_that_are_too_long_lose_the_search_and_do_not_end_it():
    config = EmbeddingConfig(model="distmult", dim=8, epochs=8, learning_rate=1e30)
    assert choose_config(ring(200), config).learning_rate == 1e30
