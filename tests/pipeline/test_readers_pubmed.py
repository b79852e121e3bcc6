"""PubMed XML: nothing lost at inline markup in any real record; other languages, notices, substances, books."""

from __future__ import annotations

import gzip
import io

import pytest
from lxml import etree

from pipeline.readers import READERS

RECORDS = ("PubmedArticle", "PubmedBookArticle", "MedlineCitation")


def read(content):
    data = content.encode() if isinstance(content, str) else content
    return list(READERS["pubmed_xml.v2"].read(io.BufferedReader(io.BytesIO(data)), "f"))


def one(citation="", article=""):
    (document,) = read(
        f"<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>7</PMID><Article><ArticleTitle>T</ArticleTitle>{article}</Article>"
        f"{citation}</MedlineCitation></PubmedArticle></PubmedArticleSet>"
    )
    return document


def words(*texts):
    return " ".join(texts).split()


@pytest.mark.realdata
def test_the_words_of_every_real_record_are_those_of_its_document(materia_data):
    """Guards against text lost at <i>, <sub>, <sup>, <u>, MathML, and at titles and abstracts in other languages."""
    records, inline = 0, 0
    for file in sorted((materia_data / "literature" / "pubmed").iterdir()):
        data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        root = etree.fromstring(data, etree.XMLParser(no_network=True, remove_comments=True, remove_pis=True))
        documents = read(data)
        assert len(documents) == len(root)
        for record, document in zip(root, documents, strict=True):
            assert record.tag in RECORDS
            abstracts = list(record.iter("AbstractText"))
            expected = words(*("".join(element.itertext()) for element in abstracts))
            translated = [text for _, label, text in document.translations if label != "title"]
            assert words(*(text for _, text in document.sections), *translated) == expected
            assert words(document.title) == words("".join(next(record.iter("ArticleTitle")).itertext()))
            vernacular = words(*("".join(element.itertext()) for element in record.iter("VernacularTitle")))
            assert words(*(text for _, label, text in document.translations if label == "title")) == vernacular
            records += 1
            inline += sum(len(element) > 0 for element in abstracts)
    assert records == 96
    assert inline >= 5


def test_abstracts_and_titles_in_other_languages_are_translations():
    document = one(
        "<OtherAbstract Type='KIE' Language='eng'><AbstractText>English.</AbstractText></OtherAbstract>"
        "<OtherAbstract Type='Publisher' Language='chi'><AbstractText Label='目的'>发热<sup>1</sup>。</AbstractText>"
        "<AbstractText>阿司匹林。</AbstractText></OtherAbstract>",
        "<Language>eng</Language><Language>ger</Language><VernacularTitle>Über <i>Fieber</i></VernacularTitle>",
    )
    assert document.sections == (("other abstract (KIE)", "English."),)
    assert document.translations == (
        ("de", "title", "Über Fieber"),
        ("zh", "目的", "发热1。"),
        ("zh", "abstract", "阿司匹林。"),
    )
    assert one(article="<VernacularTitle>Febre</VernacularTitle>").translations == (("und", "title", "Febre"),)


def test_a_notice_names_the_papers_it_retracts():
    links = (
        "<CommentsCorrections RefType='RetractionOf'><RefSource>J</RefSource><PMID Version='1'>8</PMID></CommentsCorrections>"
        "<CommentsCorrections RefType='RetractionOf'><RefSource>J 2</RefSource></CommentsCorrections>"
        "<CommentsCorrections RefType='ErratumFor'><PMID>9</PMID></CommentsCorrections>"
    )
    notice = one(f"<CommentsCorrectionsList>{links}</CommentsCorrectionsList>")
    assert (notice.retracts, notice.status) == (("PMID:8",), "active")
    old = one(
        "<CommentsCorrections><RetractionOf><RefSource>J</RefSource><PMID>8</PMID></RetractionOf></CommentsCorrections>"
    )  # 2006
    assert (old.retracts, old.status) == (("PMID:8",), "active")
    paper = one("<CommentsCorrections><RetractionIn><RefSource>J</RefSource></RetractionIn></CommentsCorrections>")
    assert (paper.retracts, paper.status) == ((), "retracted")
    replaced = one("<CommentsCorrectionsList><CommentsCorrections RefType='RetractedandRepublishedIn'><RefSource>J</RefSource>"
                   "</CommentsCorrections></CommentsCorrectionsList>")  # fmt: skip
    assert replaced.status == "retracted"


def test_substances_follow_headings_and_keywords_unless_they_are_headings():
    document = one(
        "<ChemicalList><Chemical><NameOfSubstance>Aspirin</NameOfSubstance></Chemical><Chemical><RegistryNumber>0</RegistryNumber>"
        "<NameOfSubstance>BRCA1 Protein</NameOfSubstance></Chemical></ChemicalList><MeshHeadingList><MeshHeading><DescriptorName>Aspirin"
        "</DescriptorName><QualifierName>toxicity</QualifierName></MeshHeading></MeshHeadingList>"
        "<KeywordList><Keyword>CO<sub>2</sub></Keyword></KeywordList>"
    )
    assert document.subjects == ("Aspirin/toxicity", "CO2", "BRCA1 Protein")


def test_a_book_is_read_with_its_own_title_where_its_chapter_has_none():
    (document,) = read(
        "<PubmedBookArticleSet><PubmedBookArticle><BookDocument><PMID Version='1'>7</PMID><ArticleIdList><ArticleId IdType='bookaccession'>"
        "NBK1</ArticleId><ArticleId IdType='doi'>10.1000/B</ArticleId></ArticleIdList><Book><BookTitle>Gene<i>Reviews</i></BookTitle>"
        "<PubDate><Year>1993</Year></PubDate></Book><PublicationType>Review</PublicationType><Abstract><AbstractText Label='Diagnosis'>A."
        "</AbstractText></Abstract><KeywordList><Keyword>gout</Keyword></KeywordList></BookDocument><PubmedBookData/></PubmedBookArticle>"
        "</PubmedBookArticleSet>"
    )
    assert (document.doc_id, document.aliases, document.year) == ("PMID:7", ("DOI:10.1000/b",), 1993)
    assert (document.title, document.journal) == ("GeneReviews", "GeneReviews")
    assert (document.sections, document.subjects) == ((("Diagnosis", "A."),), ("gout",))
    assert document.publication_types == ("Review",)


def test_a_deletion_of_what_is_no_pmid_is_set_aside_in_a_short_sentence_and_the_next_stands():
    problem, tombstone = read(
        f"<PubmedArticleSet><DeleteCitation><PMID>{'9' * 5000}</PMID><PMID>8</PMID></DeleteCitation></PubmedArticleSet>"
    )
    assert (problem.reason, tombstone.doc_id) == ("invalid-identifier", "PMID:8")
    assert len(problem.detail) < 100
