"""What annotated corpora say, kept as gold: mentions, identifiers, relations, and what does not fit set aside."""

from __future__ import annotations

import gzip
import io
import json

import pytest
from upath import UPath

from pipeline.errors import SetAside
from pipeline.readers import READERS, recognise
from pipeline.readers.annotation_identifiers import curies_of
from pipeline.readers.base import Annotation, Relation, raw_text
from pipeline.readers.streams import BrokenStreamError, open_stream


def read(reader, content):
    data = content.encode() if isinstance(content, str) else content
    return list(READERS[reader].read(io.BufferedReader(io.BytesIO(data)), "f"))


def one(reader, content):
    (document,) = read(reader, content)
    assert not isinstance(document, SetAside), document
    return document


def words(document):
    text = raw_text(document.title, document.sections)
    return [[text[start:end] for start, end in annotation.spans] for annotation in document.annotations]


@pytest.mark.parametrize(
    ("text", "kind", "curies"),
    [
        ("D003920", "Disease", ("MESH:D003920",)),
        ("-1", "Chemical", ()),
        ("-", "GeneOrGeneProduct", ()),
        ("D014511|-1", "Disease", ("MESH:D014511",)),
        (" D009386+D009369", "DiseaseClass", ("MESH:D009386", "MESH:D009369")),
        ("OMIM:310200|C537734", "SpecificDisease", ("OMIM:310200", "MESH:C537734")),
        ("3172,3651,3172", "GeneOrGeneProduct", ("NCBIGene:3172", "NCBIGene:3651")),
        ("9606", "OrganismTaxon", ("NCBITaxon:9606",)),
        ("9606", "Disease", ()),  # nobody can tell
        (" CVCL_0031", "CellLine", ("Cellosaurus:CVCL_0031",)),
        ("rs74805019", "SequenceVariant", ("dbSNP:rs74805019",)),
        ("c|INS|5382|C", "SequenceVariant", ("tmVar:c|INS|5382|C",)),
        ("c|SUB|G|IVS3+1|A", "SequenceVariant", ("tmVar:c|SUB|G|IVS3+1|A",)),
        ("tmVar:p|SUB|V|600|E;HGVS:p.V600E;CorrespondingGene:673;RS#:113488022", "Mutation", ("dbSNP:rs113488022",)),
        ("tmVar:p|SUB|V|600|E;HGVS:p.V600E", "ProteinMutation", ("tmVar:p|SUB|V|600|E",)),
        ("MESH: D003920", "Disease", ("MESH:D003920",)),
        ("Gene:673", "", ("NCBIGene:673",)),
    ],
)
def test_identifiers_become_curies_by_prefix_form_and_type(text, kind, curies):
    assert curies_of(text, kind) == curies


