"""Tables of records (CSV, TSV, Parquet): columns, dialects, encodings, and rows that cannot be used."""

from __future__ import annotations

import gzip
import io
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from upath import UPath

from pipeline.errors import SetAside
from pipeline.readers import READERS
from pipeline.readers.encodings import encoding_of
from pipeline.readers.streams import open_stream


def read(reader, data):
    data = data.encode() if isinstance(data, str) else data
    return list(READERS[reader].read(io.BufferedReader(io.BytesIO(data)), "f"))


def reasons(items):
    return [(item.record, item.reason) if isinstance(item, SetAside) else item.title for item in items]


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_the_delimiter_is_found_and_quoted_cells_run_over_lines(delimiter):
    rows = [["PMID", "Article Title", "Summary"], ["7", "T", '"Line one,\nline ""two""; tab\t| end"']]
    (document,) = read("csv.v1", "\r\n".join(delimiter.join(row) for row in rows))
    assert (document.doc_id, document.title) == ("PMID:7", "T")
    assert document.sections == (("abstract", 'Line one,\nline "two"; tab\t| end'),)


def test_quotes_of_a_table_that_quotes_nothing_are_text():
    (document,) = read("csv.v1", 'title\tabstract\n"Aspirin" in fever\tIt "helps".\n')
    assert (document.title, document.sections[0][1]) == ('"Aspirin" in fever', 'It "helps".')


def test_columns_of_a_known_table_become_fields():
    # https://github.com/allenai/cord19: the columns of metadata.csv
    table = (
        "cord_uid,sha,source_x,title,doi,pmcid,pubmed_id,license,abstract,publish_time,authors,journal\n"
        "ug7v899j,aa11; bb22,PMC,T,10.1186/X,PMC35282,11472636,no-cc,A.,2001-07-04,\"M, T\",BMC\n"
    )  # fmt: skip
    (document,) = read("csv.v1", table)
    assert (document.doc_id, document.year, document.journal) == ("PMID:11472636", 2001, "BMC")
    assert document.aliases == ("DOI:10.1186/x", "PMC:35282", "cord19:aa11", "cord19:bb22", "cord19:ug7v899j")
    assert document.sections == (("abstract", "A."),)
    assert not document.full_text


def test_texts_of_several_columns_are_all_kept():
    (document,) = read("csv.v1", "label,description,text,keywords\nGout,Short.,Long.,a; b\n")
    assert document.sections == (("body", "Long."), ("description", "Short."))
    assert (document.subjects, document.full_text) == (("a", "b", "Gout"), True)


def test_a_bad_row_is_set_aside_with_its_number_and_the_next_is_read():
    rows = b'title,abstract\nA,na\xc3\xafve na\xc3\xafve na\xc3\xafve\nB\nC,c,c\nD,"d"d\nE,\xff\xfe\nF,f\n,\npmid\n'
    assert reasons(read("csv.v1", rows.replace(b"pmid\n", b'G,"open'))) == [
        "A", ("row 2", "wrong-number-of-cells"), ("row 3", "wrong-number-of-cells"), ("row 4", "invalid-csv"),
        ("row 5", "invalid-encoding"), "F", ("row 8", "invalid-csv"),
    ]  # fmt: skip
    assert reasons(read("csv.v1", "pmid,title\nx,T\n8,U\n")) == [("row 1", "invalid-field"), "U"]


def test_a_quote_that_never_closes_costs_one_row_of_bounded_length(monkeypatch):
    monkeypatch.setattr("pipeline.readers.csv_table._LONGEST_ROW", 1000)
    items = read("csv.v1", 'title,abstract\nA,"' + "x\n" * 600 + "B,b\n")
    assert reasons(items)[0] == ("row 1", "row-too-long")
    assert reasons(items)[-1] == "B"


