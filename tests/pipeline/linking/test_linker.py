"""The linker: links and reasons, documents, none of these, laws, and mistakes it must not make."""

import pickle

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import MateriaError
from pipeline.linking.index import LinkingIndex
from pipeline.linking.linker import FEATURES, Linker, Query
from pipeline.tables import VOCABULARY

CONCEPTS = [
    ("MESH:D012964", "Sodium", [], "biolink:ChemicalEntity"),
    ("MESH:D009638", "Norepinephrine", ["Noradrenaline", "NA"], "biolink:ChemicalEntity"),
    ("MESH:D003139", "Common Cold", ["Cold"], "biolink:Disease"),
    ("MESH:D029424", "Pulmonary Disease, Chronic Obstructive", ["Chronic Obstructive Lung Disease"], "biolink:Disease"),
    ("MESH:D009223", "Myotonic Dystrophy", ["Dystrophia Myotonica"], "biolink:Disease"),
    ("MESH:D003920", "Diabetes Mellitus", ["Diabetes"], "biolink:Disease"),
    ("MESH:D003924", "Diabetes Mellitus, Type 2", ["Type 2 Diabetes"], "biolink:Disease"),
    ("MESH:D003922", "Diabetes Mellitus, Type 1", ["Type 1 Diabetes"], "biolink:Disease"),
    ("MESH:D007674", "Kidney Diseases", ["Disease, Kidney"], "biolink:Disease"),
    ("MESH:D001943", "Breast Neoplasms", ["Breast Cancer"], "biolink:Disease"),
    ("MESH:D010051", "Ovarian Neoplasms", ["Ovarian Cancer"], "biolink:Disease"),
    ("MESH:D008687", "Metformin", [], "biolink:ChemicalEntity"),
    ("MESH:D004317", "Doxorubicin", [], "biolink:ChemicalEntity"),
    ("MESH:D004827", "Epilepsy", [], "biolink:Disease"),
    ("MESH:D018698", "Glutamic Acid", [], "biolink:ChemicalEntity"),
]


def vocabulary(concepts):
    rows = [
        {
            "curie": curie,
            "name": name,
            "synonyms": [{"name": synonym, "scope": "exact"} for synonym in synonyms],
            "category": category,
            "parents": [],
            "xrefs": [],
            "sources": ["test"],
        }
        for curie, name, synonyms, category in concepts
    ]
    return pa.Table.from_pylist(rows, VOCABULARY)


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return LinkingIndex.build(vocabulary(CONCEPTS), tmp_path_factory.mktemp("index"))


@pytest.fixture(scope="module")
def linker(index):
    return Linker(index)


def ask(linker, text, *mentions):
    """Links of mentions, each given as (text, type), at their first place in the document."""
    queries = [Query(text.index(m), text.index(m) + len(m), m, kind) for m, kind in mentions]
    return linker.link(text, queries)


def best(linker, text, mention, kind):
    return ask(linker, text, (mention, kind))[0][0].curie


def test_a_name_is_linked_with_reasons_that_can_be_read(linker):
    (links,) = ask(linker, "He has type 2 diabetes.", ("type 2 diabetes", "Disease"))
    first = links[0]
    assert (first.curie, first.category, first.name) == (
        "MESH:D003924",
        "biolink:Disease",
        "Diabetes Mellitus, Type 2",
    )
    assert linker.none_threshold < first.probability <= 1
    assert first.reasons
    assert {name for name, _ in first.reasons} <= set(FEATURES.values())
    assert len({link.curie for link in links}) == len(links)
    assert [link.probability for link in links] == sorted((link.probability for link in links), reverse=True)


def test_probabilities_leave_room_for_none_of_these(linker):
    (links,) = ask(linker, "the zyxomycin arm", ("zyxomycin", "Chemical"))
    assert not links or links[0].probability < linker.none_threshold
    assert sum(link.probability for link in links) < 1


def test_a_definition_counts_for_the_whole_document(linker):
    text = "MD was common. We studied myotonic dystrophy (MD) and its course. Half of those with MD improved."
    queries = [Query(place, place + 2, "MD", "Disease") for place in (0, text.rindex("MD"))]
    assert [links[0].curie for links in linker.link(text, queries)] == ["MESH:D009223"] * 2
    (links,) = linker.link("MD improved.", [Query(0, 2, "MD", "Disease")])
    assert "MESH:D009223" not in [link.curie for link in links if link.probability >= linker.none_threshold]


def test_a_short_form_of_the_latin_name_is_known_by_what_stands_beside_it(linker):
    text = "myotonic dystrophy (DM): DM is inherited"
    links = ask(linker, text, ("myotonic dystrophy", "Disease"), ("DM", "Disease"))
    assert [one[0].curie for one in links] == ["MESH:D009223"] * 2


def test_na_is_not_sodium(linker):
    text = "noradrenaline (NA) was infused"
    assert best(linker, text, "NA", "Chemical") == "MESH:D009638"


