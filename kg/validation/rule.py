"""What a rule is: one sentence for a person, a SHACL shape for a graph, and a query for tables, of the same meaning."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from pipeline.curies import PREFIXES, expand

__all__ = ["About", "Rule", "Severity", "in_list", "iris", "sparql"]

Severity = Literal["violation", "warning", "info"]
About = Literal["claim", "concept", "any"]


@dataclass(frozen=True)
class Rule:
    """A thing that must hold of the graph.

    Attributes:
        name: what a finding is called; names say what is wrong.
        severity: as in SHACL. A violation is malformed, a warning is most likely wrong, an info is worth knowing.
        about: what has to be there to ask: claims (with their evidence and the concepts they name), concepts alone,
            or any of them.
        message: what is wrong, as a sentence without its full stop; its subject is the node of the finding.
        remedy: what to do, as an imperative sentence.
        shapes: SHACL in Turtle, without the subject: predicates and objects of a node or property shape each. A node
            breaks the rule where it breaks any of them. Core alone where core can say it; it can neither count nor
            multiply, and there they are SPARQL-based constraints.
        query: SQL that gives the columns node (a CURIE) and detail of everything that breaks the rule, over the views of
            `kg.validation.columns`.
    """

    name: str
    severity: Severity
    about: About
    message: str
    remedy: str
    shapes: Sequence[str]
    query: str

    @property
    def sentence(self) -> str:
        """What is wrong and what to do, for a person."""
        return f"{self.message}. {self.remedy}."


_CURIE: Final = re.compile(r"(?<![\w<:/])(" + "|".join(map(re.escape, PREFIXES)) + r"):(\w+)")


def sparql(query: str) -> str:
    """A SPARQL-based constraint, in Turtle. CURIEs are written out, so that it needs no declaration of prefixes."""
    return f'sh:sparql [ sh:select """{_CURIE.sub(lambda m: f"<{expand(m[0])}>", query)}""" ]'


def iris(curies: Sequence[str]) -> str:
    """CURIEs as a list in Turtle."""
    return "( " + " ".join(f"<{expand(curie)}>" for curie in curies) + " )"


def in_list(curies: Sequence[str]) -> str:
    """The constraint that a value is one of these, in Turtle."""
    return f"sh:in {iris(sorted(curies))}"
