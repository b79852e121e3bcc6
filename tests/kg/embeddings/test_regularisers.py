"""The family of regularisers: each is its formula, and a penalty keeps vectors shorter."""

import numpy as np
import pytest
import torch

from kg.embeddings.config import EmbeddingConfig
from kg.embeddings.regularisers import REGULARISERS
from kg.embeddings.scorers import SCORERS


@pytest.mark.parametrize("scorer", sorted(SCORERS))
@pytest.mark.parametrize("name", sorted(REGULARISERS))
def test_every_regulariser_is_its_formula(name, scorer):
    vectors = torch.randn(3, 6, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    plain = vectors.numpy()
    moduli = np.abs(plain[:, :3] + 1j * plain[:, 3:]) if scorer in {"complex", "rotate"} else np.abs(plain)
    expected = (moduli**3).sum(1) if name == "n3" else (np.abs(plain) ** 1.5).sum(1) / 1.5
    regulariser = REGULARISERS[name](p=1.5)
    penalty = regulariser(SCORERS[scorer](), vectors)
    assert regulariser.name == f"{name}.v1"
    np.testing.assert_allclose(penalty.numpy(), expected, rtol=1e-9)


@pytest.mark.parametrize("name", sorted(REGULARISERS))
def test_a_vector_of_zeros_has_a_finite_gradient(name):
    vectors = torch.zeros(2, 4, requires_grad=True)
    REGULARISERS[name](p=2.0)(SCORERS["complex"](), vectors).sum().backward()
    assert torch.equal(vectors.grad, torch.zeros(2, 4))


def test_the_configuration_and_the_family_name_the_same_regularisers():
    assert set(EmbeddingConfig.model_fields["regulariser"].annotation.__args__) == set(REGULARISERS)
