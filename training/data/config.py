"""What a user may set about tokenizers and batches. This module imports no torch. Unknown keys are errors."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["DataConfig", "TokenizerConfig"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TokenizerConfig(_Strict):
    """The tokenizer: of a pretrained model, or trained on the corpus."""

    pretrained: str | None = Field(
        None,
        description="name or folder of a tokenizer to take as it is; none: the backbone's own, or one trained on the corpus",
    )
    vocabulary: int = Field(4096, ge=100, description="entries of a trained tokenizer, at most")
    alphabet: int = Field(
        1000, ge=26, description="characters a trained WordPiece or unigram tokenizer keeps, at most; the most frequent"
    )
    lower_case: bool = Field(True, description="whether a trained WordPiece tokenizer reads capitals as small letters")


class DataConfig(_Strict):
    """How passages and triples become batches."""

    max_length: int = Field(
        128, ge=16, description="tokens of a row, and of a sequence at most, special tokens included"
    )
    rows: int = Field(16, ge=1, description="rows of a step, all ranks together")
    packing: bool = Field(True, description="several sequences a row, each attending to itself alone; else one a row")
    window: int = Field(
        1024, ge=1, description="passages that are read, shuffled and packed together, at least; the cost of a resume"
    )
    workers: int = Field(
        1, ge=0, description="processes that read and encode; with 0 a thread does. The batches are the same"
    )
    prefetch: int = Field(2, ge=1, description="windows that each worker reads ahead")
    mask: float = Field(0.15, gt=0, lt=1, description="masked: share of words and entities that are to be predicted")
    whole_entities: bool = Field(True, description="masked: hide all tokens of a linked entity together")
    predicted: float = Field(1 / 6, gt=0, le=0.5, description="permutation: share of tokens that are predicted")
    longest_span: int = Field(5, ge=1, description="permutation: tokens that are predicted in one span, at most")
    no_relation: float = Field(1.0, ge=0, description="pairs without a relation for each pair with one, at most")
    triples: int = Field(32, ge=1, description="triples of a step of link prediction, all ranks together")
    negatives: int = Field(
        8, ge=1, description="corrupted triples for each true one, from the other entities of the step"
    )
    drawing: Literal["uniform", "belief", "mentioned"] = Field(
        "uniform",
        description="of triples: each once an epoch; in proportion to its belief; or half of a step's among those with an "
        "end that the step's text mentions, the rest as uniform",
    )
    corruption: Literal["uniform", "bernoulli"] = Field(
        "uniform",
        description="which end is corrupted: either as often, or by the relation's tails per head (Wang et al., AAAI 2014)",
    )
    name_length: int = Field(24, ge=4, description="tokens of an entity's name that are read, special tokens included")

    @model_validator(mode="after")
    def _names_fit(self) -> DataConfig:
        if self.name_length > self.max_length:
            raise ValueError(f"name_length ({self.name_length}) must not exceed max_length ({self.max_length})")
        return self
