"""Whole documents as people write them: plain text, Markdown, web pages, PDF, CORD-19."""

from __future__ import annotations

import builtins
import io
import json
import socket

import matplotlib
import pypdf
import pytest
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from pipeline.errors import SetAside
from pipeline.readers import READERS


def read(reader, data):
    data = data.encode() if isinstance(data, str) else data
    return list(READERS[reader].read(io.BufferedReader(io.BytesIO(data)), "f"))


def one(reader, data):
    (document,) = read(reader, data)
    assert not isinstance(document, SetAside), document
    return document


class TestText:
    def test_wrapped_lines_are_joined_and_short_ones_stay(self):
        document = one(
            "text.v1",
            "Gout in adults\r\n\r\nGout is an inflammatory arthritis, which is caused by crystals\r\nof monosodium urate in the "
            "joints and the tissues of the body.\r\n\r\nVitals:\r\nBP 120/80\r\nHR 60\r\n- one\r\n",
        )
        assert document.title == "Gout in adults"
        assert document.sections[0][1] == (
            "Gout is an inflammatory arthritis, which is caused by crystals of monosodium urate in the joints and the tissues "
            "of the body.\nVitals:\nBP 120/80\nHR 60\n- one"
        )
        assert document.full_text

    @pytest.mark.parametrize("text", ["A sentence.\n\nMore.", "word " * 60 + "\n\nMore."])
    def test_a_sentence_or_a_long_line_is_no_title(self, text):
        document = one("text.v1", text)
        assert (document.title, document.sections[0][1].startswith(text[:6])) == ("", True)

    def test_the_encoding_and_the_language_are_told_by_the_text(self):
        document = one("text.v1", "痛风\n\n痛风是一种炎症性关节炎。\n".encode("gb18030"))
        assert (document.title, document.language) == ("痛风", "zh")

    def test_bytes_that_are_no_text_are_set_aside(self):
        (problem,) = read("text.v1", b"\x89PNG\r\n\x1a\n\0\0\0")
        assert problem.reason == "not-text"


class TestMarkdown:
    TEXT = """---
title: Gout
date: 2020-03-01
doi: 10.1000/ABC
tags: [urate, joints]
author: J. Smith
---
# Gout

Intro *text* with [a link](http://x.y), `code`
and ![a toe](toe.png).

## Treatment
- Colchicine 0.5 mg
  1. inner
### Dose
| Drug | Dose |
|---|---|
| A | 1 |

<div>raw <b>HTML</b><script>no</script></div>

# Other

    kept as it is
"""

    def test_headings_name_sections_and_blocks_become_lines(self):
        document = one("markdown.v1", self.TEXT)
        assert (document.doc_id, document.title, document.year) == ("DOI:10.1000/abc", "Gout", 2020)
        assert document.subjects == ("urate", "joints")
        assert "Smith" not in repr(document)
        assert document.sections == (
            ("body", "Intro text with a link, code and a toe."),
            ("Treatment", "Colchicine 0.5 mg\ninner"),
            ("Treatment > Dose", "Drug | Dose\nA | 1\nraw HTML"),
            ("Other", "kept as it is"),
        )

    @pytest.mark.parametrize("front", ["[" * 5000, "a: &x 1\nb: *x", "- 1", "\tbad: ["])
    def test_front_matter_that_is_none_is_passed_over(self, front):
        assert one("markdown.v1", f"---\n{front}\n---\n# T\n\nText.\n").title == "T"

    @pytest.mark.parametrize("piece", ["> ", "- ", "[", "*a", "`", "<b>", "|a"])
    def test_nesting_without_end_is_read_or_refused(self, piece):
        assert len(read("markdown.v1", piece * 10_000)) <= 1


