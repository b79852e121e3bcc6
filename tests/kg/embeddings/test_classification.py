"""Triple classification: the best cut between true and false scores, and fair corruptions."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kg.embeddings.classification import best_threshold, classify_triples, corrupt
from kg.embeddings.config import EmbeddingConfig
from kg.embeddings.encode import EncodedTriples
from kg.embeddings.train import train_encoded
from tests.kg.embeddings.graphs import ring

SCORES = st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=8).map(np.array)


@given(SCORES, SCORES)
def test_no_cut_is_better_than_the_chosen(true: np.ndarray, false: np.ndarray) -> None:
    def accuracy(threshold: float) -> float:
        return ((true >= threshold).sum() + (false < threshold).sum()) / (len(true) + len(false))

    threshold, best = best_threshold(true, false)
    assert accuracy(threshold) == best
    assert best == max(accuracy(cut) for cut in np.arange(-4, 4.5, 0.5))


def graph() -> EncodedTriples:
    """Drugs treat diseases, genes cause them: the ends of a relation are of one kind."""
    drugs, diseases, genes = np.arange(0, 10), np.arange(10, 20), np.arange(20, 30)
    treats = np.array([(drug, 0, disease) for drug in drugs for disease in diseases[drug % 7 : drug % 7 + 3]])
    causes = np.array([(gene, 1, disease) for gene in genes for disease in diseases[gene % 7 : gene % 7 + 3]])
    every = np.random.default_rng(0).permutation(np.concatenate([treats, causes]))
    validation, test, train = every[:12], every[12:24], every[24:]
    return EncodedTriples(
        [f"E:{i}" for i in range(30)], ["treats", "causes"], train, validation, test, np.ones(len(train))
    )


@given(st.integers(0, 50))
def test_corruptions_change_one_end_within_its_kind_and_are_never_known(seed: int) -> None:
    encoded = graph()
    known = np.concatenate([encoded.train, encoded.validation])
    true, false = corrupt(encoded.validation, known, encoded, seed)
    assert len(true) == len(false) == len(encoded.validation)
    assert not set(map(tuple, false.tolist())) & set(map(tuple, known.tolist()))
    assert ((true != false).sum(1) == 1).all() and (true[:, 1] == false[:, 1]).all()
    for (head, relation, tail), (h, _, t) in zip(true.tolist(), false.tolist(), strict=True):
        column, end = (0, h) if h != head else (2, t)
        seen = encoded.train[encoded.train[:, 1] == relation][:, column]
        assert end in seen, (head, relation, tail)
    again = corrupt(encoded.validation, known, encoded, seed)
    assert all(np.array_equal(one, other) for one, other in zip((true, false), again, strict=True))


def test_both_ends_are_corrupted_about_as_often() -> None:
    encoded = graph()
    many = np.repeat(encoded.train, 20, axis=0)
    true, false = corrupt(many, encoded.train, encoded, 1)
    assert 0.45 < (true[:, 0] != false[:, 0]).mean() < 0.55


def test_a_triple_without_a_false_neighbour_is_left_out() -> None:
    """Two entities that are related in every way there is: no corruption is false, so none is invented."""
    every = np.array([(h, 0, t) for h in (0, 1) for t in (0, 1)])
    encoded = EncodedTriples(["E:0", "E:1"], ["r"], every, every[:1], every[1:2], np.ones(4))
    assert [len(part) for part in corrupt(encoded.validation, every, encoded, 0)] == [0, 0]
    assert classify_triples(lambda h, r, t: torch.zeros(len(h)), encoded, 0) == (None, {})


def test_the_threshold_is_chosen_on_validation_and_only_judged_on_test() -> None:
    """A score that knows the truth of validation by a high, and of test by a low number: the cut fits validation alone."""
    encoded = graph()
    sets = {name: {tuple(row) for row in getattr(encoded, name).tolist()} for name in ("train", "validation", "test")}

    def score(heads: torch.Tensor, relations: torch.Tensor, tails: torch.Tensor) -> torch.Tensor:
        rows = zip(heads.tolist(), relations.tolist(), tails.tolist(), strict=True)
        return torch.tensor([2.0 if row in sets["validation"] else 0.5 if row in sets["test"] else 0.0 for row in rows])

    threshold, accuracies = classify_triples(score, encoded, 3)
    assert threshold is not None and 0.0 < threshold < 2.0
    assert accuracies == {"validation": pytest.approx(1.0, abs=0.05), "test": pytest.approx(0.5, abs=0.05)}


def test_training_reports_threshold_and_accuracy() -> None:
    config = EmbeddingConfig(model="complex", dim=32, epochs=80, batch=16)
    embeddings = train_encoded(ring(), config)
    assert embeddings.threshold is not None
    assert embeddings.report()["threshold"] == embeddings.threshold
    assert 0 <= embeddings.metrics["test"]["accuracy"] <= embeddings.metrics["validation"]["accuracy"] == 1.0
    assert ring().degrees().sum() == 2 * embeddings.counts["train"]
