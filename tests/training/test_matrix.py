"""Every objective on every backbone under every schedule: what makes sense trains, and what does not is refused."""

import itertools
import re

import pytest
import torch

from pipeline.errors import MateriaError
from training.backbones.config import LANGUAGE_OF
from training.combination import check_combination
from training.config import PretrainingConfig
from training.model import make_model
from training.objectives.config import LANGUAGE_OBJECTIVES
from training.objectives.table import OBJECTIVES

SCHEDULES = {
    "fixed": {},
    "uncertainty": {"weighting": "uncertainty"},
    "alternating by step": {"turns": "alternating"},
    "alternating by epoch": {"turns": "alternating", "unit": "epoch"},
    "proportional": {"turns": "proportional"},
    "temperature": {"turns": "temperature", "weighting": "uncertainty"},
    "annealed": {"turns": "annealed"},
    "two turns for the graph, one for text": {"turns": "alternating", "graph_ratio": 2.0},
    "drawn within each side": {"turns": "proportional", "graph_ratio": 1.0},
}


def suits(family, name):
    """Whether an objective makes sense on a backbone."""
    if name == "next_sentence":
        return family == "bert"
    own = LANGUAGE_OBJECTIVES[LANGUAGE_OF[family]]
    return name == own or name not in LANGUAGE_OBJECTIVES.values()


def owner(parameter):
    """The objectives whose loss alone a parameter serves; none for what all share."""
    if match := re.match(r"objectives\.(\w+)\.|schedule\.weighting\.log_variances\.(\w+)", parameter):
        return {match[1] or match[2]}
    if re.search(r"pooler|seq_relationship", parameter):
        return {"next_sentence"}
    if re.search(r"cls\.predictions|lm_loss\.bias|mask_emb|lm_head", parameter):
        return set(LANGUAGE_OBJECTIVES.values())
    return set()


