"""What each format means: versions, deletions, retractions, labels, markup, identifiers."""

from __future__ import annotations

import io
import json

import pytest

from pipeline.errors import SetAside
from pipeline.readers import READERS
from pipeline.readers.identifiers import doi_curie, identifier, identify, pmc_curie, pmid_curie
from pipeline.readers.languages import two_letters


def read(reader, content):
    data = content.encode() if isinstance(content, str) else content
    return list(READERS[reader].read(io.BufferedReader(io.BytesIO(data)), "f"))


def citation(inner="", article="", kind="PubmedArticleSet"):
    return (
        f"<{kind}><PubmedArticle><MedlineCitation><PMID Version='3'>7</PMID><Article><ArticleTitle>T</ArticleTitle>{article}"
        f"</Article>{inner}</MedlineCitation></PubmedArticle></{kind}>"
    )


def one(reader, content):
    (document,) = read(reader, content)
    assert not isinstance(document, SetAside), document
    return document


class TestPubmed:
    def test_labels_and_inline_markup_of_a_structured_abstract_are_kept_as_text(self):
        xml = citation(
            article="<Abstract><AbstractText Label='AIM'>CO<sub>2</sub> in <i>E.\n  coli</i>.</AbstractText>"
            "<AbstractText Label='UNLABELLED'>x &lt; 2</AbstractText><AbstractText>y</AbstractText></Abstract>"
        )
        assert one("pubmed_xml.v2", xml).sections == (
            ("AIM", "CO2 in E. coli."),
            ("abstract", "x < 2"),
            ("abstract", "y"),
        )

    @pytest.mark.parametrize(
        ("inner", "article", "status"),
        [
            ("", "<PublicationTypeList><PublicationType UI='D016441'>Retracted Publication</PublicationType></PublicationTypeList>",
             "retracted"),
            ("", "<PublicationTypeList><PublicationType UI='D016440'>Retraction of Publication</PublicationType></PublicationTypeList>",
             "active"),
            ("<CommentsCorrectionsList><CommentsCorrections RefType='RetractionIn'><PMID>8</PMID></CommentsCorrections>"
             "</CommentsCorrectionsList>", "", "retracted"),
            ("<CommentsCorrectionsList><CommentsCorrections RefType='RetractionOf'><PMID>8</PMID></CommentsCorrections>"
             "</CommentsCorrectionsList>", "", "active"),
        ],
    )  # fmt: skip
    def test_a_retracted_paper_is_marked_and_its_notice_is_not(self, inner, article, status):
        assert one("pubmed_xml.v2", citation(inner, article)).status == status

    def test_every_deleted_pmid_is_a_tombstone(self):
        xml = "<PubmedArticleSet><DeleteCitation><PMID Version='1'>8</PMID><PMID Version='2'>9</PMID></DeleteCitation></PubmedArticleSet>"
        assert [(d.doc_id, d.version, d.status) for d in read("pubmed_xml.v2", xml)] == [
            ("PMID:8", 1, "deleted"), ("PMID:9", 2, "deleted"),
        ]  # fmt: skip

    def test_headings_keywords_aliases_and_year(self):
        xml = citation(
            "<MeshHeadingList><MeshHeading><DescriptorName>Aspirin</DescriptorName><QualifierName>adverse effects</QualifierName>"
            "</MeshHeading></MeshHeadingList><KeywordList><Keyword>fever</Keyword></KeywordList>",
            "<Journal><JournalIssue><PubDate><MedlineDate>1998 Dec-1999 Jan</MedlineDate></PubDate></JournalIssue></Journal>"
            "<ELocationID EIdType='doi'>10.1000/ABC</ELocationID>",
        ).replace(
            "</PubmedArticle>",
            "<PubmedData><ArticleIdList><ArticleId IdType='pmc'>PMC55</ArticleId></ArticleIdList><ReferenceList><Reference>"
            "<ArticleIdList><ArticleId IdType='doi'>10.1000/cited</ArticleId></ArticleIdList></Reference></ReferenceList>"
            "</PubmedData></PubmedArticle>",
        )
        document = one("pubmed_xml.v2", xml)
        assert (document.doc_id, document.version, document.year) == ("PMID:7", 3, 1998)
        assert document.aliases == ("DOI:10.1000/abc", "PMC:55")
        assert document.subjects == ("Aspirin/adverse effects", "fever")

    def test_a_vernacular_title_stands_in_for_a_missing_one(self):
        xml = citation(article="<VernacularTitle>Über Fieber</VernacularTitle><Language>ger</Language>")
        document = one("pubmed_xml.v2", xml.replace("<ArticleTitle>T<", "<ArticleTitle>[Not Available].<"))
        assert (document.title, document.language) == ("Über Fieber", "de")

    def test_the_citation_sets_of_2006_are_read(self):
        xml = "<MedlineCitationSet><MedlineCitation><PMID>7</PMID><Article><ArticleTitle>T</ArticleTitle></Article></MedlineCitation></MedlineCitationSet>"
        assert one("pubmed_xml.v2", xml).doc_id == "PMID:7"

    def test_a_book_chapter_is_read(self):
        xml = (
            "<PubmedArticleSet><PubmedBookArticle><BookDocument><PMID Version='1'>7</PMID><Book><BookTitle>Reviews</BookTitle>"
            "<PubDate><Year>2001</Year></PubDate></Book><ArticleTitle>Gout</ArticleTitle><Abstract><AbstractText>A.</AbstractText>"
            "</Abstract></BookDocument></PubmedBookArticle></PubmedArticleSet>"
        )
        document = one("pubmed_xml.v2", xml)
        assert (document.title, document.journal, document.year) == ("Gout", "Reviews", 2001)


