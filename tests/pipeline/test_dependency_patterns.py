"""Claims by grammar, over parses made by hand: no parser comes with Materia."""

import pytest
import spacy
from spacy.tokens import Doc

from pipeline.dependency_patterns import EXTRACTOR, find_dependency_claims, make_claims
from pipeline.trigger_patterns import EntitySpan

NLP = spacy.blank("en")
CLASSES = {"C": "ChemicalEntity", "D": "Disease", "G": "Protein"}


def claims(parse):
    """Claims of a sentence written as word/head/label; a word C:aspirin is a mention, whose name is its CURIE."""
    words, heads, labels, names = [], [], [], []
    for item in parse.split():
        word, head, label = item.rsplit("/", 2)
        names.append(word if ":" in word else None)
        words.append(word.split(":")[-1])
        heads.append(int(head))
        labels.append(label)
    doc = Doc(NLP.vocab, words, heads=heads, deps=labels)
    entities = [
        EntitySpan(token.idx, token.idx + len(token), token.text, f"biolink:{CLASSES[name[0]]}", False, False)
        for token, name in zip(doc, names, strict=True)
        if name
    ]
    found = find_dependency_claims(doc, entities)
    return {(entities[c.subject].curie, c.predicate[8:], entities[c.object].curie): c for c in found}


@pytest.mark.parametrize(
    ("parse", "expected"),
    [
        ("C:A/1/nsubj induced/1/ROOT severe/3/amod D:x/1/dobj", {("A", "causes", "x")}),
        (
            "C:A/7/nsubj given/0/acl to/1/prep rats/2/pobj for/1/prep weeks/4/pobj ,/7/punct induced/7/ROOT D:x/7/dobj",
            {("A", "causes", "x")},
        ),
        ("D:x/2/nsubjpass was/2/auxpass caused/2/ROOT by/2/agent C:A/3/pobj", {("A", "causes", "x")}),
        ("D:x/0/ROOT induced/0/acl by/1/agent C:A/2/pobj", {("A", "causes", "x")}),
        ("Treatment/0/ROOT of/0/prep D:x/1/pobj with/0/prep C:A/3/pobj", {("A", "treats", "x")}),
        ("C:A/1/nsubj inhibits/1/ROOT G:g/1/dobj", {("A", "affects", "g")}),
        ("C:A/2/nsubj therapy/2/nsubj prevented/2/ROOT D:x/2/dobj", {("A", "preventative_for_condition", "x")}),
        ("C:A/1/compound therapy/2/nsubj caused/2/ROOT D:x/2/dobj", {("A", "causes", "x")}),
        ("Use/3/nsubj of/0/prep C:A/1/pobj caused/3/ROOT D:x/3/dobj", {("A", "causes", "x")}),
        (
            "C:A/3/nsubj and/0/cc C:B/0/conj caused/3/ROOT D:x/3/dobj and/4/cc D:y/4/conj",
            {("A", "causes", "x"), ("A", "causes", "y"), ("B", "causes", "x"), ("B", "causes", "y")},
        ),
    ],
)
def test_a_construction_makes_its_claim(parse, expected):
    assert set(claims(parse)) == expected


@pytest.mark.parametrize(
    "parse",
    [
        "D:x/2/nsubj of/0/prep induced/2/ROOT C:A/2/dobj",
        "C:A/1/nsubj measured/1/ROOT D:x/1/dobj",
        "D:x/2/nsubjpass was/2/auxpass caused/2/ROOT in/2/prep C:A/3/pobj",
        "C:A/1/nsubj caused/1/ROOT C:B/1/dobj",
        "D:x/1/nsubj treats/1/ROOT C:A/1/dobj",
    ],
)
def test_other_grammar_makes_none(parse):
    assert claims(parse) == {}


def test_negation_hedges_and_conditions_are_noted():
    (denied,) = claims("C:A/3/nsubj did/3/aux not/3/neg cause/3/ROOT D:x/3/dobj").values()
    (hedged,) = claims("C:A/2/nsubj may/2/aux cause/2/ROOT D:x/2/dobj").values()
    (asked,) = claims("whether/2/mark C:A/2/nsubj causes/2/ROOT D:x/2/dobj").values()
    (none,) = claims("C:A/1/nsubj caused/1/ROOT no/3/det D:x/1/dobj").values()
    assert (denied.polarity, none.polarity, hedged.polarity) == (False, False, True)
    assert (hedged.certainty < 1, hedged.hypothetical, asked.hypothetical) == (True, False, True)


def test_an_effect_has_its_direction():
    (claim,) = claims("C:A/1/nsubj activates/1/ROOT G:g/1/dobj").values()
    assert claim.direction == "increased"


def test_the_component_adds_grammar_to_surface_patterns_where_a_parser_was(small_vocabulary_path):
    linking = spacy.blank("en")
    linking.add_pipe("materia_linker", config={"vocabulary": [small_vocabulary_path]})
    component = make_claims(linking, "claims")
    words = ["Aspirin", ",", "given", "daily", ",", "caused", "headache"]
    parsed = Doc(
        linking.vocab,
        words,
        heads=[5, 5, 0, 2, 5, 5, 5],
        deps=["nsubj", "punct", "acl", "advmod", "punct", "ROOT", "dobj"],
    )
    plain = Doc(linking.vocab, words)
    (found,) = [claim for claim in component(linking(parsed))._.materia_claims if claim["extractor"] == EXTRACTOR]
    assert (found["subject"], found["predicate"], found["object"]) == ("MESH:D000009", "biolink:causes", "MESH:D000008")
    assert all(claim["extractor"] != EXTRACTOR for claim in component(linking(plain))._.materia_claims)
    surface = component(linking("Headache caused by aspirin."))._.materia_claims
    assert [claim["extractor"] for claim in surface] == ["trigger.v2"]
