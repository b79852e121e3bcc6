"""Hostile and broken files: always a reason and a remedy, never a crash, never a secret read, never memory without end."""

from __future__ import annotations

import gzip
import io
import time
import tracemalloc
import unicodedata
import zlib

import pytest
from upath import UPath

from pipeline.errors import SetAside
from pipeline.readers import READERS
from pipeline.readers.base import clean
from pipeline.readers.streams import BrokenStreamError, numbered_lines, open_stream, read_head
from pipeline.readers.xml_stream import root_name

XML_READERS = pytest.mark.parametrize(
    ("reader", "root", "record"),
    [
        ("pubmed_xml.v2", "MedlineCitationSet", "<MedlineCitation><PMID>1</PMID><Article><ArticleTitle>{}</ArticleTitle></Article></MedlineCitation>"),
        ("jats.v2", "pmc-articleset", "<article><front><article-meta><title-group><article-title>{}</article-title></title-group></article-meta></front></article>"),
    ],
)  # fmt: skip


def read(reader, text):
    return list(READERS[reader].read(io.BufferedReader(io.BytesIO(text.encode())), "f.xml"))


def with_prolog(prolog, root, record, text):
    return f"{prolog}<{root}>{record.format(text)}</{root}>"


@XML_READERS
def test_an_external_entity_is_refused_and_its_file_not_read(reader, root, record, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("SECRET")
    for declaration in (f'<!ENTITY e SYSTEM "{secret.as_uri()}">', f'<!ENTITY % p SYSTEM "{secret.as_uri()}"> %p;'):
        (problem,) = read(reader, with_prolog(f"<!DOCTYPE {root} [{declaration}]>", root, record, "&e;"))
        assert (problem.reason, problem.file) == ("entity-declaration", "f.xml")
        assert "SECRET" not in problem.detail
        assert "xmllint" in problem.detail


@XML_READERS
@pytest.mark.parametrize("place", ["text", "attribute"])
def test_a_billion_laughs_are_refused_in_little_memory(reader, root, record, place):
    entities = '<!ENTITY l0 "lolololol">' + "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    xml = with_prolog(f"<!DOCTYPE {root} [{entities}]>", root, record, "&l9;")
    if place == "attribute":
        xml = xml.replace(f"<{root}>", f'<{root} x="&l9;">')
    tracemalloc.start()
    (problem,) = read(reader, xml)
    assert tracemalloc.get_traced_memory()[1] < 50 << 20
    tracemalloc.stop()
    assert problem.reason == "entity-declaration"


@XML_READERS
def test_a_doctype_that_names_an_external_dtd_is_read_and_its_known_entities_become_characters(reader, root, record):
    prolog = f'<!DOCTYPE {root} PUBLIC "-//NLM//DTD X//EN" "http://dtd.example.org/x.dtd">'
    (document,) = read(reader, with_prolog(prolog, root, record, "TGF-&beta;1 &amp;alpha; <i>a&alpha;</i>&gamma;b"))
    assert document.title == "TGF-β1 &alpha; aαγb"


@XML_READERS
def test_an_entity_only_the_dtd_knows_sets_its_record_aside_and_the_next_is_read(reader, root, record):
    prolog = f'<!DOCTYPE {root} SYSTEM "x.dtd">'
    xml = with_prolog(prolog, root, record + record.replace("{}", "Next"), "&madeup;")
    problem, document = read(reader, xml)
    assert (problem.reason, problem.record, document.title) == ("unresolved-entity", "record 0", "Next")
    assert "&madeup;" in problem.detail


@XML_READERS
def test_an_entity_without_any_dtd_breaks_the_file_with_a_true_message(reader, root, record):
    *_, problem = read(reader, with_prolog("", root, record, "&alpha;"))
    assert problem.reason == "malformed-xml"
    assert "alpha" in problem.detail


@XML_READERS
def test_nesting_without_end_is_refused(reader, root, record):
    (problem,) = read(reader, with_prolog("", root, record, "<i>" * 10_000 + "</i>" * 10_000))
    assert problem.reason == "malformed-xml"


@XML_READERS
def test_records_before_a_break_are_kept(reader, root, record):
    xml = f"<{root}>{record.format('First')}{record.format('Second')}<broken"
    first, second, problem = read(reader, xml)
    assert (first.title, second.title) == ("First", "Second")
    assert (problem.reason, problem.record) == ("malformed-xml", "record 2")
    assert "2 records before it are kept" in problem.detail


@XML_READERS
def test_comments_and_processing_instructions_are_no_text(reader, root, record):
    (document,) = read(reader, with_prolog("", root, record, "a<!--no-->b<?no no?>c<![CDATA[<d>]]>"))
    assert document.title == "abc<d>"


def test_memory_stays_flat_over_many_records():
    record = (
        "<MedlineCitation><PMID>1</PMID><Article><ArticleTitle>T</ArticleTitle><Abstract><AbstractText>" + "x" * 5000
    )
    record = (record + "</AbstractText></Abstract></Article></MedlineCitation>").encode()

    class Endless(io.RawIOBase):
        """A file of 20,000 records that never exists as a whole."""

        def __init__(self):
            self.left, self.sent = 20_000, b"<MedlineCitationSet>"

        def readable(self):
            return True

        def readinto(self, buffer):
            if not self.sent and self.left:
                self.left -= 1
                self.sent = record if self.left else b"</MedlineCitationSet>"
            piece, self.sent = self.sent[: len(buffer)], self.sent[len(buffer) :]
            buffer[: len(piece)] = piece
            return len(piece)

    import psutil

    process, seen, most = psutil.Process(), 0, 0
    for seen, _ in enumerate(READERS["pubmed_xml.v2"].read(io.BufferedReader(Endless()), "f"), 1):
        if seen == 1000:
            start = process.memory_info().rss
        elif seen % 1000 == 0:
            most = max(most, process.memory_info().rss)
    assert seen == 19_999
    assert most - start < 20 << 20  # the text alone is 100 MB


def test_a_cut_gzip_gives_every_byte_before_the_cut(tmp_path):
    data = b"".join(b"line %d\n" % i for i in range(50_000))
    packed = gzip.compress(data)
    path = UPath(tmp_path / "x.gz")
    path.write_bytes(packed[: len(packed) // 2])
    known = zlib.decompressobj(wbits=31).decompress(packed[: len(packed) // 2])
    got = b""
    with open_stream(path) as stream, pytest.raises(BrokenStreamError, match="ends before") as error:
        while piece := stream.read1(1000):
            got += piece
    assert error.value.reason == "truncated-gzip"
    assert got == known
    assert len(got) > 10_000


def test_damaged_gzip_is_named_so(tmp_path):
    packed = bytearray(gzip.compress(bytes(range(256)) * 500))
    packed[-8] ^= 1  # the checksum
    path = UPath(tmp_path / "x.gz")
    path.write_bytes(packed)
    with open_stream(path) as stream, pytest.raises(BrokenStreamError) as error:
        while stream.read1(65536):
            pass
    assert error.value.reason == "corrupt-gzip"


def test_padding_after_gzip_is_fine_and_other_bytes_are_not(tmp_path):
    path = UPath(tmp_path / "x.gz")
    path.write_bytes(gzip.compress(b"a") + b"\0" * 100_000 + gzip.compress(b"b") + b"\0" * 7)
    with open_stream(path) as stream:
        assert stream.read() == b"ab"
    path.write_bytes(gzip.compress(b"a") + b"rubbish")
    with open_stream(path) as stream, pytest.raises(BrokenStreamError):
        stream.read()


def test_the_head_of_a_gzip_bomb_costs_little(tmp_path):
    path = UPath(tmp_path / "x.gz")
    path.write_bytes(gzip.compress(b"\0" * (200 << 20), 9))
    tracemalloc.start()
    assert read_head(path, 1000) == (bytes(1000), None)
    assert tracemalloc.get_traced_memory()[1] < 2 << 20
    tracemalloc.stop()


def test_a_line_without_end_is_passed_over(monkeypatch):
    monkeypatch.setattr("pipeline.readers.streams._LONGEST_LINE", 10)
    stream = io.BytesIO(b"short\n" + b"x" * 35 + b"\nnext\n123456789\n")
    assert list(numbered_lines(stream)) == [(1, b"short"), (2, None), (3, b"next"), (4, b"123456789")]


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b'<?xml version="1.0"?>\n<!-- a > b --><!DOCTYPE a [<!ELEMENT a (b)>]>\n<x:a>', "a"),
        (b"\xff\xfe" + "<a/>".encode("utf-16-le"), "a"),
        (b"{}", None),
        (b"<!-- " * 13_000, None),
        (b"<?x ?>" * 10_000, None),
    ],
)
def test_the_root_is_found_behind_any_prolog_and_quickly(head, name):
    assert root_name(head) == name


def test_problems_are_set_asides_with_remedies():
    (problem,) = read("pubmed_xml.v2", "<PubmedArticleSet")
    assert isinstance(problem, SetAside)
    assert "Get the file again" in problem.detail


@pytest.mark.parametrize("members", [1, 40])
def test_a_gzip_bomb_breaks_off_with_a_remedy_and_in_little_memory(members, tmp_path):
    path = UPath(tmp_path / "x.gz")
    path.write_bytes(gzip.compress(b"\0" * ((200 << 20) // members), 9) * members)
    tracemalloc.start()
    with open_stream(path) as stream, pytest.raises(BrokenStreamError, match="100 times") as error:
        while stream.read1(1 << 20):
            pass
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()
    assert (error.value.reason, error.value.remedy) == (
        "decompression-bomb",
        "Unpack the file yourself if you trust it",
    )


def test_a_short_file_may_be_as_repetitive_as_it_likes_and_a_long_one_within_measure(tmp_path):
    path = UPath(tmp_path / "x.gz")
    for data in (b"the same line\n" * 250_000, (b"%d" % 7**3000 + b" " * 100_000) * 300):  # 3.5 MB; 30 MB at 50 times
        path.write_bytes(gzip.compress(data))
        with open_stream(path) as stream:
            assert stream.read() == data


def test_half_a_surrogate_in_a_name_is_no_crash():
    """JSON may hold one, and no encoding may: the name is hashed all the same."""
    line = b'{"id": "\\ud800", "title": "T\\ud800"}\n'
    (document,) = READERS["jsonl.v1"].read(io.BufferedReader(io.BytesIO(line)), "f")
    assert document.doc_id.startswith("materia:")


def test_combining_marks_without_end_take_linear_time_and_keep_their_places():
    text = "a" + "\u0301\u0323" * 100_000
    start = time.process_time()
    cleaned = clean(text)
    assert time.process_time() - start < 2
    assert cleaned == unicodedata.normalize("NFC", cleaned)
    assert len(cleaned) > len(text) - 3 * (len(text) // 31)
    assert clean("Zalgo" + "\u0301" * 30) == unicodedata.normalize("NFC", "Zalgo" + "\u0301" * 30)


@XML_READERS
def test_a_record_without_end_breaks_the_file_off_before_it_fills_the_memory(reader, root, record, monkeypatch):
    monkeypatch.setattr("pipeline.readers.xml_stream._LARGEST_RECORD", 100_000)
    with pytest.raises(BrokenStreamError, match="larger than"):
        read(reader, f"<{root}>" + record.format("<i>x</i>" * 50_000) + f"</{root}>")
    many = read(reader, f"<{root}>" + record.format("<i>x</i>" * 5_000) * 20 + f"</{root}>")
    assert len(many) == 20
