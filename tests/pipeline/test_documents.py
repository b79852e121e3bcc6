"""From files to rows: text, offsets, hashes, and what is set aside on the way."""

from __future__ import annotations

import gzip
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from upath import UPath

from pipeline.documents import read_documents
from pipeline.errors import MateriaError
from pipeline.hashing import text_hash
from pipeline.inventory import LiteratureFile, list_files, take_inventory
from pipeline.readers.base import clean, compose
from pipeline.tables import DOCUMENTS


def put(folder, name, *records):
    path = UPath(folder / name)
    path.write_text("".join(json.dumps(r) + "\n" for r in records))
    return LiteratureFile(name, path, 1), f"1/{name}", "jsonl.v1"


def rows(*files):
    aside = []
    return [row for batch in read_documents(files, aside.append) for row in batch.to_pylist()], aside


def test_a_row_holds_title_and_sections_joined_with_their_bounds(tmp_path):
    (row,), _ = rows(put(tmp_path, "a", {"id": "PMID:1", "title": "T", "abstract": "A.", "text": "B."}))
    assert row["text"] == "T\nA.\nB."
    assert [(s["label"], s["start"], s["end"]) for s in row["sections"]] == [
        ("title", 0, 1),
        ("abstract", 2, 4),
        ("body", 5, 7),
    ]
    assert row["text_hash"] == text_hash(row["text"])
    assert (row["position"], row["file"], row["record"]) == ("1/a", "a", 0)


def test_metadata_leaves_the_text_hash_alone_and_text_leaves_the_metadata_hash_alone(tmp_path):
    base = {"id": "PMID:1", "title": "Title", "abstract": "Aaa."}
    changes = [
        base,
        {**base, "keywords": ["k"]},
        {**base, "retracted": True},
        {**base, "year": 1999},
        {**base, "abstract": "Bbb."},
    ]
    found, _ = rows(put(tmp_path, "a", *changes))
    assert len({r["text_hash"] for r in found[:4]}) == 1
    assert len({r["metadata_hash"] for r in found[:4]}) == 4
    assert found[4]["metadata_hash"] == found[0]["metadata_hash"]
    assert found[4]["text_hash"] != found[0]["text_hash"]


def test_a_title_alone_will_do_and_nothing_at_all_is_set_aside(tmp_path):
    found, aside = rows(
        put(
            tmp_path,
            "a",
            {"id": "PMID:1", "title": "T"},
            {"id": "PMID:2", "abstract": "\u2003"},
            {"id": "PMID:3", "text": "B"},
        )
    )
    assert [(r["doc_id"], r["text"], r["record"]) for r in found] == [("PMID:1", "T", 0), ("PMID:3", "\nB", 2)]
    assert [(a.reason, a.record) for a in aside] == [("no-text", "record 1 (PMID:2)")]


def test_a_tombstone_has_no_text(tmp_path):
    (row,), _ = rows(put(tmp_path, "a", {"id": "PMID:1", "title": "T", "abstract": "A", "deleted": True}))
    assert (row["status"], row["text"], row["title"], row["sections"]) == ("deleted", "", "", [])


def test_a_file_that_breaks_keeps_its_records_and_the_next_file_is_read(tmp_path):
    lines = "".join(json.dumps({"id": f"PMID:{i}", "title": f"Title {i * i}"}) + "\n" for i in range(1, 3000))
    path = UPath(tmp_path / "cut.jsonl.gz")
    path.write_bytes(gzip.compress(lines.encode())[:-2000])
    found, aside = rows(
        (LiteratureFile("cut.jsonl.gz", path, 1), "1/cut", "jsonl.v1"),
        put(tmp_path, "b", {"id": "PMID:9999", "title": "T"}),
    )
    assert [a.reason for a in aside] == ["truncated-gzip"]
    assert aside[0].file == "cut.jsonl.gz"
    assert aside[0].record == f"record {len(found) - 1}"
    assert len(found) > 1000
    assert found[-1]["doc_id"] == "PMID:9999"


