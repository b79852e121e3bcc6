"""The table of objectives, by the name a configuration weighs them under.

To add one: one class, one line here and one field in `ObjectivesConfig`; the contract test finds it.
"""

from __future__ import annotations

from typing import Final

from training.objectives.base import Objective
from training.objectives.language_modelling import CausalLM, MaskedLM, PermutationLM
from training.objectives.link_prediction import LinkPrediction
from training.objectives.link_prediction_table import LinkPredictionTable
from training.objectives.next_sentence import NextSentence
from training.objectives.relation_classification import RelationClassification

__all__ = ["OBJECTIVES"]

OBJECTIVES: Final[dict[str, type[Objective]]] = {
    "masked_lm": MaskedLM,
    "next_sentence": NextSentence,
    "causal_lm": CausalLM,
    "permutation_lm": PermutationLM,
    "link_prediction": LinkPrediction,
    "link_prediction_table": LinkPredictionTable,
    "relation_classification": RelationClassification,
}
