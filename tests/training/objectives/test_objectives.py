"""Every objective: what all share, its loss computed by hand in float64, and the sign of link prediction."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from kg.embeddings.scorers import SCORERS
from training.backbones.config import LANGUAGE_OF
from training.data.batches import IGNORE
from training.model import make_model
from training.objectives.base import HeadSpec, Step
from training.objectives.config import LANGUAGE_OBJECTIVES, LinkPredictionConfig, ObjectivesConfig
from training.objectives.link_prediction import LinkPrediction
from training.objectives.link_prediction_table import mention_states
from training.objectives.spans import span_means
from training.objectives.table import OBJECTIVES


def family_of(name):
    """A backbone on which an objective makes sense."""
    return next((f for f, language in LANGUAGE_OF.items() if LANGUAGE_OBJECTIVES[language] == name), "bert")


@pytest.fixture
def build(material, configuration):
    """A model of one objective, and the first batch for it, in float64."""

    def made(name, *, family=None, **settings):
        torch.manual_seed(0)
        family = family or family_of(name)
        config = configuration(family, [name])
        section = config.objectives.section(name).model_copy(update=settings)
        objectives = config.objectives.model_copy(update={name: section})
        model = make_model(
            config.model_copy(update={"objectives": objectives}),
            material.tokenizer,
            triples=material.triples,
            classes=material.classes,
        )
        text, links = material.batches[LANGUAGE_OF[family]][0]
        # Beliefs that differ, so that a weight left out shows.
        text = replace(text, pair_beliefs=torch.linspace(0.1, 1, len(text.pairs)).double())
        links = replace(links, weights=torch.linspace(0.2, 1, len(links.heads)).double())
        return (model if family == "xlnet" else model.double()).eval(), text, links

    return made


def outcome_of(model, name, text, links):
    return model.outcomes(text, links, [name])[name]


def step_of(model, text, links, name):
    """What the objective reads, for computing its loss by other means."""
    encoded = model.backbone.encode(text, targets=model.objective(name).asks_targets)
    names = model.backbone.encode_names(*links.names) if model.objective(name).reads_names else None
    return Step(text, encoded, links, names)


def nll(logits, label):
    """-log softmax, by plain arithmetic."""
    top = max(logits)
    return top + math.log(sum(math.exp(x - top) for x in logits)) - logits[label]


def test_configuration_and_table_name_the_same_objectives():
    assert list(ObjectivesConfig.model_fields) == list(OBJECTIVES)
    assert all(member.name.startswith(f"{name}.v") for name, member in OBJECTIVES.items())


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_learns_a_batch_by_heart(build, name):
    model, text, links = build(name)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(40):
        outcome = outcome_of(model, name, text, links)
        assert outcome.loss.ndim == 0 and outcome.examples > 0
        assert outcome.predictions.shape == outcome.labels.shape
        optimizer.zero_grad()
        outcome.loss.backward()
        optimizer.step()
        losses.append(outcome.loss.item())
    assert losses[-1] < 0.6 * losses[0]


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_step_without_examples_costs_nothing(build, name):
    model, text, _ = build(name)
    none = torch.zeros(0, dtype=torch.int64)
    bare = replace(
        text, targets=none, target_labels=none, follows=torch.full_like(text.follows, IGNORE),
        pairs=none.reshape(0, 5), pair_sequences=none, pair_labels=none, pair_beliefs=none.double(),
    )  # fmt: skip
    outcome = outcome_of(model, name, bare, None)
    assert (outcome.examples, outcome.loss.item(), len(outcome.predictions)) == (0, 0.0, 0)


@pytest.mark.parametrize("family", LANGUAGE_OF)
@torch.no_grad()
def test_the_loss_of_language_is_the_mean_over_the_targets(build, family):
    name = LANGUAGE_OBJECTIVES[LANGUAGE_OF[family]]
    model, text, links = build(name, family=family)
    states = model.backbone.encode(text, targets=True).target_states
    logits = model.backbone.language_logits(states).double().tolist()
    expected = np.mean([nll(row, label) for row, label in zip(logits, text.target_labels.tolist(), strict=True)])
    outcome = outcome_of(model, name, text, links)
    assert outcome.loss.item() == pytest.approx(expected, rel=1e-6 if family == "xlnet" else 1e-12)
    assert outcome.predictions.tolist() == [int(np.argmax(row)) for row in logits]


@torch.no_grad()
def test_the_loss_of_next_sentence_is_over_the_first_tokens_of_sequences_with_two_parts(build):
    model, text, links = build("next_sentence")
    assert len(text.sequences) > len(text.input_ids), "packed rows"
    states = model.backbone.encode(text, targets=False).states
    terms = []
    for (row, start, _), label in zip(text.sequences.tolist(), text.follows.tolist(), strict=True):
        if label != IGNORE:
            logits = model.backbone.next_sentence_logits(states[row, start][None])[0].tolist()
            terms.append(nll(logits, label))
    assert outcome_of(model, "next_sentence", text, links).loss.item() == pytest.approx(np.mean(terms), rel=1e-12)


@pytest.mark.parametrize("family", ["bert", "gpt2"])
@pytest.mark.parametrize("weighted", [False, True])
@torch.no_grad()
def test_the_loss_of_relation_classification_is_that_of_each_pair_read_alone(build, family, weighted):
    name = "relation_classification"
    model, text, links = build(name, family=family, belief_weighted=weighted)
    states, head = model.backbone.encode(text, targets=False).states, model.objective(name)
    terms, weights = [], []
    for number, (row, a, b, c, d) in enumerate(text.pairs.tolist()):
        _, start, end = text.sequences[text.pair_sequences[number]].tolist()
        assert text.sequences[text.pair_sequences[number], 0] == row and start <= min(a, c) < max(b, d) <= end
        one, two = states[row, a:b].mean(0), states[row, c:d].mean(0)
        whole = states[row, start if family == "bert" else end - 1]
        features = torch.cat([one, two, one * two, whole])
        logits = head.classes(torch.nn.functional.gelu(head.layer(features))).tolist()
        terms.append(nll(logits, int(text.pair_labels[number])))
        weights.append(float(text.pair_beliefs[number]) if weighted else 1.0)
    expected = np.average(terms, weights=weights)
    assert outcome_of(model, name, text, links).loss.item() == pytest.approx(expected, rel=1e-12)


def hand_loss(head, vectors, links, relations, weights, mentions=None):
    """Half the weighted mean of softplus(-logit) of true triples, half that of softplus(logit) of valid corruptions.

    Args:
        vectors: of each entity of the step.
        mentions: of those that are mentioned, by entity; then each triple counts again for each end that is.
    """
    true, false = [], []

    def logit(h, r, t):
        return head.scorer.logits(head.scorer.score(h, relations[r], t)).item()

    for i, (h, r, t) in enumerate(
        zip(links.heads.tolist(), links.relations.tolist(), links.tails.tolist(), strict=True)
    ):
        swaps = [(None, None)]
        if mentions is not None:
            swaps += [("head", h)] if h in mentions else []
            swaps += [("tail", t)] if t in mentions else []
        for end, entity in swaps:
            head_vector = mentions[h] if end == "head" else vectors[h]
            tail_vector = mentions[t] if end == "tail" else vectors[t]
            true.append((math.log1p(math.exp(-logit(head_vector, r, tail_vector))), weights[i]))
            for k in range(links.valid.shape[1]):
                if links.valid[i, k]:
                    ch, ct = int(links.corrupted_heads[i, k]), int(links.corrupted_tails[i, k])
                    x = mentions[entity] if end == "head" and ch == h else vectors[ch]
                    y = mentions[entity] if end == "tail" and ct == t else vectors[ct]
                    false.append((math.log1p(math.exp(logit(x, r, y))), weights[i]))
    return sum(0.5 * np.average([loss for loss, _ in part], weights=[w for _, w in part]) for part in (true, false))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("scorer", SCORERS)
@torch.no_grad()
def test_the_loss_of_link_prediction_is_that_of_each_triple_scored_alone(build, scorer, weighted):
    name = "link_prediction"
    model, text, links = build(name, scorer=scorer, belief_weighted=weighted)
    head, step = model.objective(name), step_of(model, text, links, name)
    weights = links.weights.tolist() if weighted else [1.0] * len(links.heads)
    expected = hand_loss(head, head.vectors(step.name_states), links, head.relation, weights)
    assert outcome_of(model, name, text, links).loss.item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("mentions", [False, True])
@pytest.mark.parametrize("scorer", SCORERS)
@torch.no_grad()
def test_the_loss_of_the_table_counts_mentions_in_place_of_their_entities(build, scorer, mentions):
    name = "link_prediction_table"
    model, text, links = build(name, scorer=scorer, mentions=mentions, belief_weighted=True)
    head, states = model.objective(name), model.backbone.encode(text, targets=False).states
    read = {}
    for (row, start, end), entity in zip(text.mentions.tolist(), text.mention_entities.tolist(), strict=True):
        if entity in links.entities.tolist():
            read.setdefault(links.entities.tolist().index(entity), []).append(states[row, start:end].mean(0))
    assert read, "the step's entities are mentioned"
    swapped = {e: head.mention(torch.stack(means).mean(0)) for e, means in read.items()} if mentions else None
    expected = hand_loss(head, head.entity[links.entities], links, head.relation, links.weights.tolist(), swapped)
    assert outcome_of(model, name, text, links).loss.item() == pytest.approx(expected, rel=1e-9)
    _, found = mention_states(states, text, links)
    assert found.nonzero()[:, 0].tolist() == sorted(read)


@pytest.mark.parametrize("family", LANGUAGE_OF)
@pytest.mark.parametrize("norm", [1, 2])
@pytest.mark.parametrize("scorer", SCORERS)
@torch.no_grad()
def test_link_prediction_begins_near_undecided(build, family, scorer, norm):
    """A loss of 20 at the start would drown the others until it has fallen. Undecided is log 2; names that read alike look true (2)."""
    for name, sizes in (("link_prediction", {}), ("link_prediction_table", {"dim": 128})):
        model, text, links = build(name, family=family, scorer=scorer, norm=norm, **sizes)
        assert outcome_of(model, name, text, links).loss < 3


def test_a_table_learns_from_the_text_only_by_its_mentions(build):
    def gradient(**settings):
        model, text, links = build("link_prediction_table", **settings)
        outcome_of(model, "link_prediction_table", text, links).loss.backward()
        moved = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
        return {"encoder": any(name.startswith("backbone") for name in moved),
                "table": "objectives.link_prediction_table.entity" in moved}  # fmt: skip

    assert gradient() == {"encoder": True, "table": True}
    assert gradient(mentions=False) == {"encoder": False, "table": True}


def test_link_prediction_raises_the_probability_of_true_triples(build):
    """The mistake guarded against: sigma(d) instead of sigma(gamma - d) in the loss."""
    _, text, links = build("link_prediction")
    links = replace(links, weights=torch.ones(len(links.heads)))
    torch.manual_seed(1)
    objective = LinkPrediction(LinkPredictionConfig(gamma=2.0), HeadSpec(16, ("a", "b")))
    step = Step(text, None, links, torch.randn(len(links.entities), 16))

    def distances():
        vectors = objective.vectors(step.name_states)
        return -objective.scorer.score(vectors[links.heads], objective.relation[links.relations], vectors[links.tails])

    before = distances()
    outcome = objective.outcome(None, step)
    true = outcome.labels[: len(before)]
    assert true.all() and (outcome.predictions[: len(before)] == (before < 2.0).long()).all()
    optimizer = torch.optim.SGD(objective.parameters(), lr=0.05)
    for _ in range(30):
        optimizer.zero_grad()
        objective.outcome(None, step).loss.backward()
        optimizer.step()
    after = distances()
    assert torch.sigmoid(2.0 - after).mean() > torch.sigmoid(2.0 - before).mean()
    assert after.mean() < before.mean()


def test_the_mean_state_of_a_span_is_that_of_its_tokens_and_nothing_of_others():
    states = torch.arange(24.0).reshape(2, 4, 3).requires_grad_()
    means = span_means(states, torch.tensor([1, 0, 0]), torch.tensor([1, 3, 2]), torch.tensor([3, 4, 2]))
    torch.testing.assert_close(means, torch.stack([states[1, 1:3].mean(0), states[0, 3], torch.zeros(3)]))
    means.sum().backward()
    assert states.grad[..., 0].tolist() == [[0, 0, 0, 1], [0, 0.5, 0.5, 0]]
