"""CMeIE: gold annotations and relations of Chinese sentences, and, where they are asked for, its relations as evidence."""

from __future__ import annotations

import gzip
import io
import json
from collections import Counter
from pathlib import Path

import pytest

from pipeline.biolink_predicates import PREDICATES, categories_of
from pipeline.curated.names import name_curie
from pipeline.errors import SetAside
from pipeline.gold_corpus import read_gold_corpus
from pipeline.graphs.base import Edge
from pipeline.graphs.files import edges_of, open_graphs
from pipeline.graphs.mapping import GraphMapping
from pipeline.inventory import list_files
from pipeline.readers import READERS, recognise
from pipeline.readers.base import Document, raw_text
from pipeline.relations.pairs import learn_scheme
from pipeline.relations.schemes import CATEGORY_OF_TYPE, MEANINGS
from pipeline.vocabularies import load_vocabulary

TEXT = "早产@早产儿常见呼吸困难，可用二甲双胍（ERCP）。"


def relation(predicate: str, subject: tuple[str, str], object_: tuple[str, str]) -> dict[str, object]:
    (one, kind), (other, other_kind) = subject, object_
    return {
        "Combined": False,
        "predicate": predicate,
        "subject": one,
        "subject_type": kind,
        "object": {"@value": other},
        "object_type": {"@value": other_kind},
    }


SYMPTOM = relation("临床表现", ("早产", "疾病"), ("呼吸困难", "症状"))
DRUG = relation("药物治疗", ("早产", "疾病"), ("二甲双胍", "药物"))
CAUSE = relation("病因", ("早产", "疾病"), ("早产儿", "社会学"))


def line(*relations: dict[str, object], text: str = TEXT) -> bytes:
    return json.dumps({"text": text, "spo_list": relations}, ensure_ascii=False).encode() + b"\n"


def documents(content: bytes) -> list[Document | SetAside]:
    return list(READERS["cmeie.v1"].read(io.BufferedReader(io.BytesIO(content)), "f"))


def edges(folder: Path, content: bytes) -> tuple[list[Edge], list[SetAside]]:
    (folder / "f.jsonl").write_bytes(content)
    (graph,) = open_graphs(list_files([str(folder / "f.jsonl")]), print)
    items = list(edges_of(graph, GraphMapping()))
    return [i for i in items if isinstance(i, Edge)], [i for i in items if isinstance(i, SetAside)]


def test_every_occurrence_is_annotated_but_one_inside_a_longer_name() -> None:
    (document,) = documents(line(SYMPTOM, DRUG, CAUSE))
    assert isinstance(document, Document)
    text = raw_text(document.title, document.sections)
    found = [(text[a:b], a - 1, one.type) for one in document.annotations for a, b in one.spans]
    assert found == [("早产", 0, "疾病"), ("早产儿", 3, "社会学"), ("呼吸困难", 8, "症状"), ("二甲双胍", 15, "药物")]
    (document,) = documents(line(SYMPTOM))  # 早产儿 is not marked here
    assert isinstance(document, Document)
    assert [one.spans[0][0] - 1 for one in document.annotations] == [0, 3, 8]
    assert document.language == "zh"


def test_a_relation_goes_the_way_of_its_predicate_and_keeps_the_roles_of_the_corpus() -> None:
    (document,) = documents(line(SYMPTOM, DRUG))
    assert isinstance(document, Document)
    disease, drug = name_curie("早产", "biolink:Disease"), name_curie("二甲双胍", "biolink:Drug")
    assert document.relations[0].arguments[0] == ("subject", disease)
    assert document.relations[1].arguments == (("object", drug), ("subject", disease))
    assert MEANINGS[document.relations[1].type].predicate == "biolink:treats"


def test_a_document_is_named_by_its_text_and_the_edge_cites_it(tmp_path: Path) -> None:
    (one,), (other,) = documents(line(SYMPTOM)), documents(line(DRUG))
    assert isinstance(one, Document) and isinstance(other, Document)
    assert one.doc_id == other.doc_id
    (edge,), _ = edges(tmp_path, line(SYMPTOM))
    assert (edge.publication, edge.place, edge.trigger) == (one.doc_id, "line 1", "临床表现")


