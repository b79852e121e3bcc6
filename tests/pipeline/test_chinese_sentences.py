import gzip
import json
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sentences import split_sentences


def sentences(text):
    return [text[start:end] for start, end in split_sentences(text)]


@pytest.mark.parametrize(
    "parts",
    [
        ["体温38.5℃。", "1.病因（见下。）不明；", "2.治疗"],
        ["患者说：“我头痛。”", "医生问：“多久了？”", "然后检查。"],
        ["1. 病因 不明。", "2. 治疗 用青霉素。"],
        ["一．概述 该病常见。", "二．病因"],
        ["（一）临床表现。", "（1）发热；", "（2）咳嗽（如下：干咳；痰咳）。"],
        ["给予青霉素.", "患者好转.", "3．随访"],
        ["见于《内科学。第8版》。", "有效吗?", "有效!"],
        ["pH 7.35～7.45；", "PaO2<60mmHg.患者"],
        ["括号未闭（如下。", "仍然断句。"],
    ],
)
def test_stops_that_end_a_sentence_and_stops_that_do_not(parts):
    assert sentences("".join(parts)) == parts


def test_english_and_chinese_stand_in_one_text():
    text = "Aspirin (e.g. 100 mg) was given. It helped. 患者给予i.v.青霉素。好转\nS. aureus grew."
    assert sentences(text) == [
        "Aspirin (e.g. 100 mg) was given.",
        "It helped.",
        "患者给予i.v.青霉素。",
        "好转",
        "S. aureus grew.",
    ]


@given(st.text(st.characters() | st.sampled_from("。！？；.．!;（(）)“”《》1一患者 \nA"), max_size=300))
def test_every_visible_character_lies_in_exactly_one_sentence(text):
    spans = split_sentences("患" + text)
    whole = "患" + text
    assert all(whole[a:b].strip() == whole[a:b] and a < b for a, b in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    inside = "".join(whole[a:b] for a, b in spans)
    assert [c for c in inside if not c.isspace()] == [c for c in whole if not c.isspace()]


def test_cost_is_linear_in_open_brackets_and_stops():
    def seconds(text):
        start = time.process_time()
        split_sentences(text)
        return time.process_time() - start

    for unit in ("（", "（患者。", "）。", "一.", "患.；"):
        assert seconds(unit * 60_000) < 3


@pytest.mark.realdata
def test_guidelines_come_apart_into_sentences_of_readable_length(materia_data):
    with gzip.open(materia_data / "chinese/cmeie_first3000.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    found = [sentence for text in texts for sentence in sentences(text)]
    assert len(found) > 1.5 * len(texts)
    assert max(map(len, found)) < 800
    assert sum(s[-1] in "。！？；;.!?”）)" for s in found) > 0.9 * (len(found) - len(texts))