def test_cold_is_not_always_a_disease(linker):
    assert best(linker, "he had a cold", "cold", "Disease") == "MESH:D003139"
    text = "chronic obstructive lung disease (COLD)"
    assert best(linker, text, "COLD", "Disease") == "MESH:D029424"
    (links,) = ask(linker, "a cold solution", ("cold", "Chemical"))
    assert not links or links[0].probability < linker.none_threshold


def test_metformin_is_no_short_form(linker):
    (links,) = ask(linker, "Metformin helps.", ("Metformin", "Chemical"))
    assert links[0].curie == "MESH:D008687"
    assert "a short form without a definition" not in {name for name, _ in links[0].reasons}


def test_another_number_is_another_disease(linker):
    assert best(linker, "type 1 diabetes", "type 1 diabetes", "Disease") == "MESH:D003922"
    assert best(linker, "type II diabetes", "type II diabetes", "Disease") == "MESH:D003924"


def test_a_disease_named_by_greek_parts_is_found(linker):
    assert best(linker, "nephropathy", "nephropathy", "Disease") == "MESH:D007674"
    assert best(linker, "renal damage", "renal damage", "Disease") == "MESH:D007674"
    assert best(linker, "glutamate", "glutamate", "Chemical") == "MESH:D018698"


def test_the_other_name_in_brackets_is_the_same_thing(linker):
    text = "Adriamycin (doxorubicin) was given."
    links = ask(linker, text, ("Adriamycin", "Chemical"), ("doxorubicin", "Chemical"))
    assert [one[0].curie for one in links] == ["MESH:D004317"] * 2


def test_an_enumeration_leads_to_its_members(linker):
    (links,) = ask(linker, "breast and ovarian cancer", ("breast and ovarian cancer", "Disease"))
    assert {link.curie for link in links[:2]} == {"MESH:D001943", "MESH:D010051"}


def test_pickled_it_links_the_same(linker):
    again = pickle.loads(pickle.dumps(linker))
    text = "breast cancer and epilepsy"
    mentions = (("breast cancer", "Disease"), ("epilepsy", "Disease"))
    assert ask(again, text, *mentions) == ask(linker, text, *mentions)


def test_many_documents_are_linked_as_each_alone(linker):
    documents = [
        ("epilepsy", [Query(0, 8, "epilepsy", "Disease")]),
        ("", []),
        ("Diabetes, noradrenaline", [Query(0, 8, "Diabetes", "Disease"), Query(10, 23, "noradrenaline", "Chemical")]),
    ]
    together = [[[link.curie for link in one] for one in links] for links in linker.link_many(documents)]
    alone = [[[link.curie for link in one] for one in linker.link(*document)] for document in documents]
    assert together == alone


@pytest.mark.parametrize("mention", ["", " ", "(", "-", "💊", "é́", "\x00", "x" * 5000, "a/b/c/d/e/f"])
def test_odd_mentions_are_answered(linker, mention):
    (links,) = linker.link(mention, [Query(0, len(mention), mention, "Disease")])
    assert all(0 <= link.probability <= 1 for link in links)


def test_homonyms_are_ranked_the_same_whatever_the_order_of_rows(tmp_path):
    concepts = [(f"MESH:D90000{n}", f"Fever {n}", ["Fever"], "biolink:Disease") for n in range(5)]
    answers = []
    for place, rows in enumerate((concepts, concepts[::-1])):
        linker = Linker(LinkingIndex.build(vocabulary(rows), tmp_path / str(place)))
        answers.append([link.curie for link in ask(linker, "fever", ("fever", "Disease"))[0]])
    assert answers[0] == answers[1]
    assert len(answers[0]) == 5


def test_a_model_that_is_none_is_refused(index, tmp_path):
    with pytest.raises(MateriaError, match="cannot be read"):
        Linker.open(index, tmp_path)
    (tmp_path / "weights.json").write_text('{"format": "other"}')
    with pytest.raises(MateriaError, match="no weights of a linker"):
        Linker.open(index, tmp_path)


@settings(max_examples=15)
@given(st.text("abcdefghij ", min_size=3, max_size=14).filter(str.strip), st.sampled_from(range(len(CONCEPTS))))
def test_adding_a_synonym_leaves_links_that_do_not_involve_it(tmp_path_factory, linker, synonym, place):
    changed = [
        (curie, name, [*synonyms, synonym] if n == place else synonyms, category)
        for n, (curie, name, synonyms, category) in enumerate(CONCEPTS)
    ]
    other = Linker(LinkingIndex.build(vocabulary(changed), tmp_path_factory.mktemp("changed")))
    own = CONCEPTS[place][0]
    text = "breast cancer, epilepsy and type 2 diabetes"
    mentions = (("breast cancer", "Disease"), ("epilepsy", "Disease"), ("type 2 diabetes", "Disease"))
    for before, after in zip(ask(linker, text, *mentions), ask(other, text, *mentions), strict=True):
        if before[0].curie != own and after[0].curie != own:
            assert [x.curie for x in before if x.curie != own] == [x.curie for x in after if x.curie != own]
