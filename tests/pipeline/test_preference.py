"""Several vocabularies have the name: which one it means is said by an order for each class, in matcher and linker alike."""

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st

from pipeline.curies import PREFIX_ORDER
from pipeline.linking.index import LinkingIndex
from pipeline.linking.linker import Linker, Query
from pipeline.names import NameIndex
from pipeline.preference import Preference

CONCEPTS = [
    ("MESH:1", "Asthma", "Disease", []),
    ("MONDO:1", "asthma", "Disease", []),
    ("MESH:2", "Aspirin", "SmallMolecule", []),
    ("CHEBI:2", "aspirin", "SmallMolecule", []),
    ("MESH:3", "Fever", "Disease", []),
    ("HP:3", "Fever", "PhenotypicFeature", []),
]
TEXT = "asthma, aspirin, fever"
TYPES = {"asthma": "Disease", "aspirin": "Chemical", "fever": "Disease"}
ORDERS = [
    ({}, ["MESH:1", "MESH:2", "MESH:3"]),
    ({"Disease": ["MONDO", "MESH"]}, ["MONDO:1", "MESH:2", "MESH:3"]),
    ({"biolink:ChemicalEntity": ["CHEBI"]}, ["MESH:1", "CHEBI:2", "MESH:3"]),
    ({"ChemicalEntity": ["CHEBI"], "SmallMolecule": ["MESH"]}, ["MESH:1", "MESH:2", "MESH:3"]),
    ({"DiseaseOrPhenotypicFeature": ["HP", "MONDO"], "Drug": ["CHEBI"]}, ["MONDO:1", "MESH:2", "HP:3"]),
]


def links(linker, text=TEXT):
    queries = [Query(text.index(m), text.index(m) + len(m), m, kind) for m, kind in TYPES.items() if m in text]
    return [[(link.curie, link.probability) for link in found] for found in linker.link(text, queries)]


@pytest.mark.parametrize(("orders", "meant"), ORDERS)
def test_an_order_for_a_class_says_what_a_name_means(vocabulary_of, orders, meant):
    for rows in (CONCEPTS, CONCEPTS[::-1]):
        index = NameIndex.from_vocabulary(vocabulary_of(*rows), Preference(orders))
        assert [match.concept.curie for match in index.find(TEXT)] == meant


@pytest.mark.parametrize(("orders", "meant"), ORDERS[1:])
def test_the_linker_follows_the_same_order(vocabulary_of, tmp_path, orders, meant):
    for place, rows in enumerate((CONCEPTS, CONCEPTS[::-1])):
        preference = Preference(orders)
        linker = Linker(LinkingIndex.build(vocabulary_of(*rows), tmp_path / str(place), preference))
        for found, curie in zip(links(linker), meant, strict=True):
            held_by = {preference.governing(f"biolink:{c}") for own, _, c, _ in CONCEPTS if own[-1] == curie[-1]}
            # Homonyms of different orders are for the type and the context of the mention to tell apart.
            if len(held_by) == 1 and None not in held_by:
                assert found[0][0] == curie
                assert found[0][1] > 0.5
                # What gives way is still a candidate, and explained.
                assert len({other for other, _ in found}) == 2


def test_without_a_preference_an_index_has_the_bytes_it_had(vocabulary_of, tmp_path):
    table = vocabulary_of(*CONCEPTS)
    LinkingIndex.build(table, tmp_path / "plain")
    LinkingIndex.build(table, tmp_path / "empty", Preference({}))
    LinkingIndex.build(table, tmp_path / "other", Preference({"Disease": ["MONDO"]}))
    contents = [{p.name: p.read_bytes() for p in sorted((tmp_path / n).iterdir())} for n in ("plain", "empty", "other")]
    assert contents[0] == contents[1] != contents[2]
    assert b'"prefer"' not in contents[0]["index.json"]


def test_a_related_name_of_the_preferred_vocabulary_loses_to_an_exact_one(vocabulary_of, tmp_path):
    concepts = [("MESH:1", "Chorea", "Disease", []), ("MONDO:2", "Other Thing", "Disease", ["related:chorea"])]
    table, preference = vocabulary_of(*concepts), Preference({"Disease": ["MONDO", "MESH"]})
    assert [m.concept.curie for m in NameIndex.from_vocabulary(table, preference).find("chorea")] == ["MESH:1"]
    linker = Linker(LinkingIndex.build(table, tmp_path, preference))
    assert linker.link("chorea", [Query(0, 6, "chorea", "Disease")])[0][0].curie == "MESH:1"


def test_a_cross_reference_folds_a_concept_into_the_vocabulary_preferred_for_its_class(vocabulary_of):
    concepts = [("MESH:1", "Asthma", "Disease", []), ("MONDO:1", "bronchial asthma", "Disease", [])]
    table = vocabulary_of(*concepts, xrefs={"MESH:1": ["MONDO:1"]})
    text = "asthma and bronchial asthma"
    meant = {}
    for name, orders in (("default", {}), ("ours", {"Disease": ["MONDO"]})):
        found = NameIndex.from_vocabulary(table, Preference(orders)).find(text)
        meant[name] = [match.concept.curie for match in found]
    assert meant == {"default": ["MESH:1", "MONDO:1"], "ours": ["MONDO:1", "MONDO:1"]}


def test_components_take_the_order(vocabulary_of, tmp_path):
    import pyarrow.parquet as pq

    path = str(tmp_path / "vocabulary.parquet")
    pq.write_table(vocabulary_of(*CONCEPTS), path)
    config = {"vocabulary": [path], "prefer": {"Disease": ["MONDO"]}}
    nlp = spacy.blank("en")
    nlp.add_pipe("materia_linker", config=config)
    assert [entity.kb_id_ for entity in nlp("He had asthma.").ents] == ["MONDO:1"]
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "Disease", "pattern": "asthma"}])
    nlp.add_pipe("materia_linker", config=config)
    assert [entity.kb_id_ for entity in nlp("He had asthma.").ents] == ["MONDO:1"]


@pytest.mark.parametrize(
    ("orders", "reason"),
    [
        ({"Sickness": ["MESH"]}, "no class of Biolink"),
        ({"Disease": []}, "each once"),
        ({"Disease": ["MESH", "MESH"]}, "each once"),
        ({"Disease": ["MESH"], "biolink:Disease": ["HP"]}, "two orders"),
    ],
)
def test_a_mistaken_order_is_named(orders, reason):
    with pytest.raises(ValueError, match=reason):
        Preference(orders)


@given(st.lists(st.sampled_from([*PREFIX_ORDER, "X", "Y"]), min_size=1, unique=True))
def test_what_an_order_leaves_out_follows_in_the_shipped_order(order):
    preference = Preference({"Disease": order})
    ranked = sorted([*PREFIX_ORDER, "X", "Z"], key=lambda prefix: preference.place(f"{prefix}:1", "biolink:Disease"))
    named = [prefix for prefix in ranked if prefix in order]
    assert named == [prefix for prefix in order if prefix in ranked]
    rest = [prefix for prefix in ranked if prefix not in order and prefix in PREFIX_ORDER]
    assert rest == [prefix for prefix in PREFIX_ORDER if prefix not in order]
    assert all(preference.place(f"{prefix}:1", "biolink:Gene") < preference.last for prefix in ranked)
