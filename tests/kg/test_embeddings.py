"""Embeddings: the contract of all scorers, the sign of the distance, filtered ranks, and training on a graph."""

import tarfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch.nn import functional

from kg.embeddings.config import EmbeddingConfig
from kg.embeddings.encode import encode_triples
from kg.embeddings.ranking import filtered_ranks, rank_metrics
from kg.embeddings.scorers import SCORERS
from kg.embeddings.train import train_embeddings
from pipeline.errors import MateriaError

CASES = [(name, norm) for name in sorted(SCORERS) for norm in (1, 2)]


def triples_table(rows, **columns):
    names = ("subject", "predicate", "object", "split")
    return pa.table({name: [row[i] for row in rows] for i, name in enumerate(names)} | columns)


def ring(size=12):
    """next and previous around a ring: relation `next` and its inverse, with some links held out."""
    rows = []
    for i in range(size):
        split = "test" if i == 3 else "validation" if i == 7 else "train"
        rows.append((f"E:{i:02}", "next", f"E:{(i + 1) % size:02}", split))
        rows.append((f"E:{(i + 1) % size:02}", "previous", f"E:{i:02}", "train"))
    return triples_table(rows)


@pytest.mark.parametrize(("name", "norm"), CASES)
def test_every_scorer_scores_all_as_it_scores_one(name, norm):
    scorer = SCORERS[name](gamma=4.0, norm=norm)
    generator = torch.Generator().manual_seed(0)
    entities = scorer.initial_entities(7, 8, generator).double()
    relations = scorer.initial_relations(3, 8, generator).double()
    assert scorer.name.startswith(f"{name}.v")
    assert relations.shape == (3, scorer.relation_width(8))
    h, r, t = torch.tensor([0, 1, 2, 6]), torch.tensor([0, 2, 1, 1]), torch.tensor([3, 3, 5, 6])
    one = scorer.score(entities[h], relations[r], entities[t])
    tails = scorer.score_tails(entities[h], relations[r], entities)
    heads = scorer.score_heads(relations[r], entities[t], entities)
    assert tails.shape == heads.shape == (4, 7)
    torch.testing.assert_close(tails.gather(1, t[:, None])[:, 0], one)
    torch.testing.assert_close(heads.gather(1, h[:, None])[:, 0], one)
    torch.testing.assert_close(scorer.logits(one), one + 4.0 if scorer.is_distance else one)


@pytest.mark.parametrize(("name", "norm"), CASES)
def test_every_scorer_agrees_with_its_formula(name, norm):
    scorer = SCORERS[name](norm=norm)
    generator = torch.Generator().manual_seed(1)
    h, t = scorer.initial_entities(2, 6, generator).double().numpy()
    r = scorer.initial_relations(1, 6, generator).double().numpy()[0]
    if name == "transe":
        expected = -np.linalg.norm(h + r - t, ord=norm)
    elif name == "distmult":
        expected = (h * r * t).sum()
    elif name == "complex":
        expected = ((h[:3] + 1j * h[3:]) * (r[:3] + 1j * r[3:]) * (t[:3] - 1j * t[3:])).sum().real
    else:
        rotated = (h[:3] + 1j * h[3:]) * np.exp(1j * r) - (t[:3] + 1j * t[3:])
        expected = -np.linalg.norm(rotated, ord=norm)
    score = scorer.score(*(torch.from_numpy(v) for v in (h, r, t)))
    assert score.item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("name", "norm"), CASES)
def test_a_gradient_step_raises_the_probability_of_true_triples(name, norm):
    """The mistake guarded against: sigma(d) in the loss, which pushes true triples apart (MRR 0.04 against 0.75)."""
    scorer = SCORERS[name](gamma=1.0, norm=norm)
    generator = torch.Generator().manual_seed(2)
    entities = scorer.initial_entities(6, 8, generator).requires_grad_()
    relations = scorer.initial_relations(2, 8, generator).requires_grad_()
    h, r, t = torch.tensor([0, 1, 2]), torch.tensor([0, 1, 0]), torch.tensor([3, 4, 5])

    def probability():
        return torch.sigmoid(scorer.logits(scorer.score(entities[h], relations[r], entities[t])))

    before = probability()
    functional.binary_cross_entropy(before, torch.ones(3)).backward()
    distance = -scorer.score(entities[h], relations[r], entities[t]).detach()
    with torch.no_grad():
        entities -= 0.01 * entities.grad
        relations -= 0.01 * relations.grad
    assert (probability() > before).all()
    if scorer.is_distance:
        assert (-scorer.score(entities[h], relations[r], entities[t]) < distance).all()
        torch.testing.assert_close(before, torch.sigmoid(1.0 - distance))


