import time

import pytest

from pipeline.context import context_of


def scoped(sentence, target):
    start = sentence.index(target)
    scopes = context_of(sentence)
    return scopes.is_negated(start, start + len(target)), scopes.is_hedged(start, start + len(target))


@pytest.mark.parametrize(
    "sentence",
    [
        "There was no evidence of hepatitis.",
        "Patients without hepatitis were studied.",
        "No signs of acute hepatitis appeared.",
        "She denied hepatitis.",
        "In the absence of hepatitis, treatment went on.",
        "The drug did not cause hepatitis.",
        "Hepatitis was not observed.",
        "Hepatitis did not occur in any patient.",
        "It failed to induce hepatitis.",
        "Tests ruled out hepatitis.",
    ],
)
def test_no_evidence_of_negates_what_follows(sentence):
    assert scoped(sentence.replace("Hepatitis", "hepatitis"), "hepatitis")[0]


@pytest.mark.parametrize(
    "sentence",
    [
        "Hepatitis was observed.",
        "There was no evidence of fever, but hepatitis occurred.",
        "Not only fever but also hepatitis occurred.",
        "Treatment with or without hepatitis was the same.",
        "No fever; hepatitis in two.",
        "He had never smoked although hepatitis was found.",
        "There was no difference in hepatitis.",
        "Non-fatal hepatitis was common.",
    ],
)
def test_a_scope_ends_at_its_terminator(sentence):
    assert not scoped(sentence.replace("Hepatitis", "hepatitis"), "hepatitis")[0]


def test_a_scope_reaches_only_so_many_words():
    assert not scoped("No " + "a b c d e f g h i j " + "hepatitis", "hepatitis")[0]


@pytest.mark.parametrize(
    "sentence",
    [
        "Aspirin may cause hepatitis.",
        "Suspected hepatitis was seen.",
        "To determine whether hepatitis occurs.",
        "hepatitis is suspected",
    ],
)
def test_hedges(sentence):
    assert scoped(sentence, "hepatitis") == (False, True)


def test_a_long_sentence_full_of_cues_is_read_in_linear_time():
    start = time.process_time()
    context_of("no evidence of x but may be y without z " * 10_000)
    assert time.process_time() - start < 10
