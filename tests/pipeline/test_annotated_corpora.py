"""The annotated corpora as they are distributed: everything in them is read, or the reason is known.

The numbers of documents are those of the data's README, those of annotations and relations were counted in the files by other
means: awk over tab-separated lines, grep over XML.
"""

from __future__ import annotations

import gzip
import io
import zipfile
from collections import Counter

import pytest
from upath import UPath

from pipeline.errors import SetAside
from pipeline.readers import recognise
from pipeline.readers.streams import open_stream, read_head

pytestmark = pytest.mark.realdata


def read(path):
    path = UPath(path)
    reader = recognise(read_head(path)[0], path.name)
    with open_stream(path) as stream:
        items = list(reader.read(stream, path.name))
    return reader.name, [i for i in items if not isinstance(i, SetAside)], [i for i in items if isinstance(i, SetAside)]


def total(documents, field):
    return sum(len(getattr(document, field)) for document in documents)


@pytest.mark.parametrize(
    ("file", "reader", "documents", "annotations", "relations"),
    [
        ("bc5cdr/train.pubtator", "pubtator.v2", 480, 8853, 999),
        ("bc5cdr/dev.pubtator", "pubtator.v2", 483, 9160, 978),
        ("ncbi_disease/train.pubtator", "pubtator.v2", 589, 5111, 0),
        ("ncbi_disease/dev.pubtator", "pubtator.v2", 99, 786, 0),
        ("biored/train.pubtator", "pubtator.v2", 346, 11413, 3680),
        ("chemprot_sentences/train.jsonl.gz", "marked_sentences.v1", 4169, 2 * 4169, 4169),
        ("chemprot_sentences/dev.jsonl.gz", "marked_sentences.v1", 2427, 2 * 2427, 2427),
    ],
)
def test_every_document_annotation_and_relation_is_read(materia_data, file, reader, documents, annotations, relations):
    name, found, aside = read(materia_data / "annotated" / file)
    assert (name, aside) == (reader, [])
    assert (len(found), total(found, "annotations"), total(found, "relations")) == (documents, annotations, relations)


def test_one_paper_stands_twice_in_the_ncbi_corpus(materia_data):
    _, found, _ = read(materia_data / "annotated/ncbi_disease/train.pubtator")
    assert [name for name, count in Counter(d.doc_id for d in found).items() if count > 1] == ["PMID:8528200"]


def test_the_composite_mentions_of_biored_variants_are_not_taken_apart(materia_data):
    _, found, _ = read(materia_data / "annotated/biored/train.pubtator")
    curies = {curie for d in found for a in d.annotations if a.type == "SequenceVariant" for curie in a.identifiers}
    assert {curie.partition(":")[0] for curie in curies} == {"dbSNP", "tmVar"}
    assert "tmVar:c|INS|217_218|C" in curies


def test_the_ddi_corpus_with_the_one_mention_whose_offsets_are_wrong(materia_data):
    """14,765 entities; `(R)-warfarin` in Eszopiclone is one character off. 4,021 pairs of 27,792 interact."""
    found, aside = [], []
    with zipfile.ZipFile(materia_data / "annotated/ddi2013/train.zip") as archive:
        for name in archive.namelist():
            if name.endswith(".xml"):
                data = archive.read(name)
                reader = recognise(data[: 1 << 16], name)
                for item in reader.read(io.BufferedReader(io.BytesIO(data)), name):
                    (aside if isinstance(item, SetAside) else found).append(item)
    assert (len(found), total(found, "annotations"), total(found, "relations")) == (714, 14_764, 4_021)
    assert [(item.file, item.reason) for item in aside] == [
        ("Train/DrugBank/Eszopiclone_ddi.xml", "annotation-mismatch")
    ]
    types = Counter(relation.type for document in found for relation in document.relations)
    assert types == {"effect": 1687, "mechanism": 1319, "advise": 826, "int": 188, "ddi": 1}
    assert Counter(document.doc_id.partition(":")[0] for document in found) == {"DDICorpus": 572, "PMID": 142}


def test_bc5cdr_says_the_same_in_bioc_and_in_pubtator(materia_data):
    """BioC adds one annotation for each part of a composite mention, which PubTator has as names in its seventh column.

    One of these parts (PMID 6415512, "atypical absence seizures") has offsets that give other words, so it is set aside.
    """
    _, bioc, aside = read(materia_data / "annotated/bc5cdr/dev.bioc.xml.gz")
    _, pubtator, _ = read(materia_data / "annotated/bc5cdr/dev.pubtator")
    assert [(item.record, item.reason) for item in aside] == [("PMID:6415512 at 247", "annotation-mismatch")]
    assert (len(bioc), total(bioc, "annotations"), total(bioc, "relations")) == (483, 9336 - 1, 978)
    parts = 0
    for one, other in zip(bioc, pubtator, strict=True):
        assert (one.doc_id, one.title, one.sections) == (other.doc_id, other.title, other.sections)
        mentions, same = (Counter((a.spans, a.type, a.identifiers) for a in d.annotations) for d in (one, other))
        assert same <= mentions
        parts += (mentions - same).total()
        assert [[end for _, end in r.arguments] for r in one.relations] == [
            [end for _, end in r.arguments] for r in other.relations
        ]
    with gzip.open(materia_data / "annotated/bc5cdr/dev.bioc.xml.gz", "rt") as lines:
        assert parts == sum("IndividualMention" in line for line in lines) - 1
