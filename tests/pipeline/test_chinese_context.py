"""What Chinese sentences say of the spans in [brackets]: N denied, H doubted, C a case that may come, O another person's."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.context import context_of


def judged(marked):
    """Each bracketed span with what is said of it."""
    text = re.sub(r"[\[\]]", "", marked)
    scopes = context_of(text)
    found = []
    for number, match in enumerate(re.finditer(r"\[(.*?)\]", marked)):
        start = match.start() - 2 * number
        end = start + len(match[1])
        noted = (
            ("N", scopes.is_negated(start, end)),
            ("H", scopes.is_hedged(start, end)),
            ("C", scopes.is_hypothetical(start, end)),
            ("O", scopes.experiencer(start, end) == "other"),
        )
        found.append("".join(letter for letter, noted_so in noted if noted_so))
    return found


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("患者无[发热]、[咳嗽]、[咳痰]，有[胸痛]。", ["N", "N", "N", ""]),
        ("否认[高血压]、[糖尿病]病史，父亲患有[冠心病]", ["N", "N", "O"]),
        ("未见明显[骨折]征象，但[软组织肿胀]", ["N", ""]),
        ("并發症未見[敗血症]", ["N"]),
        ("不伴[恶心]而有[头痛]", ["N", ""]),
        ("可排除[肺结核]，[梅毒]已排除", ["N", "N"]),
        ("[梅毒]（－），[乙肝]阴性", ["N", "N"]),
        ("无[发热]时给予[青霉素]", ["N", ""]),
        ("可见[皮疹]，不会引起[疼痛]", ["", "N"]),
        ("不能排除[肺结核]", ["H"]),
        ("[肺炎]可能性大，[结核]待排，[肿瘤]？", ["H", "H", "H"]),
        ("[肺炎]可能", ["H"]),
        ("考虑[肺炎]，疑似[SARS]患者出现[高热]", ["H", "H", ""]),
        ("本病可能导致[肾衰竭]", ["H"]),
        ("若出现[出血]，应停用[阿司匹林]", ["C", ""]),
        ("如有[发热]应就诊，注意有无[黄疸]", ["C", "C"]),
        ("应警惕[败血症]，预防[流感]", ["C", "C"]),
        ("有[高血压]家族史。患者有[肥胖]", ["O", ""]),
        ("家族史：[糖尿病]，母亲患有[肥胖]", ["O", "O"]),
    ],
)
def test_cues_reach_what_they_speak_of_and_no_further(sentence, expected):
    assert judged(sentence) == expected


@pytest.mark.parametrize(
    "sentence",
    [
        "[青霉素]治疗无效，[肺炎]加重",
        "[肝大]不明显",
        "[无脉症]伴[高血压]",
        "患者乏力无力，[水肿]",
        "无明显诱因出现[腹痛]",
        "[血压]与[体重]无关",
        "非典型[肺炎]",
        "未成熟儿[贫血]",
        "[发热]不仅见于[感染]",
    ],
)
def test_words_that_hold_a_cue_deny_nothing(sentence):
    assert set(judged(sentence)) == {""}


def test_english_in_a_chinese_document_keeps_the_english_cues():
    assert judged("There was no evidence of [hepatitis], but [nausea] occurred.") == ["N", ""]


@given(
    st.lists(
        st.sampled_from(["无", "未见", "可能", "家族史", "若", "排除", "，", "但", "发热", "时", "不", "A", "(", "-"]),
        max_size=40,
    )
)
def test_scopes_lie_inside_the_sentence(pieces):
    sentence = "患者" + "".join(pieces)
    scopes = context_of(sentence)
    for spans in (scopes.negated, scopes.hedged, scopes.hypothetical, scopes.other):
        assert all(0 <= a <= b <= len(sentence) for a, b in spans)
