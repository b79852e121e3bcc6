import pytest

from pipeline.errors import MateriaError
from training.ablation.arms import ARMS, SEVEN, arm_of, check_arms
from training.ablation.config import AblationConfig
from training.config import PretrainingConfig

BASE = PretrainingConfig(objectives={"link_prediction": {"weight": 0.5}})


def weights(name):
    settings = arm_of(name).settings(BASE, 7)
    return settings.objectives.weights("masked")


@pytest.mark.parametrize(
    ("arm", "learned"),
    [
        ("text", set()),
        ("verbalized", set()),
        ("links", {"link_prediction", "link_prediction_table"}),
        ("relations", {"relation_classification"}),
        ("all", {"link_prediction", "link_prediction_table", "relation_classification"}),
        ("all_shuffled", {"link_prediction", "link_prediction_table", "relation_classification"}),
    ],
)
def test_an_arm_learns_words_and_what_it_is_named_for(arm, learned):
    assert set(weights(arm)) == {"masked_lm", "next_sentence"} | learned


def test_all_else_is_the_same_for_every_arm():
    settings = [arm_of(name).settings(BASE, 7).model_dump(exclude={"objectives", "schedule"}) for name in SEVEN]
    assert all(one == settings[0] for one in settings)
    assert settings[0] == BASE.model_copy(update={"seed": 7}).model_dump(exclude={"objectives", "schedule"})


def test_further_arms_change_one_thing_of_all():
    assert arm_of("all_alternating").settings(BASE, 7).schedule.turns == "alternating"
    assert arm_of("all_mentioned").settings(BASE, 7).data.drawing == "mentioned"
    assert arm_of("all@0.5").spec(AblationConfig(), 7).ratio == 0.5
    assert arm_of("all").spec(AblationConfig(ratio=0.25), 7).ratio == 0.25


def test_only_the_shuffled_corpus_has_a_seed():
    assert {name for name in ARMS if arm_of(name).spec(AblationConfig(), 7).seed is not None} == {"all_shuffled"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"arms": ["alll"]},
        {"arms": ["text@0.5"]},
        {"arms": ["all@x"]},
        {"arms": ["all", "all"]},
        {"seeds": [1, 1]},
        {"seeds": []},
        {"arms": ["text", "all"], "task_arms": ["links"]},
    ],
)
def test_arms_and_seeds_that_are_none_are_refused(wrong):
    with pytest.raises(ValueError, match=r"no arm|twice|each once|none of the arms"):
        AblationConfig(**wrong)


def test_an_arm_whose_objective_has_no_weight_is_refused_before_anything_is_read():
    config = AblationConfig(arms=["relations"], pretraining={"objectives": {"relation_classification": {"weight": 0}}})
    with pytest.raises(MateriaError, match="relations learns relation classification, and"):
        check_arms(config)
