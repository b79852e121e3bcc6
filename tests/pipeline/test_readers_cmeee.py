import io
import json

import pytest

from pipeline.errors import SetAside
from pipeline.readers.cmeee import Cmeee


def read(*sentences):
    data = json.dumps(sentences, ensure_ascii=False).encode()
    return list(Cmeee().read(io.BufferedReader(io.BytesIO(data)), "f"))


def entity(start, end, kind, words):
    return {"start_idx": start, "end_idx": end, "type": kind, "entity": words}


@pytest.mark.parametrize("end", [3, 4])
def test_inclusive_and_exclusive_ends_are_told_apart_by_the_words(end):
    (document,) = read({"text": "肺部病变较轻。", "entities": [entity(0, end, "dis", "肺部病变")]})
    assert [(a.spans, a.text, a.type) for a in document.annotations] == [(((1, 5),), "肺部病变", "dis")]
    assert document.language == "zh"


def test_nested_entities_all_stand():
    (document,) = read({"text": "肺部病变", "entities": [entity(0, 3, "dis", "肺部病变"), entity(0, 1, "bod", "肺部")]})
    assert [a.spans for a in document.annotations] == [((1, 5),), ((1, 3),)]


def test_what_cannot_be_used_is_set_aside_and_the_rest_stands():
    aside, mismatch, document, empty = read(
        {"text": "肺部病变", "entities": [{"type": "dis"}, entity(2, 3, "sym", "发热"), entity(0, 1, "bod", "肺部")]},
        {"text": " "},
    )
    assert isinstance(aside, SetAside) and aside.reason == "invalid-entity"
    assert isinstance(mismatch, SetAside) and mismatch.reason == "annotation-mismatch"
    assert [a.text for a in document.annotations] == ["肺部"]
    assert isinstance(empty, SetAside) and empty.reason == "invalid-sentence"


def test_a_file_that_breaks_off_ends_there():
    data = b'[{"text": "\xe8\x82\xba", "entities": []}, {"text": "'
    document, aside = Cmeee().read(io.BufferedReader(io.BytesIO(data)), "f")
    assert (document.annotations, aside.reason) == ((), "invalid-json")


@pytest.mark.realdata
def test_every_entity_of_the_first_four_thousand_sentences_gives_its_words(materia_data):
    from pipeline.gold_corpus import read_gold_corpus

    corpus = read_gold_corpus([str(materia_data / "chinese/cmeee_first4000.json.gz")])
    assert corpus.set_aside == ()
    marked = [a for batch in corpus.documents for some in batch.column("annotations").to_pylist() for a in some]
    assert (sum(batch.num_rows for batch in corpus.documents), len(marked)) == (4000, 21_037)
