"""What every literature reader must do: one contract, run through by each member of the family."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import matplotlib
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from matplotlib.figure import Figure
from upath import UPath

from pipeline.documents import read_documents
from pipeline.errors import SetAside
from pipeline.inventory import LiteratureFile
from pipeline.readers import READERS, recognise
from pipeline.tables import DOCUMENTS

PUBMED = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2025//EN" "https://dtd.nlm.nih.gov/x.dtd">
<PubmedArticleSet>
<PubmedArticle><MedlineCitation><PMID Version="2">101</PMID><Article><Journal><JournalIssue><PubDate><Year>1999</Year></PubDate>
</JournalIssue><Title>Heart</Title></Journal><ArticleTitle>Aspirin in fever.</ArticleTitle>
<Abstract><AbstractText>It helps naïve patients.</AbstractText></Abstract></Article></MedlineCitation></PubmedArticle>
<PubmedArticle><MedlineCitation><PMID Version="1">102</PMID><Article><ArticleTitle>A second title.</ArticleTitle></Article>
</MedlineCitation></PubmedArticle>
<DeleteCitation><PMID Version="1">103</PMID></DeleteCitation>
</PubmedArticleSet>"""
JATS = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE article PUBLIC "-//NLM//DTD JATS (Z39.96) Journal Archiving and Interchange DTD v1.1 20151215//EN" "JATS.dtd">
<article article-type="research-article"><front><journal-meta><journal-title>Heart</journal-title></journal-meta>
<article-meta><article-id pub-id-type="pmid">101</article-id><title-group><article-title>Aspirin</article-title></title-group>
<abstract><p>It helps.</p></abstract></article-meta></front><body><sec><title>Methods</title><p>We naïvely asked.</p></sec></body>
</article>"""
JSONL = """{"id": "PMID:101", "title": "Aspirin in fever.", "abstract": "It helps naïve patients."}

{"id": "mine-7", "title": "A second title.", "keywords": ["fever"]}
{"id": "PMID:103", "deleted": true}
"""
PUBTATOR = """101|t|Aspirin in fever.
101|a|It helps naïve patients.
101\t0\t7\tAspirin\tChemical\tD001241
101\tCID\tD001241\tD005334

102|t|A second title.
102|a|
"""
BIOC_XML = """<?xml version='1.0' encoding='UTF-8'?><!DOCTYPE collection SYSTEM 'BioC.dtd'>
<collection><source>PubTator</source><date/><key/>
<document><id>101</id>
<passage><infon key="type">title</infon><offset>0</offset><text>Aspirin in fever.</text>
<annotation id="0"><infon key="type">Chemical</infon><infon key="MESH">D001241</infon><location offset="0" length="7"/>
<text>Aspirin</text></annotation></passage>
<passage><infon key="type">abstract</infon><offset>18</offset><text>It helps naïve patients.</text></passage></document>
<document><id>102</id><passage><infon key="type">title</infon><offset>0</offset><text>A second title.</text></passage></document>
</collection>"""
BIOC_JSON = """{"source": "PubTator", "date": "", "key": "", "infons": {}, "documents": [
{"id": "101", "infons": {}, "passages": [{"offset": 0, "infons": {"type": "title"}, "text": "Aspirin in fever.", "sentences": [],
"annotations": [{"id": "1", "infons": {"identifier": "MESH:D001241", "type": "Chemical"}, "text": "Aspirin",
"locations": [{"offset": 0, "length": 7}]}], "relations": []},
{"offset": 18, "infons": {"type": "abstract"}, "text": "It helps naïve patients."}], "relations": []},
{"id": "102", "passages": [{"offset": 0, "infons": {"type": "title"}, "text": "A second title."}]}]}"""
DDI = """<?xml version="1.0" encoding="UTF-8"?>
<document id="DDI-DrugBank.d1"><sentence id="DDI-DrugBank.d1.s0" text="Aspirin in naïve patients may raise warfarin.">
<entity id="e0" charOffset="0-6" type="drug" text="Aspirin"/><entity id="e1" charOffset="36-43" type="drug" text="warfarin"/>
<pair id="p0" e1="e0" e2="e1" ddi="true" type="effect"/></sentence></document>"""
MARKED = """{"text": "<< Aspirin >> in naïve patients inhibits [[ COX-1 ]].", "label": "INHIBITOR", "metadata": []}
{"text": "[[ COX-2 ]] is not what << aspirin >> inhibits.", "label": "INHIBITOR", "metadata": []}
"""
CMEEE = """[{"text": "naïve，肺部病变较轻。", "entities": [{"start_idx": 6, "end_idx": 9, "type": "dis", "entity": "肺部病变"},
{"start_idx": 6, "end_idx": 7, "type": "bod", "entity": "肺部"}]}, {"text": "体温正常。", "entities": []}]"""
IOB = """-DOCSTART-\tO

