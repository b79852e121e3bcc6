"""Batches of triples: training triples by step, corruptions that say what they are, names as the family writes them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kg.embeddings.encode import EncodedTriples
from pipeline.errors import MateriaError
from training.data.config import DataConfig
from training.data.graph import GraphIndex
from training.data.links import LinkSampler
from training.data.names import EncodedNames

LANGUAGES = {"bert": "masked", "gpt2": "causal", "llama": "causal", "xlnet": "permutation"}


def sampler(graph, *, names=None, rank=0, ranks=1, seed=5, **settings):
    config = DataConfig(**{"triples": 8, "negatives": 4} | settings)
    return LinkSampler(graph, config, seed=seed, names=names, rank=rank, ranks=ranks)


def global_triples(batch):
    return torch.stack([batch.entities[batch.heads], batch.relations, batch.entities[batch.tails]], dim=1).tolist()


def graph_of(rows, weights=None):
    train = np.array(rows, dtype=np.int64)
    empty = np.zeros((0, 3), np.int64)
    weights = np.ones(len(rows)) if weights is None else np.array(weights)
    entities = [f"T:{i}" for i in range(train[:, [0, 2]].max() + 1)]
    relations = [f"r{i}" for i in range(train[:, 1].max() + 1)]
    return GraphIndex(EncodedTriples(entities, relations, train, empty, empty, weights.astype(np.float32)))


def test_an_epoch_draws_every_training_triple_once(graph):
    drawn = [triple for step in range(19) for triple in global_triples(sampler(graph, triples=2).batch(step))]
    assert len(graph.triples.train) == 38
    assert sorted(drawn) == graph.triples.train.tolist()


def test_a_batch_depends_on_seed_and_step_alone(graph):
    one, same, other = (sampler(graph, seed=s).batch(7) for s in (5, 5, 6))
    assert global_triples(one) == global_triples(same) != global_triples(other)
    assert torch.equal(one.corrupted_heads, same.corrupted_heads)


def test_a_corruption_differs_at_one_end_and_a_true_one_is_marked(graph):
    known = {tuple(t) for t in graph.triples.train.tolist()}
    for step in range(5):
        batch = sampler(graph).batch(step)
        for n, (head, relation, tail) in enumerate(global_triples(batch)):
            heads, tails = batch.entities[batch.corrupted_heads[n]], batch.entities[batch.corrupted_tails[n]]
            assert ((heads == head) | (tails == tail)).all()
            for h, t, valid in zip(heads.tolist(), tails.tolist(), batch.valid[n].tolist(), strict=True):
                assert valid == ((h, relation, t) not in known)


def test_ranks_divide_the_triples_of_a_step(graph):
    whole = global_triples(sampler(graph).batch(3))
    parts = [global_triples(sampler(graph, rank=rank, ranks=2).batch(3)) for rank in range(2)]
    assert parts[0] + parts[1] == whole
    with pytest.raises(MateriaError, match="8 triples of a step cannot be divided among 3 processes"):
        sampler(graph, ranks=3)


def test_belief_weighs_or_draws():
    graph = graph_of([(0, 0, 1), (1, 0, 2), (2, 0, 3)], [0.0, 0.25, 0.75])
    drawn = np.concatenate([sampler(graph, drawing="belief", triples=32).batch(s).weights for s in range(60)])
    assert (drawn > 0).all() and (drawn == 0.75).mean() == pytest.approx(0.75, abs=0.04)
    assert sorted(sampler(graph, triples=3).batch(0).weights.tolist()) == [0.0, 0.25, 0.75]
    with pytest.raises(MateriaError, match="no training triple has a belief above zero"):
        sampler(graph_of([(0, 0, 1)], [0.0]), drawing="belief")


@given(st.data())
def test_half_of_the_triples_have_a_mentioned_end_where_there_are_so_many(graph, data):
    entities = len(graph.triples.entities)
    mentioned = np.array(data.draw(st.lists(st.integers(-1, entities - 1), max_size=12)), dtype=np.int64)
    size, step = data.draw(st.integers(2, 16)), data.draw(st.integers(0, 40))
    uniform = global_triples(sampler(graph, triples=size).batch(step))
    near_batch = sampler(graph, triples=size, drawing="mentioned").batch(step, mentioned)
    drawn = global_triples(near_batch)
    near = [t for t in graph.triples.train.tolist() if {t[0], t[2]} & set(mentioned.tolist())]
    half = min(size // 2, len(near))
    assert all(triple in near for triple in drawn[:half]) and len({tuple(t) for t in drawn[:half]}) == half
    assert drawn[half:] == uniform[half:] and len(drawn) == size
    # The order of the mentions, and how often each stands in the text, change nothing: nor does another sampler, as after a resume.
    again = sampler(graph, triples=size, drawing="mentioned").batch(step, np.concatenate([mentioned, mentioned])[::-1])
    assert global_triples(again) == drawn and torch.equal(again.corrupted_tails, near_batch.corrupted_tails)


def test_mentioned_triples_differ_from_step_to_step_and_rank_to_rank(graph):
    mentioned = np.arange(len(graph.triples.entities))
    halves = [
        global_triples(sampler(graph, triples=16, drawing="mentioned", rank=rank, ranks=2).batch(step, mentioned))[:4]
        for step in range(2)
        for rank in range(2)
    ]
    assert len({str(half) for half in halves}) == 4


def test_bernoulli_corrupts_the_end_that_is_less_likely_true():
    # One head has nine tails, so nine of ten corruptions are at the head.
    graph = graph_of([(0, 0, tail) for tail in range(1, 10)])

    def at_head(corruption):
        batches = [sampler(graph, corruption=corruption, negatives=32).batch(step) for step in range(20)]
        return np.mean([(b.corrupted_tails == b.tails[:, None]).float().mean().item() for b in batches])

    assert at_head("bernoulli") == pytest.approx(0.9, abs=0.03)
    # A corruption may by chance be the true end, so a little more than half seem to be at the head.
    assert at_head("uniform") == pytest.approx(0.55, abs=0.04)


@pytest.mark.parametrize("family", sorted(LANGUAGES))
def test_names_are_written_as_the_family_writes_a_text(family, tokenizers, graph):
    tokenizer = tokenizers[family]
    names = [curie[2:].replace("_", " ") for curie in graph.triples.entities]
    encoded = EncodedNames(names, tokenizer, language=LANGUAGES[family], length=12)
    ids, mask = encoded.batch(np.arange(len(names)))
    for name, row, seen in zip(names, ids, mask, strict=True):
        tokens = row[seen == 1].tolist()
        assert tokenizer.decode(tokens, skip_special_tokens=True).strip() == name
        plain = tokenizer(name)["input_ids"]
        # GPT-2 and Llama add no end by themselves.
        assert tokens == plain or tokens[-1] == tokenizer.eos_token_id
    batch = sampler(graph, names=encoded).batch(2)
    assert (
        torch.equal(batch.names[0][:, :4], ids[batch.entities][:, :4]) and batch.names[0].shape == batch.names[1].shape
    )
    assert batch.to("meta").names[1].device.type == "meta"


def test_a_long_name_is_cut_and_an_empty_one_is_special_tokens_alone(tokenizers):
    encoded = EncodedNames(["metformin " * 20, ""], tokenizers["bert"], language="masked", length=8)
    ids, mask = encoded.batch(np.array([0, 1]))
    assert ids.shape == (2, 8) and mask.sum(1).tolist() == [8, 2]
    assert ids[0, -1] == ids[1, 1] == tokenizers["bert"].sep_token_id
