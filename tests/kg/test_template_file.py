"""Files of templates: what is read from them, what a user may add, and what is said where something is wrong."""

from importlib.resources import files

import pytest
import yaml

from kg.languages import language_of
from kg.phrases import STANCES
from kg.template_file import parse_templates
from pipeline.errors import MateriaError

EFFECTIVE = "{subject} {subject:is|are} effective in {object}."


def _english():
    return (files("kg") / "templates" / "en.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (EFFECTIVE, "{subject} is {drug} in {object}.", "unknown slot {drug}"),
        (EFFECTIVE, "{subject} {subject:is} effective in {object}.", "needs a singular and a plural"),
        (EFFECTIVE, "{subject} works.", "slot {object} stands 0 times"),
        (EFFECTIVE, "{subject} helps {object", "is no sentence"),
        (EFFECTIVE, "{subject} helps {object.", "brace"),
    ],
)
def test_a_mistake_in_a_template_is_named_with_its_line(old, new, said):
    text = _english()
    line = text[: text.index(old)].count("\n") + 1
    with pytest.raises(MateriaError) as error:
        parse_templates(text.replace(old, new), "mine.yaml")
    assert said in str(error.value)
    assert f"mine.yaml, line {line}" in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- a",
        "language: en",
        "a: [",
        "a: 2026-13-40",
        "&a [*a]",
        "bands: 3\nlanguage: en\nforms: 1\npredicates: 2\ndefinition: x\nsynonyms: y\nlist: z",
    ],
)
def test_a_broken_template_file_is_one_sentence(text):
    with pytest.raises(MateriaError, match=r"mine\.yaml"):
        parse_templates(text, "mine.yaml")


def test_an_unknown_stance_or_key_is_named():
    text = _english().replace("      high:\n", "      hihg:\n", 1)
    with pytest.raises(MateriaError, match="unknown key 'hihg'"):
        parse_templates(text, "mine.yaml")


def test_every_template_makes_a_sentence_in_every_number():
    phrases = language_of("en").phrases
    for predicate in yaml.safe_load(_english())["predicates"]:
        for stance in STANCES:
            for numbers in ((False, False), (True, False), (False, True), (True, True)):
                for way in phrases.of(predicate, stance, *numbers):
                    text = f"{way.before}X{way.between}Y{way.after}"
                    assert "{" not in text, text
                    assert "  " not in text, text
                    assert text.endswith("."), text


TREATS = """
predicates:
  biolink:treats:
    present: helps against|help against
    infinitive: help against
"""


@pytest.fixture
def own(tmp_path):
    """English with the templates of a file of one's own."""

    def read(text):
        path = tmp_path / "mine.yaml"
        path.write_text(text, encoding="utf-8")
        return language_of("en", str(path)).phrases

    return read


def said(phrases, predicate, stance="high", **more):
    return [
        f"{way.before}{'S' if way.subject_first else 'O'}{way.between}{'O' if way.subject_first else 'S'}{way.after}"
        for way in phrases.of(predicate, stance, **more)
    ]


def test_a_predicate_with_words_replaces_the_shipped_one(own):
    assert said(own(TREATS), "biolink:treats") == ["S helps against O."]
    assert said(own(TREATS), "biolink:treats", "low")[0] == "S may help against O."
    assert said(own(TREATS), "biolink:causes") == said(language_of("en").phrases, "biolink:causes")


def test_a_predicate_with_sentences_only_adds_them(own):
    phrases = own('predicates: {biolink:treats: {forms: {high: ["{subject} is good for {object}."]}}}')
    assert said(phrases, "biolink:treats") == [*said(language_of("en").phrases, "biolink:treats"), "S is good for O."]


def test_a_new_predicate_bands_and_shared_forms_may_be_given(own):
    phrases = own("""
language: en
bands: {high: 0.9, middle: 0.6}
forms: {contested: ["It is debated whether {subject} {present} {object}."]}
predicates: {lab:boosts: {present: boosts|boost, infinitive: boost}}
""")
    assert (phrases.high, phrases.middle) == (0.9, 0.6)
    assert said(phrases, "lab:boosts") == ["S boosts O."]
    assert said(phrases, "lab:boosts", "contested", subject_plural=True) == ["It is debated whether S boost O."]


def test_an_edited_file_is_read_again(own):
    assert said(own(TREATS), "biolink:treats") == ["S helps against O."]
    assert said(own(TREATS.replace("helps", "works")), "biolink:treats") == ["S works against O."]


