"""The form in which texts are compared."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.cleaning.words import normal_form, runs_of, words_of

TEXTS = st.lists(st.text("ab头痛1 ,.-<(", max_size=12), max_size=6)


def words(texts):
    return words_of(normal_form(pa.array(texts, pa.string())))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Aspirin treats  fever.", "aspirin treats fever"),
        ("IL-2, and (TNF)", "IL 2 and TNF"),
        ("ＡＢＣ１２３", "abc123"),
        ("头痛，发热。", "头痛 发热"),
        ("糖 尿病", "糖尿病"),
        ("a\u00a0b\tc\n", "a b c"),
        ("cafe\u0301", "caf\u00e9"),
    ],
)
def test_case_width_spaces_and_punctuation_do_not_count(one, other):
    assert normal_form(pa.array([one])) == normal_form(pa.array([other]))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("p < 0.05", "p > 0.05"),
        ("r = -0.4", "r = 0.4"),
        ("(-)-amphetamine", "(+)-amphetamine"),
        ("(-)-amphetamine", "amphetamine"),
        ("1.5 mg", "15 mg"),
        ("50% of patients", "50 of patients"),
        ("头痛", "头晕"),
    ],
)
def test_what_carries_meaning_counts(one, other):
    assert normal_form(pa.array([one])) != normal_form(pa.array([other]))


def test_a_chinese_character_is_a_word():
    found = words(["2型糖尿病 is T2DM", None, ""])
    assert np.diff(found.offsets).tolist() == [7, 0, 0]
    assert found.han.tolist() == [False, True, True, True, True, False, False]


@given(TEXTS)
def test_words_of_a_text_do_not_depend_on_its_neighbours(texts):
    together = words(texts)
    for i, text in enumerate(texts):
        alone = words([text])
        piece = slice(together.offsets[i], together.offsets[i + 1])
        assert together.hashes[piece].tolist() == alone.hashes.tolist()
        assert together.han[piece].tolist() == alone.han.tolist()
        expected = normal_form(pa.array([text]))[0].as_py().split()
        assert len(alone.hashes) == len(expected)


@given(TEXTS, st.integers(1, 4))
def test_runs_are_those_of_each_text(texts, n):
    found = words(texts)
    runs = runs_of(found, n)
    for i in range(len(texts)):
        here = found.hashes[found.offsets[i] : found.offsets[i + 1]].tolist()
        expected = [tuple(here[k : k + n]) for k in range(len(here) - n + 1)]
        piece = slice(runs.offsets[i], runs.offsets[i + 1])
        starts = runs.starts[piece]
        assert [tuple(found.hashes[s : s + n].tolist()) for s in starts] == expected
        assert len(set(runs.hashes[piece].tolist())) == len(set(expected))


@given(TEXTS, st.integers(1, 4))
def test_runs_are_chinese_by_half_or_more_or_they_are_not(texts, n):
    found = words(texts)
    both = [runs_of(found, n, han) for han in (True, False)]
    for runs, han in zip(both, (True, False), strict=True):
        assert all((2 * found.han[start : start + n].sum() >= n) == han for start in runs.starts)
    every = runs_of(found, n)
    assert sorted([*both[0].starts, *both[1].starts]) == every.starts.tolist()
    assert (both[0].offsets + both[1].offsets).tolist() == every.offsets.tolist()
