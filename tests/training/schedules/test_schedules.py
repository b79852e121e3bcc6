"""Schedules: what each way of mixing does, the formula of learned weights, and draws that depend on (seed, step) only."""

import math
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.schedules.config import ScheduleConfig
from training.schedules.schedule import Schedule, make_tasks
from training.schedules.turns import TURNS
from training.schedules.weighting import WEIGHTINGS

WEIGHTS = {"masked_lm": 1.0, "next_sentence": 1.0, "link_prediction_table": 1.0, "relation_classification": 1.0}
SIZES = {"masked_lm": 900.0, "next_sentence": 900.0, "link_prediction_table": 100.0, "relation_classification": 900.0}
TEXT = ("masked_lm", "next_sentence")


def schedule(weights=None, *, seed=13, steps=1000, **settings):
    return Schedule(ScheduleConfig(**settings), weights or WEIGHTS, sizes=SIZES, seed=seed, steps=steps)


def served(made, steps=1000):
    return [made.active(step, epoch=step // 100) for step in range(steps)]


def losses(*values):
    return {name: torch.tensor(value, requires_grad=True) for name, value in zip(WEIGHTS, values, strict=False)}


def test_configuration_and_tables_name_the_same_members():
    for field, table in (("turns", TURNS), ("weighting", WEIGHTINGS)):
        assert set(ScheduleConfig.model_fields[field].annotation.__args__) == set(table)
        assert all(member.name == f"{name}.v1" for name, member in table.items())


@pytest.mark.parametrize(
    ("turns", "unit"),
    [*((name, "step") for name in TURNS), *((name, "epoch") for name in TURNS if name not in {"joint", "annealed"})],
)
def test_every_way_serves_all_objectives_and_the_same_again_from_any_step(turns, unit):
    made = schedule(turns=turns, unit=unit)
    first = served(made, 1000)
    assert {name for active in first for name in active} == set(WEIGHTS)
    again = schedule(turns=turns, unit=unit)
    assert [again.active(step, step // 100) for step in (999, 3, 500)] == [first[999], first[3], first[500]]
    if unit == "epoch":
        assert all(len(set(first[start : start + 100])) == 1 for start in range(0, 1000, 100))


def test_joint_steps_serve_all_and_others_one_task():
    assert set(served(schedule())) == {tuple(WEIGHTS)}
    tasks = {TEXT, ("link_prediction_table",), ("relation_classification",)}
    assert {task.objectives for task in make_tasks(WEIGHTS, SIZES)} == tasks
    for turns in TURNS.keys() - {"joint"}:
        assert set(served(schedule(turns=turns))) == tasks


def test_alternating_goes_round_by_step_or_by_epoch():
    assert served(schedule(turns="alternating"), 4) == [
        TEXT,
        ("link_prediction_table",),
        ("relation_classification",),
        TEXT,
    ]
    made = schedule(turns="alternating", unit="epoch")
    assert [made.active(step=70, epoch=epoch) for epoch in (0, 1, 3)] == [TEXT, ("link_prediction_table",), TEXT]


@pytest.mark.parametrize(
    ("turns", "progress", "power"),
    [
        ("proportional", 0.5, 1),
        ("temperature", 0.5, 1 / 4),
        ("annealed", 0, 1),
        ("annealed", 0.5, 0.6),
        ("annealed", 1, 0.2),
    ],
)
def test_draws_are_in_proportion_to_size_to_a_power(turns, progress, power):
    made = schedule(turns=turns, temperature=4.0)
    raised = np.array([900, 100, 900.0]) ** power
    expected = raised / raised.sum()
    np.testing.assert_allclose(made.turns.probabilities(progress), expected)
    drawn = Counter(made.turns.task(turn, progress) for turn in range(4000))
    np.testing.assert_allclose([drawn[task] / 4000 for task in range(3)], expected, atol=0.03)


def test_another_seed_draws_otherwise():
    assert served(schedule(turns="proportional")) != served(schedule(turns="proportional", seed=14))


@given(
    ratio=st.sampled_from([0.25, 1 / 3, 0.5, 1.0, 2.0, 7.0]), turns=st.sampled_from(sorted(TURNS.keys() - {"joint"}))
)
def test_graph_and_text_share_the_turns_by_their_ratio_as_evenly_as_can_be(ratio, turns):
    graph = [active[0] not in TEXT for active in served(schedule(turns=turns, graph_ratio=ratio), 400)]
    share = ratio / (1 + ratio)
    for end in range(1, 401):
        assert abs(sum(graph[:end]) - share * end) < 1 + 1e-6
    assert {name for active in served(schedule(turns=turns, graph_ratio=ratio), 400) for name in active} == set(WEIGHTS)


def test_fixed_weights_are_a_weighted_sum():
    made = schedule({"masked_lm": 2.0, "next_sentence": 0.5})
    assert made.total(losses(3.0, 4.0), 0).item() == pytest.approx(2 * 3 + 0.5 * 4)
    assert made.total({"next_sentence": torch.tensor(4.0)}, 0).item() == pytest.approx(2.0)
    assert not list(made.parameters())


def test_uncertainty_weights_begin_as_configured_and_settle_where_each_weighed_loss_is_one_half():
    """Kendall et al.: exp(-s) L + s / 2 has its minimum at exp(s) = 2 L."""
    made = schedule({"masked_lm": 2.0, "next_sentence": 0.5}, weighting="uncertainty")
    expected = 2 * 3 + 0.5 * 4 + (-math.log(2.0) - math.log(0.5)) / 2
    assert made.total(losses(3.0, 4.0), 0).item() == pytest.approx(expected)
    optimizer = torch.optim.SGD(made.parameters(), lr=0.5)
    for step in range(400):
        optimizer.zero_grad()
        made.total(losses(3.0, 0.25), step).backward()
        optimizer.step()
    weights = [math.exp(-s.item()) for s in made.parameters()]
    assert weights == pytest.approx([1 / (2 * 3.0), 1 / (2 * 0.25)], rel=1e-3)


def test_a_step_without_examples_of_an_objective_leaves_its_learned_weight():
    made = schedule(weighting="uncertainty")
    made.total(losses(3.0, 0.0), 0).backward()
    learned = made.weighting.log_variances
    assert learned["masked_lm"].grad != 0 and learned["next_sentence"].grad == 0
    assert learned["relation_classification"].grad is None
