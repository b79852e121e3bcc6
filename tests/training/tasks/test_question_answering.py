"""Yes, no or maybe over a context: the shapes it comes in, what is cut, and the figures."""

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score
from transformers import AutoModelForSequenceClassification

from pipeline.errors import MateriaError
from training.tasks.base import Example
from training.tasks.config import TaskDataConfig
from training.tasks.question_answering import QuestionAnswering

CONTEXTS = ["Aspirin was given.", "Pain was less."]
TEXTS = ("Does aspirin help?", "Aspirin was given. Pain was less.")

SHAPES = {
    "PubMedQA": {"10808977": {"QUESTION": TEXTS[0], "CONTEXTS": CONTEXTS, "final_decision": "yes"}},
    "hub": [{"pubid": 10808977, "question": TEXTS[0], "context": {"contexts": CONTEXTS}, "final_decision": "yes"}],
    "BoolQ": [{"pmid": "10808977", "question": TEXTS[0], "passage": TEXTS[1], "answer": True}],
    "own": [{"pmid": "10808977", "question": TEXTS[0], "context": TEXTS[1], "answer": " Yes "}],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_gives_the_same_example(shape, read_as):
    (example,) = read_as(QuestionAnswering, SHAPES[shape]).examples
    assert (example.document, example.texts, example.target) == ("PMID:10808977", TEXTS, "yes")


def test_a_list_of_contexts_may_stand_in_a_cell(read_as):
    cell = json.dumps(CONTEXTS).replace('"', '""')
    table = f'question,contexts,answer\n{TEXTS[0]},"{cell}",no\n'
    assert read_as(QuestionAnswering, table, "a.csv").examples[0].texts == TEXTS


def test_columns_may_have_names_of_their_own(read_as):
    rows = [{"question": "Is it?", "note": "It is.", "verdict": "maybe", "answer": "yes", "chart": "n1"}]
    (example,) = read_as(QuestionAnswering, rows, text="Note", label="verdict", id="chart").examples
    assert (example.document, example.texts[1], example.target) == ("n1", "It is.", "maybe")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"question": " "}, "no-question"),
        ({"context": []}, "no-context"),
        ({"context": {"other": 1}}, "no-context"),
        ({"answer": None}, "no-label"),
        ({"answer": "perhaps"}, "unknown-label"),
    ],
)
def test_what_cannot_be_used_is_set_aside_and_named(change, reason, read_as):
    row = {"question": "Is it?", "context": "It is.", "answer": "yes"}
    found = read_as(QuestionAnswering, [row, row | change])
    assert len(found.examples) == 1
    assert [(one.file, one.record, one.reason) for one in found.aside] == [("a.json", "record 1", reason)]


def examples(*targets, context="it is so."):
    return [Example(f"a.json, {n}", f"PMID:{n}", ("is it?", context), target) for n, target in enumerate(targets)]


def test_one_answer_alone_is_nothing_to_learn():
    with pytest.raises(MateriaError, match="all answers are yes"):
        QuestionAnswering.learn(examples("yes", "yes"))
    with pytest.raises(MateriaError, match="no answers"):
        QuestionAnswering.learn([])


def test_an_answer_that_training_lacks_is_refused_by_row():
    task = QuestionAnswering.learn(examples("yes", "no"))
    task.check(examples("no"))
    with pytest.raises(MateriaError, match=r"answered maybe.*a\.json, 1; a\.json, 2"):
        task.check(examples("yes", "maybe", "maybe"))


@given(
    st.lists(st.tuples(st.sampled_from(["yes", "no", "maybe"]), st.sampled_from(["yes", "no", "maybe"])), min_size=1)
)
def test_the_figures_are_those_of_scikit_learn(pairs):
    gold, said = zip(*pairs, strict=True)
    figures = QuestionAnswering(["maybe", "no", "yes"]).figures(examples(*gold), list(said))
    assert figures["accuracy"] == pytest.approx(accuracy_score(gold, said))
    assert figures["macro_f1"] == pytest.approx(f1_score(gold, said, average="macro", zero_division=0))


def test_a_long_context_loses_its_beginning_and_the_question_nothing(tiny_tokenizer):
    example = examples("yes", context="early " * 80 + "late.")[0]
    (row,) = QuestionAnswering(["no", "yes"]).features([example], tiny_tokenizer, 32)
    ids = row.inputs["input_ids"]
    question, context = ([ids[place] for place, text in enumerate(row.text) if text == number] for number in (0, 1))
    whole = [tiny_tokenizer(text, add_special_tokens=False)["input_ids"] for text in example.texts]
    assert len(ids) == 32
    assert question == whole[0]
    assert context == whole[1][-len(context) :]
    assert row.offsets[len(ids) - 2][1] == len(example.texts[1])
    assert tiny_tokenizer.truncation_side == "right"  # as it was


def test_a_question_longer_than_a_row_is_refused_by_name(tiny_tokenizer):
    task, long = QuestionAnswering(["no", "yes"]), Example("a.json, 7", "PMID:1", ("why " * 40, "so"), "yes")
    with pytest.raises(MateriaError, match=r"question fills rows of 32 tokens.*a\.json, 7.*Raise max_length"):
        task.features([*examples("no"), long], tiny_tokenizer, 32)
    assert len(task.features([long], tiny_tokenizer, 128)) == 1


def test_what_is_predicted_is_what_the_librarys_model_says(tiny_encoder, tiny_tokenizer, predict, tmp_path):
    torch.manual_seed(3)
    task, asked = QuestionAnswering(["maybe", "no", "yes"]), examples("yes", "no", context="aspirin treats renal pain.")
    model = task.make_model(tiny_encoder, tiny_tokenizer)
    model.save_pretrained(tmp_path)
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        scores = loaded(**tiny_tokenizer([e.texts[0] for e in asked], [e.texts[1] for e in asked], return_tensors="pt"))
    assert predict(task, model, asked) == [loaded.config.id2label[int(n)] for n in scores.logits.argmax(-1)]
    assert task.features([], tiny_tokenizer, 32) == []


@pytest.mark.realdata
def test_pubmedqa_is_read_whole(materia_data):
    file = materia_data / "downstream/pubmedqa_train.json.gz"
    found = list(QuestionAnswering.read([str(file)], TaskDataConfig()))
    assert len(found) == 500
    assert all(isinstance(example, Example) and example.document.startswith("PMID:") for example in found)
    assert QuestionAnswering.learn(found).labels == ("maybe", "no", "yes")
