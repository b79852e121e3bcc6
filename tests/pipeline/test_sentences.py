import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sentences import split_sentences


def sentences(text):
    return [text[start:end] for start, end in split_sentences(text)]


@pytest.mark.parametrize(
    "sentence",
    [
        "Morphine 10 mg i.v. was given to all.",
        "Drugs (e.g. aspirin) were stopped.",
        "Aspirin vs. placebo was compared.",
        "See Fig. 2 and Tab. 3.",
        "As shown by Smith et al. in 1999.",
        "J. R. Smith and J.R. Jones wrote it.",
        "The dose was 2.5 mg and p = 0.05 in 3.4 percent.",
        "S. aureus and E. coli grew.",
        "Given i.v. injection of 5.0 mg (approx. 0.1 mg/kg).",
        "Is it safe? yes, says the author.",
    ],
)
def test_a_stop_inside_a_sentence_does_not_end_it(sentence):
    assert sentences(sentence) == [sentence]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("It worked. No one died.", 2),
        ("It was given i.v. Patients recovered.", 2),
        ("They had hepatitis B. We treated them.", 2),
        ("Does it work? We asked! They did not know.", 3),
        ('He said "it works." Others agreed.', 2),
        ("A title without a stop\nA section begins. It ends", 3),
        ("P < 0.05. 20 patients died.", 2),
        ("To compare two drugs.; Patients were randomised.; Pain fell.", 3),
        ("", 0),
        (" \n ", 0),
        ("...", 1),
    ],
)
def test_sentences_end_where_they_end(text, count):
    assert len(split_sentences(text)) == count


@given(st.text(alphabet=st.characters() | st.sampled_from(" .\n?!aB1"), max_size=300))
def test_every_visible_character_lies_in_exactly_one_sentence(text):
    spans = split_sentences(text)
    assert all(text[a:b].strip() == text[a:b] and a < b for a, b in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    inside = "".join(text[a:b] for a, b in spans)
    assert [c for c in inside if not c.isspace()] == [c for c in text if not c.isspace()]


def test_more_than_20_000_sentences_a_second():
    text = "Twenty patients (mean age 61.2 yr) were given morphine 10 mg i.v. and did well. " * 5000
    start = time.process_time()
    assert len(split_sentences(text)) == 5000
    assert 5000 / (time.process_time() - start) > 20_000


def test_one_long_sentence_costs_no_more_than_its_length():
    start = time.process_time()
    assert len(split_sentences("word, " * 300_000)) == 602  # of bounded length
    assert len(split_sentences("." * 300_000)) == 100
    assert time.process_time() - start < 5
