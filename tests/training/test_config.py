"""The configuration of pretraining: presets, what counts over them, and that what was recorded reads as it was."""

import pytest
from pydantic import ValidationError

from training.config import PRESETS, PretrainingConfig


@pytest.mark.parametrize("preset", list(PRESETS))
def test_a_preset_is_where_settings_start_and_what_is_given_counts(preset):
    config = PretrainingConfig(preset=preset, trainer={"steps": 7}, data={"rows": 64})
    assert (config.trainer.steps, config.data.rows) == (7, 64)
    for section, values in PRESETS[preset].items():
        for name in values.keys() - {"steps", "rows"}:
            value = getattr(getattr(config, section), name)
            assert (list(value) if isinstance(value, tuple) else value) == values[name]
    assert PretrainingConfig(**config.model_dump(mode="json")) == config


def test_a_preset_gives_a_pretrained_model_no_sizes(tmp_path):
    config = PretrainingConfig(preset="one-gpu", backbone={"pretrained": str(tmp_path)})
    assert config.trainer.precision == "bf16"
    assert config.backbone.layers == PretrainingConfig().backbone.layers
    assert PretrainingConfig(**config.model_dump(mode="json")) == config


def test_unknown_keys_and_impossible_values_are_refused():
    for values in ({"step": 3}, {"trainer": {"step": 3}}, {"preset": "mainframe"}, {"trainer": {"betas": [1, 2]}}):
        with pytest.raises(ValidationError):
            PretrainingConfig(**values)
