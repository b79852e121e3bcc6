"""What a user may set about knowledge graph embeddings. This module imports no torch.

The defaults of each scorer were chosen by validation MRR on the canonical UMLS split (5,216 training triples) with
1-vs-all cross-entropy: the scorers need different learning rates and regularisation, so what
is not set follows the scorer.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["EmbeddingConfig", "ScorerName"]

ScorerName = Literal["transe", "distmult", "rotate", "complex"]


class EmbeddingConfig(BaseModel):
    """How one embedding is trained. Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: ScorerName = Field("transe", description="scorer: transe, distmult, rotate or complex")
    dim: int = Field(
        128,
        ge=2,
        multiple_of=2,
        description="real numbers in an entity's vector (rotate and complex: two a coordinate)",
    )
    norm: Literal[1, 2] = Field(1, description="norm of the distance, for transe and rotate")
    gamma: float = Field(
        9.0, gt=0, description="distance at which a triple is as likely true as false: sigma(gamma - d)"
    )
    epochs: int = Field(60, ge=1, description="passes over the training triples")
    batch: int = Field(128, ge=1, description="triples in one step; each is asked in both directions")
    learning_rate: float = Field(
        0.01, gt=0, description="step size of Adam at the start; it falls to zero along a cosine"
    )
    regularisation: float = Field(0.0, ge=0, description="weight of the N3 penalty on the vectors of a triple")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of a query vector's coordinates dropped in training")
    candidates: int = Field(
        8192, ge=2, description="most entities scored against a triple; beyond it, each step draws that many at random"
    )
    belief_weighted: bool = Field(False, description="weigh each triple's loss by its belief")
    threads: int = Field(1, ge=0, description="threads of torch; 0 for one a core")
    seed: int = Field(13, ge=0, description="seed of the initial vectors, the order of triples and dropout")

    @model_validator(mode="before")
    @classmethod
    def _fill_defaults_of_scorer(cls, values: object) -> object:
        """What is not given follows the scorer."""
        if not isinstance(values, dict):
            return values
        return {**_DEFAULTS.get(values.get("model", "transe"), {}), **values}

    def for_model(self, model: ScorerName) -> EmbeddingConfig:
        """The same configuration for another scorer: sizes and seed stay, the rest takes its defaults."""
        kept = self.model_dump(exclude={"model", *(key for values in _DEFAULTS.values() for key in values)})
        return EmbeddingConfig.model_validate(kept | {"model": model})


_DEFAULTS: Final[dict[str, dict[str, Any]]] = {
    "transe": {"dropout": 0.2},
    "distmult": {"regularisation": 0.03},
    "complex": {"regularisation": 0.03},
    "rotate": {"norm": 2, "learning_rate": 0.03, "dropout": 0.2},
}
