import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.han import han_form, has_han, is_han

_CHINESE = st.text(st.characters() | st.sampled_from("糖尿病變腎炎（）ＡｂＣ１２⾼㎎ßİΣ"), max_size=80)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Ｂ型肝炎（慢性）", "b型肝炎(慢性)"),
        ("糖尿病腎病變", "糖尿病肾病变"),
        ("ＤＮＡ　聚合酶", "dna 聚合酶"),
        ("⾼血壓", "高血压"),
        ("5㎎，10²", "5㎎,10²"),
        ("Straße, İ", "straße, İ"),
    ],
)
def test_width_script_and_case_are_one(text, form):
    assert han_form(text) == form


@given(_CHINESE)
def test_a_form_has_as_many_code_points_as_its_text_and_is_its_own_form(text):
    form = han_form(text)
    assert len(form) == len(text)
    assert han_form(form) == form


@given(_CHINESE, _CHINESE)
def test_a_name_has_the_same_form_alone_and_in_a_text(name, around):
    assert han_form(around + name + around) == han_form(around) + han_form(name) + han_form(around)


def test_chinese_is_told_from_other_scripts():
    assert has_han("SARS患者") and is_han("㐀") and is_han("⾼")
    assert not has_han("β-blocker, カタカナ, 한국어, （）") and not is_han("ア") and not is_han("，")
