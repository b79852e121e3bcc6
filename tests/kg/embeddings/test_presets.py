"""Presets: each names settings that exist, for every scorer."""

import pytest

from kg.embeddings.config import EmbeddingConfig
from kg.embeddings.presets import preset
from kg.embeddings.scorers import SCORERS
from pipeline.errors import MateriaError


@pytest.mark.parametrize("name", ["fb15k-237", "wn18rr"])
@pytest.mark.parametrize("model", sorted(SCORERS))
def test_every_preset_serves_every_scorer_and_leaves_nothing_to_search(name, model):
    config = EmbeddingConfig(model=model, **preset(name, model))
    assert config.trials == 0 and config.patience and config.validate_every


def test_a_preset_that_does_not_exist_is_one_sentence():
    with pytest.raises(MateriaError, match="there is no preset 'yago'. Use fb15k-237 or wn18rr"):
        preset("yago", "transe")
