"""What every language must do, member by member. A new language adds the names of two concepts below."""

import re
from string import ascii_letters

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.languages import LANGUAGES, Concept, language_of
from kg.phrases import STANCES
from pipeline.errors import MateriaError

CHINESE = [{"language": "zh", "name": "糖尿病", "scope": "exact"}]
DIABETES = Concept(
    "MESH:D003920",
    "Diabetes Mellitus",
    "biolink:Disease",
    [{"name": "Diabetes", "scope": "exact"}],
    "A heterogeneous group of disorders.",
    CHINESE,
)
NAMELESS = Concept("MESH:C000001", "", "biolink:Disease")
PREDICATES = ["biolink:treats", "biolink:causes", "biolink:has_phenotype", "biolink:associated_with", "biolink:affects"]

languages = pytest.mark.parametrize(
    "language", [language_of(code) for code in sorted(LANGUAGES)], ids=sorted(LANGUAGES)
)


@languages
def test_a_concept_has_a_name_on_one_line_or_none(language):
    name = language.name_of(DIABETES)
    assert name is not None
    assert name.text.strip() == name.text
    assert len(name.initial) == len(name.text)
    assert language.name_of(NAMELESS) is None


@languages
@given(name=st.text(min_size=1, max_size=40), synonym=st.text(min_size=1, max_size=40))
def test_no_name_brings_line_ends_or_markup_into_a_sentence(language, name, synonym):
    concept = Concept(
        "MESH:D1",
        f"<b>{name}</b>\n",
        "biolink:Disease",
        [{"name": synonym, "scope": "exact"}],
        translations=[{"language": language.code, "name": f"{synonym}\n", "scope": "exact"}],
    )
    found = language.name_of(concept)
    others = language.other_names_of(concept, found) if found else ()
    for text in (other.text for other in (*([found] if found else []), *others)):
        assert len(text.splitlines()) <= 1
        assert "<b>" not in text


@languages
def test_other_names_are_other_names(language):
    name, others = language.name_of(DIABETES), language.other_names_of(DIABETES, language.name_of(DIABETES))
    texts = [other.text for other in others]
    assert len(texts) == len(set(texts))
    assert name.text not in texts


@languages
def test_sentences_about_an_entity_know_where_its_names_stand(language):
    name = language.name_of(DIABETES)
    for text, spans in language.opening(DIABETES, name):
        assert spans
        assert text[-1] in ".。"
        for start, end, curie, category in spans:
            assert (curie, category) == (DIABETES.curie, DIABETES.category)
            assert 0 <= start < end <= len(text)


@languages
@pytest.mark.parametrize("predicate", PREDICATES)
@pytest.mark.parametrize("stance", STANCES)
def test_the_main_predicates_are_told_in_every_stance_and_number(language, predicate, stance):
    for numbers in ((False, False), (True, False), (False, True), (True, True)):
        for direction in (None, "increased", "decreased"):
            ways = language.phrases.of(predicate, stance, *numbers, direction, "biolink:Protein", "biolink:Protein")
            assert ways
            for way in ways:
                text = f"{way.before}X{way.between}Y{way.after}"
                assert text[-1] in ".。"
                assert not re.search(r"[{}|\n]|  ", text), text


@languages
def test_denied_and_affirmed_sentences_differ(language):
    phrases = language.phrases
    for predicate in PREDICATES:
        affirmed = {way for stance in ("high", "middle", "low") for way in phrases.of(predicate, stance)}
        for other in ("denied", "contested"):
            assert not affirmed & set(phrases.of(predicate, other))


@languages
@given(predicate=st.text(ascii_letters + "_:{}|", min_size=1, max_size=30))
def test_an_unknown_predicate_is_told_by_its_words_or_not_at_all(language, predicate):
    for way in language.phrases.of(f"x:{predicate}", "high"):
        assert not re.search(r"[{}|\n]", f"{way.before}{way.between}{way.after}")


def test_a_language_nobody_speaks_is_refused_with_those_there_are():
    with pytest.raises(MateriaError, match="no templates for the language 'xx'. Choose one of: .*en"):
        language_of("xx")