def test_an_edge_cites_the_occurrences_that_stand_closest(tmp_path: Path) -> None:
    (edge,), _ = edges(tmp_path, line(DRUG))
    assert edge.spans == (15, 19, 3, 5)
    assert (edge.subject, edge.object) == (
        name_curie("二甲双胍", "biolink:Drug"),
        name_curie("早产", "biolink:Disease"),
    )


def test_relations_to_figures_and_phrases_are_gold_and_no_evidence(tmp_path: Path) -> None:
    found, aside = edges(tmp_path, line(CAUSE, relation("并发症", ("早产", "疾病"), ("早产儿", "其他"))))
    assert (found, [one.reason for one in aside]) == ([], ["unknown-relation", "no-concept"])
    (document,) = documents(line(CAUSE))
    assert isinstance(document, Document) and document.relations[0].type == "病因"


def test_what_has_a_meaning_keeps_to_its_domain_and_range() -> None:
    """A reverse relation has the disease for its object; every relation of CMeIE is about a disease."""
    chinese = {name: meaning for name, meaning in MEANINGS.items() if not name.isascii()}
    assert len(chinese) == 22
    for meaning in chinese.values():
        side = PREDICATES[meaning.predicate].range if meaning.reverse else PREDICATES[meaning.predicate].domain
        assert CATEGORY_OF_TYPE["疾病"] in categories_of(side)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"text": 1, "spo_list": []}\n', "invalid-sentence"),
        (b"nothing\n", "invalid-json"),
        (b'{"text": "\xff", "spo_list": []}\n', "not-utf-8"),
        (line(relation("临床表现", ("早产", "疾病"), ("发热", "症状"))), "invalid-relation"),
        (line(relation("临床表现", ("早产", "疾病"), ("早产", "症状"))), "invalid-relation"),
        (line({"predicate": "临床表现"}), "invalid-relation"),
    ],
)
def test_what_cannot_be_used_is_set_aside_with_its_line_and_the_rest_is_read(content: bytes, reason: str) -> None:
    aside = [one for one in documents(line(SYMPTOM) + content) if isinstance(one, SetAside)]
    assert [(one.record, one.reason) for one in aside] == [("line 2", reason)]
    assert aside[0].detail.endswith(".")


def test_it_is_not_taken_for_other_lines_of_json() -> None:
    assert recognise(line(SYMPTOM), "x.jsonl") is READERS["cmeie.v1"]
    assert recognise(b'{"text": "a", "id": "1"}\n', "x.jsonl") is READERS["jsonl.v1"]


@pytest.mark.realdata
def test_the_first_3000_sentences(materia_data: Path, tmp_path: Path) -> None:
    path = materia_data / "chinese" / "cmeie_first3000.jsonl.gz"
    corpus = read_gold_corpus([str(path)])
    rows = [row for batch in corpus.documents for row in batch.to_pylist()]
    assert (len(rows), sum(len(row["relations"]) for row in rows)) == (3000, 8852)
    assert all(row["text"][a["start"] : a["end"]] == a["text"] for row in rows for a in row["annotations"])
    scheme = learn_scheme(corpus.documents)
    assert scheme.level == "document" and len(scheme.labels) == len(
        {t for r in rows for t in (x["type"] for x in r["relations"])}
    )
    found, aside = edges(tmp_path, gzip.decompress(path.read_bytes()))
    assert len(found) == 7008
    assert Counter(edge.predicate for edge in found)["biolink:has_phenotype"] == 2501
    assert Counter(one.reason for one in aside) == {
        "unknown-relation": 1783,
        "no-name": 31,
        "no-concept": 30,
        "invalid-relation": 4,
    }
    named = set(load_vocabulary([str(path)], lambda _: None)["curie"].to_pylist())
    assert {curie for edge in found for curie in (edge.subject, edge.object)} <= named
