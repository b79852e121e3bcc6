"""What a user may set about the evaluation of a model: a suite. This module imports no torch. Unknown keys are errors."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from training.finetuning.config import FinetuningConfig
from training.statistics.config import BootstrapConfig

__all__ = ["LinkProbeConfig", "PerplexityConfig", "ProbingConfig", "SuiteConfig"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ProbingConfig(_Strict):
    """Cloze questions over held-out triples."""

    split: Literal["train", "validation", "test"] = Field(
        "test", description="triples asked about; train: what it was told"
    )
    language: str = Field("en", description="language of the questions: ISO 639-1 code")
    phrasings: int = Field(2, ge=1, description="phrasings of a question, whose scores are averaged, at most")
    questions: int = Field(2_000, ge=1, description="triples asked about, at most; those first by hash")
    candidates: int = Field(2_000, ge=2, description="candidates of a predicate, at most: the most frequent in train")
    longest: int = Field(
        12, ge=1, description="word pieces of a candidate that a masked model is asked about, at most: the first"
    )


class LinkProbeConfig(_Strict):
    """A small model of links over an encoder's frozen encodings of names."""

    split: Literal["validation", "test"] = Field("test", description="triples that are ranked")
    dimension: int = Field(64, ge=1, description="width of the map on top of the encodings")
    steps: int = Field(200, ge=1, description="optimizer steps, the same for each model")
    batch: int = Field(256, ge=1, description="training triples of a step")
    learning_rate: float = Field(0.01, gt=0, description="step size of AdamW at its start; it falls to 0")
    weight_decay: float = Field(1.0, ge=0, description="decay of the maps")
    entities: int = Field(
        20_000, ge=2, description="entities, at most: those of ranked triples, then by frequency in train"
    )
    seed: int = Field(13, ge=0, lt=2**32, description="seed of the probe and of random encodings")


class PerplexityConfig(_Strict):
    """Perplexity of held-out literature, per word; of a masked model, pseudo-perplexity."""

    passages: int = Field(512, ge=1, description="passages read, at most; those first by hash")
    words: int = Field(64, ge=1, description="words of a row; a longer passage becomes several rows")
    masked: float = Field(0.15, gt=0, lt=1, description="share of the words that a masked model is asked, by hash")


class SuiteConfig(_Strict):
    """What a model is judged by; a section that is null is left out."""

    probing: ProbingConfig | None = ProbingConfig()
    link_probe: LinkProbeConfig | None = LinkProbeConfig()
    perplexity: PerplexityConfig | None = PerplexityConfig()
    tasks: dict[str, FinetuningConfig] = Field(
        {}, description="tasks that the model is fine-tuned for, by a name of yours"
    )
    seeds: tuple[int, ...] = Field((13, 14, 15), min_length=1, description="seeds of fine-tuning, one run each")
    bootstrap: BootstrapConfig = BootstrapConfig()
