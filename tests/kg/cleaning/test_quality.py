"""What is poor text, and, more often asked, what is not."""

import gzip
import json
from itertools import islice

import pytest

from kg.cleaning.clean import clean
from kg.cleaning.config import CleaningConfig
from tests.kg.cleaning.conftest import ABSTRACT, batches, passage, rejected

CHINESE = "患者无发热、咳嗽，血压140/90mmHg，诊断为2型糖尿病，予二甲双胍0.5g每日三次口服治疗。"
TABLE = "age 61 70 pulse 72 80 glucose 5.61 6.75 7.18 pressure 140 90 135 85 weight 81.5 79.3 dose 250 500 750"
LIST = (
    "angina arrhythmia asthma bronchitis cataract cholera dengue eczema fibrosis gastritis gout hepatitis influenza jaundice "
    "keratitis leprosy lupus malaria measles mumps myopia nephritis obesity psoriasis rabies rickets scabies scurvy sepsis stroke the"
)


def reason(text, config=None, **fields):
    found = rejected(clean(batches([passage(text, **fields)]), config or CleaningConfig()))
    return next((reason for reason, _, _ in found.values()), None)


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("too-short", "Cancer pain."),
        ("too-short", ""),
        ("too-long", "aspirin treats pain of the head and of the back " * 300),
        ("few-letters", "18, 438-444 (2001)"),
        ("many-digits", TABLE),
        ("repetitive", "Aspirin was given to all the patients on the first day. " * 6),
        ("wrong-encoding", ABSTRACT.replace("nine", "9 \ufffd 2")),
        ("wrong-encoding", ABSTRACT.replace("nine", "9 Â± 2")),
        ("wrong-encoding", ABSTRACT.replace("nine", "â‰¤ 9")),
        ("wrong-encoding", ABSTRACT + " MeniÃ¨re"),
        ("wrong-encoding", "»¼ÕßÎÞ·¢ÈÈ was said by the patient at the first visit."),
        ("wrong-encoding", CHINESE + "锟斤拷锟斤拷"),
        ("wrong-language", CHINESE + CHINESE),
        ("no-prose", LIST),
        ("boilerplate", "No abstract available."),
        ("boilerplate", "Copyright 2003 Elsevier Science Ltd. All rights reserved."),
        ("boilerplate", "© 2011 The Authors. Published by Wiley and Sons."),
        ("boilerplate", "Arch Intern Med. 2000;160:2998-3003"),
        ("boilerplate", "(ABSTRACT TRUNCATED AT 250 WORDS)"),
    ],
)
def test_poor_text_is_rejected_with_its_reason(expected, text):
    assert reason(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        ABSTRACT,
        "Does aspirin treat fever?",
        "Menière's disease and the naïve café-au-lait macule of Sjögren–Larsson syndrome at 5 Å–7 Å.",
        "IOP increased 0.40 +/- 4.08, 0.75 +/- 5.33, 0.80 +/- 6.03 mmHg in the second group at the same times, not significant.",
        "Cure was seen in 29 of 42 patients (69%; 95% CI: 53-82%) versus 36 of 39 (92%; 95% CI: 78-98%) (p = 0.009).",
        "Doses of 30 mg o.d. and 15 mg b.d. were compared with 30 mg o.d. and 60 mg b.d. in patients on 30 mg o.d. before.",
        "α-tocopherol, β-carotene and γ-linolenic acid were given; TNF-α and IL-1β fell.",
        ABSTRACT + " Copyright 2003 Elsevier Science Ltd.",
    ],
)
def test_good_text_stays(text):
    assert reason(text) is None


@pytest.mark.parametrize(
    "text", [CHINESE, "高血压的治疗进展", "阿司匹林（aspirin）与clopidogrel联用治疗急性冠脉综合征的疗效观察。"]
)
def test_good_chinese_text_stays(text):
    assert reason(text, language="zh") is None


def test_english_text_that_is_said_to_be_chinese_is_rejected():
    assert reason(ABSTRACT, language="zh") == "wrong-language"


def test_what_the_graph_tells_may_be_short_and_alike_but_not_damaged():
    assert reason("Aspirin treats fever.", kind="verbalized") is None
    assert reason("Fever.", kind="verbalized") is None
    assert reason("MeniÃ¨re causes vertigo.", kind="verbalized") == "wrong-encoding"


@pytest.mark.parametrize(
    ("off", "text"),
    [
        ({"shortest": None}, "Cancer pain."),
        ({"letters": None, "digits": None, "boilerplate": False}, "0 (0) 1 (1) 2 (2) 3 (3) no"),
        ({"digits": None}, TABLE),
        ({"repeated": None}, "Aspirin was given to all the patients on the first day. " * 6),
        ({"damaged": None}, ABSTRACT + " MeniÃ¨re"),
        ({"damaged": 1}, ABSTRACT + " MeniÃ¨re"),
        ({"foreign": None, "common_words": None}, CHINESE),
        ({"boilerplate": False}, "Copyright 2003 Elsevier Science Ltd. All rights reserved."),
        ({"longest": None, "repeated": None}, "aspirin treats pain of the head and of the back " * 300),
    ],
)
def test_each_rule_can_be_switched_off(off, text):
    assert reason(text) is not None
    assert reason(text, CleaningConfig(**off)) is None


def test_a_batch_of_which_nothing_stays_does_not_stop_the_next_one():
    rows = [
        passage("Poor.", id="a"),
        passage(ABSTRACT, id="b"),
        passage("Too short.", id="c"),
        passage(ABSTRACT, id="d"),
    ]
    found = rejected(clean(batches(rows, size=1), CleaningConfig()))
    assert {name: reason for name, (reason, _, _) in found.items()} == {
        "a": "too-short",
        "c": "too-short",
        "d": "duplicate",
    }


def test_a_verdict_says_what_was_measured():
    found = rejected(
        clean(batches([passage("Cancer pain.", id="a"), passage("18, 438-444 (2001)", id="b")]), CleaningConfig())
    )
    assert found == {"a": ("too-short", None, "2 words"), "b": ("few-letters", None, "0% letters")}


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("file", "language", "most"),
    [("literature/cohen2006.jsonl.gz", "en", 0.01), ("chinese/cmeie_first3000.jsonl.gz", "zh", 0.01)],
)
def test_hardly_any_real_text_is_rejected(materia_data, file, language, most):
    with gzip.open(materia_data / file, "rt", encoding="utf-8") as lines:
        records = map(json.loads, islice(lines, 3000))
        texts = [record.get("abstract") or record.get("text") or "" for record in records]
    rows = [passage(text, id=str(i), language=language) for i, text in enumerate(texts) if text]
    found = rejected(clean(batches(rows), CleaningConfig(duplicates=False, near_duplicates=None)))
    assert len(found) <= most * len(rows), sorted(found.values())[:5]