class TestPubtator:
    TEXT = "7|t|Gout\n7|a|in naïve rats.\n"

    def test_mentions_and_relations_are_kept(self):
        document = one(
            "pubtator.v2",
            "7|t|Gout\n7|a|Breast and ovarian cancer.\n7\t0\t4\tGout\tDisease\tD006073\n"
            "7\t5\t30\tBreast and ovarian cancer\tDisease\tD001943|D010051\tBreast cancer|ovarian cancer\n"
            "7\tCID\tD006073\tD010051\n",
        )
        assert document.annotations == (
            Annotation("", ((0, 4),), "Gout", "Disease", ("MESH:D006073",)),
            Annotation("", ((5, 30),), "Breast and ovarian cancer", "Disease", ("MESH:D001943", "MESH:D010051")),
        )
        assert document.relations == (Relation("CID", (("subject", "MESH:D006073"), ("object", "MESH:D010051"))),)

    def test_ends_of_relations_are_read_as_the_annotations_read_them(self):
        document = one(
            "pubtator.v2",
            self.TEXT + "7\t0\t4\tGout\tGeneOrGeneProduct\t673\n7\t14\t18\trats\tOrganismTaxon\t10116\n"
            "7\tAssociation\t673\t10116\tNovel\n",
        )
        assert document.relations == (
            Relation(
                "Association", (("subject", "NCBIGene:673"), ("object", "NCBITaxon:10116")), (("novelty", "Novel"),)
            ),
        )

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            ("7\t0\t5\tGouts\tDisease\tD006073", "annotation-mismatch"),
            ("7\t0\t99999\tGout\tDisease\tD006073", "span-outside-text"),
            ("7\tx\t4\tGout\tDisease\tD006073", "invalid-annotation"),
            ("7\t0\t4", "invalid-annotation"),
            ("8\t0\t4\tGout\tDisease\tD006073", "unknown-document"),
            ("7\tAssociation\t673\t10116", "unknown-argument"),
            ("no tab", "invalid-pubtator-line"),
        ],
    )
    def test_what_cannot_stand_is_set_aside_and_the_document_stays(self, line, reason):
        problem, document = read("pubtator.v2", self.TEXT + line + "\n")
        assert problem.reason == reason
        assert problem.detail.endswith(".")
        assert (document.title, document.annotations, document.relations) == ("Gout", (), ())

    def test_a_broken_offset_names_its_line(self):
        problem, _ = read("pubtator.v2", self.TEXT + "7\tx\t4\tGout\tDisease\tD006073\n")
        assert problem.record == "line 3"

    def test_white_space_at_the_end_of_the_words_of_a_mention_is_no_mismatch(self):
        assert len(one("pubtator.v2", self.TEXT + "7\t0\t4\tGout  \tDisease\tD006073\n").annotations) == 1


def passage(offset, text, kind="abstract", **more):
    return {"offset": offset, "infons": {"type": kind}, "text": text, **more}


def mention(name, offset, length, text, **infons):
    return {"id": name, "text": text, "infons": infons, "locations": [{"offset": offset, "length": length}]}