Aspirin\tB-Chemical
helps\tO
naïve\tO
patients\tO

Heart\tB-Disease
failure\tI-Disease

-DOCSTART-\tO

A\tO
cold\tB-Disease
"""
CSV = """pmid,Title,Abstract
101,Aspirin in fever.,"It helps ""naïve"" patients, all of them."
102,A second title.,
"""
CORD19 = """{"paper_id": "PMC55", "metadata": {"title": "Aspirin in fever.", "authors": []},
"abstract": [{"text": "It helps naïve patients.", "section": "Abstract", "cite_spans": [], "ref_spans": []}],
"body_text": [{"text": "We asked.", "section": "Methods", "cite_spans": [], "ref_spans": []}], "bib_entries": {},
"ref_entries": {"FIGREF0": {"text": "Fever over time.", "type": "figure"}}, "back_matter": []}"""


HTML = """<!DOCTYPE html>
<html lang="en"><head><title>Aspirin - An encyclopaedia</title></head><body><nav><a href="/">Home</a></nav><main><article>
<h1>Aspirin in fever</h1><p>It helps naïve patients, as was seen in many trials over the years, and it is cheap to make.</p>
<h2>Dose</h2><p>The dose is 500 mg, every four to six hours, of which no more than four grams may be taken in a day.</p>
<h2>Harm</h2><p>Bleeding of the stomach is the commonest harm, and children with a virus must not be given it at all.</p>
</article></main></body></html>"""
MARKDOWN = "# Aspirin in fever\n\nIt helps *naïve* patients.\n\n## Dose\n\nThe dose is [500 mg](https://example.org).\n"
TEXT = "Aspirin in fever\n\nIt helps naïve patients.\n"


def pdf():
    """A page as matplotlib draws it."""
    sink = io.BytesIO()
    with matplotlib.rc_context({"pdf.use14corefonts": True}):
        figure = Figure(figsize=(4, 4))
        figure.text(0.1, 0.5, "It helps naïve patients.")
        figure.savefig(sink, format="pdf", metadata={"Title": "Aspirin in fever", "CreationDate": None})
    return sink.getvalue()


def parquet():
    sink = io.BytesIO()
    table = pa.table(
        {"pmid": [101, 102], "title": ["Aspirin in fever.", "A second"], "abstract": ["naïve patients.", None]}
    )
    pq.write_table(table, sink)
    return sink.getvalue()


CMEIE = (Path(__file__).parent / "vocabulary_samples" / "cmeie.v1").read_bytes()

#: For each reader: file name, content, number of records.
FIXTURES = {
    "pubmed_xml.v2": ("pubmed26n0001.xml", PUBMED, 3),
    "jats.v2": ("article.nxml", JATS, 1),
    "jsonl.v1": ("mine.jsonl", JSONL, 3),
    "pubtator.v2": ("gold.pubtator", PUBTATOR, 2),
    "bioc_xml.v1": ("gold.bioc.xml", BIOC_XML, 2),
    "bioc_json.v1": ("gold.bioc.json", BIOC_JSON, 2),
    "cmeee.v1": ("cmeee.json", CMEEE, 2),
    "ddi_xml.v2": ("Aspirin_ddi.xml", DDI, 1),
    "cmeie.v1": ("cmeie.jsonl", CMEIE, 2),
    "marked_sentences.v1": ("chemprot.jsonl", MARKED, 2),
    "iob.v1": ("train.tsv", IOB, 2),
    "csv.v1": ("table.csv", CSV, 2),
    "parquet.v1": ("table.parquet", parquet(), 2),
    "cord19.v1": ("PMC55.xml.json", CORD19, 1),
    "html.v1": ("aspirin.html", HTML, 1),
    "markdown.v1": ("aspirin.md", MARKDOWN, 1),
    "text.v1": ("aspirin.txt", TEXT, 1),
    "pdf.v1": ("aspirin.pdf", pdf(), 1),
}
FIXTURES = {reader: (f, c if isinstance(c, bytes) else c.encode(), n) for reader, (f, c, n) in FIXTURES.items()}
#: Readers of bytes that are no text.
BINARY = {"parquet.v1", "pdf.v1"}
#: Readers that only the name of a file can decide for, since any text may be of their format.
BY_NAME = {"markdown.v1", "text.v1"}
EVERY = pytest.mark.parametrize("reader", list(READERS.values()), ids=list(READERS))


def write(folder, name, data):
    path = UPath(folder / name)
    path.write_bytes(data)
    return LiteratureFile(name, path, len(data))


def rows(file, reader):
    aside: list[SetAside] = []
    batches = list(read_documents([(file, "1/x", reader.name)], aside.append))
    assert all(batch.schema.equals(DOCUMENTS) for batch in batches)
    return [row for batch in batches for row in batch.to_pylist()], aside


def test_every_reader_has_a_fixture_and_stands_under_its_own_versioned_name():
    assert set(FIXTURES) == set(READERS)
    assert all(name == reader.name and name.rpartition(".v")[2].isdigit() for name, reader in READERS.items())


@EVERY
def test_it_recognises_its_own_format_and_no_other(reader):
    for name, (file, content, _) in FIXTURES.items():
        # a neutral file name: the content alone must do
        assert reader.recognises(content, "file") == (name == reader.name and name not in BY_NAME), name
        assert (recognise(content, file) is reader) == (name == reader.name)
    for other in (
        b"",
        b"plain words",
        b"<html><body/></html>",
        b'<?xml version="1.0"?><collection/>',
        b"\x89PNG\r\n",
        b"[1]",
    ):
        assert not reader.recognises(other, "file") or (reader.name, other[:6]) == ("html.v1", b"<html>")


@EVERY
def test_it_recognises_its_format_after_a_byte_order_mark(reader):
    name, content, _ = FIXTURES[reader.name]
    if reader.name not in BINARY:
        assert reader.recognises(b"\xef\xbb\xbf" + content, name if reader.name in BY_NAME else "file")


@EVERY
def test_documents_come_whole_and_gzip_makes_no_difference(reader, tmp_path):
    name, content, count = FIXTURES[reader.name]
    plain, aside = rows(write(tmp_path, name, content), reader)
    assert (len(plain), aside) == (count, [])
    assert [row["record"] for row in plain] == list(range(count))
    for row in plain:
        if row["status"] != "deleted":
            assert [row["text"][s["start"] : s["end"]] for s in row["sections"]] == row["text"].split("\n")
            assert (row["sections"][0]["label"], row["title"]) == ("title", row["text"].split("\n")[0])
    assert "naïve" in plain[0]["text"]
    half = len(content) // 2
    packed = gzip.compress(content[:half]) + gzip.compress(content[half:])  # two members, as bgzip writes
    assert rows(write(tmp_path, name, packed), reader) == (plain, [])
    assert rows(write(tmp_path, name, packed), reader) == (plain, [])


@EVERY
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_file_cut_short_keeps_what_was_read_and_never_raises(reader, share, tmp_path):
    name, content, _ = FIXTURES[reader.name]
    whole, _ = rows(write(tmp_path, name, content), reader)
    for data, reason in ((content, None), (gzip.compress(content), "truncated-gzip")):
        found, aside = rows(write(tmp_path, name, data[: int(len(data) * share)]), reader)
        # a text format that is cut inside its last record cannot tell, so the last document may be shorter
        assert found[:-1] == whole[: len(found[:-1])]
        assert all(problem.file == name and problem.detail.endswith(".") for problem in aside)
        if reason:
            assert reason in [problem.reason for problem in aside]


@EVERY
def test_nothing_in_gives_no_document(reader):
    assert not [item for item in reader.read(io.BufferedReader(io.BytesIO(b"")), "f") if not isinstance(item, SetAside)]


@EVERY
def test_a_flipped_byte_never_raises(reader, tmp_path):
    name, content, _ = FIXTURES[reader.name]
    data = bytearray(content)
    for place in range(0, len(data), 7):
        kept, data[place] = data[place], data[place] ^ 0x91
        rows(write(tmp_path, name, bytes(data)), reader)
        data[place] = kept
