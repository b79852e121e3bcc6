"""What a user may set about knowledge graph embeddings. This module imports no torch."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from pipeline.errors import MateriaError

__all__ = [
    "CorruptionName",
    "EmbeddingConfig",
    "LossName",
    "RegulariserName",
    "ScorerName",
    "parse_embedding_config",
]

ScorerName = Literal["transe", "distmult", "rotate", "complex"]
LossName = Literal["one_vs_all", "k_vs_all", "binary", "self_adversarial", "margin"]
CorruptionName = Literal["uniform", "bernoulli", "typed"]
RegulariserName = Literal["n3", "lp"]

_REMEDY = "Correct these keys; docs/configuration.md lists all of them under embeddings"


class EmbeddingConfig(BaseModel):
    """How one embedding is trained. Unknown keys are errors.

    With `trials`, what is not set is chosen for the graph, by its size and by a short search on validation; the defaults
    written here then hold only where there is nothing to choose.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    model: ScorerName = Field("transe", description="scorer: transe, distmult, rotate or complex")
    trials: int = Field(
        8,
        ge=0,
        description="settings tried on validation before training; 0 takes the defaults here for what is not set",
    )
    dim: int = Field(
        128,
        ge=2,
        le=65_536,
        multiple_of=2,
        description="real numbers in an entity's vector (rotate and complex: two a coordinate)",
    )
    norm: Literal[1, 2] = Field(2, description="norm of the distance, for transe and rotate")
    gamma: float = Field(
        9.0, gt=0, description="distance at which a triple is as likely true as false: sigma(gamma - d)"
    )
    initial_spread: float | None = Field(
        None, gt=0, description="standard deviation of the numbers to start from; the scorer's own where not set"
    )
    reciprocal: bool = Field(
        True, description="learn a second vector of each relation, by which heads are asked, in place of its inverse"
    )
    loss: LossName = Field("one_vs_all", description="one_vs_all, k_vs_all, binary, self_adversarial or margin")
    margin: float = Field(1.0, gt=0, description="by how much a true triple should beat a false one, for margin")
    temperature: float = Field(1.0, ge=0, description="how much more hard negatives count, for self_adversarial")
    negatives: int = Field(
        0, ge=0, le=1_000_000, description="corruptions drawn for a triple; 0 scores each question against all entities"
    )
    corruption: CorruptionName = Field("uniform", description="how they are drawn: uniform, bernoulli or typed")
    candidates: int = Field(
        8192,
        ge=2,
        le=2**31 - 1,
        description="most entities scored against a question; beyond it, each step draws that many at random",
    )
    regulariser: RegulariserName = Field("n3", description="penalty on the vectors of a step: n3 or lp")
    regularisation: float = Field(0.0, ge=0, description="weight of that penalty")
    regulariser_p: float = Field(2.0, ge=1, description="power of lp")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of a question vector's coordinates dropped in training")
    optimizer: Literal["adam", "adagrad"] = Field("adam", description="adam or adagrad")
    learning_rate: float = Field(0.01, gt=0, description="step size at the start")
    schedule: Literal["cosine", "constant"] = Field("cosine", description="how it goes on: cosine to zero, or constant")
    epochs: int = Field(60, ge=1, description="passes over the training triples")
    batch: int = Field(
        256, ge=1, le=2**31 - 1, description="questions in one step, or triples where negatives are drawn"
    )
    validate_every: int = Field(
        0, ge=0, description="epochs between validations, the best of which is kept; 0 keeps the last epoch"
    )
    patience: int = Field(0, ge=0, description="validations without a better one after which training stops; 0 never")
    belief_weighted: bool = Field(False, description="weigh each triple's loss by its belief")
    threads: int = Field(1, ge=0, le=256, description="threads of torch; 0 for one a core")
    seed: int = Field(13, ge=0, lt=2**32, description="seed of the initial vectors, the order of triples and dropout")

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> EmbeddingConfig:
        if self.patience and not self.validate_every:
            raise PydanticCustomError("alone", "patience counts validations, and validate_every is 0")
        if self.corruption != "uniform" and not self.negatives:
            raise PydanticCustomError("alone", "corruption says how negatives are drawn, and negatives is 0")
        return self

    def for_model(self, model: ScorerName) -> EmbeddingConfig:
        """The same settings for another scorer; what was not set stays open."""
        return self.model_copy(update={"model": model})


def parse_embedding_config(values: object, file: str) -> EmbeddingConfig:
    """An EmbeddingConfig from keys and values that a user wrote.

    Raises:
        MateriaError: names every key that does not exist, and every value that is none.
    """
    if not isinstance(values, dict):
        raise MateriaError("holds no settings (key: value)", file=file, remedy=_REMEDY)
    try:
        return EmbeddingConfig.model_validate(values)
    except ValidationError as error:
        mistakes = "; ".join(
            "".join(f"{part}: " for part in [".".join(map(str, e["loc"]))] if part)
            + ("there is no such key" if e["type"] == "extra_forbidden" else e["msg"][:1].lower() + e["msg"][1:])
            for e in error.errors()
        )
        raise MateriaError(mistakes, file=file, remedy=_REMEDY) from error
