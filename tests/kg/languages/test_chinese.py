import csv
import gzip
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.languages import Concept, language_of
from kg.languages.chinese import chinese_name
from kg.phrases import STANCES, load_phrases
from kg.template_file import parse_templates
from pipeline.errors import MateriaError
from pipeline.han import HAN

ZH = language_of("zh")
DISEASE = "biolink:Disease"


def concept(name="", translations=(), synonyms=(), category=DISEASE, definition=None):
    return Concept(
        "X:1", name, category, [{"name": n, "scope": "exact"} for n in synonyms], definition,
        [{"language": language, "name": n, "scope": scope} for language, n, scope in translations],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("转氨酶 增高(ALT)[详细]", "转氨酶增高（ALT）"),
        ("<b>高血压</b>\n", "高血压"),
        ("\u200b高血\u200b压\u202c\x07", "高血压"),
        ("高血压（HP:0000822）", "高血压"),
        ("Ⅱ 型糖尿病", "Ⅱ型糖尿病"),
        ("ＨＩＶ感染", "HIV感染"),
        ("用力呼气流量减少25-75％", "用力呼气流量减少25-75%"),
        ("小脑扁桃体下疝畸形（Chiari  III 型畸形）", "小脑扁桃体下疝畸形（Chiari III型畸形）"),
        ("抗GABA(B)R抗体", "抗GABA(B)R抗体"),
        ("节段性肾小球硬化症(门部型）", "节段性肾小球硬化症（门部型）"),
        ("植烷酸:降植烷酸比值增加", "植烷酸：降植烷酸比值增加"),
        ("脑电图，光阵发性反应", "脑电图光阵发性反应"),
        ("小耳畸形，2级", "2级小耳畸形"),
        ("多毛症；女性多毛症", "多毛症"),
        ("软骨病。", "软骨病"),
        ("布.加综合征", "布·加综合征"),
        ("枸橼酸西地那非...", "枸橼酸西地那非"),
        ("2-(4-氯苯氧基)-2-甲基丙酸", "2-（4-氯苯氧基）-2-甲基丙酸"),
        ("小黄斑病灶，周围有灰色地带", ""),
        ("苯并[a]芘中毒", "苯并[a]芘中毒"),
        ("反复出现的", ""),
        ("高血压（未闭合", ""),
        ("hypertension", ""),
    ],
)
def test_names_are_cleaned_or_refused(name, expected):
    assert chinese_name(name) == expected


@given(st.text(st.sampled_from("高血压病型,.;:()（），。、 A1<b>[详细]的\n"), max_size=30))
def test_no_name_tears_a_sentence(name):
    clean = chinese_name(name)
    assert not clean or (clean[0] not in "，。、 " and clean[-1] not in "，。、 ")
    assert not re.search(r"[，。；？！\n{}]", clean)
    assert not re.search(rf"[{HAN}] | [{HAN}]", clean)
    assert not re.search(rf"[{HAN}][,.;:?!][{HAN}]", clean)


@pytest.mark.realdata
def test_nearly_all_chinese_names_of_the_phenotype_ontology_can_be_told(materia_data):
    with gzip.open(materia_data / "vocabulary" / "hp-zh.babelon.tsv.gz", "rt", encoding="utf-8") as lines:
        names = [row["translation_value"] for row in csv.DictReader(lines, delimiter="\t")]
    told = [clean for name in names if (clean := chinese_name(name))]
    assert len(told) > 0.995 * len(names) > 18_000
    assert not [name for name in told if re.search(r"[，。；\n]", name) or name != name.strip()]


def test_the_name_is_the_concepts_own_before_the_preferred_translation_before_any_other():
    """Translations are sorted: the first by the alphabet told of anaemia as 血虚, of glaucoma as 绿风内障."""
    both = concept("高血压病", [("de", "Hochdruck", "label"), ("zh", "高血压", "exact")], ["血压升高"])
    name = ZH.name_of(both)
    assert name.text == name.initial == "高血压病"
    assert [other.text for other in ZH.also_called(both, name)] == ["高血压", "血压升高"]
    english = concept("Anemia", [("zh", "血虚", "exact"), ("zh", "贫血", "label")])
    assert ZH.name_of(english).text == "贫血"
    assert [other.text for other in ZH.also_called(english, ZH.name_of(english))] == ["血虚"]


def test_a_loose_alias_stands_in_no_sentence_in_place_of_the_name():
    """A table of diseases calls 骨软骨瘤 also 软骨肿瘤, which is any tumour of cartilage."""
    growth = concept("骨软骨瘤", [("zh", "软骨肿瘤", "exact"), ("zh", "骨软骨瘤病", "exact")])
    name = ZH.name_of(growth)
    assert [other.text for other in ZH.other_names_of(growth, name)] == ["骨软骨瘤病"]
    assert [other.text for other in ZH.also_called(growth, name)] == ["软骨肿瘤", "骨软骨瘤病"]
    assert ZH.name_of(concept("Hypertension", [("zh", "高血压", "narrow")])) is None
    assert ZH.name_of(concept("Hypertension", synonyms=["高血压"])).text == "高血压"


def test_one_name_in_two_writings_is_no_other_name():
    same = concept("糖尿病腎病變", [("zh", "糖尿病肾病变", "exact")], ["糖尿病 肾病变"])
    assert ZH.other_names_of(same, ZH.name_of(same)) == ()