def test_batches_hold_512_rows_across_files(tmp_path):
    files = [
        put(tmp_path, f"f{i}", *({"id": f"PMID:{i}{j}", "title": "T"} for j in range(100, 500))) for i in range(1, 4)
    ]
    batches = list(read_documents(files, print))
    assert [b.num_rows for b in batches] == [512, 512, 176]
    assert all(b.schema.equals(DOCUMENTS) for b in batches)


def test_a_set_aside_record_still_counts_as_a_place(tmp_path):
    path = UPath(tmp_path / "a")
    path.write_text('{"id": "PMID:1", "title": "T"}\nnot json\n{"id": "PMID:2", "title": "T"}\n')
    found, aside = rows((LiteratureFile("a", path, 1), "1/a", "jsonl.v1"))
    assert [r["record"] for r in found] == [0, 2]
    assert aside[0].record == "line 2"


def test_a_file_without_a_record_is_set_aside(tmp_path):
    path = UPath(tmp_path / "a")
    path.write_text("\n\n")
    assert [a.reason for a in rows((LiteratureFile("a", path, 1), "1/a", "jsonl.v1"))[1]] == ["no-records"]


def test_a_file_gone_and_an_unknown_format_are_errors(tmp_path):
    file = LiteratureFile("gone", UPath(tmp_path / "gone"), 1)
    with pytest.raises(MateriaError, match=r"^gone: cannot be read"):
        rows((file, "1/gone", "jsonl.v1"))
    with pytest.raises(MateriaError, match=r"jsonl\.v99"):
        rows((file, "1/gone", "jsonl.v99"))


def test_a_surrogate_in_json_does_not_break_the_table(tmp_path):
    (row,), _ = rows(
        put(tmp_path, "a", {"id": "PMID:1", "title": "a\ud800b", "keywords": ["\udfff"], "journal": "\x00"})
    )
    assert (row["text"], row["subjects"]) == ("a\ufffdb", ["\ufffd"])


TEXTS = st.text(st.characters(exclude_categories=[]), max_size=30)


@given(TEXTS, st.lists(st.tuples(TEXTS, TEXTS), max_size=4))
def test_bounds_cut_the_text_into_its_sections_whatever_the_text(title, sections):
    text, spans = compose(title, sections)
    assert "\n".join(text[start:end] for _, start, end in spans) == text
    assert spans[0][0] == "title"
    assert text[spans[0][1] : spans[0][2]] == clean(title)
    assert unicodedata.is_normalized("NFC", text)
    assert not any(unicodedata.category(c) == "Cc" and c not in "\n\t" for c in text)
    text.encode()


@given(TEXTS)
def test_cleaning_twice_is_cleaning_once_and_moves_no_offset_of_a_normalized_text(text):
    assert clean(clean(text)) == clean(text)
    if unicodedata.is_normalized("NFC", text):
        assert len(clean(text)) == len(text)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("literature/pubmed/medsamp2006.xml.gz", 88), ("literature/pubmed", 96), ("literature/jats", 30),
        ("literature/cohen2006.jsonl.gz", 10_733), ("annotated/bc5cdr/dev.pubtator", 483),
    ],
)  # fmt: skip
def test_real_files_are_read_whole(materia_data, source, count):
    aside = []
    files = list_files([str(materia_data / source)])
    inventory = take_inventory(files, set_aside=aside.append).to_pylist()
    paths = {file.name: file for file in files}
    found = sum(
        b.num_rows
        for b in read_documents([(paths[r["file"]], r["position"], r["format"]) for r in inventory], aside.append)
    )
    assert (found, aside) == (count, [])


