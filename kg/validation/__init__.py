"""Validation: one table of rules, asked of tables by DuckDB and of graphs by SHACL, with the same answers."""

from __future__ import annotations

from kg.validation.columns import validate_by_bucket, validate_claims, validate_concepts, validate_tables
from kg.validation.finding import Finding, Findings, figures, merged, of_severity
from kg.validation.rules import RULES

__all__ = [
    "RULES",
    "Finding",
    "Findings",
    "figures",
    "merged",
    "of_severity",
    "validate_by_bucket",
    "validate_claims",
    "validate_concepts",
    "validate_tables",
]
