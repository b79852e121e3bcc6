"""The shapes that ship: what the table of rules gives, SHACL by its own shapes, and named for their rules."""

from __future__ import annotations

from kg.validation import RULES
from kg.validation.shapes import SHAPES, rule_of_shape, shape_iri, shapes_turtle


def test_the_shipped_file_is_what_the_rules_give() -> None:
    assert SHAPES.read_text(encoding="utf-8") == shapes_turtle(), "run: python -m kg.validation.shapes"


def test_every_rule_says_what_is_wrong_and_what_to_do() -> None:
    for rule in RULES.values():
        assert rule.shapes
        assert rule.sentence[0].isupper()
        assert rule.sentence.count(". ") >= 1
        assert not rule.message.endswith(".")
        assert {rule_of_shape(shape_iri(rule, n)) for n in range(len(rule.shapes))} == {rule.name}


def test_the_shapes_are_sound_by_the_shapes_of_shapes() -> None:
    from pyshacl import validate
    from rdflib import Graph, Literal, URIRef
    from rdflib.collection import Collection
    from rdflib.namespace import SH

    shapes = Graph().parse(SHAPES, format="turtle")
    for head in [*shapes.objects(None, SH["in"])]:
        members = [*shapes.items(head)]
        assert all(isinstance(member, URIRef | Literal) for member in members)
        # pyshacl writes a list out for each shape that it tries: with 247 members each it takes two minutes for the same verdict
        allowed = Collection(shapes, head)
        allowed.clear()
        allowed += members[:2]
    validate(Graph(), shacl_graph=shapes, meta_shacl=True)  # raises where a shape is malformed
