"""The family of losses: a contract that every member keeps, and each member's formula, computed by hand in float64."""

import numpy as np
import pytest
import torch

from kg.embeddings.config import EmbeddingConfig
from kg.embeddings.losses import LOSSES, Answers, make_loss

MARGIN, TEMPERATURE = 1.5, 0.7


def example():
    """Three questions over five candidates; the first has two answers, the last a candidate that is none."""
    scores = torch.randn(3, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    scores[2, 4] = -torch.inf
    rows, columns = torch.tensor([0, 0, 1, 2]), torch.tensor([1, 3, 0, 2])
    return scores, Answers(rows, columns, torch.tensor([1.0, 0.5, 1.0, 2.0], dtype=torch.float64))


def log_sigmoid(x):
    return -np.log1p(np.exp(-x))


def by_hand(name, scores, answers):
    """The loss in plain loops, as it is printed."""
    s = scores.numpy()
    triples = list(zip(answers.rows.tolist(), answers.columns.tolist(), answers.weights.tolist(), strict=True))
    true = {(row, column) for row, column, _ in triples}
    false = {row: [x for c, x in enumerate(s[row]) if (row, c) not in true and x > -np.inf] for row in range(len(s))}
    weight = sum(w for _, _, w in triples)
    if name == "one_vs_all":
        return sum(w * (np.log(np.exp(s[row]).sum()) - s[row, c]) for row, c, w in triples) / weight
    if name == "k_vs_all":
        total = 0.0
        for row in range(len(s)):
            own = [(c, w) for r, c, w in triples if r == row]
            share = sum(w for _, w in own)
            total -= sum(w / share * np.log(np.exp(s[row, c]) / np.exp(s[row]).sum()) for c, w in own)
        return total / len(s)
    if name == "binary":
        found = sum(-w * log_sigmoid(s[row, c]) for row, c, w in triples)
        return (found - sum(log_sigmoid(-x) for row in false for x in false[row])) / weight
    if name == "self_adversarial":
        total = 0.0
        for row, c, w in triples:
            p = np.exp(TEMPERATURE * np.array(false[row]))
            p /= p.sum()
            total -= w * (log_sigmoid(s[row, c]) + sum(q * log_sigmoid(-x) for q, x in zip(p, false[row], strict=True)))
        return total / weight
    return sum(w * np.mean([max(0.0, MARGIN - s[row, c] + x) for x in false[row]]) for row, c, w in triples) / weight


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_every_loss_is_its_formula(name):
    scores, answers = example()
    loss = LOSSES[name](margin=MARGIN, temperature=TEMPERATURE)(scores, answers)
    assert loss.dtype == torch.float64
    assert loss.item() == pytest.approx(by_hand(name, scores, answers), rel=1e-12)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_every_loss_raises_true_scores_and_lowers_false_ones(name):
    scores, answers = example()
    scores.requires_grad_()
    loss = LOSSES[name](margin=MARGIN, temperature=TEMPERATURE)
    assert loss.name == f"{name}.v1"
    loss(scores, answers).backward()
    assert torch.isfinite(scores.grad).all()
    assert scores.grad[2, 4] == 0, "no candidate, no gradient"
    true = torch.zeros(3, 5, dtype=torch.bool).index_put((answers.rows, answers.columns), torch.tensor(True))
    assert (scores.grad[true] < 0).all()
    assert (scores.grad[~true] >= 0).all() and (scores.grad[~true] > 0).any()


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_a_question_whose_every_candidate_is_true_has_a_finite_loss(name):
    scores = torch.tensor([[0.3, -torch.inf]], requires_grad=True)
    loss = LOSSES[name]()(scores, Answers(torch.tensor([0]), torch.tensor([0]), torch.ones(1)))
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(scores.grad).all()


def test_the_configuration_and_the_family_name_the_same_losses():
    for name in EmbeddingConfig.model_fields["loss"].annotation.__args__:
        loss = make_loss(EmbeddingConfig(loss=name, margin=2.5, temperature=0.5))
        assert (type(loss), loss.margin, loss.temperature) == (LOSSES[name], 2.5, 0.5)
    assert set(EmbeddingConfig.model_fields["loss"].annotation.__args__) == set(LOSSES)
