"""The same records from every form of file, and what is said of files and rows that are none."""

import csv
import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import MateriaError, SetAside
from training.tasks.records import Record, read_records

ROWS = [{"Question": "Does it help?", "label": "yes"}, {"Question": "Is it, well, safe?", "label": "no"}]


def as_lines(rows):
    return "\n".join(map(json.dumps, rows)).encode()


def as_table(rows, delimiter):
    text = io.StringIO()
    table = csv.DictWriter(text, list(rows[0]), delimiter=delimiter)
    table.writeheader()
    table.writerows(rows)
    return text.getvalue().encode()


def as_parquet(rows):
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


FORMS = {
    "list.json": json.dumps(ROWS).encode(),
    "indented.json": json.dumps(ROWS, indent=1).encode(),
    "under_data.json": json.dumps({"version": 1, "data": ROWS}).encode(),
    "by_identifier.json": json.dumps({"10808977": ROWS[0], "10808978": ROWS[1]}).encode(),
    "lines.jsonl": as_lines(ROWS),
    "lines.json": as_lines(ROWS),
    "marked.jsonl": b"\xef\xbb\xbf" + as_lines(ROWS),
    "lines.jsonl.gz": gzip.compress(as_lines(ROWS)),
    "table.csv": as_table(ROWS, ","),
    "table.tsv": as_table(ROWS, "\t"),
    "table.parquet": as_parquet(ROWS),
}


def read(folder, data, name="a.json"):
    (folder / name).write_bytes(data)
    return list(read_records(str(folder / name)))


@pytest.mark.parametrize("name", FORMS)
def test_every_form_holds_the_same_records(name, tmp_path):
    found = read(tmp_path, FORMS[name], name)
    assert [record.fields for record in found] == [{"question": row["Question"], "label": row["label"]} for row in ROWS]
    assert {record.file for record in found} == {name}
    assert len({record.id for record in found}) == 2


@given(st.lists(st.dictionaries(st.sampled_from(["a", "b", "c"]), st.text() | st.integers(), min_size=1), min_size=2))
def test_lines_and_a_list_are_the_same(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("records")
    lines, listed = read(folder, as_lines(rows), "a.jsonl"), read(folder, json.dumps(rows).encode(), "b.json")
    assert [record.fields for record in lines] == [record.fields for record in listed] == rows


def test_a_document_on_one_long_line_and_lines_longer_than_the_head_are_read(tmp_path):
    rows = [{"context": "word " * 20_000} for _ in range(200)]  # 20 MB, as SQuAD's training file is a line of 42 MB
    assert [record.fields for record in read(tmp_path, json.dumps({"data": rows}).encode())] == rows
    assert [record.fields for record in read(tmp_path, as_lines(rows[:3]))] == rows[:3]


def test_a_bad_line_is_set_aside_with_its_number(tmp_path):
    lines = [*map(json.dumps, ROWS), "{broken", "[1]"]
    *good, broken, no_object = read(tmp_path, "\n".join(lines).encode() + b"\n" + b'{"a": "\xff"}')[:4]
    assert len(good) == 2
    assert (broken.record, broken.reason) == ("line 3", "invalid-json")
    assert (no_object.record, no_object.reason) == ("line 4", "invalid-json")
    assert read(tmp_path, as_lines(ROWS) + b'\n{"a": "\xff"}')[-1].reason == "invalid-json"


def test_a_bad_row_of_a_table_is_set_aside(tmp_path):
    first, short, last = read(tmp_path, b"question,label\nWhy?,no\nonly one\n\nWhen?,yes\n", "a.csv")
    assert (first.place, last.place) == ("line 2", "line 5")
    assert isinstance(short, SetAside) and (short.record, short.reason) == ("line 3", "wrong-number-of-cells")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"  \n", "is empty"),
        (b'[{"a": 1}', "is not JSON"),
        (b"PAR1 and then nothing", "cannot be read as Parquet"),
        (b"\x00\x01\x02", "neither JSON, CSV, TSV nor Parquet"),
        (gzip.compress(as_lines(ROWS), mtime=0)[:-9], "gzip"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_by_name(data, said, tmp_path):
    with pytest.raises(MateriaError, match=said) as error:
        read(tmp_path, data)
    assert "a.json" in str(error.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(MateriaError, match="cannot be read"):
            list(read_records(str(path)))


@pytest.mark.parametrize(
    ("fields", "key", "document"),
    [
        ({"pmid": 123}, "", "PMID:123"),
        ({"pubid": "0123"}, "", "PMID:123"),
        ({"pmcid": "PMC77"}, "", "PMC:77"),
        ({"doi": "10.1000/X"}, "", "DOI:10.1000/x"),
        ({}, "10808977", "PMID:10808977"),  # as PubMedQA has it
        ({"document_id": 630}, "", "630"),  # a name of the file's own
        ({"pmid": "none"}, "", "text:"),
        ({}, "12", "text:"),  # a row's number is no document
    ],
)
def test_what_a_record_is_from(fields, key, document):
    found = Record("a.json", "line 1", key, fields).document(None, "the context")
    assert found == document if document != "text:" else found.startswith("text:")


def test_the_document_column_that_is_named_counts():
    record = Record("a.json", "line 1", "", {"pmid": 5, "note_id": "n7"})
    assert record.document("Note ID", "") == "n7"
    with pytest.raises(MateriaError, match="has no column Chart, but note_id, pmid"):
        record.document("Chart", "")


def test_records_without_a_name_are_one_document_where_their_text_is():
    one, two = (Record("a.json", place, "", {}).document(None, "same text") for place in ("line 1", "line 2"))
    assert one == two != Record("a.json", "line 3", "", {}).document(None, "other text")
