"""The rules as SHACL, run by pySHACL on a part of a graph.

pySHACL takes milliseconds a node, where the queries of `kg.validation.columns` take microseconds, so it is given the
neighbourhood of some claims and not the whole: the claims, their evidence, the concepts they name, and the superclasses
of these. It reads the graph as it was written, by shapes that any other validator reads too, and so checks the writing.

Rejected: validating each named graph for itself (evidence points to claims of the default graph), and rdflib's Dataset,
which pySHACL flattens at every step; the graph is flattened once.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from typing import Any

from kg.validation.finding import Finding, Findings, merged
from kg.validation.model import SIDES, sides
from kg.validation.rules import RULES
from kg.validation.shapes import SHAPES, rule_of_shape, shape_iri
from pipeline.curies import contract, expand

__all__ = ["graph_of", "neighbourhood", "smallest_claims", "validate_subgraph"]


def graph_of(quads: Iterable[str]) -> Any:
    """Lines of N-Quads as one rdflib graph, whatever named graph they stand in."""
    return _flat(_parsed("".join(quads), "ox-nquads"))


def smallest_claims(dataset: Any, number: int) -> list[str]:
    """The ids that come first of all claims in a graph, at most so many: ids are hashes, so this is a fair sample."""
    sparql = f"SELECT ?claim {{ ?claim a <{expand('biolink:Association')}> }} ORDER BY ?claim LIMIT {number:d}"
    return [str(row[0]).rpartition("/")[2] for row in dataset.query(sparql)]


def neighbourhood(dataset: Any, claims: Iterable[str]) -> Any:
    """What the rules look at of some claims: the claims, their evidence, the concepts they name, and all superclasses.

    Args:
        dataset: the whole graph, as an rdflib Dataset whose default graph is the union of all.
        claims: ids of claims (SHA-256, hex); one that is not there adds nothing.
    """
    from rdflib import RDF, RDFS, URIRef

    links = [URIRef(expand(f"materia:{link}")) for link in ("supports", "contradicts")]
    claim_nodes = [URIRef(expand(f"materia:triple/{claim}")) for claim in claims]
    concepts = {o for c in claim_nodes for end in (RDF.subject, RDF.object) for o in dataset.objects(c, end)}
    waiting = list(concepts)
    while waiting:
        above = set(dataset.objects(waiting.pop(), RDFS.subClassOf)) - concepts
        concepts |= above
        waiting.extend(above)
    evidence = {e for c in claim_nodes for link in links for e in dataset.subjects(link, c)}
    return _flat(quad for node in (*claim_nodes, *evidence, *concepts) for quad in dataset.triples((node, None, None)))


def _parsed(text: str, form: str) -> Any:
    """Read by Oxigraph, which takes a sixth of the time of rdflib's own parsers."""
    from rdflib import Dataset

    dataset = Dataset(store="Oxigraph")
    dataset.parse(data=text, format=form)
    return dataset


def _flat(dataset: Iterable[Any]) -> Any:
    """All quads (or triples) in one graph that parses each question once: pySHACL asks the same of every node."""
    from rdflib import Graph, Literal
    from rdflib.plugins.sparql import prepareQuery

    class Prepared(Graph):  # type: ignore[misc]  # rdflib is untyped here
        _prepared = staticmethod(cache(prepareQuery))

        def query(self, query_object: Any, *args: Any, **options: Any) -> Any:
            return super().query(self._prepared(query_object), *args, **options)

    graph = Prepared()
    for subject, predicate, value, *_ in dataset:
        # rdflib reads "nan" as a decimal, which XSD does not know and Python cannot compare: as a string it is found.
        odd = isinstance(value, Literal) and isinstance(value.value, Decimal) and not value.value.is_finite()
        graph.add((subject, predicate, Literal(str(value)) if odd else value))
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
    from rdflib import SH

    data = _flat(graph)
    _, report, _ = validate(
        data, shacl_graph=_shapes(), use_shapes=_useful(data), allow_warnings=True, allow_infos=True
    )
    nodes: dict[str, dict[str, str]] = {}
    for result in report.objects(None, SH.result):
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
    return _flat(_parsed(SHAPES.read_text(encoding="utf-8"), "ox-turtle"))


def _useful(data: Any) -> list[str]:
    """All shapes, less those of domains and ranges whose predicates no claim has: most of them, and most of the time."""
    from rdflib import RDF

    used = set(map(str, data.objects(None, RDF.predicate)))
    useful = []
    for rule in RULES.values():
        side = {f"{s}_outside_{stated}": s for s, stated in zip(SIDES, ("domain", "range"), strict=True)}.get(rule.name)
        groups = list(sides(side)) if side else [()] * len(rule.shapes)
        useful += [
            shape_iri(rule, number)
            for number, predicates in enumerate(groups)
            if not side or not used.isdisjoint(map(expand, predicates))
        ]
    return useful


def _curie(iri: str) -> str:
    """The CURIE of an IRI where it leads back to the same IRI; else the IRI itself."""
    curie = contract(iri)
    return curie if curie is not None and expand(curie) == iri else iri
