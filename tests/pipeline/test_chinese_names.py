import gzip
import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.abbreviations import definitions_beside, occurrences
from pipeline.names import _ASCII_PIECES, _PIECES, NameIndex
from pipeline.tables import VOCABULARY


def concept(curie, name, *chinese, category="biolink:Disease", synonyms=()):
    return {
        "curie": curie,
        "name": name,
        "category": category,
        "synonyms": [{"name": s, "scope": "exact"} for s in synonyms],
        "xrefs": [],
        "translations": [{"language": "zh", "name": n, "scope": "preferred"} for n in chinese]
        + [{"language": "de", "name": "die", "scope": "preferred"}],
    }


@pytest.fixture(scope="module")
def names():
    rows = [
        concept("HP:1", "Diabetes mellitus", "糖尿病"),
        concept("HP:2", "Diabetic nephropathy", "糖尿病肾病"),
        concept("HP:3", "Type II diabetes mellitus", "2型糖尿病"),
        concept("HP:4", "Severe acute respiratory syndrome", "严重急性呼吸综合征（非典型肺炎）", synonyms=["SARS"]),
        concept("HP:5", "Cancer", "癌"),
        concept("HP:6", "Acute", "急性"),
        concept("HP:7", "Haemothorax", "血胸"),
        concept("HP:8", "J wave", "J波"),
        concept("ZH:9", "高血压", category="biolink:Disease"),
        concept("HP:10", "DNA repair defect", "DNA修复缺陷"),
    ]
    return NameIndex.from_vocabulary(pa.Table.from_pylist(rows, schema=VOCABULARY))


def found(names, text):
    return [(text[m.start : m.end], m.concept.curie) for m in names.find(text)]


@pytest.mark.parametrize(
    ("text", "mentions"),
    [
        ("老年糖尿病肾病患者多有高血压", [("糖尿病肾病", "HP:2"), ("高血压", "ZH:9")]),
        ("老年糖尿病腎病變患者", [("糖尿病腎病", "HP:2")]),
        ("Ⅱ型糖尿病、２型糖尿病", [("Ⅱ型糖尿病", "HP:3"), ("２型糖尿病", "HP:3")]),
        ("早期SARS患者，SARST细胞", [("SARS", "HP:4")]),
        ("严重急性呼吸综合征", [("严重急性呼吸综合征", "HP:4")]),
        ("心电图见J波，ＤＮＡ修复缺陷", [("J波", "HP:8"), ("ＤＮＡ修复缺陷", "HP:10")]),
        ("血胸。肺循环淤血胸腔上部", [("血胸", "HP:7")]),
        ("Patients with 高血压 had diabetes mellitus", [("高血压", "ZH:9"), ("diabetes mellitus", "HP:1")]),
    ],
)
def test_names_are_found_between_characters_the_longest_first(names, text, mentions):
    assert found(names, text) == mentions


@pytest.mark.parametrize("text", ["胃癌急性期", "糖 尿 病", "高血、压", "高血\n压", "die Patienten"])
def test_single_characters_general_words_and_torn_names_are_no_mentions(names, text):
    assert found(names, text) == []


def test_a_whole_name_is_looked_up_in_any_form(names):
    assert names.lookup("糖尿病腎病").curie == "HP:2"
    assert names.lookup("糖尿病肾病患者") is None


@pytest.mark.realdata
def test_what_is_found_in_guidelines_begins_and_ends_where_words_do(materia_data):
    from pipeline.vocabularies import load_vocabulary

    files = [materia_data / "vocabulary" / name for name in ("hp_2013-11-30.obo.gz", "hp-zh.babelon.tsv.gz")]
    names = NameIndex.from_vocabulary(load_vocabulary([*map(str, files)], lambda _: None))
    with gzip.open(materia_data / "chinese/cmeee_first4000.json.gz", "rt", encoding="utf-8") as file:
        sentences = json.load(file)
    spans = torn = exact = 0
    for sentence in sentences:
        gold = {(e["start_idx"], e["end_idx"] + 1) for e in sentence["entities"]}
        for match in names.find(sentence["text"]):
            spans += 1
            exact += (match.start, match.end) in gold
            torn += any(a < match.start < b < match.end or match.start < a < match.end < b for a, b in gold)
    assert spans > 2500
    assert exact > 0.5 * spans
    assert torn < 0.02 * spans


@given(st.lists(st.sampled_from(["糖尿病", "肾病", "高血压", "，", "患者", "SARS", " ", "2型", "DNA"]), max_size=12))
def test_every_name_is_told_where_a_recogniser_asks_for_all(names, pieces):
    text = "".join(pieces)
    every = {(m.start, m.end) for m in names.find_all(text)}
    assert {(m.start, m.end) for m in names.find(text)} <= every
    assert all(text[a:b] == "糖尿病" for a, b in every if b - a == 3 and text[a] == "糖")
    assert len([1 for a, b in every if text[a:b] == "糖尿病"]) == text.count("糖尿病")
    assert len([1 for a, b in every if text[a:b] == "糖尿病肾病"]) == text.count("糖尿病肾病")


def test_classes_of_everyday_words_are_linked_where_they_are_written_in_chinese():
    rows = [
        concept("X:1", "Electrocardiogram", "心电图", category="biolink:DiagnosticAid"),
        concept("X:2", "Surgery", category="biolink:Procedure"),
    ]
    index = NameIndex.from_vocabulary(pa.Table.from_pylist(rows, schema=VOCABULARY))
    assert found(index, "行心电图检查; electrocardiogram, surgery") == [("心电图", "X:1")]


def test_short_forms_stand_for_the_chinese_names_that_they_stand_beside():
    text = "系统性红斑狼疮（systemic lupus erythematosus，SLE）多见。SLE患者有急性呼吸窘迫综合征（ARDS）"
    long = text.index("急性")
    definitions = definitions_beside(text, [(0, 7), (long, long + 9)])
    assert definitions == {"SLE": (0, 7), "ARDS": (long, long + 9)}
    assert [short for _, _, short in occurrences(text, definitions)] == ["SLE", "SLE", "ARDS"]


@given(st.text(st.characters(max_codepoint=127) | st.sampled_from("a's 1_"), max_size=60))
def test_the_fast_reading_of_ascii_sees_the_same_words(text):
    assert _ASCII_PIECES.split(text) == _PIECES.split(text)