def slow_rank(scores, target, others):
    kept = [s for i, s in enumerate(scores) if i == target or i not in others]
    return 1 + sum(s > scores[target] for s in kept) + (sum(s == scores[target] for s in kept) - 1) / 2


@settings(max_examples=40)
@given(st.data())
def test_filtered_ranks_equal_a_plain_count(data):
    entities, relations = 6, 2
    triple = st.tuples(st.integers(0, 5), st.integers(0, 1), st.integers(0, 5))
    ranked = data.draw(st.lists(triple, min_size=1, max_size=8, unique=True))
    known = data.draw(st.lists(triple, max_size=12, unique=True))
    table = np.array(data.draw(st.lists(st.integers(0, 2), min_size=72, max_size=72))).reshape(6, 2, 6)
    tails = lambda h, r: torch.from_numpy(table)[h, r].float()  # noqa: E731
    heads = lambda t, r: torch.from_numpy(table.transpose(2, 1, 0))[t, r].float()  # noqa: E731
    known_array = np.array(known, dtype=np.int64).reshape(-1, 3)
    ranks = filtered_ranks(np.array(ranked, dtype=np.int64), known_array, tails, heads, relations=relations, batch=3)
    true = set(ranked) | set(known)
    for row, (h, r, t) in enumerate(ranked):
        assert ranks[row, 0] == slow_rank(table[h, r], t, {x for x in range(entities) if (h, r, x) in true})
        assert ranks[row, 1] == slow_rank(table[:, r, t], h, {x for x in range(entities) if (x, r, t) in true})


def test_a_score_that_is_not_a_number_never_wins():
    """Nothing is greater than it, so a count of greater scores would put it first: a broken model had an MRR of 1."""
    broken = lambda e, r: torch.full((len(e), 5), torch.nan)  # noqa: E731
    triples, known = np.array([[0, 0, 1]]), np.array([[0, 0, 2]])
    assert filtered_ranks(triples, known, broken, broken, relations=1).tolist() == [[4.0, 5.0]]
    one = lambda e, r: torch.tensor([[3.0, 2.0, 9.0, torch.nan, 1.0]])  # noqa: E731
    assert filtered_ranks(triples, known, one, one, relations=1).tolist() == [[3.0, 3.0]]


def test_ties_take_the_mean_rank_and_unseen_entities_the_worst():
    alike = lambda e, r: torch.zeros(len(e), 5)  # noqa: E731
    triples = np.array([[0, 0, 1], [0, 0, 4]])
    known = np.array([[0, 0, 2]])
    seen = np.array([True, True, True, True, False])
    ranks = filtered_ranks(triples, known, alike, alike, relations=1, seen_entities=seen)
    # tails of (0, 0): 1, 2 and 4 are true, so 0, 3 and the target are left; heads of (0, 1) and (0, 4): all five are left
    assert ranks.tolist() == [[2.0, 3.0], [3.0, 5.0]]


def test_figures_of_no_ranks_are_absent_rather_than_nan():
    assert rank_metrics(np.empty((0, 2))) == {}
    assert rank_metrics(np.array([[1.0, 4.0]])) == {"mrr": 0.625, "hits@1": 0.5, "hits@3": 0.5, "hits@10": 1.0}


@pytest.mark.parametrize("model", sorted(SCORERS))
def test_training_learns_a_ring_and_repeats_itself(model):
    config = EmbeddingConfig(model=model, trials=0, dim=32, epochs=80, batch=16)
    first, second = train_embeddings(ring(), None, config), train_embeddings(ring(), None, config)
    assert first.losses[-1] < 0.7 * first.losses[0]
    assert first.entity_vectors.tobytes() == second.entity_vectors.tobytes()
    assert first.metrics == second.metrics
    assert set(first.metrics["test"]) == {"mrr", "hits@1", "hits@3", "hits@10", "triples", "unseen", "accuracy"}
    assert 0 < first.metrics["test"]["mrr"] <= 1


