import pickle

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.linking.index import EXACT, NORMAL, LinkingIndex
from pipeline.tables import VOCABULARY

COLUMNS = ("curie", "name", "synonyms", "category", "parents")
SCHEMA = pa.schema([VOCABULARY.field(column) for column in COLUMNS])

NAMES = {
    "MESH:1": ("Kidney Diseases", ["nephropathy"]),
    "MESH:2": ("Liver Diseases", ["hepatopathy"]),
    "MESH:3": ("Fever", ["pyrexia"]),
    "MESH:4": ("Headache", []),
    "MESH:5": ("Breast Neoplasms", ["breast cancer"]),
}


def table(names):
    rows = [
        (curie, name, [{"name": one, "scope": "exact"} for one in synonyms], "biolink:Disease", [])
        for curie, (name, synonyms) in names.items()
    ]
    return pa.Table.from_pylist([dict(zip(COLUMNS, row, strict=True)) for row in rows], schema=SCHEMA)


def found(index, text, k=5):
    result = index.search([text], k)
    return [
        (index.concept(concept), float(score))
        for concept, score in zip(result.concepts[0], result.scores[0], strict=True)
        if concept >= 0
    ]


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return LinkingIndex.build(table(NAMES), tmp_path_factory.mktemp("index"))


def test_a_name_is_found_exactly_and_by_its_form(index):
    result = index.search(["nephropathy", "Nephropathies"], 1)
    assert [index.concept(number) for number in result.concepts[:, 0]] == ["MESH:1", "MESH:1"]
    assert result.stages[:, 0].tolist() == [EXACT, NORMAL]


def test_an_index_opened_or_unpickled_finds_the_same(index):
    texts = ["renal disease", "high fever", "cancer of the breast"]
    expected = index.search(texts)
    assert expected.concepts.max() >= 0
    for other in (LinkingIndex.open(index.folder), pickle.loads(pickle.dumps(index))):
        assert np.array_equal(other.search(texts).concepts, expected.concepts)
        assert np.array_equal(other.search(texts).scores, expected.scores)


def test_the_same_bytes_whatever_the_order_of_the_rows(index, tmp_path):
    other = LinkingIndex.build(table(dict(reversed(NAMES.items()))), tmp_path)
    files = sorted(path.name for path in index.folder.iterdir())
    assert files == sorted(path.name for path in other.folder.iterdir())
    assert all((index.folder / file).read_bytes() == (tmp_path / file).read_bytes() for file in files)


def test_homonyms_come_by_curie_and_ten_thousand_do_no_harm(tmp_path):
    index = LinkingIndex.build(table({f"MESH:{n:05d}": ("Fever", []) for n in range(10_000)}), tmp_path)
    for text in ("Fever", "fevers"):
        assert [curie for curie, _ in found(index, text)] == [f"MESH:{n:05d}" for n in range(5)]


def test_an_empty_vocabulary_finds_nothing(tmp_path):
    index = LinkingIndex.build(table({}), tmp_path)
    assert len(index) == 0
    assert (index.search(["fever", ""], 3).concepts == -1).all()


@pytest.mark.parametrize("text", ["", " ", "?", "-", "()", "🤒", "\ud800", "x" * 5000])
def test_odd_texts_are_searched_for_without_an_error(index, text):
    assert index.search([text, "fever"], 2).concepts[1, 0] == 2


def test_names_of_one_letter_of_marks_and_of_emoji_are_found(tmp_path):
    names = {"X:1": ("K", []), "X:2": ("🤒", []), "X:3": ("+/-", []), "X:4": ("fever", [])}
    index = LinkingIndex.build(table(names), tmp_path)
    assert [found(index, name)[0] for name, _ in names.values()] == [(curie, 1.0) for curie in names]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.text(alphabet="abcdefghijklm -", min_size=1, max_size=20),
    text=st.sampled_from(["renal disease", "fever", "liver"]),
)
def test_a_synonym_that_is_added_leaves_the_other_concepts_as_they_were(index, tmp_path_factory, name, text):
    curie = "MESH:4"
    other = LinkingIndex.build(table(NAMES | {curie: ("Headache", [name])}), tmp_path_factory.mktemp("more"))
    before, after = ([one for one in found(an_index, text) if one[0] != curie] for an_index in (index, other))
    assert before
    assert before == after
