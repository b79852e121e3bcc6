"""Questions with options: the shapes they come in, how answers are named, what is cut, and what is predicted."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForMultipleChoice

from pipeline.errors import MateriaError
from training.tasks.base import Example
from training.tasks.multiple_choice import MultipleChoice

OPTIONS = ["Aspirin", "Warfarin", "Metformin", "Lisinopril"]
ASKED = {"question": "Which lowers glucose?"}
BY_LETTER = dict(zip("ABCD", OPTIONS, strict=True))
#: MedMCQA's columns; the second row tells that the authors' files count from 1.
IN_COLUMNS = {f"op{letter}": text for letter, text in zip("abcd", OPTIONS, strict=True)}

SHAPES = {
    "MedQA": [ASKED | {"options": BY_LETTER, "answer": "Metformin", "answer_idx": "C", "meta_info": "step1"}],
    "MedQA, keys and values": [
        ASKED | {"options": [{"key": k, "value": v} for k, v in BY_LETTER.items()], "answer_idx": "C"}
    ],
    "list": [ASKED | {"options": OPTIONS, "answer": "metformin"}],
    "MMLU": [ASKED | {"choices": OPTIONS, "answer": 2}],
    "ARC": [ASKED | {"choices": {"text": OPTIONS, "label": list("1234")}, "answerKey": "3"}],
    "MedMCQA": [ASKED | IN_COLUMNS | {"cop": 3}, ASKED | IN_COLUMNS | {"cop": 4}],
    "MedMCQA of the hub": [ASKED | IN_COLUMNS | {"cop": 2}, ASKED | IN_COLUMNS | {"cop": 0}],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_gives_the_same_example(shape, read_as):
    example = read_as(MultipleChoice, SHAPES[shape]).examples[0]
    assert (example.texts, example.target) == ((ASKED["question"], *OPTIONS), 2)


def test_options_may_stand_in_a_cell(read_as):
    cell = json.dumps(BY_LETTER).replace('"', '""')
    table = f'question,options,answer_idx\nWhich?,"{cell}",D\n'
    assert read_as(MultipleChoice, table, "a.csv").examples[0].target == 3


def test_a_context_is_read_before_the_question(read_as):
    row = ASKED | {"context": "A man of 60.", "options": OPTIONS, "answer": 2}
    assert read_as(MultipleChoice, [row]).examples[0].texts[0] == "A man of 60. Which lowers glucose?"


def test_an_empty_option_is_none_and_moves_no_answer(read_as):
    row = ASKED | IN_COLUMNS | {"opb": "", "cop": 3}
    example = read_as(MultipleChoice, [row, ASKED | IN_COLUMNS | {"cop": 4}]).examples[0]
    assert (example.texts[1:], example.target) == (("Aspirin", "Metformin", "Lisinopril"), 1)


@pytest.mark.parametrize(
    ("rows", "said"),
    [([{"cop": 1}, {"cop": 2}], "no row tells"), ([{"cop": 0}, {"cop": 4}], "0 in record 0 and 4 in record 1")],
)
def test_answers_that_may_count_from_0_or_1_are_refused(rows, said, read_as):
    with pytest.raises(MateriaError, match=said):
        read_as(MultipleChoice, [ASKED | IN_COLUMNS | row for row in rows])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"question": ""}, "no-question"),
        ({"options": ["Aspirin"]}, "too-few-options"),
        ({"options": ["Aspirin", " "]}, "too-few-options"),
        ({"options": "Aspirin or not"}, "too-few-options"),
        ({"answer": None}, "no-label"),
        ({"answer": "Insulin"}, "unknown-label"),
        ({"answer": 4}, "unknown-label"),
        ({"answer": -1}, "no-label"),
    ],
)
def test_what_cannot_be_used_is_set_aside_and_named(change, reason, read_as):
    row = ASKED | {"options": OPTIONS, "answer": 0}
    found = read_as(MultipleChoice, [row, row | change])
    assert len(found.examples) == 1
    assert [(one.file, one.record, one.reason) for one in found.aside] == [("a.json", "record 1", reason)]


@given(st.permutations(OPTIONS), st.integers(0, 3))
def test_an_option_is_named_by_text_letter_or_number(read_as, options, right):
    named = [{"answer": options[right]}, {"answer_idx": "ABCD"[right]}, {"answer": right}]
    found = read_as(MultipleChoice, [ASKED | {"options": options} | answer for answer in named])
    assert [example.target for example in found.examples] == [right] * 3


def example(stem, *options, target=0):
    return Example("a.json, line 1", "PMID:1", (stem, *options), target)


def test_a_long_case_loses_its_beginning_and_the_question_nothing(tiny_tokenizer):
    long = example("Early, " * 60 + "late. Which drug?", "aspirin", "none at all of these")
    (row,) = MultipleChoice(()).features([long], tiny_tokenizer, 32)
    for number, (text, offsets) in enumerate(zip(row.text, row.offsets, strict=True), 1):
        pieces = {
            place: [
                long.texts[place][start:end]
                for which, (start, end) in zip(text, offsets, strict=True)
                if which == place
            ]
            for place in (0, number)
        }
        assert "".join(pieces[number]) == long.texts[number].replace(" ", "")
        assert "".join(pieces[0]).endswith("late.Whichdrug?")
        assert len(text) == 32
    assert row.labels == 0


def test_an_option_or_a_last_sentence_longer_than_a_row_is_refused(tiny_tokenizer):
    task = MultipleChoice(())
    with pytest.raises(MateriaError, match=r"the option fills.*line 1.*Raise max_length"):
        task.features([example("Which?", "a " * 40, "b")], tiny_tokenizer, 32)
    with pytest.raises(MateriaError, match=r"last sentence of the question.*line 1"):
        task.features([example("Told. " + "why " * 40, "a", "b")], tiny_tokenizer, 32)
    with pytest.raises(MateriaError, match=r"last sentence"):
        task.features([example("说。" + "why " * 40, "a", "b")], tiny_tokenizer, 32)


def test_fewer_options_are_filled_up_by_empty_ones_that_are_never_chosen(tiny_tokenizer):
    few, more = example("Which?", "a", "b"), example("Which?", "a", "b", "c", target=2)
    task = MultipleChoice(())
    assert [len(row.inputs["input_ids"]) for row in task.features([few, more], tiny_tokenizer, 32)] == [3, 3]
    scores = np.array([0.0, 1.0, 5.0], dtype=np.float32)
    assert task.predict([few, more], [], [scores, scores]) == [1, 2]


def test_what_is_predicted_is_what_the_librarys_model_says(tiny_encoder, tiny_tokenizer, predict, tmp_path):
    torch.manual_seed(3)
    task = MultipleChoice(())
    asked = [
        example("renal pain?", "aspirin", "metformin", "warfarin"),
        example("nasal edema?", "lisinopril", "aspirin"),
    ]
    model = task.make_model(tiny_encoder, tiny_tokenizer)
    model.save_pretrained(tmp_path)
    loaded = AutoModelForMultipleChoice.from_pretrained(tmp_path).eval()
    said = []
    for one in asked:
        options = list(one.texts[1:])
        rows = tiny_tokenizer([one.texts[0]] * len(options), options, return_tensors="pt", padding=True)
        with torch.no_grad():
            said.append(int(loaded(**{name: rows[name][None] for name in rows}).logits.argmax()))
    assert predict(task, model, asked) == said
    assert task.features([], tiny_tokenizer, 32) == []


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1))
def test_accuracy_is_the_share_of_right_answers(pairs):
    asked = [example("Which?", *OPTIONS, target=gold) for gold, _ in pairs]
    figures = MultipleChoice(()).figures(asked, [said for _, said in pairs])
    assert figures == {"accuracy": pytest.approx(np.mean([gold == said for gold, said in pairs]))}


def test_no_questions_are_nothing_to_learn():
    with pytest.raises(MateriaError, match="no questions"):
        MultipleChoice.learn([])