class TestJats:
    BODY = """<article xml:lang="en"><front><article-meta><article-id pub-id-type="doi">10.1000/X</article-id>
    <article-id pub-id-type="pmcid">PMC5</article-id><title-group><article-title>On <italic>E. coli</italic></article-title>
    </title-group><pub-date><year>2004</year></pub-date><abstract><sec><title>Aim</title><p>Why.</p></sec></abstract></article-meta>
    </front><body><p>Before.</p><sec><title>Results</title><p>One <xref>[1]</xref> two.<fig><label>Fig. 1.</label><caption>
    <title>Cells.</title><p>Seen at 10<sup>3</sup>.</p></caption></fig></p><sec><title>Dose</title><p>Listed:<list><list-item>
    <p>a</p></list-item><list-item><p>b</p></list-item></list></p><p>With <disp-formula><tex-math>\\frac</tex-math><math>x=1
    </math></disp-formula> held.</p></sec><table-wrap><label>Table 1</label><caption><p>Doses.</p></caption><table><tr><td>1</td>
    </tr></table></table-wrap></sec></body><back><ref-list><ref><mixed-citation>Cited.</mixed-citation></ref></ref-list></back>
    <sub-article><body><p>Reply.</p></body></sub-article></article>"""

    def test_sections_carry_the_path_of_their_headings_and_floats_follow(self):
        document = one("jats.v2", self.BODY)
        assert (document.doc_id, document.aliases) == ("PMC:5", ("DOI:10.1000/x",))
        assert (document.title, document.year) == ("On E. coli", 2004)
        assert document.sections == (
            ("abstract > Aim", "Why."),
            ("body", "Before."),
            ("Results", "One [1] two."),
            ("Fig. 1", "Cells.\nSeen at 103."),
            ("Results > Dose", "Listed:\na\nb\nWith x=1 held."),
            ("Table 1", "Doses."),
        )

    @pytest.mark.parametrize("mark", ["<related-article related-article-type='retraction-forward'/>", "title"])
    def test_a_retracted_article_is_marked(self, mark):
        if mark == "title":
            xml = self.BODY.replace("<article-title>", "<article-title>RETRACTED ARTICLE: ")
        else:
            xml = self.BODY.replace("<abstract>", mark + "<abstract>")
        assert one("jats.v2", xml).status == "retracted"
        assert one("jats.v2", self.BODY).status == "active"

    def test_several_articles_in_one_answer_are_several_documents(self):
        xml = f"<pmc-articleset>{self.BODY}{self.BODY.replace('PMC5', 'PMC6')}</pmc-articleset>"
        assert [d.doc_id for d in read("jats.v2", xml)] == ["PMC:5", "PMC:6"]


