"""What a document names elsewhere speaks for what stands above, below or beside it in the vocabulary."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.linking.hierarchy import HIERARCHY_FEATURES, hierarchy_features
from pipeline.linking.index import LinkingIndex
from pipeline.linking.linker import Linker, Query
from pipeline.tables import VOCABULARY

# Neoplasms > Breast Neoplasms > Phyllodes Tumor; Neoplasms > Lung Neoplasms. A cyst is beside none of them.
PARENTS = {
    "MESH:1": ("Neoplasms", []),
    "MESH:2": ("Breast Neoplasms", ["MESH:1"]),
    "MESH:3": ("Phyllodes Tumor", ["MESH:2"]),
    "MESH:4": ("Lung Neoplasms", ["MESH:1"]),
    "MESH:5": ("Cysts", ["MESH:99"]),
    "MESH:6": ("Loop", ["MESH:7"]),
    "MESH:7": ("Pool", ["MESH:6"]),
}


def table(concepts, extra=()):
    rows = [
        {
            "curie": curie,
            "name": name,
            "synonyms": [{"name": one, "scope": "exact"} for one in synonyms],
            "category": "biolink:Disease",
            "parents": parents,
            "xrefs": [],
            "sources": ["test"],
        }
        for curie, (name, parents, *rest) in concepts.items()
        for synonyms in ([*(rest[0] if rest else ()), *(s for c, s in extra if c == curie)],)
    ]
    return pa.Table.from_pylist(rows, VOCABULARY)


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return LinkingIndex.build(table(PARENTS), tmp_path_factory.mktemp("index"))


def numbers(index):
    return {index.concept(n): n for n in range(len(index))}


def test_ancestors_are_told_once_and_loops_end(index):
    number = numbers(index)
    place, ancestor = index.ancestors(np.array([number["MESH:3"], number["MESH:5"], number["MESH:6"]]))
    told = [(p, index.concept(a)) for p, a in zip(place.tolist(), ancestor.tolist(), strict=True)]
    assert told == [(0, "MESH:1"), (0, "MESH:2"), (2, "MESH:7")]
    place, ancestor = index.ancestors(np.array([number["MESH:3"]]), steps=1)
    assert [index.concept(a) for a in ancestor.tolist()] == ["MESH:2"]


@pytest.mark.parametrize(
    ("named", "candidate", "expected"),
    [
        ("MESH:2", "MESH:1", [True, False, False]),
        ("MESH:3", "MESH:1", [True, False, False]),
        ("MESH:1", "MESH:3", [False, True, False]),
        ("MESH:4", "MESH:2", [False, False, True]),
        ("MESH:2", "MESH:2", [False, False, False]),
        ("MESH:5", "MESH:2", [False, False, False]),
        ("MESH:6", "MESH:7", [True, True, False]),
    ],
)
def test_what_another_mention_names_counts_by_its_place(index, named, candidate, expected):
    number = numbers(index)
    concepts = np.array([number[named], number[candidate]], np.int32)
    one, two = np.array([0, 0]), np.array([0, 1])
    assert list(HIERARCHY_FEATURES) == ["above_named", "below_named", "beside_named"]
    other_mention = hierarchy_features(index, one, two, concepts, np.array([True, False]))
    assert other_mention[1].tolist() == expected
    assert not hierarchy_features(index, one, one, concepts, np.array([True, False]))[1].any(), "its own names"
    assert not hierarchy_features(index, two, two, concepts, np.array([True, False]))[1].any(), "another document"
    assert not hierarchy_features(index, one, two, concepts, np.array([False, False]))[1].any(), "not named in full"


@settings(max_examples=60)
@given(st.data())
def test_the_arrays_say_what_a_search_of_the_tree_says(index, data):
    n = data.draw(st.integers(1, 12))
    draw = lambda most: np.array([data.draw(st.integers(0, most)) for _ in range(n)])  # noqa: E731
    mentions = np.sort(draw(3))
    documents = mentions // 2
    concepts, whole = draw(len(index) - 1).astype(np.int32), draw(1) > 0
    above = {c: {int(a) for a in index.ancestors(np.array([c]))[1]} for c in range(len(index))}
    parents = {c: {int(a) for a in index.parents(c)} for c in range(len(index))}
    rows = list(zip(documents.tolist(), mentions.tolist(), concepts.tolist(), whole.tolist(), strict=True))
    expected = []
    for d, m, c, _ in rows:
        named = {x for other, mention, x, full in rows if full and other == d and mention != m}
        sharing = {x for x in named if x != c and parents[x] & parents[c] - {c}}
        expected.append([any(c in above[x] for x in named), bool(above[c] & named), bool(sharing)])
    assert hierarchy_features(index, documents, mentions, concepts, whole).tolist() == expected


HOMONYMS = {
    "MESH:1": ("Heart Diseases", []),
    "MESH:2": ("Arrhythmias, Cardiac", ["MESH:1"]),
    "MESH:3": ("Block", ["MESH:2"], []),
    "MESH:4": ("Block", ["MESH:5"], []),
    "MESH:5": ("Skin Diseases", []),
}


def best(index, text, *mentions):
    queries = [Query(text.index(m), text.index(m) + len(m), m, "Disease") for m in mentions]
    return Linker(index).link(text, queries)[0][0]


def test_of_two_homonyms_the_kin_of_what_the_document_names_is_meant(tmp_path):
    index = LinkingIndex.build(table(HOMONYMS), tmp_path / "index")
    heart = best(index, "Block in heart disease.", "Block", "heart disease")
    assert heart.curie == "MESH:3"
    assert best(index, "Block in skin disease.", "Block", "skin disease").curie == "MESH:4"
    assert heart.probability > 0.6


def test_a_synonym_that_no_text_holds_changes_no_link(tmp_path):
    text, mentions = (
        "Block in heart disease, with cardiac arrhythmia.",
        ("Block", "heart disease", "cardiac arrhythmia"),
    )
    queries = [Query(text.index(m), text.index(m) + len(m), m, "Disease") for m in mentions]
    told = []
    for place, extra in enumerate(([], [("MESH:5", "Dermopathy of Zorb")])):
        index = LinkingIndex.build(table(HOMONYMS, extra), tmp_path / str(place))
        told.append([[(x.curie, x.probability) for x in one] for one in Linker(index).link(text, queries)])
    assert told[0] == told[1]