def train(material, configuration, family, names, schedule):
    torch.manual_seed(3)
    config = configuration(family, names, schedule)
    model = make_model(config, material.tokenizer, triples=material.triples, classes=material.classes, passages=240)
    assert set(model.objectives) == set(names)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    batches, served = material.batches[LANGUAGE_OF[family]], set()
    for step in range(config.trainer.steps):
        active = model.schedule.active(step, epoch=step // 3)
        assert active and set(active) <= set(names)
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        outcomes = model.outcomes(*batches[step % 3], active)
        assert set(outcomes) == set(active)
        losses = {name: outcome.loss for name, outcome in outcomes.items()}
        total = model.schedule.total(losses, step)
        assert all(outcome.examples and torch.isfinite(outcome.loss) for outcome in outcomes.values())
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
        for name in moved:
            assert not owner(name) or owner(name) & set(active), f"{name} moved in a step of {active}"
        for objective in active:
            heads = [name for name, _ in model.named_parameters() if objective in owner(name)]
            assert set(heads) & moved or not heads
        assert any(not owner(name) for name in moved), "the encoder learns in every step"
        served |= set(active)
    return served


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("family", LANGUAGE_OF)
def test_all_objectives_of_a_backbone_train_together(material, configuration, family, schedule):
    names = [name for name in OBJECTIVES if suits(family, name)]
    assert train(material, configuration, family, names, SCHEDULES[schedule]) == set(names)


@pytest.mark.parametrize(("family", "name"), [(f, n) for f in LANGUAGE_OF for n in OBJECTIVES if suits(f, n)])
def test_each_objective_trains_alone(material, configuration, family, name):
    assert train(material, configuration, family, [name], {}) == {name}


def reason(family, names, schedule):
    """Why a combination makes no sense; None where it does. Written anew here, to hold the check to it."""
    if not names:
        return "every objective has weight 0"
    if odd := [name for name in names if not suits(family, name)]:
        return f"({'|'.join(odd)}) needs"
    text = [name for name in names if name in (*LANGUAGE_OBJECTIVES.values(), "next_sentence")]
    graph = [name for name in names if name not in text]
    if schedule.get("weighting") == "uncertainty" and len(names) == 1:
        return "the only objective"
    if schedule.get("turns", "joint") == "joint":
        if "graph_ratio" in schedule:
            return "no turns to divide"
        return "a turn cannot be an epoch" if schedule.get("unit") == "epoch" else None
    if schedule["turns"] == "annealed" and schedule.get("unit") == "epoch":
        return "a turn cannot be an epoch"
    if len(graph) + bool(text) < 2:
        return "there is one task only"
    return "divides turns between text and graph" if "graph_ratio" in schedule and not (text and graph) else None


def test_the_whole_grid_is_trained_or_refused_with_the_reason(configuration):
    """4 backbones x every set of up to two objectives, and all of them x every schedule, nonsense ones too."""
    nonsense = {
        "ratio of joint steps": {"graph_ratio": 1.0},
        "joint epochs": {"unit": "epoch"},
        "annealed epochs": {"turns": "annealed", "unit": "epoch"},
    }
    sets = [names for size in range(3) for names in itertools.combinations(OBJECTIVES, size)] + [tuple(OBJECTIVES)]
    counts = {"trained": 0, "refused": 0}
    for family, names, schedule in itertools.product(LANGUAGE_OF, sets, (SCHEDULES | nonsense).values()):
        config, expected = configuration(family, names, schedule), reason(family, names, schedule)
        if expected is None:
            assert set(check_combination(config)) == set(names)
            counts["trained"] += 1
            continue
        with pytest.raises(MateriaError) as refusal:
            check_combination(config)
        assert re.search(expected, refusal.value.problem) and refusal.value.remedy
        counts["refused"] += 1
    assert counts["trained"] > 100 and counts["refused"] > 100


@pytest.mark.parametrize(
    ("family", "backbone", "objectives", "problem"),
    [
        ("xlnet", {"gradient_checkpointing": True}, {}, "no gradient checkpointing for xlnet"),
        ("bert", {}, {"link_prediction_table": {"frozen": True}}, "were never trained"),
        (
            "bert",
            {},
            {"link_prediction_table": {"frozen": True, "mentions": False, "embeddings": "e"}},
            "nothing to learn",
        ),
        ("gpt2", {}, {"masked_lm": {"weight": 1}}, "masked_lm needs a masked language model, and gpt2 is a causal one"),
        ("llama", {}, {"next_sentence": {"weight": 1}}, r"needs BERT's \[CLS\]"),
    ],
)
def test_settings_that_make_no_sense_are_refused(family, backbone, objectives, problem):
    config = PretrainingConfig(backbone={"family": family, **backbone}, objectives=objectives)
    with pytest.raises(MateriaError, match=problem):
        check_combination(config)


@pytest.mark.parametrize("family", LANGUAGE_OF)
def test_a_configuration_that_names_only_the_backbone_trains_what_is_usual_for_it(family):
    usual = {LANGUAGE_OBJECTIVES[LANGUAGE_OF[family]], "link_prediction_table", "relation_classification"}
    weights = check_combination(PretrainingConfig(backbone={"family": family}))
    assert weights == dict.fromkeys(weights, 1.0) | {"link_prediction_table": 0.1}
    assert set(weights) == usual | ({"next_sentence"} if family == "bert" else set())


def test_objectives_without_anything_to_learn_from_are_refused(material, configuration):
    def build(triples, classes, **data):
        config = configuration("bert", ["link_prediction_table", "relation_classification"], {})
        config = config.model_copy(update={"data": config.data.model_copy(update=data)})
        return make_model(config, material.tokenizer, triples=triples, classes=classes)

    for triples, classes, data, problem in (
        (None, material.classes, {}, "link_prediction_table learns from triples, and there are none"),
        (material.triples, ["no relation"], {}, "state no relation"),
        (material.triples, material.classes[:2], {"no_relation": 0.0}, "state only the relation biolink:causes"),
    ):
        with pytest.raises(MateriaError, match=problem):
            build(triples, classes, **data)
    assert build(material.triples, material.classes[:2])
