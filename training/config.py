"""What a user may set about pretraining: one section for each part, and presets that fit a machine. Imports no torch.

    preset: one-gpu
    backbone: {layers: 6}
    trainer: {steps: 20000}

A preset is where settings start; what is given beside it counts. The settings of a trained model are written out whole, so
that a later version with other presets changes nothing about them.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.settings import merged
from training.backbones.config import BackboneConfig
from training.data.config import DataConfig, TokenizerConfig
from training.objectives.config import ObjectivesConfig
from training.schedules.config import ScheduleConfig
from training.trainer.config import TrainerConfig

__all__ = ["PRESETS", "EvaluationConfig", "PresetName", "PretrainingConfig"]

PresetName = Literal["laptop", "one-gpu", "cluster"]

_BERT_BASE: Final[dict[str, Any]] = {"layers": 12, "hidden": 768, "heads": 12, "feed_forward": 3072, "dropout": 0.1}

#: Where settings start. A laptop has the defaults of the sections: the bundled sample in about a minute on two cores.
PRESETS: Final[dict[str, dict[str, Any]]] = {
    "laptop": {},
    "one-gpu": {
        "backbone": _BERT_BASE,
        "tokenizer": {"vocabulary": 30_000},
        "data": {"max_length": 512, "rows": 32, "window": 8192, "workers": 4, "triples": 256, "negatives": 32},
        "trainer": {
            "steps": 100_000, "learning_rate": 1e-4, "warmup": 0.06, "betas": [0.9, 0.98], "epsilon": 1e-6,
            "precision": "bf16", "evaluate_every": 2_000, "checkpoint_every": 1_000, "log_every": 20,
        },
    },
    "cluster": {
        "backbone": {**_BERT_BASE, "gradient_checkpointing": False},
        "tokenizer": {"vocabulary": 30_000},
        "data": {"max_length": 512, "rows": 512, "window": 32_768, "workers": 4, "triples": 2048, "negatives": 64},
        "trainer": {
            "steps": 100_000, "learning_rate": 4e-4, "warmup": 0.06, "betas": [0.9, 0.98], "epsilon": 1e-6,
            "precision": "bf16", "processes": 8, "accumulation": 2, "evaluate_every": 2_000, "checkpoint_every": 500,
            "keep_checkpoints": 2, "log_every": 20,
        },
    },
}  # fmt: skip


class EvaluationConfig(BaseModel):
    """How much held-out data a model is judged on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    passages: int = Field(512, ge=1, description="held-out passages read, at most")
    entities: int = Field(20_000, ge=2, description="candidates of link prediction, at most")


class PretrainingConfig(BaseModel):
    """How a language model is pretrained on the corpus and the graph together."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    preset: PresetName = Field("laptop", description="where settings start: laptop, one-gpu or cluster")
    seed: int = Field(13, ge=0, lt=2**63, description="seed of everything that is drawn")
    backbone: BackboneConfig = BackboneConfig()
    tokenizer: TokenizerConfig = TokenizerConfig()
    data: DataConfig = DataConfig()
    objectives: ObjectivesConfig = ObjectivesConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    trainer: TrainerConfig = TrainerConfig()
    evaluation: EvaluationConfig = EvaluationConfig()

    @model_validator(mode="before")
    @classmethod
    def _start_from_preset(cls, values: object) -> object:
        """What is not given is the preset's, and what the preset does not say the section's default."""
        if not isinstance(values, dict) or values.get("preset", "laptop") not in PRESETS:
            return values
        given = {k: v.model_dump(exclude_unset=True) if isinstance(v, BaseModel) else v for k, v in values.items()}
        preset = PRESETS[str(given.get("preset", "laptop"))]
        if isinstance(given.get("backbone"), dict) and given["backbone"].get("pretrained"):
            preset = {
                name: section for name, section in preset.items() if name != "backbone"
            }  # it has sizes of its own
        return merged(preset, given)
