import warnings

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from scispacy.custom_tokenizer import combined_rule_tokenizer

from pipeline.components import build_pipeline
from pipeline.definitions import Definitions
from pipeline.vocabulary_index import VocabularyIndex


@pytest.fixture(scope="module")
def definitions():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        tokenizer = combined_rule_tokenizer(spacy.blank("en"))
    return Definitions(lambda chunk: [token.text for token in tokenizer(chunk)])


@pytest.fixture(scope="module")
def detected(small_vocabulary_path):
    """What scispaCy's detector finds in a text, as component of our pipeline."""
    nlp = build_pipeline(VocabularyIndex.open([small_vocabulary_path]))
    return lambda text: {
        short.text: (short._.long_form.start_char, short._.long_form.end_char)
        for short in sorted(nlp(text)._.abbreviations, key=lambda span: -span.start)
    }


@pytest.mark.parametrize(
    ("text", "short", "long"),
    [
        ("We studied acute liver failure (ALF).", "ALF", "acute liver failure"),
        ("The drug SNP (sodium nitroprusside was meant) helped.", "SNP", "sodium nitroprusside was meant"),
        ("in type 2\ndiabetes mellitus (T2DM)", "T2DM", "type 2\ndiabetes mellitus"),
        ("heart failure (HF) or hay fever (HF)", "HF", "heart failure"),
    ],
)
def test_the_first_definition_of_a_short_form_counts(definitions, text, short, long):
    start, end = definitions(text)[short]
    assert text[start:end] == long


@pytest.mark.parametrize(
    "text",
    ["", "()", "(A)", "(n = 20) patients", "patients (n=20)", "(ALF) acute liver failure", "dogs (cats)", "a) b (c"],
)
def test_what_defines_nothing(definitions, text):
    assert definitions(text) == {}


WORDS = st.sampled_from(
    [
        "acute",
        "liver",
        "failure",
        "(ALF)",
        "ALF",
        "(",
        ")",
        "(n=20)",
        "IL-2",
        "(IL-2)",
        "interleukin",
        "2",
        ",",
        "5-HT",
        ".",
        "(LF),",
    ]
)


@given(st.lists(WORDS, max_size=14))
def test_one_level_of_brackets_gives_what_scispacy_gives(definitions, detected, words):
    text = " ".join(words)
    assert definitions(text) == detected(text)


@given(st.text(alphabet="aAbB1 .-()[]\n,\u0301é\U0001f9ea", max_size=60))
def test_offsets_lie_in_any_text(definitions, text):
    for short, (start, end) in definitions(text).items():
        assert short in text
        assert 0 <= start < end <= len(text)


@pytest.mark.realdata
def test_abstracts_give_what_scispacy_gives_but_for_brackets_in_brackets(definitions, detected, materia_data):
    import gzip
    import json

    with gzip.open(materia_data / "literature" / "cohen2006.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["abstract"] or "" for _, line in zip(range(500), lines, strict=False)]
    differing = [text for text in texts if definitions(text) != detected(text)]
    assert sum(map(len, map(definitions, texts))) > 300
    assert len(differing) <= 3
