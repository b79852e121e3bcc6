"""What a user may set about objectives: which are trained, what they weigh, and their own settings. Imports no torch."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from kg.embeddings.config import ScorerName
from training.backbones.config import Language

__all__ = [
    "GRAPH_OBJECTIVES",
    "LANGUAGE_OBJECTIVES",
    "LINK_OBJECTIVES",
    "TEXT_OBJECTIVES",
    "LinkPredictionConfig",
    "LinkPredictionTableConfig",
    "ObjectiveConfig",
    "ObjectivesConfig",
    "RelationClassificationConfig",
]

#: The language objective of each kind of backbone.
LANGUAGE_OBJECTIVES: Final[dict[Language, str]] = {
    "masked": "masked_lm",
    "causal": "causal_lm",
    "permutation": "permutation_lm",
}
#: Objectives that need nothing but text.
TEXT_OBJECTIVES: Final = (*LANGUAGE_OBJECTIVES.values(), "next_sentence")
#: Objectives that need triples.
LINK_OBJECTIVES: Final = ("link_prediction", "link_prediction_table")
#: Objectives that teach what the graph knows.
GRAPH_OBJECTIVES: Final = (*LINK_OBJECTIVES, "relation_classification")
#: What a configuration that says nothing trains, as far as the backbone can: the objectives that share its one pass. At weight 1 the
#: table's gradient is ten times that of the words, and the backbone learns little else: on the sample the loss of masked words then
#: ends at 4.1 where it ends at 3.5 with 0.1, and that of relations at .85 where it ends at .23.
_USUAL: Final = dict.fromkeys(TEXT_OBJECTIVES, 1.0) | {"link_prediction_table": 0.1, "relation_classification": 1.0}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ObjectiveConfig(_Strict):
    """One objective."""

    weight: float | None = Field(
        None, ge=0, description="what its loss counts; 0 leaves it out; not given: what is usual for the backbone"
    )


class RelationClassificationConfig(ObjectiveConfig):
    """Which relation holds between two marked entities of a sentence, if any."""

    belief_weighted: bool = Field(False, description="weigh each pair by the belief of its claim")


class LinkPredictionConfig(ObjectiveConfig):
    """Link prediction from what the encoder makes of the names of entities."""

    scorer: ScorerName = Field("transe", description="transe, distmult, rotate or complex")
    norm: Literal[1, 2] = Field(2, description="norm of the distance, for transe and rotate")
    gamma: float = Field(8.0, gt=0, description="distance at which a triple is as likely true as false")
    belief_weighted: bool = Field(False, description="weigh each triple by its belief")


class LinkPredictionTableConfig(LinkPredictionConfig):
    """Link prediction from a table of vectors that is joined to the encoder by the mentions of entities."""

    norm: Literal[1, 2] = Field(1, description="norm of the distance, for transe and rotate")
    dim: int = Field(128, ge=2, multiple_of=2, description="numbers in an entity's vector, of a new table")
    embeddings: str | None = Field(
        None,
        description="folder of graph embeddings to start from, with their scorer, norm, gamma and dim; none: a new table",
    )
    frozen: bool = Field(False, description="leave the vectors of the embeddings as they are")
    learning_rate_factor: float = Field(
        10.0, gt=0, description="how much faster the vectors of the table move than the backbone's weights"
    )
    mentions: bool = Field(
        True,
        description="let the state of a mention in the text stand in for its entity, so that the encoder learns too",
    )


class ObjectivesConfig(_Strict):
    """The objectives; those that a backbone cannot have must not be given a weight."""

    masked_lm: ObjectiveConfig = Field(ObjectiveConfig(), description="masked language modelling (bert)")
    next_sentence: ObjectiveConfig = Field(ObjectiveConfig(), description="next sentence prediction (bert)")
    causal_lm: ObjectiveConfig = Field(
        ObjectiveConfig(), description="language modelling from left to right (gpt2, llama)"
    )
    permutation_lm: ObjectiveConfig = Field(ObjectiveConfig(), description="permutation language modelling (xlnet)")
    link_prediction: LinkPredictionConfig = LinkPredictionConfig()
    link_prediction_table: LinkPredictionTableConfig = LinkPredictionTableConfig()
    relation_classification: RelationClassificationConfig = RelationClassificationConfig()

    def section(self, name: str) -> ObjectiveConfig:
        """The settings of an objective."""
        section = getattr(self, name)
        assert isinstance(section, ObjectiveConfig)
        return section

    def weights(self, language: Language) -> dict[str, float]:
        """Weight of each objective that is trained on a kind of backbone, in the order of the fields.

        What was given a weight is among them even where the backbone cannot have it; `check_combination` refuses that.
        """
        suits = {LANGUAGE_OBJECTIVES[language], *GRAPH_OBJECTIVES, *(["next_sentence"] if language == "masked" else [])}
        found = {}
        for name in type(self).model_fields:
            weight = self.section(name).weight
            if weight is None:
                weight = _USUAL.get(name, 0.0) if name in suits else 0.0
            if weight > 0:
                found[name] = weight
        return found
