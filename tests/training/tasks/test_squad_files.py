"""SQuAD's files, BioASQ's in that form, and flat records: the same questions, with spans that are where they say."""

import json

import pytest

from training.tasks.extractive_question_answering import ExtractiveQuestionAnswering

CONTEXT = "Marfan syndrome is caused by FBN1. FBN1 encodes fibrillin-1."
QUESTION = "Which gene causes Marfan syndrome?"
ANSWERS = [{"text": "FBN1", "answer_start": 29}, {"text": "FBN1", "answer_start": 35}]
SPANS = ((29, 33), (35, 39))


def squad(*questions, title="Marfan", context=CONTEXT):
    return {"title": title, "paragraphs": [{"context": context, "qas": list(questions)}]}


ASKED = {"id": "q1", "question": QUESTION, "answers": ANSWERS}
IN_LISTS = {"text": ["FBN1", "FBN1"], "answer_start": [29, 35]}
SHAPES = {
    "SQuAD 1.1": {"version": "1.1", "data": [squad(ASKED)]},
    "SQuAD 2.0": {"version": "v2.0", "data": [squad(ASKED | {"is_impossible": False})]},
    "hub": [{"id": "q1", "title": "Marfan", "context": CONTEXT, "question": QUESTION, "answers": IN_LISTS}],
    "list of answers": [{"context": CONTEXT, "question": QUESTION, "answers": ANSWERS}],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_gives_the_same_example(shape, read_as):
    (example,) = read_as(ExtractiveQuestionAnswering, SHAPES[shape]).examples
    assert (example.texts, example.target) == ((QUESTION, CONTEXT), SPANS)


@pytest.mark.parametrize(
    "cells",
    [f'answers\n"{json.dumps(IN_LISTS)}"'.replace('"', '""').replace('""{', '"{').replace('}""', '}"'),
     "answer,answer_start\nFBN1,29", "answer_text,answer_start\nFBN1,29"],
)  # fmt: skip
def test_answers_may_stand_in_cells(cells, read_as):
    header, row = cells.split("\n")
    (example,) = read_as(
        ExtractiveQuestionAnswering, f"question,context,{header}\n{QUESTION},{CONTEXT},{row}\n", "a.csv"
    ).examples
    assert example.target[0] == (29, 33)


def test_a_question_may_have_no_answer(read_as):
    plausible = [{"text": "FBN1", "answer_start": 29}]
    found = read_as(
        ExtractiveQuestionAnswering,
        {"data": [squad({"question": "Who?", "is_impossible": True, "answers": [], "plausible_answers": plausible},
                        {"question": "When?", "answers": []})]},
    )  # fmt: skip
    assert [example.target for example in found.examples] == [(), ()]
    assert not found.aside


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"answers": [{"text": "FBN2", "answer_start": 29}]}, "answer-not-there"),
        ({"answers": [{"text": "FBN1", "answer_start": 28}]}, "answer-not-there"),
        ({"answers": [*ANSWERS, {"text": "fbn1", "answer_start": 29}]}, "answer-not-there"),
        ({"answers": [{"text": "fibrillin-1. More", "answer_start": 48}]}, "span-outside-text"),
        ({"answers": [{"text": "FBN1", "answer_start": -1}]}, "span-outside-text"),
        ({"answers": [{"text": "FBN1"}]}, "span-outside-text"),
        ({"answers": [{"text": " ", "answer_start": 6}]}, "empty-answer"),
        ({"answers": None}, "no-label"),
        ({"question": None}, "no-question"),
    ],
)
def test_what_cannot_be_used_is_set_aside_and_named(change, reason, read_as):
    found = read_as(ExtractiveQuestionAnswering, {"data": [squad(ASKED, ASKED | {"id": "q2"} | change)]})
    assert len(found.examples) == 1
    assert [(one.file, one.record, one.reason) for one in found.aside] == [
        ("a.json", "record 0, paragraph 0, question q2", reason)
    ]


def test_a_question_without_a_context_is_set_aside(read_as):
    (aside,) = read_as(ExtractiveQuestionAnswering, {"data": [squad(ASKED, context=" ")]}).aside
    assert aside.reason == "no-context"


def documents(read_as, *articles):
    return [example.document for example in read_as(ExtractiveQuestionAnswering, {"data": articles}).examples]


def test_what_a_question_is_from(read_as):
    same = {
        "title": "BioASQ",
        "paragraphs": squad(ASKED)["paragraphs"] + squad(ASKED, context=CONTEXT + " ")["paragraphs"],
    }
    assert documents(read_as, squad(ASKED), squad(ASKED, title="Other")) == ["title:Marfan", "title:Other"]
    assert len(set(documents(read_as, same))) == 2  # one article is no document: its contexts are
    assert documents(read_as, squad(ASKED | {"id": "56bf365eef6e394741000013_001"})) == [
        "BioASQ:56bf365eef6e394741000013"
    ]
    assert documents(read_as, squad(ASKED | {"pmid": 77})) == ["PMID:77"]
