"""What validation found, of each rule: how much, and some of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kg.validation.rule import Rule, Severity
from kg.validation.rules import RULES

__all__ = ["Finding", "Findings", "figures", "merged", "of_severity"]


@dataclass(frozen=True, order=True)
class Finding:
    """A node that breaks a rule.

    Attributes:
        node: the node's CURIE; its IRI where no CURIE gives it.
        detail: what is there, for a person.
    """

    node: str
    detail: str


@dataclass(frozen=True)
class Findings:
    """All that breaks one rule.

    Attributes:
        count: number of nodes that break it.
        examples: some of them (all, where asked for), sorted by node.
    """

    rule: Rule
    count: int
    examples: tuple[Finding, ...]


def merged(found: Iterable[Findings], limit: int | None = None) -> list[Findings]:
    """Findings of parts of a graph as those of the whole, in the order of rules; at most `limit` examples of each."""
    by_rule: dict[str, list[Findings]] = {}
    for findings in found:
        by_rule.setdefault(findings.rule.name, []).append(findings)
    return [
        Findings(
            rule,
            sum(part.count for part in by_rule[name]),
            tuple(sorted(example for part in by_rule[name] for example in part.examples)[:limit]),
        )
        for name, rule in RULES.items()
        if name in by_rule
    ]


def of_severity(found: Iterable[Findings], severity: Severity) -> list[Findings]:
    """Those of one severity."""
    return [findings for findings in found if findings.rule.severity == severity]


def figures(found: Iterable[Findings], limit: int = 5) -> dict[str, Any]:
    """Findings as the figures of a check: how many of each rule, a sentence about the first, and a few examples in turn."""
    found = list(found)
    examples = [
        {"rule": findings.rule.name, "node": example.node, "detail": example.detail, "sentence": findings.rule.sentence}
        for place in range(limit)
        for findings in found
        for example in findings.examples[place : place + 1]
    ][:limit]
    told: dict[str, Any] = {"findings": sum(findings.count for findings in found)}
    if examples:
        told["first"] = "{node} ({detail}): {sentence}".format(**examples[0])
        told["rules"] = {findings.rule.name: findings.count for findings in found}
        told["examples"] = examples
    return told