class TestHtml:
    PAGE = """<!DOCTYPE html><html lang="pt-BR"><head><title>Gout - Encyclopaedia</title><meta name="citation_pmid" content="77">
    <meta name="citation_doi" content="not one"><meta name="author" content="J. Smith"></head><body><nav><a href="/">Home</a></nav>
    <main><article><h1>Gout</h1><p>Gout is an <b>inflammatory</b> arthritis caused by <a href="/u">urate</a> in the joints.</p>
    <h2>Symptoms</h2><p>Attacks of a red, tender, hot and swollen joint, which come on rapidly, and mostly at night.</p>
    <ul><li>Podagra</li><li>Tophi</li></ul><h3>Late</h3><p>Kidney stones occur where uric acid stays high for many years.</p>
    <h2>Treatment</h2><table><tr><th>Drug</th><th>Dose</th></tr><tr><td>Colchicine</td><td>0.5 mg</td></tr></table>
    </article></main><script>var x</script><footer>Copyright</footer></body></html>"""

    def test_the_article_is_kept_under_its_headings_and_the_rest_of_the_page_is_not(self):
        document = one("html.v1", self.PAGE)
        assert (document.doc_id, document.title, document.language) == ("PMID:77", "Gout", "pt")
        assert document.sections == (
            ("body", "Gout is an inflammatory arthritis caused by urate in the joints."),
            (
                "Symptoms",
                "Attacks of a red, tender, hot and swollen joint, which come on rapidly, and mostly at night.\nPodagra\nTophi",
            ),
            ("Symptoms > Late", "Kidney stones occur where uric acid stays high for many years."),
            ("Treatment", "Drug | Dose\nColchicine | 0.5 mg"),
        )
        assert "Smith" not in repr(document)

    def test_xhtml_in_the_encoding_it_states(self):
        page = self.PAGE.replace("<!DOCTYPE html>", '<?xml version="1.0" encoding="gbk"?>').replace("Gout", "痛风")
        assert one("html.v1", page.encode("gb18030")).title == "痛风"

    def test_nothing_is_asked_of_the_network(self, monkeypatch):
        def refuse(*_):
            raise AssertionError("the network was asked")

        monkeypatch.setattr(socket, "socket", refuse)
        monkeypatch.setattr(socket, "getaddrinfo", refuse)
        page = self.PAGE.replace(
            "<head>", '<head><link rel="canonical" href="http://example.org/x"><base href="http://example.org">'
        )
        assert one("html.v1", page) == one("html.v1", page)

    def test_a_page_without_end_is_set_aside(self):
        for page in ("<html>" + "<p>a" * 200_000, "<html><p>" + "word " * 2_000_000):
            (problem,) = read("html.v1", page)
            assert problem.reason == "page-too-large"

    @pytest.mark.parametrize("piece", ["<div>", "<ul><li>a", "<table><tr><td>a", "<b>x", "<blockquote>a"])
    def test_nesting_without_end_is_read_or_refused(self, piece):
        assert len(read("html.v1", "<html><body>" + piece * 10_000)) == 1


def pdf(*pages, encrypt=None, title="Gout in adults"):
    """Pages of lines, as matplotlib draws them."""
    sink = io.BytesIO()
    with (
        matplotlib.rc_context({"pdf.use14corefonts": True}),
        PdfPages(sink, metadata={"Title": title, "CreationDate": None}) as book,
    ):
        for lines in pages:
            figure = Figure(figsize=(8, 11))
            for place, line in enumerate(lines):
                figure.text(0.1, 0.95 - 0.03 * place, line)
            book.savefig(figure)
    if encrypt is None:
        return sink.getvalue()
    writer, locked = pypdf.PdfWriter(sink), io.BytesIO()
    writer.encrypt(encrypt, algorithm="RC4-128")
    writer.write(locked)
    return locked.getvalue()


