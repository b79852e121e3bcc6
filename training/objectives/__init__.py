"""The family of pretraining objectives, by the name a configuration weighs them under.

To add one: one file, one line here, one field in `ObjectiveWeights`; the contract test finds it.
"""

from __future__ import annotations

from typing import Final

from training.objectives.base import HeadSpec, Objective, Outcome, Step
from training.objectives.link_prediction import LinkPrediction
from training.objectives.masked_lm import MaskedLM
from training.objectives.next_sentence import NextSentence
from training.objectives.relation_classification import RelationClassification

__all__ = ["OBJECTIVES", "HeadSpec", "Objective", "Outcome", "Step"]

OBJECTIVES: Final[dict[str, type[Objective]]] = {
    "masked_lm": MaskedLM,
    "next_sentence": NextSentence,
    "link_prediction": LinkPrediction,
    "relation_classification": RelationClassification,
}
