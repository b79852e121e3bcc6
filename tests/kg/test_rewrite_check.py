import re
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.languages import LANGUAGES, language_of
from kg.phrases import STANCES
from kg.rewrite_check import Passage, check_rewrite

NAMES = {"en": ("metformin", "obesity"), "zh": ("二甲双胍", "肥胖症")}


def passage(*sentences, language="en", **curies):
    """A passage from sentences in which names stand in brackets: "[Metformin] treats [obesity]." Names are told apart by their letters."""
    text, bounds, spans, relations = "", [], [], []
    between = LANGUAGES[language].between
    for sentence in sentences:
        text += between if text else ""
        start, first = len(text), len(spans)
        for i, piece in enumerate(sentence.replace("]", "[").split("[")):
            if i % 2:
                spans.append((len(text), len(text) + len(piece), f"X:{piece.lower()}", "biolink:NamedThing"))
            text += piece
        bounds.append((start, len(text)))
        relations.append((first, "biolink:treats", first + 1, f"t{len(relations)}"))
    return Passage(text, bounds, spans, relations)


TWO = passage(
    "[Metformin] is used to treat [type 2 diabetes].",
    "[Metformin] may cause [nausea].",
    "[Metformin] was not found to prevent [stroke].",
)


def names_in(text):
    """What a reader of a small vocabulary finds."""
    words = re.finditer("insulin|metformin|stroke|胰岛素|恶心", text, re.IGNORECASE)
    return [(*word.span(), f"X:{word.group().lower()}", "biolink:NamedThing") for word in words]


@pytest.mark.parametrize(
    "text",
    [
        "Type 2 diabetes is treated with metformin. Metformin might cause nausea. Metformin was not found to prevent stroke.",
        "There is no prevention of stroke by metformin. Nausea may result from metformin. Metformin treats type 2 diabetes.",
        "Metformin is an effective treatment of type 2 diabetes. Metformin could lead to nausea. Metformin does not prevent stroke.",
    ],
)
def test_a_rewrite_that_says_the_same_passes_and_its_names_are_found_again(text):
    new = check_rewrite(TWO, text, "en")
    assert isinstance(new, Passage), new
    assert [text[a:b].lower() for a, b, _, _ in new.spans if text[a:b].lower() == "metformin"] == ["metformin"] * 3
    for start, end, curie, _ in new.spans:
        assert curie == f"X:{text[start:end].lower()}"
    assert [text[a:b][-1] for a, b in new.sentences] == [".", ".", "."]
    for (s, p, o, source), (old_s, old_p, old_o, old_source) in zip(new.relations, TWO.relations, strict=True):
        assert (p, source) == (old_p, old_source)
        assert (new.spans[s][2], new.spans[o][2]) == (TWO.spans[old_s][2], TWO.spans[old_o][2])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "unfinished"),
        ("Metformin is used to treat type 2 diabetes. Metformin may cause nausea. Metformin was not found to prevent", "unfinished"),
        ("Metformin treats type 2 diabetes.", "too-short"),
        (f"{TWO.text} {TWO.text} {TWO.text}", "too-long"),
        ("Metformin is used to treat type 2 diabetes. Metformin may cause vomiting. Metformin was not found to prevent stroke.", "name-lost"),
        ("Metformin is used to treat type 1 diabetes. Metformin may cause nausea. Metformin was not found to prevent stroke.", "name-lost"),
        (TWO.text.replace("cause", "in 5% cause"), "number-changed"),
        (TWO.text.replace("is used", "twice is used"), "number-changed"),
        (TWO.text.replace("is used", "or SGLT2 is used"), "name-added"),
        (TWO.text.replace("is used", "or Januvia is used"), "name-added"),
        (TWO.text.replace("is used", "or insulin is used"), "name-added"),
        (TWO.text.replace("cause", "引起"), "other-language"),
        (f"{TWO.text} Ask a doctor.", "sentence-added"),
        (f"{TWO.text} Nausea may cause stroke.", "sentence-added"),
        (TWO.text.replace("Metformin may cause nausea.", "Metformin may cause it. Think of nausea."), "fact-lost"),
        (TWO.text.replace("may cause", "causes"), "certainty-changed"),
        (TWO.text.replace("is used", "is reported to be used"), "certainty-changed"),
        (TWO.text.replace("was not found to prevent", "was found to prevent"), "certainty-changed"),
        (TWO.text.replace("was not found to prevent", "never was not found to prevent"), "certainty-changed"),
        (TWO.text.replace("is used to treat", "is not used to treat"), "certainty-changed"),
        (TWO.text.replace("may cause", "may prevent"), "claim-changed"),
        (TWO.text.replace("is used to treat", "causes"), "claim-changed"),
        (TWO.text.replace("is used to treat", "is associated with"), "claim-changed"),
        (TWO.text.replace("Metformin is used to treat type 2 diabetes", "Type 2 diabetes is used to treat metformin"), "roles-swapped"),
        (TWO.text.replace("Metformin may cause nausea", "Metformin may be caused by nausea"), "roles-swapped"),
        ("Metformin may cause type 2 diabetes. Metformin is used to treat nausea. Metformin was not found to prevent stroke.", "certainty-changed"),
    ],
)  # fmt: skip
def test_what_lost_gained_or_turned_round_something_is_refused_with_the_reason(text, reason):
    assert check_rewrite(TWO, text, "en", names_in(text)) == reason