@pytest.mark.realdata
@pytest.mark.parametrize("corpus", ["bc5cdr/dev", "bc5cdr/train", "ncbi_disease/dev", "biored/train"])
def test_gold_offsets_point_at_the_gold_words(materia_data, corpus):
    """Every annotation line of a gold corpus cuts its own words out of our text."""
    path = materia_data / "annotated" / f"{corpus}.pubtator"
    found, _ = rows((LiteratureFile("x", UPath(path), 1), "1/x", "pubtator.v2"))
    texts = {r["doc_id"]: r["text"] for r in found}
    right = wrong = 0
    for line in path.read_text().splitlines():
        fields = line.split("\t")
        if len(fields) >= 5 and fields[1].isdigit():
            cut = texts[f"PMID:{fields[0]}"][int(fields[1]) : int(fields[2])]
            right, wrong = (right + 1, wrong) if cut == fields[3] else (right, wrong + 1)
    assert right > 500
    assert wrong == 0


@pytest.mark.realdata
def test_no_paragraph_of_a_real_article_is_lost(materia_data):
    """Every paragraph of body and abstract, markup stripped, is in the document."""
    from lxml import etree

    floats = (
        "ancestor::fig|ancestor::table-wrap|ancestor::supplementary-material|ancestor::media|ancestor::table-wrap-foot"
    )
    checked = 0
    for path in sorted((materia_data / "literature" / "jats").glob("*.gz")):
        (row,), _ = rows((LiteratureFile("x", UPath(path), 1), "1/x", "jats.v2"))
        text = "".join(row["text"].split())
        root = etree.fromstring(
            gzip.decompress(path.read_bytes()), etree.XMLParser(load_dtd=False, resolve_entities=False)
        )
        for p in root.xpath(f"(/article/body|/article/front/article-meta/abstract)//p[not({floats})][not(.//p)]"):
            for drop in p.xpath(".//fig|.//table-wrap|.//supplementary-material|.//media|.//tex-math|.//object-id"):
                drop.text, keep = None, drop.tail
                for child in list(drop):
                    drop.remove(child)
                drop.tail = keep
            paragraph = "".join(unicodedata.normalize("NFC", "".join(p.itertext())).split())
            assert paragraph in text, (path.name, paragraph[:80])
            checked += bool(paragraph)
    assert checked > 1000


def test_clinical_records_leave_nothing_that_names_a_person_not_even_in_what_is_set_aside(tmp_path):
    from pipeline.deidentify import Deidentifier

    note = {"id": "HOSP:4482913", "title": "Visit", "text": "Mr. Varga came on 12 March 2019. Varga has gout."}
    path = UPath(tmp_path / "notes.jsonl")
    path.write_text(
        json.dumps(note) + '\n{"pmid": "Varga 4482913"}\n' + json.dumps({"id": "HOSP:4482913", "deleted": True})
    )
    file = LiteratureFile("notes.jsonl", path, 1, records=True)
    aside = []
    (batch,) = read_documents([(file, "1/notes.jsonl", "jsonl.v1")], aside.append, Deidentifier())
    (row,) = batch.to_pylist()
    assert row["text"] == "Visit\nMr. [NAME 1] came on [DATE 2019]. [NAME 1] has gout."
    assert [a.reason for a in aside] == ["invalid-field", "deletion-of-record"]
    for word in ("Varga", "4482913", "HOSP"):
        assert word not in repr(row) + repr(aside)


def test_a_file_of_nothing_but_bad_records_is_not_read_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.bad_records._MOST", 100)
    path = UPath(tmp_path / "notes.jsonl")
    good = '{"id": "PMID:%d", "title": "T"}\n'
    path.write_text(good % 1 + "no json\n" * 5000 + good % 2)
    aside = []
    (batch,) = read_documents([(LiteratureFile("notes.jsonl", path, 1), "1/a", "jsonl.v1")], aside.append)
    assert batch["doc_id"].to_pylist() == ["PMID:1"]
    assert (len(aside), aside[-1].reason) == (101, "too-many-bad-records")
    path.write_text((good % 1 + "no json\n" * 9) * 50)  # one in ten is good enough
    (batch,) = read_documents([(LiteratureFile("notes.jsonl", path, 1), "1/a", "jsonl.v1")], aside.append)
    assert batch.num_rows == 50