def test_a_large_graph_is_scored_against_drawn_candidates():
    config = EmbeddingConfig(model="distmult", trials=0, dim=32, epochs=60, batch=8, candidates=4)
    assert train_embeddings(ring(), None, config).losses[-1] < 1.0


def test_belief_weighs_triples():
    rows = [("A:1", "p", "A:2", "train"), ("A:1", "p", "A:3", "train"), ("A:2", "q", "A:3", "train")]
    config = EmbeddingConfig(model="distmult", trials=0, dim=16, epochs=80, batch=4, belief_weighted=True)
    e = train_embeddings(triples_table(rows, belief=[1.0, 0.01, 1.0]), None, config)
    score = (e.entity_vectors[0] * e.relation_vectors[0]) @ e.entity_vectors.T
    assert score[1] > score[2] + 1


def test_extra_triples_train_but_never_tell_a_held_out_pair():
    rows = [("A:1", "p", "A:2", "train"), ("A:3", "p", "A:4", "test")]
    extra = pa.table(
        {
            "subject": ["A:4", "A:5"],
            "predicate": ["subclass_of", "subclass_of"],
            "object": ["A:3", "A:1"],
        }
    )
    encoded = encode_triples(triples_table(rows), extra)
    names = [[encoded.entities[s], encoded.relations[p], encoded.entities[o]] for s, p, o in encoded.train]
    assert names == [["A:1", "p", "A:2"], ["A:5", "subclass_of", "A:1"]]


def test_files_hold_curies_and_are_the_same_bytes_each_time(tmp_path):
    config = EmbeddingConfig(model="rotate", trials=0, dim=8, epochs=2)
    for name in ("a", "b"):
        train_embeddings(ring(), None, config).save(tmp_path / name)
    files = sorted(p.name for p in (tmp_path / "a").iterdir())
    assert files == ["embeddings.safetensors", "entities.parquet", "manifest.json", "relations.parquet", "report.json"]
    assert all((tmp_path / "a" / f).read_bytes() == (tmp_path / "b" / f).read_bytes() for f in files)
    entities = pq.read_table(tmp_path / "a" / "entities.parquet")
    assert entities["curie"].to_pylist() == [f"E:{i:02}" for i in range(12)]
    assert {len(v) for v in entities["vector"].to_pylist()} == {8}


def test_one_relation_and_no_held_out_triples_are_enough():
    e = train_embeddings(triples_table([("A:1", "p", "A:2", "train")]), None, EmbeddingConfig(dim=4, epochs=2))
    assert e.metrics == {} and e.relations == ["p"]


def test_no_training_triples_is_one_clear_sentence():
    with pytest.raises(MateriaError, match=r"no training triples.*Add literature"):
        train_embeddings(triples_table([("A:1", "p", "A:2", "test")]))
    with pytest.raises(MateriaError, match="unknown split 'dev'"):
        train_embeddings(triples_table([("A:1", "p", "A:2", "dev")]))
    with pytest.raises(MateriaError, match="lack the columns split"):
        train_embeddings(ring().drop_columns("split"))


def test_configuration_serves_another_scorer_and_refuses_unknown_keys():
    other = EmbeddingConfig(dim=64, seed=5).for_model("distmult")
    assert (other.model, other.dim, other.seed) == ("distmult", 64, 5)
    assert other.model_fields_set == {"model", "dim", "seed"}
    with pytest.raises(ValidationError):
        EmbeddingConfig(dimension=3)


@pytest.mark.realdata
@pytest.mark.parametrize(("model", "least"), [("distmult", 0.6), ("rotate", 0.6), ("transe", 0.4)])
def test_umls_is_learned_within_a_few_epochs(materia_data, model, least):
    rows = []
    with tarfile.open(materia_data / "graphs" / "umls.tar.gz") as archive:
        for name, split in (("train", "train"), ("valid", "validation"), ("test", "test")):
            lines = archive.extractfile(f"{name}.txt").read().decode().splitlines()
            rows += [(*line.split("\t"), split) for line in lines]
    assert len(rows) == 5216 + 652 + 661
    embeddings = train_embeddings(triples_table(rows), None, EmbeddingConfig(model=model, trials=0, dim=64, epochs=40))
    assert embeddings.metrics["test"]["mrr"] > least
