"""All rules, in the order in which findings are told: claims, identifiers, concepts."""

from __future__ import annotations

from typing import Final

from kg.validation.claims import CLAIM_RULES
from kg.validation.concepts import CONCEPT_RULES, IDENTIFIER_RULES
from kg.validation.rule import Rule

__all__ = ["RULES"]

RULES: Final[dict[str, Rule]] = {rule.name: rule for rule in (*CLAIM_RULES, *IDENTIFIER_RULES, *CONCEPT_RULES)}
