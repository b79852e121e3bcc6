"""Passages that hold a downstream test: found by name and by text, and named."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.cleaning.clean import clean
from kg.cleaning.config import CleaningConfig
from kg.cleaning.downstream import read_downstream_tests
from tests.kg.cleaning.conftest import ABSTRACT, batches, passage, rejected

TEST_TEXT = (
    "Continuous subcutaneous infusion of apomorphine shortened the daily off periods of thirty patients with advanced "
    "Parkinson disease who had failed on tablets."
)
CHINESE = "连续皮下输注阿扑吗啡可明显缩短晚期帕金森病患者每日的关期时间，且不良反应轻微。"


@pytest.fixture
def judge(tmp_path):
    """Judges passages beside tests that are given as records."""

    def judged(rows, tests, **settings):
        path = tmp_path / "tests.jsonl"
        path.write_text("".join(json.dumps(test) + "\n" for test in [*tests, {"id": "MONDO:1"}]), encoding="utf-8")
        config = CleaningConfig(near_duplicates=None, **settings)
        return rejected(clean(batches(rows), config, read_downstream_tests([str(path)], config, pytest.fail)))

    return judged


def test_a_passage_of_a_test_document_is_found_by_its_name(judge):
    rows = [passage(ABSTRACT, id="a", doc_ids=["PMID:5"]), passage(ABSTRACT + " So.", id="b", doc_ids=["PMID:6"])]
    assert judge(rows, [{"pmid": 5}]) == {"a": ("test-document", "PMID:5", "from PMID:5")}
    assert not judge(rows, [{"pmid": 5}], test_ids=False)


def test_what_the_graph_knows_from_test_documents_alone_is_left_out(judge):
    rows = [
        passage("Aspirin treats fever.", id="a", kind="verbalized", doc_ids=["PMID:5", "PMID:6"]),
        passage("Aspirin treats pain.", id="b", kind="verbalized", doc_ids=["PMID:5", "PMID:7"]),
        passage("Aspirin is a drug.", id="c", kind="verbalized", doc_ids=[]),
    ]
    assert list(judge(rows, [{"pmid": 5}, {"pmid": 6}])) == ["a"]


@pytest.mark.parametrize("kind", ["literature", "verbalized"])
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_a_text_of_a_test_is_found_inside_a_passage(judge, kind, split):
    text = f"{ABSTRACT} {TEST_TEXT.upper().replace(' ', '  ')}"
    [(reason, other, detail)] = judge(
        [passage(text, kind=kind, split=split)], [{"q": "no"}, {"question": TEST_TEXT, "pmid": 77}]
    ).values()
    assert (reason, other) == ("test-ngram", "PMID:77")
    assert detail == (
        "10 of 71 runs of 13 words are in tests: "
        "continuous subcutaneous infusion of apomorphine shortened the daily off periods of thirty patients"
    )


def test_the_test_with_most_of_the_runs_is_named(judge):
    half = " ".join(TEST_TEXT.split()[6:])
    tests = [{"pmid": 1, "q": TEST_TEXT.rsplit(" ", 6)[0]}, {"pmid": 2, "q": half + " before this"}]
    [(_, other, _)] = judge([passage(TEST_TEXT)], tests).values()
    assert other == "PMID:1"


def test_twelve_words_in_common_are_no_contamination(judge):
    words = TEST_TEXT.split()
    tests = [{"q": " ".join(["different", *words[1:13], "other", *words[14:]])}]
    assert not judge([passage(" ".join(words[:14]))], tests)
    assert judge([passage(" ".join(words[:14]))], tests, test_ngram=12)
    assert not judge([passage(TEST_TEXT)], [{"q": TEST_TEXT}], test_ngram=None)


def test_a_short_question_is_found_where_it_stands_whole(judge):
    question = "Does apomorphine shorten the daily off periods of patients?"
    text = f"{question} We asked this of thirty patients with advanced disease."
    [(reason, _, detail)] = judge([passage(text)], [{"pmid": 3, "q": question}]).values()
    assert reason == "test-ngram"
    assert "runs of 9 words" in detail
    assert not judge([passage("Does apomorphine shorten the daily off periods? We asked.")], [{"q": question}])


def test_a_stock_phrase_may_be_allowed(judge):
    phrase = "the aim of this study was to evaluate the efficacy and tolerability of"
    rows = [passage(f"{phrase} aspirin in fever.")]
    assert judge(rows, [{"q": f"{phrase} apomorphine in Parkinson disease"}])
    assert not judge(rows, [{"q": f"{phrase} apomorphine in Parkinson disease"}], test_runs=2)


def test_chinese_runs_are_of_characters_and_longer(judge):
    rows = [passage(f"研究表明，{CHINESE}", language="zh")]
    [(reason, other, detail)] = judge(rows, [{"pmid": 4, "text": CHINESE}]).values()
    assert (reason, other) == ("test-ngram", "PMID:4")
    assert "连 续 皮 下" in detail
    nineteen = CHINESE[:19] + "手术治疗未能改善运动症状"
    assert not judge(rows, [{"text": nineteen}])
    assert judge(rows, [{"text": nineteen}], test_ngram_han=19)


def test_quality_goes_before_and_duplicates_come_after(judge):
    rows = [
        passage("Fever.", id="a", doc_ids=["PMID:5"]),
        passage(TEST_TEXT, id="b"),
        passage(TEST_TEXT, id="c", doc_ids=["PMID:5"]),
        passage(ABSTRACT, id="d"),
        passage(ABSTRACT, id="e"),
    ]
    found = judge(rows, [{"pmid": 5, "q": TEST_TEXT}])
    assert {i: reason for i, (reason, _, _) in found.items()} == {
        "a": "too-short",
        "b": "test-ngram",
        "c": "test-document",
        "e": "duplicate",
    }


WORDS = st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=24).map(" ".join)


@settings(max_examples=25)
@given(st.lists(WORDS, min_size=1, max_size=5), st.lists(WORDS, max_size=4))
def test_a_passage_is_left_out_where_it_shares_a_run_and_nowhere_else(passages, tests):
    import tempfile
    from pathlib import Path

    config = CleaningConfig(
        shortest=None, repeated=None, common_words=None, duplicates=False, near_duplicates=None, test_ngram=9
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tests.json"
        path.write_text(json.dumps([*tests, "12345"]))
        found = rejected(
            clean(
                batches(passage(text, id=str(i)) for i, text in enumerate(passages)),
                config,
                read_downstream_tests([str(path)], config, pytest.fail),
            )
        )

    def runs(text, n):
        words = text.split()
        return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}

    known = set().union(*(runs(text, min(9, max(8, len(text.split())))) for text in tests))
    assert set(found) == {str(i) for i, text in enumerate(passages) if (runs(text, 9) | runs(text, 8)) & known}


@pytest.mark.realdata
def test_the_papers_of_pubmedqa_are_found_by_their_text_alone(materia_data):
    import gzip

    with gzip.open(materia_data / "downstream" / "pubmedqa_train.json.gz", "rt") as file:
        papers = json.load(file)
    config = CleaningConfig(duplicates=False, near_duplicates=None)
    tests = read_downstream_tests([str(materia_data / "downstream" / "pubmedqa_train.json.gz")], config, pytest.fail)
    rows = [
        passage(" ".join(paper["CONTEXTS"]), id=pmid, doc_ids=["DOI:10.1/unknown"]) for pmid, paper in papers.items()
    ]
    found = rejected(clean(batches(rows), config, tests))
    assert {i: other for i, (_, other, _) in found.items()} == {pmid: f"PMID:{pmid}" for pmid in papers}