class TestJsonl:
    def test_all_fields(self):
        line = {
            "pmid": 7, "doi": "https://doi.org/10.1000/X", "title": " T ", "abstract": "A.", "text": "B.\nC.", "year": "1999",
            "sections": [{"label": "Dose", "text": "D."}, {"text": "E."}], "keywords": ["k", "k"], "language": "eng",
            "journal": "Heart", "version": 2, "retracted": True, "topic": "passed over",
        }  # fmt: skip
        document = one("jsonl.v1", json.dumps(line))
        assert (document.doc_id, document.aliases, document.version) == ("PMID:7", ("DOI:10.1000/x",), 2)
        assert (document.status, document.language, document.year) == ("retracted", "en", 1999)
        assert document.sections == (("abstract", "A."), ("body", "B.\nC."), ("Dose", "D."), ("body", "E."))
        assert document.subjects == ("k",)

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            (b"{no json", "invalid-json"), (b"[1]", "invalid-json"), (b'{"title": "\xff"}', "invalid-encoding"),
            (b'{"title": 5}', "invalid-field"), (b'{"pmid": "abc", "title": "T"}', "invalid-field"),
            (b'{"title": "T", "year": -1}', "invalid-field"), (b'{"title": "T", "retracted": "no"}', "invalid-field"),
            (b'{"title": "T", "keywords": "k"}', "invalid-field"), (b'{"deleted": true}', "no-identifier"),
            (b"[" * 100_000, "invalid-json"), (b'{"title": ' + b"9" * 5000 + b"}", "invalid-json"),
        ],
    )  # fmt: skip
    def test_a_bad_line_is_set_aside_with_its_number_and_the_next_is_read(self, line, reason):
        first, second = read("jsonl.v1", line + b'\n{"id": "PMID:1", "title": "T"}\n')
        assert (first.record, first.reason, second.doc_id) == ("line 1", reason, "PMID:1")

    def test_a_bare_number_is_nobodys_pmid(self):
        (first, second) = read("jsonl.v1", '{"id": 17, "title": "T"}\n{"id": "17", "title": "Revised"}')
        assert first.doc_id == second.doc_id
        assert first.doc_id.startswith("materia:")


def test_pubtator_offsets_hold_with_spaces_at_the_ends():
    document = one("pubtator.v2", "7|t|Fever \n7|a| in gout.\n7\t11\t15\tgout\tDisease\tD006073\n")
    assert "\n".join([document.title, document.sections[0][1]])[11:15] == "gout"


def test_pubtator_lines_that_are_neither_text_nor_annotation_are_set_aside():
    items = read("pubtator.v2", "7|t|T\n7|a|A\nstray words\n8|t|U\n")
    assert [i.reason if isinstance(i, SetAside) else i.doc_id for i in items] == [
        "invalid-pubtator-line",
        "PMID:7",
        "PMID:8",
    ]


def test_identifiers_have_one_spelling():
    assert [pmid_curie(t) for t in ("007", "PMID: 7", "0", "x7", None)] == ["PMID:7", "PMID:7", None, None, None]
    assert [pmc_curie(t) for t in ("PMC5", "5", "PMC:PMC5", "PMC5.2", "PMID:5")] == ["PMC:5"] * 4 + [None]
    assert [doi_curie(t) for t in ("10.1000/A b", "doi:10.1000/A")] == [None, "DOI:10.1000/a"]
    assert [identifier(t) for t in ("17", "PMC5", "NCT:1", "https://a.b/c", "a b")] == [
        None,
        "PMC:5",
        "NCT:1",
        None,
        None,
    ]


def test_the_best_name_comes_first_whatever_the_order():
    names = ["DOI:10.1000/a", None, "PMC:5", "PMID:7", "PMID:7"]
    assert identify(names, "T", ()) == identify(names[::-1], "U", ()) == ("PMID:7", ("DOI:10.1000/a", "PMC:5"))


def test_equal_content_without_a_name_is_one_document():
    assert identify([], "Cafe\u0301", ()) == identify([], "Caf\u00e9", ()) != identify([], "Cafe", ())


def test_languages():
    assert [two_letters(c) for c in ("eng", "chi", "pt-BR", "", None, "xyz")] == ["en", "zh", "pt", "en", "en", "xyz"]
