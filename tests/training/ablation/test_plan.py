import pytest

from pipeline.errors import MateriaError
from training.ablation.plan import Speed, keep_plan, kept_plan, make_plan

SPEED = Speed(step=0.1, around=10.0, evaluation=20.0)


def plan(**changed):
    given = {
        "wished": 2000,
        "trainings": 18,
        "evaluations": 21,
        "at_once": 2,
        "tokens_a_step": 2048,
        "speed": SPEED,
        "minutes": None,
    }
    return make_plan(**given | changed)


def test_it_says_how_long_all_of_it_takes():
    """Nine rounds of 2,000 steps and 10 s around them, eleven of evaluations."""
    made = plan()
    assert made.minutes == pytest.approx((9 * (2000 * 0.1 + 10) + 11 * 20) / 60, abs=0.01)
    assert made.tokens == 2000 * 2048
    assert made.sentence() == (
        "18 trainings of 2,000 steps (about 4,096,000 tokens each), 2 at once, and 21 evaluations: about 35 min (100 ms a step "
        "of the dearest arm)"
    )


def test_steps_are_cut_to_the_time_and_never_raised():
    short = plan(minutes=20)
    assert short.steps < 2000
    assert 19.5 < short.minutes <= 20
    assert plan(minutes=600).steps == 2000


def test_time_that_is_gone_before_the_first_step_is_refused():
    with pytest.raises(MateriaError, match="minutes are too few"):
        plan(minutes=5)


def test_a_run_that_goes_on_keeps_its_plan_as_long_as_the_wishes_are_the_same(tmp_path):
    path, made = tmp_path / "plan.json", plan(minutes=20)
    assert kept_plan(path, ["wishes"]) is None
    keep_plan(path, ["wishes"], made)
    assert kept_plan(path, ["wishes"]) == made
    assert kept_plan(path, ["others"]) is None
    path.write_text("{")
    assert kept_plan(path, ["wishes"]) is None
