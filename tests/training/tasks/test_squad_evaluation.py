"""The scores equal those of SQuAD's own script, on any strings."""

import collections
import re
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from training.tasks.squad_evaluation import exact_match, token_f1


# From here to `official`: the functions of https://rajpurkar.github.io/SQuAD-explorer/ evaluate-v2.0.py, as published.
def normalize_answer(s):
    def remove_articles(text):
        regex = re.compile(r"\b(a|an|the)\b", re.UNICODE)
        return re.sub(regex, " ", text)

    def white_space_fix(text):
        return " ".join(text.split())

    def remove_punc(text):
        exclude = set(string.punctuation)
        return "".join(ch for ch in text if ch not in exclude)

    def lower(text):
        return text.lower()

    return white_space_fix(remove_articles(remove_punc(lower(s))))


def get_tokens(s):
    if not s:
        return []
    return normalize_answer(s).split()


def compute_exact(a_gold, a_pred):
    return int(normalize_answer(a_gold) == normalize_answer(a_pred))


def compute_f1(a_gold, a_pred):
    gold_toks = get_tokens(a_gold)
    pred_toks = get_tokens(a_pred)
    common = collections.Counter(gold_toks) & collections.Counter(pred_toks)
    num_same = sum(common.values())
    if len(gold_toks) == 0 or len(pred_toks) == 0:
        return int(gold_toks == pred_toks)
    if num_same == 0:
        return 0
    precision = 1.0 * num_same / len(pred_toks)
    recall = 1.0 * num_same / len(gold_toks)
    return (2 * precision * recall) / (precision + recall)


def official(said, right):
    gold_answers = [text for text in right if normalize_answer(text)] or [""]
    return max(compute_exact(a, said) for a in gold_answers), max(compute_f1(a, said) for a in gold_answers)


WORDS = st.lists(
    st.sampled_from(["the", "A", "an", "BRCA1", "brca1", "5-HT", "gene", "the.", "β", "İ", "基因", "", "-"])
)
ANSWERS = st.text(max_size=20) | WORDS.map(" ".join)


@given(ANSWERS, st.lists(ANSWERS, max_size=3))
@example("", [])
@example("the", [])
@example("gene", ["the", "a gene"])
def test_scores_are_those_of_squads_script(said, right):
    exact, f1 = official(said, right)
    assert exact_match(said, right) == exact
    assert token_f1(said, right) == pytest.approx(f1, abs=1e-12)
