"""What a user may set about pretraining. This module imports no torch. Unknown keys are errors.

The defaults suit the sample on two cores: about a minute. A laptop, one GPU or a cluster only change the numbers.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["BackboneConfig", "ObjectiveWeights", "PretrainingConfig"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BackboneConfig(_Strict):
    """A BERT made from sizes (Devlin et al., NAACL 2019)."""

    layers: int = Field(2, ge=1, description="transformer layers")
    hidden: int = Field(128, ge=2, description="width of the hidden states")
    heads: int = Field(2, ge=1, description="attention heads")
    feed_forward: int = Field(512, ge=1, description="width of the feed-forward layers")
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout of hidden states and attention; 0.1 for many epochs")

    @model_validator(mode="after")
    def _heads_divide_hidden(self) -> BackboneConfig:
        if self.hidden % self.heads:
            raise ValueError(f"hidden ({self.hidden}) must be a multiple of heads ({self.heads})")
        return self


class ObjectiveWeights(_Strict):
    """Weight of each objective in the one loss; 0 leaves it out."""

    masked_lm: float = Field(1.0, ge=0, description="masked language modelling")
    next_sentence: float = Field(1.0, ge=0, description="next sentence prediction")
    link_prediction: float = Field(1.0, ge=0, description="link prediction from the encoded names of entities")
    relation_classification: float = Field(1.0, ge=0, description="relation between two entities of a sentence")


class PretrainingConfig(_Strict):
    """How a language model is pretrained on the corpus and the graph together."""

    backbone: BackboneConfig = BackboneConfig()
    vocabulary: int = Field(4096, ge=100, description="entries of the WordPiece tokenizer, at most")
    alphabet: int = Field(1000, ge=26, description="characters the tokenizer keeps, at most; the most frequent")
    max_length: int = Field(128, ge=16, description="tokens in a sequence")
    name_length: int = Field(24, ge=4, description="tokens of an entity's name that are read")
    steps: int = Field(600, ge=1, description="optimizer steps")
    batch: int = Field(16, ge=1, description="passages in a step")
    triples: int = Field(32, ge=1, description="triples in a step of link prediction")
    negatives: int = Field(
        8, ge=1, description="corrupted triples for each true one, from the other entities of the step"
    )
    gamma: float = Field(8.0, gt=0, description="margin of link prediction: sigma(gamma - d)")
    learning_rate: float = Field(2e-3, gt=0, description="step size of AdamW at its peak")
    warmup: float = Field(0.1, ge=0, lt=1, description="share of the steps in which the step size rises")
    weight_decay: float = Field(0.01, ge=0, description="decay of weights; not of biases and normalisation")
    clip: float = Field(1.0, gt=0, description="greatest norm of the gradient")
    mask: float = Field(0.15, gt=0, lt=1, description="share of words and entities that are masked")
    whole_entities: bool = Field(True, description="mask all tokens of a linked entity together")
    no_relation: float = Field(1.0, ge=0, description="pairs without a relation for each pair with one, at most")
    shuffle: int = Field(4096, ge=1, description="passages held in memory to shuffle them")
    weights: ObjectiveWeights = ObjectiveWeights()
    log_every: int = Field(10, ge=1, description="steps between two rows of the loss log")
    evaluation_passages: int = Field(512, ge=1, description="held-out passages read for evaluation, at most")
    evaluation_entities: int = Field(20_000, ge=2, description="candidates of link prediction in evaluation, at most")
    threads: int = Field(1, ge=0, description="threads of torch; 0 for one a core, which pays for larger backbones")
    seed: int = Field(13, ge=0, description="seed of everything that is drawn")
