"""PyKEEN gives the same scores for the same vectors, and the same filtered ranks, for every scorer."""

import re
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from pykeen.evaluation import RankBasedEvaluator
from pykeen.predict import predict_target
from pykeen.triples import TriplesFactory

from kg.embeddings.config import EmbeddingConfig
from kg.embeddings.encode import encode_triples
from kg.embeddings.ranking import filtered_ranks, rank_metrics
from kg.embeddings.scorers import make_scorer
from kg.embeddings.tables import Embeddings
from kg.embeddings.to_pykeen import load_pykeen, to_pykeen
from kg.embeddings.train import train_encoded
from tests.kg.embeddings.graphs import ring
from tests.kg.embeddings.vectors import untrained

CASES = [("transe", 1), ("transe", 2), ("distmult", 1), ("rotate", 1), ("rotate", 2), ("complex", 1)]
EVERY = [(*case, reciprocal) for case, reciprocal in product(CASES, (True, False))]


def our_scores(embeddings: Embeddings) -> Any:
    """All tails of (head, relation); and all heads of (tail, relation), which without reciprocals the relation itself asks."""
    scorer = make_scorer(embeddings.config)
    entities, relations, back = (
        torch.from_numpy(v)
        for v in (embeddings.entity_vectors, embeddings.relation_vectors, embeddings.reciprocal_vectors)
    )

    def tails(heads: Any, asked: Any) -> Any:
        return scorer.score_tails(entities[heads], relations[asked], entities)

    def heads(tails_: Any, asked: Any) -> Any:
        if embeddings.config.reciprocal:
            return scorer.score_tails(entities[tails_], back[asked], entities)
        return scorer.score_heads(relations[asked], entities[tails_], entities)

    return tails, heads


@pytest.mark.parametrize(("model", "norm", "reciprocal"), EVERY)
def test_scores_are_pykeens(model: str, norm: int, reciprocal: bool) -> None:
    embeddings = untrained(model, norm=norm, reciprocal=reciprocal)
    theirs, factory = to_pykeen(embeddings)
    assert factory.entity_to_id == {curie: i for i, curie in enumerate(embeddings.entities)}
    tails, heads = our_scores(embeddings)
    asked = torch.tensor(list(product(range(12), range(3))))
    # Our RotatE with norm 1 adds 1e-12 below the root, for its gradient.
    close = {"rtol": 1e-9, "atol": 1e-5 if (model, norm) == ("rotate", 1) else 1e-9}
    torch.testing.assert_close(theirs.predict_t(asked), tails(*asked.T), **close)
    torch.testing.assert_close(theirs.predict_h(asked.flip(1)), heads(*asked.T), **close)
    triples = torch.cat([asked, torch.full((36, 1), 5)], dim=1)
    torch.testing.assert_close(theirs.predict_hrt(triples)[:, 0], tails(*asked.T)[:, 5], **close)


@pytest.mark.parametrize(("model", "norm", "reciprocal"), EVERY)
def test_filtered_ranks_are_pykeens_realistic_ranks(model: str, norm: int, reciprocal: bool) -> None:
    """`realistic` is the mean of the best and the worst rank of a tie; entities 3 and 4 tie everywhere."""
    embeddings = untrained(model, norm=norm, reciprocal=reciprocal)
    every = np.random.default_rng(5).permutation(np.array(list(product(range(12), range(3), range(12)))))
    train, test = every[:80], every[80:140]
    theirs, _ = to_pykeen(embeddings)
    evaluator = RankBasedEvaluator(filtered=True, clear_on_finalize=False)
    result = evaluator.evaluate(
        theirs,
        torch.from_numpy(test),
        additional_filter_triples=[torch.from_numpy(train)],
        batch_size=7,
        use_tqdm=False,
    )
    ranks = filtered_ranks(test, train, *our_scores(embeddings), relations=3, batch=9)
    assert (ranks % 1 == 0.5).any()
    for column, side in enumerate(("tail", "head")):
        assert np.concatenate(evaluator.ranks[side, "realistic"]).tolist() == ranks[:, column].tolist()
    figures = rank_metrics(ranks)
    assert result.get_metric("both.realistic.inverse_harmonic_mean_rank") == pytest.approx(figures["mrr"])
    for k in (1, 3, 10):
        assert result.get_metric(f"both.realistic.hits_at_{k}") == pytest.approx(figures[f"hits@{k}"])


@pytest.mark.parametrize("model", ["transe", "distmult", "rotate", "complex"])
def test_a_saved_folder_predicts_in_pykeen_by_curie(model: str, tmp_path: Path) -> None:
    made = train_encoded(ring(), EmbeddingConfig(model=model, dim=32, epochs=60, batch=16))
    made.save(tmp_path / model)
    theirs, factory = load_pykeen(tmp_path / model)
    told = predict_target(model=theirs, head="E:04", relation="next", triples_factory=factory).df
    tails, _ = our_scores(made)
    scores = tails(torch.tensor([made.entities.index("E:04")]), torch.tensor([made.relations.index("next")]))[0]
    ours = [made.entities[row] for row in scores.argsort(descending=True, stable=True)]
    assert told["tail_label"].tolist()[:5] == ours[:5]


def test_the_factory_numbers_a_users_own_triples_alike() -> None:
    _, factory = to_pykeen(untrained("distmult"))
    own = TriplesFactory.from_labeled_triples(
        np.array([["E:11", "R:2", "E:07"]]), entity_to_id=factory.entity_to_id, relation_to_id=factory.relation_to_id
    )
    assert own.mapped_triples.tolist() == [[11, 2, 7]]


def test_training_on_in_pykeen_keeps_rotations_rotations() -> None:
    """Without the constraint, PyKEEN's optimiser would stretch what stands for an angle."""
    model, _ = to_pykeen(untrained("rotate", norm=2))
    with torch.no_grad():
        for parameter in model.relation_representations[0].parameters():
            parameter *= 3
    model.post_parameter_update()
    moduli = model.relation_representations[0]().abs()
    torch.testing.assert_close(moduli, torch.ones_like(moduli))


PAGE = Path(__file__).parents[3] / "docs" / "embeddings.md"


@pytest.mark.parametrize("body", re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL))
def test_the_snippets_of_the_page_run_as_printed(body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("virus", "causes", f"disease {i}", "train") for i in range(4)]
    table = pa.table(dict(zip(("subject", "predicate", "object", "split"), zip(*rows, strict=True), strict=True)))
    config = EmbeddingConfig(model="rotate", dim=8, epochs=2, trials=0)
    train_encoded(encode_triples(table), config).save(tmp_path / "vectors" / "seed-13")
    (tmp_path / "train.txt").write_text("".join("\t".join(row[:3]) + "\n" for row in rows))
    monkeypatch.chdir(tmp_path)
    held: dict[str, Any] = {}
    exec(compile(body, "docs/embeddings.md", "exec"), held)
    assert held["model"].num_entities == 5
