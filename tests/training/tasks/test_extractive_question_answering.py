"""Spans of a context: windows, the search for the best span, questions without an answer, and the figures."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

from pipeline.errors import MateriaError
from training.data.config import TokenizerConfig
from training.data.tokenizers import TOKENIZERS, train_tokenizer
from training.finetuning.collate import Collator
from training.tasks.base import Example
from training.tasks.extractive_question_answering import ExtractiveQuestionAnswering, best_span

ANSWERED, BOTH = ExtractiveQuestionAnswering(["answered"]), ExtractiveQuestionAnswering(["answered", "unanswered"])


def example(context, *spans, question="what is it?", name="a.json, q1"):
    return Example(name, f"text:{len(context)}", (question, context), spans)


@st.composite
def contexts_with_answers(draw):
    """A context of short words, and a span of at most six of them."""
    words = draw(st.lists(st.sampled_from(["renal", "pain", "5-HT", "is", "metformin", "β"]), min_size=1, max_size=90))
    first = draw(st.integers(0, len(words) - 1))
    number = draw(st.integers(1, 6))
    start = len(" ".join(words[:first])) + (first > 0)
    return example(" ".join(words), (start, start + len(" ".join(words[first : first + number]))))


@given(contexts_with_answers(), st.integers(24, 64))
def test_windows_cover_the_context_and_point_to_the_answer(tiny_tokenizer, one, max_length):
    rows = ANSWERED.features([one], tiny_tokenizer, max_length)
    question, context = one.texts
    (start, end), covered, pointed = one.target[0], set(), 0
    for row in rows:
        assert len(row.text) == len(row.offsets) == len(row.inputs["input_ids"]) <= max_length
        asked = [span for span, text in zip(row.offsets, row.text, strict=True) if text == 0]
        assert "".join(question[a:b] for a, b in asked) == question.replace(" ", "")
        seen = [span for span, text in zip(row.offsets, row.text, strict=True) if text == 1]
        covered |= {place for a, b in seen for place in range(a, b)}
        first, last = row.labels["start_positions"], row.labels["end_positions"]
        if seen[0][0] <= start and end <= seen[-1][1]:
            assert (row.offsets[first][0], row.offsets[last][1]) == (start, end)
            pointed += 1
        else:
            assert first == last == 0
    assert covered == {place for place, letter in enumerate(context) if letter != " "}
    asked, answer = (
        len(tiny_tokenizer(text, add_special_tokens=False)["input_ids"]) for text in (question, context[start:end])
    )
    if answer <= (max_length - 3 - asked) // 2:  # as many tokens as windows share
        assert pointed


@given(contexts_with_answers())
def test_scores_that_point_to_the_labels_give_the_answer(tiny_tokenizer, one):
    rows = ANSWERED.features([one], tiny_tokenizer, 64)
    logits = []
    for row in rows:
        scores = np.zeros((len(row.text), 2), np.float32)
        scores[row.labels["start_positions"], 0] = scores[row.labels["end_positions"], 1] = 5
        logits.append(scores)
    figures = ANSWERED.figures([one], ANSWERED.predict([one], rows, logits))
    assert figures == {"f1": 1.0, "exact_match": 1.0}


@pytest.mark.parametrize("family", TOKENIZERS)
def test_the_answer_is_found_with_every_tokenizer(family):
    words = "metformin treats nasal pain and renal failure. what is it? " * 3
    tokenizer = train_tokenizer(family, lambda: iter([words]), TokenizerConfig(vocabulary=300), max_length=64)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token  # as fine-tuning does
    asked = [
        example("metformin treats nasal pain", (17, 22)),
        example("renal pain and renal failure and metformin", (6, 10)),
    ]
    rows = ANSWERED.features(asked, tokenizer, 64)
    batch, logits = Collator(tokenizer)(rows), []
    for number, (one, row) in enumerate(zip(asked, rows, strict=True)):
        first, last = (int(batch[name][number]) for name in ("start_positions", "end_positions"))
        assert tokenizer.decode(batch["input_ids"][number][first : last + 1]).strip() in one.texts[1]
        scores = np.zeros((len(row.text), 2), np.float32)
        scores[row.labels["start_positions"], 0] = scores[row.labels["end_positions"], 1] = 5
        logits.append(scores)
    assert ANSWERED.predict(asked, rows, logits) == [one.target for one in asked]


SCORES = arrays(np.float32, st.integers(1, 12), elements=st.integers(-4, 4).map(float))


@given(SCORES, st.data(), st.integers(1, 5))
def test_the_best_span_is_that_of_a_search_through_all(starts, data, longest):
    ends = data.draw(arrays(np.float32, len(starts), elements=st.integers(-4, 4).map(float)))
    spans = [(i, j) for i in range(len(starts)) for j in range(i, len(starts)) if j - i < longest]
    best = max(spans, key=lambda span: (starts[span[0]] + ends[span[1]], span[0] - span[1], -span[0]))
    assert best_span(starts, ends, longest=longest) == (*best, starts[best[0]] + ends[best[1]])


def test_the_best_window_answers_and_a_low_score_everywhere_says_nothing(tiny_tokenizer):
    long = example("pain " * 60 + "renal", (300, 305))
    rows = BOTH.features([long, example("no pain")], tiny_tokenizer, 32)
    assert rows[-2].example == 0 and rows[-1].example == 1 and len(rows) > 3
    logits = [np.zeros((len(row.text), 2), np.float32) for row in rows]
    logits[-2][rows[-2].labels["start_positions"]] = 3
    for scores in logits:
        scores[0] = 2  # of the first token: 4 against 6, and against 0
    assert BOTH.predict([long, example("no pain")], rows, logits) == [((300, 305),), ()]
    assert len(ANSWERED.predict([long, example("no pain")], rows, logits)[1]) == 1  # it has learned to answer always


def test_no_answer_and_a_wrong_answer_are_counted_as_squad_does():
    asked = [example("The FBN1 gene.", (4, 8)), example("Nothing."), example("Nothing here.")]
    said = [((0, 8),), (), ((0, 7),)]
    assert BOTH.figures(asked, said) == {"f1": pytest.approx(2 / 3), "exact_match": pytest.approx(2 / 3)}
    assert BOTH.outcomes(asked, said).units == tuple(sorted(one.document for one in asked))


def test_a_question_longer_than_a_row_is_refused_by_name(tiny_tokenizer):
    with pytest.raises(MateriaError, match=r"question fills rows of 32 tokens.*a\.json, q9"):
        ANSWERED.features([example("so", question="why " * 40, name="a.json, q9")], tiny_tokenizer, 32)


def test_what_there_is_to_learn():
    one, none = example("It is pain.", (6, 10)), example("It is.", name="a.json, q2")
    assert ExtractiveQuestionAnswering.learn([one]).labels == ("answered",)
    assert ExtractiveQuestionAnswering.learn([none, one]).labels == ("answered", "unanswered")
    with pytest.raises(MateriaError, match="no question has an answer"):
        ExtractiveQuestionAnswering.learn([none])
    BOTH.check([one, none])
    with pytest.raises(MateriaError, match=r"these have none: a\.json, q2"):
        ANSWERED.check([one, none])


def by_the_library(folder, question, context, longest=30):
    """The span that transformers' question answering pipeline (its last version, 4.57) gives, without its whole words."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForQuestionAnswering.from_pretrained(folder).eval()
    encoded = tokenizer(question, context, return_tensors="pt", return_offsets_mapping=True)
    offsets, inside = encoded.pop("offset_mapping")[0], np.array([part == 1 for part in encoded.sequence_ids(0)])
    with torch.no_grad():
        output = model(**encoded)
    starts, ends = (
        np.where(inside, scores[0].numpy(), -10000.0) for scores in (output.start_logits, output.end_logits)
    )
    starts, ends = (np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum() for scores in (starts, ends))
    candidates = np.tril(np.triu(np.outer(starts, ends)), longest - 1)
    first, last = np.unravel_index(candidates.argmax(), candidates.shape)
    return int(offsets[first][0]), int(offsets[last][1])


def test_the_answer_is_that_of_the_librarys_procedure(tiny_encoder, tiny_tokenizer, predict, tmp_path):
    torch.manual_seed(3)
    model = ANSWERED.make_model(tiny_encoder, tiny_tokenizer)
    torch.nn.init.normal_(model.qa_outputs.weight)
    model.save_pretrained(tmp_path)
    tiny_tokenizer.save_pretrained(tmp_path)
    asked = [
        example(f"{drug} causes renal failure. Metformin is effective against nasal pain.", question=question)
        for drug in ("aspirin", "warfarin", "lisinopril")
        for question in ("what causes renal failure?", "what is effective?")
    ]
    expected = [(by_the_library(tmp_path, *one.texts),) for one in asked]
    assert predict(ANSWERED, model, asked) == expected
    assert len(set(expected)) > 1
    assert ANSWERED.features([], tiny_tokenizer, 32) == []
