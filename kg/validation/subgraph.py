"""The rules as SHACL, run by pySHACL on a part of a graph.

pySHACL takes milliseconds a node, where the queries of `kg.validation.columns` take microseconds, so it is given the
neighbourhood of some claims and not the whole: the claims, their evidence, the concepts they name, and the superclasses
of these. It reads the graph as it was written, by shapes that any other validator reads too, and so checks the writing.

Rejected: validating each named graph for itself (evidence points to claims of the default graph), and rdflib's Dataset,
which pySHACL flattens at every step; the graph is flattened once.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from kg.validation.finding import Finding, Findings, merged
from kg.validation.rules import RULES
from kg.validation.shapes import SHAPES, rule_of_shape
from pipeline.curies import contract, expand

__all__ = ["graph_of", "validate_subgraph"]


def graph_of(quads: Iterable[str]) -> Any:
    """Lines of N-Quads as one rdflib graph, whatever named graph they stand in."""
    from rdflib import Dataset

    dataset = Dataset(default_union=True)
    dataset.parse(data="".join(quads), format="nquads")
    return _flat(dataset)


def _flat(dataset: Any) -> Any:
    from rdflib import Graph

    graph = Graph()
    for triple in dataset.triples((None, None, None)):
        graph.add(triple)
    return graph


def validate_subgraph(graph: Any, *, limit: int | None = None) -> list[Findings]:
    """Run the shapes on an rdflib graph.

    Args:
        graph: an rdflib Graph, or a Dataset (all its graphs are taken together). What it lacks is not there: a claim
            whose concepts are left out counts as one about unknown concepts.
        limit: examples kept of each rule; all findings where None.

    Returns:
        Findings of the rules that are broken, in the order of rules.
    """
    from pyshacl import validate
    from rdflib import SH, Dataset

    data = _flat(graph) if isinstance(graph, Dataset) else graph
    _, report, _ = validate(data, shacl_graph=_shapes(), allow_warnings=True, allow_infos=True)
    nodes: dict[str, dict[str, str]] = {}
    for result in report.subjects(SH.focusNode):
        rule = rule_of_shape(str(report.value(result, SH.sourceShape)))
        value = report.value(result, SH.value)
        node, detail = _curie(str(report.value(result, SH.focusNode))), "" if value is None else _curie(str(value))
        known = nodes.setdefault(rule, {})
        known[node] = min(known.get(node, detail), detail)
    return merged(
        (
            Findings(RULES[rule], len(found), tuple(sorted(Finding(node, detail) for node, detail in found.items())))
            for rule, found in nodes.items()
        ),
        limit,
    )


@cache
def _shapes() -> Any:
    from rdflib import Graph

    return Graph().parse(SHAPES, format="turtle")


def _curie(iri: str) -> str:
    """The CURIE of an IRI where it leads back to the same IRI; else the IRI itself."""
    curie = contract(iri)
    return curie if curie is not None and expand(curie) == iri else iri
