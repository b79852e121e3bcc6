"""Every objective: its contract, the parameters it moves, and the sign of link prediction."""

import pytest
import torch

from kg.embeddings.encode import encode_triples
from training.data.batches import make_text_batch
from training.config import ObjectiveWeights
from training.data.encoding import encode_passages
from training.data.links import LinkSampler
from training.model import PretrainingModel, make_backbone
from training.objectives import OBJECTIVES, HeadSpec
from training.objectives.link_prediction import LinkPrediction
from training.objectives.relation_classification import span_means
from training.data.shards import predicates_of, read_passages
from training.data.tokenizers.wordpiece import train_tokenizer


@pytest.fixture(scope="module")
def parts(corpus, small):
    """Model, text batch and link batch, all four objectives."""
    torch.manual_seed(0)
    texts = [t for b in read_passages(corpus.train) for t in b.column("text").to_pylist()]
    tokenizer = train_tokenizer(lambda: texts, vocabulary=300, alphabet=100, max_length=64)
    triples = encode_triples(corpus.triples)
    classes = ("no relation", *predicates_of(corpus.train))
    spec = HeadSpec(small.backbone.hidden, tuple(triples.relations), classes, small.gamma)
    rows = next(read_passages(corpus.train)).to_pylist()[:8]
    encoded = encode_passages(rows, tokenizer, {name: i for i, name in enumerate(classes) if i})
    text = make_text_batch(encoded, tokenizer, small, step=0)
    sampler = LinkSampler(triples, corpus.names, tokenizer, small)
    model = PretrainingModel(make_backbone(small, tokenizer), spec, small.weights.model_dump())
    return model, text, sampler, triples


def test_configuration_and_family_name_the_same_objectives():
    assert set(ObjectiveWeights.model_fields) == set(OBJECTIVES)
    assert all(member.name == f"{name}.v1" for name, member in OBJECTIVES.items())


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
def test_every_objective_has_a_finite_loss_and_moves_the_encoder_and_its_head(parts, name):
    model, text, sampler, _ = parts
    model.zero_grad()
    outcome = model.outcomes(text, sampler.batch(0))[name]
    assert outcome.loss.ndim == 0 and torch.isfinite(outcome.loss) and outcome.examples > 0
    assert outcome.predictions.shape == outcome.labels.shape
    outcome.loss.backward()
    moved = {key for key, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    assert "backbone.bert.embeddings.word_embeddings.weight" in moved
    for other in model.objectives:
        own = [key for key in moved if key.startswith(f"objectives.{other}.")]
        assert bool(own) == (other == name and bool(list(model.objectives[name].parameters())))


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
def test_every_objective_learns_one_batch_by_heart(parts, name):
    model, text, sampler, _ = parts
    links = sampler.batch(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(25):
        loss = model.outcomes(text, links)[name].loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]


def test_a_step_without_examples_costs_nothing(parts):
    model, text, _, _ = parts
    empty = torch.zeros(0, dtype=torch.int64)
    bare = type(text)(
        text.input_ids, text.token_type_ids, text.attention_mask, empty, empty,
        torch.full_like(text.follows, -100), torch.zeros(0, 5, dtype=torch.int64), empty, text.tokens,
    )  # fmt: skip
    outcomes = model.outcomes(bare, None)
    assert {name: (o.examples, o.loss.item()) for name, o in outcomes.items()} == dict.fromkeys(OBJECTIVES, (0, 0.0))
    model.total(outcomes).backward()


def test_link_prediction_raises_the_probability_of_true_triples(parts):
    """The mistake guarded against: sigma(d) instead of sigma(gamma - d) in the loss."""
    _, _, sampler, _ = parts
    torch.manual_seed(1)
    objective = LinkPrediction(HeadSpec(16, sampler.triples.relations, (), 2.0))
    links = sampler.batch(0)
    states = torch.randn(len(links.input_ids), 16)

    def distances():
        vectors = objective.vectors(states)
        return -objective.scorer.score(vectors[links.heads], objective.relation[links.relations], vectors[links.tails])

    step = type("Step", (), {"links": links, "name_states": states, "states": states})()
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


def test_corruptions_are_no_true_triples_and_keep_one_end(parts):
    _, _, sampler, triples = parts
    true = {tuple(row) for row in triples.train.tolist()}
    for step in range(6):
        links = sampler.batch(step)
        kept_head = links.corrupted_heads == links.heads[:, None]
        kept_tail = links.corrupted_tails == links.tails[:, None]
        assert (kept_head | kept_tail).all()
    # Numbers of a batch are local; the names tell which entity is which, and here names are distinct.
    ids = [tuple(row) for row in links.input_ids.tolist()]
    assert len(set(ids)) == len(ids)
    rows = triples.train[sampler._chosen(5)]
    entity = {int(n): int(e) for local, row in zip(zip(links.heads, links.tails, strict=True), rows, strict=True)
              for n, e in zip(local, (row[0], row[2]), strict=True)}  # fmt: skip
    for i, row in enumerate(rows):
        for k in range(links.valid.shape[1]):
            triple = (entity[int(links.corrupted_heads[i, k])], int(row[1]), entity[int(links.corrupted_tails[i, k])])
            assert bool(links.valid[i, k]) == (triple not in true)


def test_triples_are_all_drawn_once_an_epoch(parts):
    _, _, sampler, triples = parts
    count, size = len(triples.train), sampler.config.triples
    drawn = [i for step in range(-(-count // size)) for i in sampler._chosen(step).tolist()][:count]
    assert sorted(drawn) == list(range(count)) and drawn != sorted(drawn)


def test_the_mean_state_of_a_span_is_that_of_its_tokens():
    states = torch.arange(24.0).reshape(2, 4, 3)
    means = span_means(states, torch.tensor([1, 0]), torch.tensor([1, 3]), torch.tensor([3, 4]))
    torch.testing.assert_close(means, torch.stack([states[1, 1:3].mean(0), states[0, 3]]))
