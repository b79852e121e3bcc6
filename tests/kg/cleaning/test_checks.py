"""The checks of a finished corpus: what is planted is named, what cleaning leaves is in order."""

import json

import pytest
from hypothesis import given, settings

from kg.cleaning.checks import find_duplicates, find_test_documents
from kg.cleaning.clean import clean
from kg.cleaning.config import CleaningConfig
from pipeline.errors import MateriaError
from tests.kg.cleaning.conftest import ABSTRACT, batches, passage, rejected
from tests.kg.cleaning.test_contamination import CHINESE, TEST_TEXT
from tests.kg.cleaning.test_duplicates import DUPLICATES_ONLY, corpora

CONFIG = CleaningConfig()


def duplicates(rows, config=CONFIG, size=4096):
    return [tuple(found[:4]) for found in find_duplicates(lambda: batches(rows, size), config)]


def test_a_planted_duplicate_is_named():
    rows = [passage("Aspirin treats fever in adults.", id="b"), passage("aspirin treats  fever in ADULTS.", id="a")]
    [found] = find_duplicates(lambda: batches(rows), CONFIG)
    assert found == ("b", "duplicate", "a", "equal texts", "Aspirin treats fever in adults.")
    assert not duplicates(rows, CleaningConfig(duplicates=False))


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_planted_near_duplicate_is_named_with_the_one_that_should_stay(split):
    near = ABSTRACT.replace("had to stop", "had to cease")
    [(passage_id, reason, other, detail)] = duplicates([passage(near, id="a"), passage(ABSTRACT, id="b", split=split)])
    assert (passage_id, reason, other) == (
        ("b", "near-duplicate", "a") if split == "train" else ("a", "near-duplicate", "b")
    )
    assert detail == "Jaccard similarity 0.966"


def test_a_row_that_stands_twice_under_one_id_is_named():
    """Two rows of one id are as much a duplicate as two of one text: who plants or writes a row twice keeps its id."""
    rows = [passage(ABSTRACT, id="a"), passage(TEST_TEXT, id="b"), passage(ABSTRACT, id="a")]
    assert duplicates(rows, size=1) == [("a", "duplicate", "a", "equal texts")]


def test_different_passages_are_in_order():
    assert not duplicates([passage(ABSTRACT), passage(TEST_TEXT), passage("Aspirin treats fever.", kind="verbalized")])


@settings(max_examples=20)
@given(corpora())
def test_what_cleaning_leaves_is_in_order(rows):
    got = rejected(clean(batches(rows), DUPLICATES_ONLY))
    assert not duplicates([row for row in rows if row["passage_id"] not in got], DUPLICATES_ONLY, size=3)


@pytest.fixture
def tests_file(tmp_path):
    """Records as a file of tests."""

    def write(*records):
        (tmp_path / "tests.json").write_text(json.dumps(records), encoding="utf-8")
        return [str(tmp_path / "tests.json")]

    return write


def test_a_planted_test_document_is_named_by_its_id(tests_file):
    rows = [passage(ABSTRACT, id="a", doc_ids=["PMID:5"]), passage(ABSTRACT, id="b", doc_ids=["PMID:5", "PMID:6"])]
    [found] = find_test_documents(batches(rows), tests_file({"pmid": 5}), CONFIG)
    assert found == ("a", "test-document", "PMID:5", "from PMID:5", ABSTRACT[:200])


@pytest.mark.parametrize(("text", "language"), [(TEST_TEXT, "en"), (CHINESE, "zh")])
def test_a_planted_text_of_a_test_is_named(tests_file, text, language):
    rows = [passage(f"{ABSTRACT} {text} {ABSTRACT}", id="a", language=language), passage(ABSTRACT, id="b")]
    [found] = find_test_documents(batches(rows), tests_file({"pmid": 7, "q": text}), CONFIG)
    assert found[:3] == ("a", "test-ngram", "PMID:7")
    assert not find_test_documents(batches(rows), tests_file({"q": text}), CleaningConfig(test_ngram=None))


def test_no_more_examples_than_asked_for(tests_file):
    rows = [passage(ABSTRACT + " " + TEST_TEXT, id=f"{i}") for i in range(9)]
    assert len(find_test_documents(batches(rows), tests_file({"q": TEST_TEXT}), CONFIG, limit=3)) == 3
    assert len(find_duplicates(lambda: batches(rows), CONFIG, limit=3)) == 3


def test_a_file_of_tests_that_is_gone_is_one_sentence():
    with pytest.raises(MateriaError, match="does not exist"):
        find_test_documents(batches([passage(ABSTRACT)]), ["gone.json"], CONFIG)
