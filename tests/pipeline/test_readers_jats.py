"""JATS: nothing of a real article's text is lost; other languages, retraction notices and ids."""

from __future__ import annotations

import gzip
import io

import pytest
from lxml import etree

from pipeline.readers import READERS

#: What is dropped on purpose, with all that is below it.
DROPPED = {
    "ref-list", "table", "table-wrap-foot", "tex-math", "annotation", "object-id", "permissions", "attrib", "alt-text", "long-desc",
}  # fmt: skip
#: Where one run of words ends and the next begins: blocks, floats, and formulas that stand alone.
EDGES = {
    "p", "list", "list-item", "def-list", "def-item", "def", "term", "disp-quote", "fig", "fig-group", "table-wrap", "media", "break",
    "supplementary-material", "boxed-text", "sec", "title", "label", "caption", "disp-formula", "statement", "code", "preformat",
    "data-title",
}  # fmt: skip
HEADINGS = {"title", "label"}  # of sections and floats: they go into labels
PLACES = ("front/article-meta/abstract", "body", "back/app-group", "back/app", "floats-group", "floats-wrap")


def read(content):
    data = content.encode() if isinstance(content, str) else content
    return list(READERS["jats.v2"].read(io.BufferedReader(io.BytesIO(data)), "f"))


def runs(root):
    """The text below an element as runs of words, white space made single: an independent walk of the XML itself."""
    found, pieces = [], []

    def end():
        text = " ".join("".join(pieces).split())
        pieces.clear()
        if text:
            found.append(text)

    def walk(element, heading):
        name = etree.QName(element).localname
        inside = name not in DROPPED and not (name in HEADINGS and not heading)
        if name in EDGES or not inside:
            end()
        if inside:
            pieces.append(element.text or "")
            for child in element:
                walk(child, heading=name == "caption")
                pieces.append(child.tail or "")
        else:
            return
        if name in EDGES:
            end()

    walk(root, heading=False)
    return found


@pytest.mark.realdata
def test_every_paragraph_list_item_and_caption_of_the_real_articles_is_in_the_document(materia_data):
    files = sorted((materia_data / "literature" / "jats").glob("*.gz"))
    assert len(files) == 30
    seen, lost = 0, []
    for file in files:
        data = gzip.decompress(file.read_bytes())
        (document,) = read(data)
        text = " ".join(" ".join(part for section in document.sections for part in section).split())
        root = etree.fromstring(data, etree.XMLParser(no_network=True, remove_comments=True, remove_pis=True))
        words = [run for place in PLACES for element in root.iterfind(place) for run in runs(element)]
        seen += len(words)
        lost += [(file.name, run) for run in words if run not in text]
    assert seen > 2000
    assert lost == []


@pytest.mark.realdata
def test_the_real_articles_carry_the_ids_that_pubmed_knows_them_by(materia_data):
    documents = []
    for file in sorted((materia_data / "literature" / "jats").glob("*.gz")):
        documents += read(gzip.decompress(file.read_bytes()))
    assert all(document.full_text for document in documents)
    # those of 2004 to 2007 from PubMed Central name their PMID, the publishers' own files only a DOI
    assert sum(document.doc_id.startswith("PMID:") for document in documents) == 14
    assert all(any(name.startswith("DOI:10.") for name in (d.doc_id, *d.aliases)) for d in documents)


META = '<article xml:lang="en" xmlns:xlink="http://www.w3.org/1999/xlink"><front><article-meta>{}</article-meta></front>{}</article>'


def test_titles_and_abstracts_in_other_languages_are_translations():
    (document,) = read(
        META.format(
            "<title-group><article-title>Fever</article-title><subtitle>A trial</subtitle>"
            '<trans-title-group xml:lang="fr"><trans-title>La fièvre</trans-title></trans-title-group>'
            '<trans-title xml:lang="pt-BR">Febre</trans-title></title-group>'
            "<abstract><title>Abstract</title><p>It helps.</p></abstract>"
            '<abstract xml:lang="de"><p>Es hilft.</p></abstract>'
            '<trans-abstract xml:lang="fr"><sec><title>But</title><p>Ça <italic>aide</italic>.</p></sec></trans-abstract>',
            "",
        )
    )
    assert (document.title, document.sections) == ("Fever: A trial", (("abstract", "It helps."),))
    assert document.translations == (
        ("fr", "title", "La fièvre"),
        ("pt", "title", "Febre"),
        ("de", "abstract", "Es hilft."),
        ("fr", "abstract > But", "Ça aide."),
    )
    assert not document.full_text


def test_a_notice_names_the_papers_it_retracts_and_is_not_retracted_itself():
    link = '<related-article related-article-type="{}" ext-link-type="{}" xlink:href="{}"/>'
    links = [
        ("retracted-article", "doi", "10.1000/ABC"), ("retracted-article", "pmid", "7"), ("retracted-article", "uri", "https://doi.org/10.1000/x"),
        ("retracted-article", "doi", "nonsense"), ("corrected-article", "doi", "10.1000/other"),
    ]  # fmt: skip
    (document,) = read(META.format("".join(link.format(*one) for one in links), "<body><p>Retracted.</p></body>"))
    assert document.retracts == ("DOI:10.1000/abc", "PMID:7", "DOI:10.1000/x")
    assert (document.status, document.full_text) == ("active", True)


def test_a_path_of_long_headings_starts_anew_so_that_nesting_costs_no_memory():
    nested = "".join(f"<sec><title>{'h' * 300}{level}</title><p>x</p>" for level in range(100)) + "</sec>" * 100
    (document,) = read(META.format("", f"<body>{nested}</body>"))
    assert len(document.sections) == 100
    assert max(len(label) for label, _ in document.sections) < 1100
