import json
import random
from importlib.resources import files

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st

from pipeline.tokenizer import RULES, ChunkTokenizer, make_tokenizer, rules_of

NLP = spacy.blank("en")
SPACY = make_tokenizer(NLP)
OURS = ChunkTokenizer()


def by_spacy(chunk):
    with NLP.memory_zone():
        return [token.text for token in SPACY(chunk)]


def test_the_rules_on_file_are_those_of_the_installed_spacy_and_scispacy():
    assert json.loads((files("pipeline.lexicons") / RULES).read_text(encoding="utf-8")) == rules_of(SPACY)


@pytest.mark.parametrize(
    ("chunk", "tokens"),
    [
        ("aspirin", ["aspirin"]),
        ("(5-FU)-induced", ["(5-FU)-induced"]),
        ("don't", ["do", "n't"]),
        ("(don't)", ["(", "do", "n't", ")"]),
        ("patients',", ["patients", "'", ","]),
        ("10mg.", ["10", "mg", "."]),
    ],
)
def test_what_stands_between_spaces_is_cut_as_spacy_cuts_it(chunk, tokens):
    assert OURS(chunk) == by_spacy(chunk) == tokens


PIECES = [*OURS._exceptions, *"()[]{}.,;:'\"-–—/+*%$€°’‘“”=<>×µ…、。123aBcDéß中Ωk", "mg", "kg", "Na+", "IL-2", "T2DM"]


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=6))
def test_any_string_of_affixes_and_exceptions_is_cut_alike(pieces):
    for chunk in "".join(pieces).split():
        assert OURS(chunk) == by_spacy(chunk)


def test_signs_in_any_order_are_cut_alike():
    rng = random.Random(1)
    for _ in range(5000):
        chunk = "".join(rng.choice(PIECES[-45:]) for _ in range(rng.randint(1, 12)))
        assert OURS(chunk) == by_spacy(chunk)


@given(st.text(min_size=1, max_size=20))
def test_any_characters_are_cut_alike(text):
    for chunk in text.split():
        assert OURS(chunk) == by_spacy(chunk)
        assert "".join(OURS(chunk)) == chunk