class TestPdf:
    def test_lines_are_joined_words_mended_and_headers_dropped(self):
        pages = [
            ["Journal of Gout", f"doi: 10.1000/X{place}", f"It is a disease of {word}, which is caused by crys-",
             "tals of monosodium urate that lie in joints and tissues", f"of the {word}.", f"Page {place}"]
            for place, word in enumerate(("men", "women", "hens", "apes"), 1)
        ]  # fmt: skip
        document = one("pdf.v1", pdf(*pages))
        assert document.title == "Gout in adults"
        assert document.sections[0][1].split("\n")[0] == (
            "It is a disease of men, which is caused by crystals of monosodium urate that lie in joints and tissues of the men."
        )
        assert "Journal" not in document.sections[0][1]
        assert "Page" not in document.sections[0][1]

    def test_a_title_that_is_a_file_name_is_none(self):
        assert one("pdf.v1", pdf(["Gout is a disease."], title="gout final.doc")).title == ""

    def test_what_cannot_be_read_says_why(self):
        for data, reason in (
            (pdf([]), "no-text-in-pdf"),
            (pdf(["Text"], encrypt="secret"), "encrypted-pdf"),
            (b"%PDF-1.4\nnothing", "corrupt-pdf"),
        ):
            (problem,) = read("pdf.v1", data)
            assert (problem.reason, problem.detail[-1]) == (reason, ".")
        assert one("pdf.v1", pdf(["Open text"], encrypt="")).sections == (("body", "Open text"),)

    def test_without_the_extra_the_remedy_is_named(self, monkeypatch):
        known = builtins.__import__

        def refuse(name, *rest):
            if name == "pypdf":
                raise ImportError(name)
            return known(name, *rest)

        monkeypatch.setattr(builtins, "__import__", refuse)
        (problem,) = read("pdf.v1", b"%PDF-1.4")
        assert problem.reason == "needs-pdf-extra"
        assert "pip install 'materia[pdf]'" in problem.detail


class TestCord19:
    #: As in https://github.com/allenai/cord19/blob/master/README.md and the json_schema.txt of the releases.
    PAPER = {
        "paper_id": "d1aafb70c066a2068b02786f8929fd9c900897fb",
        "metadata": {"title": "Gout", "authors": [{"first": "A", "last": "Name"}]},
        "abstract": [{"text": "Why.", "cite_spans": [], "ref_spans": [], "section": "Abstract"}],
        "body_text": [{"text": "One.", "section": "Methods"}, {"text": "Two.", "section": "Methods"}, {"text": "Three.", "section": ""}],
        "bib_entries": {"BIBREF0": {"title": "Cited"}},
        "ref_entries": {"FIGREF0": {"text": "A toe.", "type": "figure"}, "TABREF0": {"text": "Doses.", "type": "table", "html": "<t>"}},
        "back_matter": [{"text": "Thanks.", "section": "Acknowledgements"}],
    }  # fmt: skip

    def test_paragraphs_stand_under_their_sections(self):
        document = one("cord19.v1", json.dumps(self.PAPER))
        assert (document.doc_id, document.title, document.full_text) == (
            f"cord19:{self.PAPER['paper_id']}",
            "Gout",
            True,
        )
        assert document.sections == (
            ("abstract", "Why."), ("Methods", "One.\nTwo."), ("body", "Three."), ("figure", "A toe."), ("table", "Doses."),
            ("back matter > Acknowledgements", "Thanks."),
        )  # fmt: skip

    def test_a_paper_joins_its_row_of_the_metadata(self):
        document = one("cord19.v1", json.dumps(self.PAPER))
        row = one("csv.v1", f"cord_uid,sha,title,pubmed_id\nx1,{self.PAPER['paper_id']},Gout,77\n")
        assert document.doc_id in row.aliases
        assert one("cord19.v1", json.dumps({**self.PAPER, "paper_id": "PMC35282"})).doc_id == "PMC:35282"

    @pytest.mark.parametrize("field", ["metadata", "abstract", "body_text", "ref_entries", "back_matter"])
    @pytest.mark.parametrize("value", [None, 5, "x", [1, [2]], {"a": 3}])
    def test_a_field_of_the_wrong_type_is_passed_over(self, field, value):
        assert one("cord19.v1", json.dumps({**self.PAPER, field: value})).doc_id.startswith("cord19:")

    def test_nesting_without_end_is_refused(self):
        (problem,) = read("cord19.v1", '{"paper_id": "x", "abstract": ' + "[" * 100_000)
        assert problem.reason == "invalid-json"
