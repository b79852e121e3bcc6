"""Balanced weights are scikit-learn's; a model that always says the common class loses by them."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight

from pipeline.errors import MateriaError
from training.finetuning.class_weights import balanced_loss
from training.tasks.base import Features


def rows(labels):
    return [Features(0, {"input_ids": [1]}, label, [], []) for label in labels]


def task(*labels):
    return SimpleNamespace(name="t.v1", labels=labels)


def loss(labels, logits, target, names=("a", "b", "c")):
    output = SimpleNamespace(logits=torch.tensor(logits))
    return balanced_loss(task(*names), rows(labels))(output, torch.tensor(target), num_items_in_batch=1).item()


def test_weights_are_those_of_scikit_learn():
    labels = [0] * 6 + [1] * 3 + [2]
    weights = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    logits, target = [[0.3, 0.1, -0.2], [0.0, 1.0, 0.5]], [0, 2]
    plain = torch.nn.functional.cross_entropy(torch.tensor(logits), torch.tensor(target), reduction="none").numpy()
    expected = (plain * weights[target]).sum() / weights[target].sum()
    assert loss(labels, logits, target) == pytest.approx(expected, rel=1e-6)


def test_tokens_that_have_no_label_count_for_nothing():
    labels = [[0, -100, 0, 1], [2, -100]]
    logits = [[[0.0, 1.0, 2.0], [9.0, 0.0, 0.0]]]
    alone = [[[0.0, 1.0, 2.0]]]
    assert loss(labels, logits, [[1, -100]]) == pytest.approx(loss(labels, alone, [[1]]))


def test_a_label_that_few_rows_have_weighs_as_much_as_its_absence():
    labels = [[1.0, 0.0]] + [[0.0, 1.0]] * 3
    names = ("a", "b")
    # Row by row over the training rows, to say nothing (0.5) costs as much for those that have a label as for those that lack it.
    have = loss(labels, [[0.0, 0.0]], [[1.0, 0.0]], names) - loss(labels, [[0.0, 0.0]], [[0.0, 0.0]], names)
    lack = loss(labels, [[0.0, 0.0]], [[0.0, 0.0]], names)
    ratio = (have * 2 + lack * 1) / lack  # of the first label alone
    assert ratio == pytest.approx(1 + 2 * (3 - 1) / 2, rel=1e-5)


def test_a_class_that_no_row_has_divides_by_nothing():
    assert np.isfinite(loss([0, 0, 1], [[0.0, 0.0, 0.0]], [2]))


@pytest.mark.parametrize(("names", "labels"), [((), [0, 1]), (("a",), [{"start_positions": 1, "end_positions": 2}])])
def test_a_task_without_classes_is_refused(names, labels):
    with pytest.raises(MateriaError, match=r"no classes to weigh in t\.v1\. Set class_weights to none"):
        balanced_loss(task(*names), rows(labels))