def test_a_table_without_text_is_one_clear_sentence():
    (problem,) = read("csv.v1", "a,b\n1,2\n3,4\n")
    assert (problem.reason, "there are a, b" in problem.detail) == ("no-text-column", True)


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        ("患者有发热和头痛", "gb18030", "gb18030"), ("Fièvre élevée chez l'enfant", "latin-1", "cp1252"),
        ("naïve", "utf-8", "utf-8"), ("naïve", "utf-8-sig", "utf-8-sig"), ("naïve 患者", "utf-16", "utf-16"),
        ("naïve", "utf-32", "utf-32"), ("Пациент с лихорадкой", "cp1251", "cp1251"),
    ],
)  # fmt: skip
def test_the_encoding_is_found(text, encoding, found):
    data = f"title,abstract\n{text},{text}\n".encode(encoding)
    assert encoding_of(data) == found
    (document,) = read("csv.v1", data)
    assert document.title == text


def test_a_byte_that_is_damaged_does_not_change_the_encoding():
    assert encoding_of("naïve, naïve, naïve".encode() + b"\xff") == "utf-8"
    assert encoding_of("naïve 患者".encode()[:-1]) == "utf-8"  # a head may end inside a character
    assert encoding_of(b"PK\x03\x04\0\0") is None


def parquet(**columns):
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def test_parquet_rows_are_records_and_its_types_find_their_fields(tmp_path):
    data = parquet(
        pmid=[7.0, None], title=["T", "U"], abstract=pa.array(["A.", None]).dictionary_encode(), label=[3, 4],
        sections=[[{"label": "Dose", "text": "D."}], None], keywords=[["k"], []], publish_time=[date(2001, 7, 4), None],
    )  # fmt: skip
    first, second = read("parquet.v1", data)
    assert (first.doc_id, first.title, first.year, first.subjects) == ("PMID:7", "T", 2001, ("k",))
    assert first.sections == (("abstract", "A."), ("Dose", "D."))
    assert (second.title, second.sections, second.year) == ("U", (), None)
    path = UPath(tmp_path / "x.parquet.gz")
    path.write_bytes(gzip.compress(data))
    with open_stream(path) as stream:  # cannot be sought
        assert list(READERS["parquet.v1"].read(stream, "f")) == [first, second]


def test_a_column_that_no_field_can_be_is_set_aside_and_the_others_are_read():
    problem, document = read("parquet.v1", parquet(title=["T"], abstract=[{"deep": [1]}]))
    assert (problem.record, problem.reason, document.title) == ("column abstract", "unsupported-column", "T")
    (problem,) = read("parquet.v1", parquet(x=[1]))
    assert problem.reason == "no-text-column"


def test_parquet_text_that_is_not_utf8_sets_its_row_aside():
    titles = pa.array([b"T", b"\xff"], pa.binary()).view(pa.string())
    assert reasons(read("parquet.v1", parquet(title=titles))) == ["T", ("row 1", "invalid-encoding")]


def test_damaged_parquet_is_one_clear_sentence():
    data = parquet(title=["T"] * 100)
    for broken in (data[:50], data[:-8] + b"\xff" * 8, b"PAR1" + b"\0" * 100 + b"PAR1"):
        (problem,) = read("parquet.v1", broken)
        assert (problem.reason, problem.detail[-1]) == ("corrupt-parquet", ".")


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("file", "count", "first"),
    [
        ("downstream/mtsamples.csv.gz", 500, "ADMISSION DIAGNOSES"),
        ("downstream/medical_abstracts_5class.csv.gz", 2888, "Obstructive sleep apnea"),
        ("chinese/disease_gb18030.csv.gz", 14336, "勃起功能障碍"),
    ],
)
def test_real_tables_are_read_whole(file, count, first, materia_data):
    with open_stream(UPath(materia_data / file)) as stream:
        items = list(READERS["csv.v1"].read(stream, file))
    assert len(items) == count
    assert not [item for item in items if isinstance(item, SetAside)]
    assert first in items[0].sections[0][1]
    assert items[0].language == ("zh" if "chinese" in file else "en")