@pytest.mark.parametrize(
    ("name", "category", "told"),
    [
        ("TP53", "biolink:Gene", True),
        ("IL-6", "biolink:Protein", True),
        ("c.35delG", "biolink:SequenceVariant", True),
        ("tumor necrosis factor", "biolink:Protein", False),
        ("insulin", "biolink:Protein", False),
        ("SKF-82958", "biolink:SmallMolecule", True),
        ("MK-801", "biolink:ChemicalEntity", True),
        ("Aspirin", "biolink:SmallMolecule", False),
        ("ARDS1", DISEASE, False),
        ("Hypertension", DISEASE, False),
        ("TP53", "biolink:PhenotypicFeature", False),
    ],
)
def test_only_symbols_and_codes_stand_in_latin_letters(name, category, told):
    found = ZH.name_of(concept(name, category=category))
    assert (found.text if found else None) == (name if told else None)


def test_departments_are_called_departments():
    assert ZH.name_of(concept("肝病", category="biolink:AdministrativeEntity")).text == "肝病科"
    assert ZH.name_of(concept("消化内科", category="biolink:AdministrativeEntity")).text == "消化内科"
    assert ZH.name_of(concept("肝病")).text == "肝病"


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ("高血压是指动脉血压持续升高。常见于老年人。", "指动脉血压持续升高"),
        ("一种以动脉血压升高为特征的疾病。", "一种以动脉血压升高为特征的疾病"),
        ("常见于老年人。", ""),
        ("A disease.", ""),
        (None, ""),
    ],
)
def test_definitions_are_told_where_they_go_on_behind_the_verb(definition, expected):
    one = concept("高血压", definition=definition)
    assert ZH.definition_of(one, ZH.name_of(one)) == expected


def test_synonyms_are_a_list_with_chinese_marks():
    one = concept("阳痿", synonyms=["勃起功能障碍", "阳萎", "勃起不足"])
    ((text, spans),) = ZH.opening(one, ZH.name_of(one))
    assert text == "阳痿又称勃起功能障碍、阳萎和勃起不足。"
    assert [text[a:b] for a, b, _, _ in spans] == ["阳痿", "勃起功能障碍", "阳萎", "勃起不足"]


def every_sentence():
    for predicate, entry in ZH.phrases.templates.predicates.items():
        cases = [{}, *({key: values[0] for key, values in case.when.items()} for case in entry.cases)]
        for case in cases:
            for stance in STANCES:
                ways = ZH.phrases.of(
                    predicate,
                    stance,
                    False,
                    False,
                    case.get("direction"),
                    case.get("subject", ""),
                    case.get("object", ""),
                )
                yield predicate, stance, ways


def test_every_predicate_told_in_english_is_told_in_chinese():
    english, chinese = load_phrases("en").templates.predicates, ZH.phrases.templates.predicates
    assert set(english) <= set(chinese)


def test_every_sentence_is_chinese_from_end_to_end():
    """In every predicate, case and stance: Han and full-width marks only, ended by 。."""
    for predicate, stance, ways in every_sentence():
        assert ways, (predicate, stance)
        for way in ways:
            text = f"{way.before}{way.between}{way.after}"
            assert re.fullmatch(rf"[{HAN}，]+。", text), (predicate, text)
        assert len(set(ways)) == len(ways)


def test_the_stances_sound_as_sure_as_they_are():
    sure = {"high": "", "middle": "据报道|有资料显示", "low": "可能", "denied": "未", "contested": "不一"}
    for predicate, stance, ways in every_sentence():
        for way in ways:
            text = way.before + way.between + way.after
            assert re.search(sure[stance], text), (predicate, text)
            if stance in ("high", "middle"):
                assert not re.search("可能|未发现|未显示|是否|能否|不一", text), (predicate, text)
            if stance == "high":
                assert not re.search("据报道|有资料", text), (predicate, text)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            '- "{object}可用{subject}预防。"',
            '- "{object}可用{subject}预防"',
            "End it with a full stop|end it with a full stop",
        ),
        ('- "{object}可用{subject}预防。"', '- "{宾语}可用{subject}预防。"', "unknown slot {宾语}"),
        ('- "{object}可用{subject}预防。"', '- "{object}可用药物预防。"', "slot {subject} stands 0 times"),
        ("links: 呈正相关", "link: 呈正相关", "unknown key 'link'"),
    ],
)
def test_a_mistake_in_the_chinese_templates_is_named_with_its_line(old, new, message):
    from kg.phrases import shipped_templates

    text = shipped_templates("zh")
    line = text[: text.index(old)].count("\n") + 1
    with pytest.raises(MateriaError, match=message) as error:
        parse_templates(text.replace(old, new, 1), "zh.yaml")
    assert f"line {line}" in str(error.value)


def test_a_file_of_ones_own_adds_to_the_chinese_templates(tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text(
        "language: zh\npredicates:\n  biolink:treats:\n    forms:\n      high: ['{subject}是治疗{object}的常用药。']\n",
        encoding="utf-8",
    )
    ways = load_phrases("zh", str(own)).of("biolink:treats", "high")
    assert len(ways) == len(ZH.phrases.of("biolink:treats", "high")) + 1
    assert ways[-1] == (True, "", "是治疗", "的常用药。")