def test_facts_of_one_kind_may_be_told_in_one_sentence():
    old = passage("[Aspirin] treats [fever].", "[Aspirin] is used to treat [pain].")
    new = check_rewrite(old, "Aspirin treats fever and pain.", "en")
    assert isinstance(new, Passage)
    assert [new.text[new.spans[o][0] : new.spans[o][1]] for _, _, o, _ in new.relations] == ["fever", "pain"]
    mixed = passage("[Aspirin] treats [fever].", "[Aspirin] causes [asthma].")
    assert check_rewrite(mixed, "Aspirin treats asthma and causes fever.", "en") == "claim-changed"
    assert check_rewrite(old, "Aspirin treats fever but not pain.", "en") == "certainty-changed"


def test_numbers_with_their_units_stay():
    old = passage("At 5 mg a day [aspirin] prevents [stroke].")
    assert isinstance(check_rewrite(old, "Aspirin prevents stroke at 5 mg a day.", "en"), Passage)
    assert check_rewrite(old, "Aspirin prevents stroke at 5 g a day.", "en") == "number-changed"
    assert check_rewrite(old, "Aspirin prevents stroke at 50 mg a day.", "en") == "number-changed"


CHINESE = passage(
    "[二甲双胍]可用于治疗[2型糖尿病]。", "[二甲双胍]可能引起[恶心]。", "未发现[二甲双胍]能预防[脑卒中]。", language="zh"
)


def test_a_chinese_rewrite_that_says_the_same_passes():
    text = "2型糖尿病可用二甲双胍治疗。恶心可能由二甲双胍引起。现有资料未显示二甲双胍可预防脑卒中。"
    new = check_rewrite(CHINESE, text, "zh", names_in(text))
    assert isinstance(new, Passage), new
    assert [text[a:b] for a, b, _, _ in new.spans] == [
        "2型糖尿病",
        "二甲双胍",
        "恶心",
        "二甲双胍",
        "二甲双胍",
        "脑卒中",
    ]
    assert [text[a:b] for a, b in new.sentences] == [f"{sentence}。" for sentence in text.split("。")[:-1]]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("2型糖尿病", "1型糖尿病", "name-lost"),
        ("可用于治疗", "和胰岛素可用于治疗", "name-added"),
        ("可用于治疗", "可treat用于治疗", "other-language"),
        ("可用于治疗", "85%可用于治疗", "number-changed"),
        ("可能引起", "可引起", "certainty-changed"),
        ("未发现二甲双胍能预防", "二甲双胍能预防", "certainty-changed"),
        ("可用于治疗", "可引起", "claim-changed"),
        ("可能引起恶心", "可能由恶心引起", "roles-swapped"),
        ("脑卒中。", "脑卒中。请遵医嘱。", "sentence-added"),
        ("脑卒中。", "脑卒中", "unfinished"),
    ],
)
def test_a_chinese_rewrite_that_says_something_else_is_refused(old, new, reason):
    assert old in CHINESE.text
    text = CHINESE.text.replace(old, new)
    assert check_rewrite(CHINESE, text, "zh", names_in(text)) == reason


def ways(language, predicate, stance):
    """A claim told in each phrasing of the templates, as passages."""
    subject, object_ = NAMES[language]
    for way in language_of(language).phrases.of(predicate, stance):
        first, second = (subject, object_) if way.subject_first else (object_, subject)
        first = first if way.before else first[0].upper() + first[1:]
        yield passage(f"{way.before}[{first}]{way.between}[{second}]{way.after}", language=language)


@pytest.mark.parametrize("language", sorted(NAMES))
def test_other_phrasings_of_a_claim_pass_and_other_certainties_never_do(language):
    """The templates themselves as rewrites: two phrasings of one claim are true paraphrases, two stances never are."""
    passed = refused = 0
    for predicate in language_of(language).phrases.templates.predicates:
        told = {stance: list(ways(language, predicate, stance)) for stance in STANCES}
        for old, new in ((a, b) for same in told.values() for a, b in permutations(same, 2)):
            good = isinstance(check_rewrite(old, new.text, language), Passage)
            passed, refused = passed + good, refused + (not good)
        for one, other in permutations(STANCES, 2):
            for old in told[one]:
                assert not any(isinstance(check_rewrite(old, new.text, language), Passage) for new in told[other]), (
                    old.text
                )
    assert passed > 500
    assert refused <= 0.02 * passed


@pytest.mark.parametrize("language", sorted(NAMES))
def test_subject_and_object_do_not_change_places(language):
    subject, object_ = NAMES[language]
    for predicate in (
        "treats",
        "causes",
        "prevents",
        "has_phenotype",
        "contributes_to",
        "affects",
        "subclass_of",
        "diagnoses",
    ):
        for stance in STANCES:
            for old in ways(language, f"biolink:{predicate}", stance):
                swapped = old.text.lower().replace(subject, "\0").replace(object_, subject).replace("\0", object_)
                assert isinstance(check_rewrite(old, swapped, language), str), swapped


@given(st.text(st.sampled_from("metforminobsty .,不可治疗二甲双胍肥胖症。2"), max_size=80))
def test_whatever_a_model_writes_gets_a_passage_with_right_offsets_or_a_reason(text):
    for language, (subject, object_) in NAMES.items():
        old = passage(
            f"[{subject}]可治疗[{object_}]。" if language == "zh" else f"[{subject}] treats [{object_}].",
            language=language,
        )
        new = check_rewrite(old, text, language)
        if isinstance(new, Passage):
            assert {text[a:b].lower() for a, b, _, _ in new.spans} == {subject, object_}
