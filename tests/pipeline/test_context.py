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
        "hepatitis is suspected",
    ],
)
def test_hedges(sentence):
    assert scoped(sentence, "hepatitis") == (False, True)


def test_an_absent_cause_is_not_an_absent_disease():
    assert not scoped("There was no increase in hepatitis.", "hepatitis")[0]
    assert not scoped("There was no difference in hepatitis between the groups.", "hepatitis")[0]
    assert not scoped("No increased risk of hepatitis was found.", "hepatitis")[0]


@pytest.mark.parametrize(
    "sentence",
    [
        "We cannot rule out hepatitis.",
        "It was impossible to exclude hepatitis.",
        "Biopsy was done to rule out hepatitis.",
        "A diagnosis of hepatitis cannot be ruled out.",
        "These findings do not rule out hepatitis.",
        "Suspicious for hepatitis.",
    ],
)
def test_what_cannot_be_ruled_out_is_doubted_not_denied(sentence):
    assert scoped(sentence, "hepatitis") == (False, True)


def test_not_only_denies_nothing():
    assert scoped("It causes not only hepatitis but also fever.", "hepatitis") == (False, False)


@pytest.mark.parametrize(
    "sentence",
    [
        "Return for hepatitis.",
        "Stop treatment if hepatitis develops.",
        "Should the patient develop hepatitis, stop.",
        "To determine whether hepatitis occurs.",
        "The risk of hepatitis was studied.",
        "A trial of the prevention of hepatitis.",
        "Hepatitis prophylaxis was given.",
        "In case of hepatitis the drug is stopped.",
        "Screening for hepatitis was done.",
    ],
)
def test_a_case_that_may_come_is_hypothetical(sentence):
    name = "hepatitis" if "hepatitis" in sentence else "Hepatitis"
    start = sentence.index(name)
    assert context_of(sentence).is_hypothetical(start, start + len(name))


def test_what_happened_is_not_hypothetical():
    sentence = "Hepatitis developed in ten patients; if it persists, stop."
    assert not context_of(sentence).is_hypothetical(0, 9)


@pytest.mark.parametrize(
    "sentence",
    [
        "She had a family history of diabetes.",
        "His mother had diabetes.",
        "Her maternal grandmother died of diabetes.",
        "First-degree relatives had diabetes.",
        "There was diabetes in her father.",
        "Diabetes was common in the relatives.".lower(),
        "Kidney donors with diabetes were excluded.",
    ],
)
def test_family_history_is_not_the_patients(sentence):
    start = sentence.index("diabetes")
    assert context_of(sentence).experiencer(start, start + 8) == "other"


@pytest.mark.parametrize(
    "sentence",
    [
        "The patient had diabetes.",
        "Mothers with diabetes were studied.",
        "A family history of asthma, but the patient had diabetes.",
        "The patient, whose mother had asthma, had diabetes.",
    ],
)
def test_the_patients_own_disease_is_the_patients(sentence):
    start = sentence.index("diabetes")
    assert context_of(sentence).experiencer(start, start + 8) == "patient"


def test_letters_that_change_length_in_lower_case_shift_no_scope():
    sentence = "İİİİ İİİİ: no evidence of hepatitis"
    assert scoped(sentence, "hepatitis")[0]


def test_a_long_sentence_full_of_cues_is_read_in_linear_time():
    start = time.process_time()
    context_of("no evidence of x but may be y without z " * 10_000)
    assert time.process_time() - start < 10
