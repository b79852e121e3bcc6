"""The rules as SHACL: the file that ships, `shapes.ttl`, for any validator.

Format: https://www.w3.org/TR/shacl/. Run `python -m kg.validation.shapes` to write the file anew after a rule changed.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Final

from kg.validation.rule import Rule
from kg.validation.rules import RULES
from pipeline.curies import PREFIXES

__all__ = ["SHAPES", "rule_of_shape", "shape_iri", "shapes_turtle"]

#: The file that ships.
SHAPES: Final = Path(__file__).parent / "shapes.ttl"

_BASE: Final = PREFIXES["materia"] + "shape/"
_SHORT: Final = ("biolink", "materia", "prov", "rdf", "rdfs", "skos", "xsd")
_OF: Final = {PREFIXES[prefix]: prefix for prefix in _SHORT}
_LONG: Final = re.compile("<(" + "|".join(map(re.escape, _OF)) + r")(\w+)>")
_SEVERITIES: Final = {"violation": "sh:Violation", "warning": "sh:Warning", "info": "sh:Info"}
_HEAD: Final = """\
# What must hold of the graph, in SHACL (https://www.w3.org/TR/shacl/). Made by kg/validation/shapes.py from the table of rules;
# change the rules, not this file. Validate with the named graphs of evidence and the default graph taken together.
"""


def shapes_turtle() -> str:
    """All rules as shapes, in Turtle: `materia:shape/<rule>`, with a number behind it where a rule has several."""
    prefixes = {"sh": "http://www.w3.org/ns/shacl#"} | {p: PREFIXES[p] for p in _SHORT}
    text = [_HEAD, *(f"@prefix {prefix}: <{iri}> .\n" for prefix, iri in prefixes.items())]
    for rule in RULES.values():
        for number, shape in enumerate(rule.shapes):
            kind = "sh:PropertyShape" if shape.startswith("sh:target") and "; sh:path " in shape else "sh:NodeShape"
            text.append(
                f"\n<{shape_iri(rule, number)}> a {kind} ;\n  sh:severity {_SEVERITIES[rule.severity]} ;\n"
                f'  sh:message "{rule.sentence}"@en ;\n{_folded(shape)} .\n'
            )
    return "".join(text)


def _folded(turtle: str) -> str:
    """In lines of some length, with prefixed names (outside of SPARQL, which knows no prefixes)."""
    named = turtle if '"""' in turtle else _LONG.sub(lambda m: f"{_OF[m[1]]}:{m[2]}", turtle)
    lines = textwrap.TextWrapper(
        120, initial_indent="  ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
    return lines.fill(named)


def shape_iri(rule: Rule, number: int) -> str:
    """The IRI of a rule's shape, counted from 0."""
    return _BASE + rule.name + (f"/{number + 1}" if len(rule.shapes) > 1 else "")


def rule_of_shape(iri: str) -> str:
    """The name of the rule that a shape's IRI belongs to."""
    return iri.removeprefix(_BASE).split("/", 1)[0]


if __name__ == "__main__":
    SHAPES.write_text(shapes_turtle(), encoding="utf-8")
