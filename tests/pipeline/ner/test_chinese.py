"""The recogniser on Chinese: characters, known names, layers for types that nest."""

import gzip
import json

import pytest
import spacy

from pipeline.errors import MateriaError
from pipeline.ner.chinese_features import chinese_features
from pipeline.ner.component import make_recogniser  # noqa: F401  registers the component also where the package is not installed
from pipeline.ner.evaluation import evaluate_ner
from pipeline.ner.known import Counts
from pipeline.ner.labels import encode
from pipeline.ner.layers import layers_of
from pipeline.ner.training import train_ner
from pipeline.ner.words import cut

ORGANS = ["肝", "脾脏", "心脏", "淋巴结", "甲状腺", "肾"]
CHANGES = ["肿大", "疼痛", "增大"]
DISEASES = ["麻疹", "肺炎", "糖尿病", "白血病", "SARS", "水痘"]


def sentence(number):
    organ, change, disease = ORGANS[number % 6], CHANGES[number % 3], DISEASES[(number * 5 + number // 6) % 6]
    text = f"{disease}患者可有{organ}{change}，第{number}例。"
    start = text.index(organ)
    entities = [(0, len(disease), "dis"), (start, start + len(organ), "bod")]
    entities.append((start, start + len(organ + change), "sym"))
    return {
        "text": text,
        "entities": [{"start_idx": a, "end_idx": b - 1, "type": k, "entity": text[a:b]} for a, b, k in entities],
    }


@pytest.fixture(scope="module")
def gold(tmp_path_factory):
    path = tmp_path_factory.mktemp("cmeee") / "gold.json"
    path.write_text(json.dumps([sentence(number) for number in range(60)], ensure_ascii=False), encoding="utf-8")
    return path


def test_entities_inside_others_are_learned_and_told(gold, tmp_path):
    train_ner([str(gold)], str(tmp_path / "model"))
    doc = spacy.load(tmp_path / "model")("肺炎患者可有脾脏疼痛，第99例。")
    assert {(span.text, span.label_) for span in doc.spans["materia_ner"]} == {
        ("肺炎", "dis"),
        ("脾脏", "bod"),
        ("脾脏疼痛", "sym"),
    }
    assert [(e.text, e.label_) for e in doc.ents] == [("肺炎", "dis"), ("脾脏疼痛", "sym")]


def test_the_first_documents_are_judged_and_the_others_learned_from(gold):
    figures = evaluate_ner([], [str(gold)], first=12)
    assert (figures["judged_documents"], figures["gold"], figures["training"]["documents"]) == (12, 36, 48)
    assert figures["f1"] > 0.95
    with pytest.raises(MateriaError, match="60 documents"):
        evaluate_ner([], [str(gold)], first=61)


def test_training_twice_gives_the_same_folder(gold, tmp_path):
    for name in ("one", "two"):
        train_ner([str(gold)], str(tmp_path / name))
    files = [{p.name: p.read_bytes() for p in (tmp_path / name / "materia_ner").iterdir()} for name in ("one", "two")]
    assert files[0] == files[1] and {"tagger.crfsuite", "tagger-2.crfsuite"} <= set(files[0])


def test_types_that_hold_many_others_get_a_layer_of_their_own():
    nested = [(0, 4, "sym"), (0, 2, "bod"), (5, 7, "dis")]
    assert layers_of([nested]) == [frozenset({"bod", "dis"}), frozenset({"sym"})]
    apart = [(0, 2, "bod"), (2, 4, "sym")]
    assert layers_of([apart] * 30 + [nested]) == [frozenset({"bod", "dis", "sym"})]


def test_every_known_name_is_told_by_place_length_and_type():
    counts = Counts()
    words = cut("急性肺炎")
    counts.add("a", words, [encode(words, [(0, 4, "dis")]), encode(words, [(2, 3, "bod")])])
    rows = chinese_features(cut("患急性肺炎"), counts.known(), [(3, 5, "Disease")])
    assert "kB4dis1" in rows[1] and "kL4dis1" in rows[4] and "kUbod1" in rows[3] and "k<4dis1" in rows[0]
    assert "vB2Disease" in rows[3] and "vL2Disease" in rows[4] and "v<2Disease" in rows[2]


@pytest.mark.realdata
def test_two_hundred_sentences_of_cmeee_teach_what_its_others_hold(materia_data, tmp_path):
    with gzip.open(materia_data / "chinese/cmeee_first4000.json.gz", "rt", encoding="utf-8") as file:
        some = json.load(file)[:260]
    (tmp_path / "some.json").write_text(json.dumps(some, ensure_ascii=False), encoding="utf-8")
    figures = evaluate_ner([], [str(tmp_path / "some.json")], first=60)
    assert figures["gold"] == sum(len(s["entities"]) for s in some[:60])
    assert figures["f1"] > 0.25
