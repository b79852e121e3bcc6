"""How much an edge is worth: the probability that it holds.

An edge's own score is taken where it is a probability by its range. Others are worth what their knowledge level is worth in
the table below, which is set by hand, as the priors of the trigger patterns are: a curated assertion is nearly certain, a
correlation or a prediction little better than a coin, and what says nothing of itself stands between them. Scores on
other scales (0 to 1000, logarithms) are passed over, because nobody can tell what they mean.

Levels and agents: https://w3id.org/biolink/vocab/KnowledgeLevelEnum, https://w3id.org/biolink/vocab/AgentTypeEnum.
"""

from __future__ import annotations

import math
from typing import Final

__all__ = ["KNOWLEDGE_LEVELS", "NOT_PROVIDED", "ZeroScoreError", "parse_score", "worth_of"]

KNOWLEDGE_LEVELS: Final[dict[str, float]] = {
    "knowledge_assertion": 0.95,
    "logical_entailment": 0.9,
    "observation": 0.8,
    "not_provided": 0.7,
    "statistical_association": 0.6,
    "prediction": 0.5,
}
NOT_PROVIDED: Final = "not_provided"
#: The most that an edge is worth whose agent is text mining, whatever its level says.
_TEXT_MINED: Final = 0.6
#: A probability lies below 1, so that one edge never makes a claim certain.
_MOST: Final = 0.99


class ZeroScoreError(ValueError):
    """A score of 0: the file itself says that nothing speaks for the edge."""


def worth_of(knowledge_level: str, agent_type: str = "") -> float:
    """The worth of an edge without a score; an unknown level is worth what `not_provided` is."""
    worth = KNOWLEDGE_LEVELS.get(knowledge_level, KNOWLEDGE_LEVELS[NOT_PROVIDED])
    return min(worth, _TEXT_MINED) if agent_type == "text_mining_agent" else worth


def parse_score(value: str | float) -> float | None:
    """A score as a probability below 1; None where it is on another scale than (0, 1].

    Raises:
        ZeroScoreError: it is 0.
        ValueError: it is no number.
    """
    score = float(value)
    if math.isnan(score):
        raise ValueError(value)
    if score == 0:
        raise ZeroScoreError(value)
    return min(score, _MOST) if 0 < score <= 1 else None