class TestBioc:
    """By the DTD (https://bioc.sourceforge.net/BioC.dtd) and the answers of PubTator 3 and PubMed Central's BioC."""

    FULL = {
        "id": "55",
        "infons": {},
        "passages": [
            {"offset": 0, "text": "Gout", "infons": {
                "section_type": "TITLE", "type": "front", "article-id_pmid": "7", "article-id_pmc": "55",
                "article-id_doi": "10.1000/X", "year": "2001", "journal": "Heart; 12 (3)", "kwd": "fever; gout"}},
            {"offset": 10, "text": "A 😀 rat", "infons": {"section_type": "ABSTRACT", "type": "abstract"},
             "annotations": [mention("T1", 14, 3, "rat", type="Species", identifier="10116")]},
            {"offset": 30, "text": "Methods", "infons": {"section_type": "METHODS", "type": "title_1"}},
            {"offset": 40, "infons": {"section_type": "METHODS", "type": "paragraph"}, "sentences": [
                {"offset": 40, "text": "We asked.", "infons": {}},
                {"offset": 52, "text": "Gout came.", "infons": {},
                 "annotations": [mention("T2", 52, 4, "Gout", type="Disease", MESH="D006073")]}]},
            {"offset": 90, "text": "Someone 1999", "infons": {"section_type": "REF", "type": "ref"}},
        ],
        "relations": [{"id": "R1", "infons": {"type": "has", "score": 0.5}, "nodes": [
            {"refid": "T1", "role": "host"}, {"refid": "T2", "role": "illness"}]}],
    }  # fmt: skip

    def test_a_full_text_comes_with_its_parts_identifiers_and_gold(self):
        document = one("bioc_json.v1", json.dumps(self.FULL))
        assert (document.doc_id, document.aliases) == ("PMID:7", ("DOI:10.1000/x", "PMC:55"))
        assert (document.year, document.journal, document.subjects, document.full_text) == (
            2001,
            "Heart",
            ("fever", "gout"),
            True,
        )
        assert (document.title, document.sections) == (
            "Gout",
            (("abstract", "A 😀 rat"), ("methods", "Methods"), ("methods", "We asked. Gout came.")),
        )
        assert [a.identifiers for a in document.annotations] == [("NCBITaxon:10116",), ("MESH:D006073",)]
        assert words(document) == [["rat"], ["Gout"]]
        assert document.relations == (Relation("has", (("host", "T1"), ("illness", "T2")), (("score", "0.5"),)),)

    @pytest.mark.parametrize("wrap", ["{}", "[{}]", '[{{"documents": [{}]}}]', '{{"PubTator3": [{}]}}', "{}\n"])
    @pytest.mark.parametrize("indent", [None, 1])
    def test_every_way_of_wrapping_documents_gives_the_same(self, wrap, indent):
        text = wrap.format(json.dumps(self.FULL, indent=indent))
        assert recognise(text.encode(), "x.jsonl") is READERS["bioc_json.v1"]
        assert read("bioc_json.v1", text) == [one("bioc_json.v1", json.dumps(self.FULL))]

    def test_xml_and_json_give_the_same_document(self):
        from bioc import biocjson, biocxml
        from bioc.datastructure import BioCCollection

        from pipeline.readers.bioc_json import _complete

        collection = BioCCollection()
        collection.add_document(biocjson.fromJSON(_complete(self.FULL, "documents"), "BioCDocument"))
        for passage_ in collection.documents[0].passages:
            passage_.text = passage_.text or ""
        collection.documents[0].relations[0].infons["score"] = "0.5"  # the library writes no numbers
        collection.source = collection.date = collection.key = ""
        assert one("bioc_xml.v1", biocxml.dumps(collection)) == one("bioc_json.v1", json.dumps(self.FULL))

    def test_a_broken_line_costs_itself_alone(self):
        line = json.dumps(self.FULL)
        documents = read("bioc_json.v1", f"{line}\n{line[:300]}\n\n{{}}\n{line}\n")
        assert [d.reason if isinstance(d, SetAside) else d.doc_id for d in documents] == [
            "PMID:7", "invalid-json", "invalid-bioc", "PMID:7",
        ]  # fmt: skip
        assert [d.record for d in documents[1:3]] == ["line 2, record 0", "line 4, record 0"]

    def test_documents_before_a_break_are_kept(self):
        text = json.dumps({"documents": [self.FULL, self.FULL]}, indent=1)
        first, problem = read("bioc_json.v1", text[: len(text) * 3 // 4])
        assert (first.doc_id, problem.reason, problem.record) == ("PMID:7", "invalid-json", "record 1")

    def test_documents_on_one_line_before_a_cut_in_gzip_are_kept(self, tmp_path):
        many = [self.FULL | {"infons": {"note": f"{number}"}} for number in range(500)]
        path = UPath(tmp_path / "x.json.gz")
        data = gzip.compress(json.dumps({"documents": many}).encode())
        path.write_bytes(data[: len(data) // 2])
        kept = 0
        with open_stream(path) as stream, pytest.raises(BrokenStreamError):
            for item in READERS["bioc_json.v1"].read(stream, "f"):
                kept += not isinstance(item, SetAside)
        assert 100 < kept < 500
        path.write_bytes(data)
        with open_stream(path) as stream:
            assert sum(not isinstance(item, SetAside) for item in READERS["bioc_json.v1"].read(stream, "f")) == 500

    @pytest.mark.parametrize(
        "change",
        [
            {"passages": {}},
            {"passages": [1]},
            {"passages": [{"offset": "0", "text": "x"}]},
            {"passages": [{"offset": 0, "text": 1}]},
            {"infons": [1]},
            {"relations": [{"nodes": [{"refid": []}]}]},
        ],
    )
    def test_a_document_of_another_form_is_set_aside_and_the_next_is_read(self, change):
        problem, document = read("bioc_json.v1", json.dumps({"documents": [self.FULL | change, self.FULL]}))
        assert (problem.reason, document.doc_id) == ("invalid-bioc", "PMID:7")

    def test_an_object_without_passages_among_documents_is_not_lost(self):
        (problem, document) = read("bioc_json.v1", json.dumps({"documents": [{"id": "1"}, self.FULL]}))
        assert (problem.reason, problem.record, document.doc_id) == ("invalid-bioc", "line 1, record 0", "PMID:7")

    @pytest.mark.parametrize("text", ["[" * 100_000, '{"documents":' * 100_000, '{"passages": [{"a":' * 50_000])
    def test_nesting_without_end_is_refused(self, text):
        (problem,) = read("bioc_json.v1", text)
        assert (problem.reason, "64 levels" in problem.detail) == ("invalid-json", True)

    def test_a_document_of_too_many_objects_is_refused_in_little_memory(self):
        (problem,) = read("bioc_json.v1", '{"passages": [' + "{}," * 2_000_000)
        assert "300000 objects" in problem.detail
        many = "<collection><document>" + "<annotation/>" * 300_000 + "</document></collection>"
        assert [item.reason for item in read("bioc_xml.v1", many)] == ["record-too-large"]

    def test_discontinuous_parts_are_kept_and_offsets_in_a_gap_are_set_aside(self):
        parts = mention("T1", 0, 6, "breast cancer") | {
            "locations": [{"offset": 0, "length": 6}, {"offset": 19, "length": 6}]
        }
        document = {
            "id": "7",
            "passages": [passage(0, "breast and ovarian cancer", annotations=[parts, mention("T2", 25, 3, "abc")])],
        }
        problem, found = read("bioc_json.v1", json.dumps(document))
        assert (problem.reason, words(found)) == ("span-outside-text", [["breast", "cancer"]])

    def test_relations_that_name_concepts_find_their_annotations_identifiers(self):
        document = {
            "id": "7",
            "passages": [passage(0, "BRAF in gout", annotations=[
                mention("1", 0, 4, "BRAF", type="Gene", identifier="673"), mention("2", 8, 4, "gout", type="Disease", identifier="D006073|D9")])],
            "relations": [
                {"id": "R0", "infons": {"type": "Association", "entity1": "673", "entity2": "D006073", "novel": "No"}},
                {"id": "R1", "infons": {"type": "Bind", "role1": {"identifier": "673", "type": "Gene"},
                                        "role2": {"identifier": "MESH:D006073", "type": "Disease"}}, "nodes": [{"refid": "0", "role": "0,1"}]},
                {"id": "R2", "infons": {"type": "Bind"}, "nodes": [{"refid": "1", "role": "a"}, {"refid": "9", "role": "b"}]}],
        }  # fmt: skip
        problem, found = read("bioc_json.v1", json.dumps(document))
        assert (problem.reason, "'9'" in problem.detail) == ("unknown-argument", True)
        assert found.relations == (
            Relation("Association", (("entity1", "NCBIGene:673"), ("entity2", "MESH:D006073")), (("novel", "No"),)),
            Relation("Bind", (("role1", "NCBIGene:673"), ("role2", "MESH:D006073"))),
        )

    @pytest.mark.parametrize(
        "inner",
        [
            "<passage><text>T</text></passage>",
            "<passage><offset>x</offset></passage>",
            "<passage><offset>0</offset><infon>no key</infon></passage>",
            "<passage><offset>0</offset><text>T</text><annotation id='1'><location offset='0'/></annotation></passage>",
        ],
    )
    def test_xml_of_another_form_is_set_aside_and_the_next_is_read(self, inner):
        good = "<document><id>8</id><passage><offset>0</offset><text>T</text><annotation><text>T</text>"
        good += "<location offset='0' length='1'/></annotation></passage></document>"
        problem, document = read(
            "bioc_xml.v1", f"<collection><document><id>7</id>{inner}</document>{good}</collection>"
        )
        assert (problem.reason, document.doc_id, len(document.annotations)) == ("invalid-bioc", "PMID:8", 1)


class TestDdi:
    """By the 2013 release (https://github.com/isegura/DDICorpus)."""

    XML = (
        '<document id="DDI-MedLine.d1"><sentence id="s0" text="A alpha- or beta-blocker.&#13;&#10;">'
        '<entity id="e0" charOffset="2-7;17-23" type="group" text="alpha-blocker"/>'
        '<entity id="e1" charOffset="12-23" type="group" text="beta-blocker"/>'
        '<pair id="p0" e1="e0" e2="e1" ddi="false"/></sentence><sentence id="s1" text="Aspirin with warfarin.">'
        '<entity id="e2" charOffset="0-6" type="brand" text="Aspirin"/><entity id="e3" charOffset="13-20" type="drug" text="{}"/>'
        '<pair id="p1" e1="e2" e2="e3" ddi="true" type="effect"/></sentence></document>'
    )

    def test_offsets_of_sentences_become_offsets_of_the_text(self):
        document = one("ddi_xml.v2", self.XML.format("warfarin"))
        assert words(document) == [["alpha-", "blocker"], ["beta-blocker"], ["Aspirin"], ["warfarin"]]
        assert document.relations == (Relation("effect", (("subject", "e2"), ("object", "e3"))),)
        assert (document.doc_id, document.sections[0][0]) == ("DDICorpus:DDI-MedLine.d1", "abstract")

    def test_a_medline_file_is_named_by_its_pmid(self):
        stream = io.BufferedReader(io.BytesIO(self.XML.format("warfarin").encode()))
        (document,) = READERS["ddi_xml.v2"].read(stream, "train.zip/Train/MedLine/7654327.xml")
        assert (document.doc_id, document.aliases) == ("PMID:7654327", ("DDICorpus:DDI-MedLine.d1",))

    def test_an_entity_that_does_not_fit_takes_its_relation_with_it(self):
        first, second, document = read("ddi_xml.v2", self.XML.format("heparin"))
        assert [first.reason, second.reason] == ["annotation-mismatch", "unknown-argument"]
        assert (len(document.annotations), document.relations) == (3, ())

    @pytest.mark.parametrize("offset", ["", "x", "3", "0-6;", "9999999999-1", "6-0"])
    def test_offsets_that_are_none_are_set_aside(self, offset):
        problem, *_ = read("ddi_xml.v2", self.XML.format("warfarin").replace('"0-6"', f'"{offset}"'))
        assert problem.reason == "annotation-mismatch"

    @pytest.mark.parametrize("offset", ["0-99", "0-999999999"])
    def test_an_entity_that_ends_outside_its_text_is_set_aside_as_such(self, offset):
        problem, *_ = read("ddi_xml.v2", self.XML.format("warfarin").replace('"0-6"', f'"{offset}"'))
        assert problem.reason == "span-outside-text"


class TestMarkedSentences:
    """By SciBERT's ChemProt data (https://github.com/allenai/scibert)."""

    def test_markers_go_and_the_entities_stay(self):
        record = {"text": "PGE1>[[ STA2 ]]>>x-[[(1,1 of << EP1 >>-agonists", "label": "AGONIST", "metadata": []}
        document = one("marked_sentences.v1", json.dumps(record))
        assert document.sections == (("sentence", "PGE1>STA2>>x-[[(1,1 of EP1-agonists"),)
        assert [(a.name, a.text) for a in document.annotations] == [("e2", "STA2"), ("e1", "EP1")]
        assert words(document) == [["STA2"], ["EP1"]]
        assert document.relations == (Relation("AGONIST", (("subject", "e1"), ("object", "e2"))),)

    def test_pairs_of_one_sentence_are_documents_of_their_own(self):
        rows = [{"text": text, "label": "AGONIST"} for text in ("<< A >> [[ B ]] C", "<< A >> B [[ C ]]")]
        first, second = read("marked_sentences.v1", "\n".join(map(json.dumps, rows)))
        assert first.sections == second.sections
        assert first.doc_id != second.doc_id

    @pytest.mark.parametrize(
        "line", ['{"text": "<< A >> B", "label": "x"}', '{"text": "<< A >> << B >> [[ C ]]", "label": "x"}',
                 "[]", '{"text": 1, "label": "x"}']
    )  # fmt: skip
    def test_a_sentence_not_marked_once_in_each_way_is_set_aside(self, line):
        assert [item.reason for item in read("marked_sentences.v1", line)] == ["invalid-sentence"]

    @pytest.mark.parametrize("label", ["", ', "label": " "', ', "label": null'])
    def test_a_sentence_without_a_label_is_set_aside(self, label):
        line = f'{{"text": "<< A >> [[ B ]]"{label}}}'
        assert [item.reason for item in read("marked_sentences.v1", line)] == ["no-label"]

    def test_half_a_surrogate_pair_is_no_crash(self):
        assert one("marked_sentences.v1", '{"text": "<< A >> [[ B ]] \\ud800", "label": "x"}').annotations

    def test_json_lines_of_other_kinds_are_not_claimed(self):
        assert recognise(b'{"text": "<< A >> [[ B ]]", "label": "x"}\n', "x.jsonl") is READERS["marked_sentences.v1"]
        assert recognise(b'{"text": "<< A >> B", "label": "x"}\n', "x.jsonl") is READERS["jsonl.v1"]
        assert recognise(b'{"id": "1", "text": "a \\"passages\\": [1]"}\n', "x.jsonl") is READERS["jsonl.v1"]


class TestIob:
    """By CoNLL-2003 (https://aclanthology.org/W03-0419)."""

    @pytest.mark.parametrize(
        "tags",
        [
            "B-D I-D O B-C B-C B-D",  # IOB2
            "I-D I-D O I-C B-C I-D",  # IOB1: B- only between neighbours of one type
            "B-D E-D O S-C S-C S-D",  # BIOES
            "B-D L-D O U-C U-C U-D",  # BILOU
        ],
    )
    def test_the_entities_are_the_same_in_every_scheme(self, tags):
        sentence = "Heart failure after NaCl aspirin colds"
        lines = [f"{word}\t{tag}" for word, tag in zip(sentence.split(" "), tags.split(), strict=True)]
        document = one("iob.v1", "\n".join(lines))
        assert document.sections == (("sentence", sentence),)
        assert words(document) == [["Heart failure"], ["NaCl"], ["aspirin"], ["colds"]]
        assert [a.type for a in document.annotations] == ["D", "C", "C", "D"]

    def test_columns_between_word_and_tag_are_dropped(self):
        document = one("iob.v1", "-DOCSTART- -X- O O\n\nHeart NNP I-NP B-Disease\nfailure NN I-NP I-Disease\n. . O O\n")
        assert words(document) == [["Heart failure"]]

    def test_sentences_of_a_document_stay_together_where_the_file_says_so(self):
        rows = "A\tO\n\ncold\tB-D\n"
        (document,) = read("iob.v1", "-DOCSTART-\tO\n\n" + rows)
        assert (document.sections, words(document)) == ((("sentence", "A"), ("sentence", "cold")), [["cold"]])
        assert [d.sections[0][1] for d in read("iob.v1", rows)] == ["A", "cold"]

    @pytest.mark.parametrize("line", ["word", "word\tX-Disease", "word\tB-", "\tO", b"\xff\tO"])
    def test_a_sentence_with_a_bad_line_is_set_aside_and_the_rest_goes_on(self, line):
        line = line.encode() if isinstance(line, str) else line
        aside, document = read("iob.v1", b"a\tO\n" + line + b"\nb\tO\n\ncold\tB-D\n")
        assert (aside.reason, aside.record) == ("invalid-iob-line", "line 2")
        assert words(document) == [["cold"]]

    def test_prose_whose_lines_end_in_a_capital_o_is_not_claimed(self):
        assert not READERS["iob.v1"].recognises(b"blood group O\nblood group O\n", "x.txt")
        assert not READERS["iob.v1"].recognises(b"a table\tB-12\nof vitamins\tB-complex\nand more\n", "x.tsv")
