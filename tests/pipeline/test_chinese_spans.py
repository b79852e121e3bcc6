"""What becomes of the spans that a recogniser finds in Chinese."""

import pyarrow as pa
import pytest

from pipeline.extractor import Extractor, Part
from pipeline.finders import FoundSpan
from pipeline.sentences import split_sentences
from pipeline.tables import VOCABULARY
from pipeline.vocabulary_index import VocabularyIndex
from tests.pipeline.test_chinese_names import concept


@pytest.fixture(scope="module")
def extractor():
    rows = [
        concept("HP:1", "Pneumonia", "肺炎"),
        concept("HP:2", "Nephritis", "肾炎"),
        concept("HP:3", "Lupus nephritis", "狼疮性肾炎"),
    ]
    return Extractor(VocabularyIndex.of(pa.Table.from_pylist(rows, schema=VOCABULARY)))


def mentions(extractor, text, *found):
    spans = [FoundSpan(text.index(words), text.index(words) + len(words), label, 1.0) for words, label in found]
    part = Part(text, split_sentences(text), {}, extractor.names(text), spans, "ner@1")
    return [(m["text"], m["curie"], m["category"], m["finder"]) for m in extractor.read([part])[0]]


def test_a_span_that_is_a_name_has_its_concept(extractor):
    assert mentions(extractor, "狼瘡性腎炎多见", ("狼瘡性腎炎", "dis")) == [
        ("狼瘡性腎炎", "HP:3", "biolink:Disease", "ner@1"),
    ]


def test_a_span_without_a_name_gives_way_to_the_names_inside_it(extractor):
    assert mentions(extractor, "支原体肺炎多见", ("支原体肺炎", "dis")) == [
        ("肺炎", "HP:1", "biolink:Disease", "dictionary.v2"),
    ]


def test_a_span_of_which_nothing_is_known_stays_without_a_concept(extractor):
    assert mentions(extractor, "右肺呼吸音减低", ("呼吸音减低", "sym"), ("右肺", "bod")) == [
        ("右肺", None, "biolink:AnatomicalEntity", "ner@1"),
        ("呼吸音减低", None, "biolink:PhenotypicFeature", "ner@1"),
    ]