def test_the_first_case_that_fits_is_told(own):
    phrases = own("""
predicates:
  biolink:affects:
    present: affects|affect
    infinitive: affect
    cases:
      - {direction: increased, object: [biolink:Protein], present: activates|activate, infinitive: activate}
      - {direction: increased, present: raises|raise, infinitive: raise}
""")

    def affects(**more):
        return said(phrases, "biolink:affects", **more)

    assert affects(direction="increased", object_category="biolink:Protein") == ["S activates O."]
    assert affects(direction="increased", object_category="biolink:Disease") == ["S raises O."]
    assert affects(direction="decreased") == affects() == ["S affects O."]


def test_the_shipped_cases_tell_the_direction_of_an_effect():
    phrases = language_of("en").phrases
    for category in ("biolink:Protein", "biolink:Gene", "biolink:ChemicalEntity", "biolink:BiologicalProcess"):
        for stance in STANCES:
            up = said(phrases, "biolink:affects", stance, direction="increased", object_category=category)
            down = said(phrases, "biolink:affects", stance, direction="decreased", object_category=category)
            assert all("increase" in text and "decrease" not in text for text in up), up
            assert all("decrease" in text and "increase" not in text for text in down), down


@pytest.mark.parametrize(
    ("text", "problem", "line"),
    [
        (
            'predicates:\n  x:y:\n    forms:\n      high:\n        - "{subject} hits {objct}."',
            "unknown slot {objct}",
            5,
        ),
        ("predicates:\n  x:y: {infinitive: a}", "x:y has no sentence for 'high'", 2),
        ("predicates:\n  x:y: {present: a|b|c, infinitive: a}", "the word 'present' of x:y is wrong", 2),
        ("predicates:\n  x:y: 3", "x:y has no words", 2),
        ("predicates:\n  x:y:\n    verb: a", "unknown key 'verb'", 3),
        (
            "predicates:\n  x:y:\n    present: a\n    infinitive: a\n    cases:\n      - {present: b, infinitive: b}",
            "has no condition",
            6,
        ),
        ("predicates:\n  x:y:\n    present: a\n    infinitive: a\n    cases: 3", "the cases of x:y are no list", 5),
        (
            "predicates:\n  x:y: {present: a, infinitive: a, cases: [{direction: 3, present: b, infinitive: b}]}",
            "condition",
            2,
        ),
        ("language: zh", "is for the language 'zh'", 1),
        ("forms:\n  high: 3", "'high' holds no list", 2),
        ("forms:\n  hihg: []", "unknown key 'hihg'", 2),
        ("bands: {high: 0.2, middle: 0.5}", "bands of belief are wrong", 1),
        ("words: 3", "'words' is no list of names", 1),
        ("words: [subject]", "a word cannot be called 'subject'", 1),
        ("list: 3", "the marks of a list are missing", 1),
        ("quotations:\n  - 'It says {subject}'", "holds no quotation", 2),
        ("quotations: 3", "holds no quotation", 1),
        ('definition: "{subject} is it."', "slot {definition} stands 0 times", 1),
        ("predicates:\n  treats: {present: a, infinitive: a}", "'treats' is no predicate", 2),
        ("predicates:\n  x:y: {present: a, infinitive: a}\n  x:y: {present: b, infinitive: b}", "'x:y' twice", 3),
        ("predicates:\n  x:y: {present: 'a|', infinitive: a}", "the word 'present' of x:y is wrong", 2),
        ("predicates:\n  x:y: {present: a, infinitive: a, symmetric: 'no'}", "'symmetric' of x:y is 'no'", 2),
        (
            "predicates:\n  x:y: {present: a, infinitive: a, cases: [{direction: up, present: b, infinitive: b}]}",
            "no direction is called 'up'",
            2,
        ),
        (
            "predicates:\n  x:y: {present: a, infinitive: a, cases: [{object: Protein, present: b, infinitive: b}]}",
            "no Biolink class is called 'Protein'. Write it like biolink:Protein",
            2,
        ),
        ("forms:\n  high: []", "has no sentence for 'high'", 2),
        ("words: [verb]\nforms:\n  high: ['{subject} {verb} {object}.']", "has no sentence for 'high'", 3),
        ("bands: {high: 0.9, middle: 0.5, low: 0.1}", "unknown key 'low'", 1),
        ("list: {comma: ', ', last: ' and ', dot: .}", "unknown key 'dot'", 1),
        ("quotations: 'It says {quotation}'", "holds no quotation", 1),
        ('definition: "{subject} is\\r{definition}."', "is no sentence", 1),
        ("forms:\n  high:\n    - |\n      {subject} hits\n      {object}.", "is no sentence", 3),
    ],
)
def test_a_mistake_in_ones_own_file_is_one_sentence_with_its_line(own, text, problem, line):
    with pytest.raises(MateriaError) as error:
        own(text)
    assert problem in str(error.value)
    assert f"mine.yaml, line {line}: " in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(MateriaError, match="does not exist"):
        language_of("en", str(tmp_path / "none.yaml"))
