"""The sign of the distance in the link-prediction loss: sigma(gamma - d) learns, sigma(d) pushes true triples apart."""

from pathlib import Path

import pytest
from torch import Tensor

from kg.embeddings.benchmark import read_benchmark
from kg.embeddings.config import EmbeddingConfig
from kg.embeddings.encode import EncodedTriples, encode_triples
from kg.embeddings.scorers import SCORERS, Scorer
from kg.embeddings.train import train_encoded
from tests.kg.embeddings.graphs import ring


def mrr_of_test(triples: EncodedTriples, model: str, norm: int, epochs: int) -> float:
    config = EmbeddingConfig(
        model=model,
        norm=norm,
        loss="self_adversarial",
        dim=32,
        epochs=epochs,
        batch=16,
        learning_rate=0.05,
        gamma=4.0,
        trials=0,
    )
    return train_encoded(triples, config).metrics["test"]["mrr"]


def sigma_of_d(scorer: Scorer, scores: Tensor) -> Tensor:
    """The log-odds as the published text has them: sigma(d), where d is the score with its sign turned."""
    return -scores


@pytest.mark.parametrize("norm", [1, 2])
def test_with_sigma_of_d_the_ranks_collapse(norm: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert mrr_of_test(ring(), "rotate", norm, 60) > 0.9
    monkeypatch.setattr(SCORERS["rotate"], "logits", sigma_of_d)
    assert mrr_of_test(ring(), "rotate", norm, 60) < 0.1  # of 24 entities, chance is .16


@pytest.mark.realdata
@pytest.mark.parametrize("model", ["rotate", "transe"])
def test_with_sigma_of_d_umls_collapses(model: str, materia_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    triples = encode_triples(read_benchmark(str(materia_data / "graphs" / "umls.tar.gz")))
    assert mrr_of_test(triples, model, 2, 12) > 0.6
    monkeypatch.setattr(SCORERS[model], "logits", sigma_of_d)
    assert mrr_of_test(triples, model, 2, 12) < 0.06
