"""Loaders of ontologies in JSON and RDF and of tables from BioPortal, CTD and Babelon, against their specifications."""

from __future__ import annotations

import io
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.errors import SetAside
from pipeline.vocabularies import LOADERS
from pipeline.vocabularies.base import Concept


def sample(loader: str) -> str:
    """A file for each loader, written to its specification."""
    return (Path(__file__).parent / "vocabulary_samples" / loader).read_text("utf-8")


# Written to https://github.com/geneontology/obographs (schema of the JSON form).
OBOGRAPHS = sample("obographs.v1")

# Written to https://www.w3.org/TR/owl2-mapping-to-rdf/ as ROBOT writes RDF/XML: entities for namespaces, an axiom annotation.
OWL = sample("rdf.v2")
# Written to https://www.w3.org/TR/skos-reference/; `ward:` is a hospital's own scheme, known by this file's prefix alone.
SKOS = """@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix ward: <http://hospital.example/vocabulary/> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
ward:scheme a skos:ConceptScheme .
ward:7 a skos:Concept ; skos:prefLabel "Fall"@en, "Sturz"@de, "Chute"@fr ; skos:altLabel "tumble"@en ; skos:broader ward:1 ;
  skos:scopeNote "Unintended."@en ; skos:exactMatch <http://id.nlm.nih.gov/mesh/D000058> .
ward:8 a skos:Concept ; skos:prefLabel "Sturz"@de, "Chute"@fr .
<http://elsewhere.example/1> a skos:Concept ; skos:prefLabel "nowhere" .
"""
# Written to https://ctdbase.org/downloads/ (fields of CTD_diseases and CTD_chemicals).
CTD_DISEASES = sample("ctd.v1")
CTD_CHEMICALS = '''# Fields:
# ChemicalName,ChemicalID,CasRN,Definition,ParentIDs,TreeNumbers,ParentTreeNumbers,Synonyms
"1,2-dioxygen, ""x""",MESH:C000001,50-00-0,,MESH:D000001,D01.1,D01,a|b
'''
CTD_GENES = "# Fields:\n# GeneSymbol\tGeneName\tGeneID\tAltGeneIDs\tSynonyms\nINS\tinsulin\t3630\t9\tIDDM2\n"
BIOPORTAL = sample("bioportal_csv.v1")
BABELON = sample("babelon.v2")


def load(name: str, content: str | bytes) -> tuple[list[Concept], dict[str, int]]:
    data = content.encode() if isinstance(content, str) else content
    assert LOADERS[name].recognises(data[:65536], "file")
    aside: list[SetAside] = []
    concepts = list(LOADERS[name].load(io.BytesIO(data), "file", aside.append))
    assert all(record.detail.endswith(".") for record in aside)
    reasons: dict[str, int] = {}
    for record in aside:
        reasons[record.reason] = reasons.get(record.reason, 0) + 1
    return concepts, reasons


def test_obographs_keeps_what_a_concept_is_and_its_edges_as_parts():
    concepts, aside = load("obographs.v1", OBOGRAPHS)
    assert concepts == [
        Concept(
            "MONDO:0005148", "type 2 diabetes mellitus", (("T2D", "exact"), ("adult-onset diabetes", "related")),
            None, "A diabetes of adults.", xrefs=("DOID:9352",), marks=("namespace:mondo",),
            alternatives=("MONDO:0000001",), matches=(("MESH:D003924", "exact"),),
        ),
        Concept("MONDO:0005015", "diabetes mellitus"),
        Concept("MONDO:0005015", "", alternatives=("MONDO:0000002",)),
        Concept("MONDO:0005148", "", parents=("MONDO:0005015",)),
        Concept("MONDO:0005015", "", matches=(("DOID:9351", "exact"),)),
    ]  # fmt: skip
    assert aside == {"obsolete": 1, "invalid-entry": 1}


def test_obographs_that_break_off_keep_what_came_before():
    concepts, aside = load("obographs.v1", OBOGRAPHS[: OBOGRAPHS.index('"edges"')])
    assert (len(concepts), aside) == (3, {"obsolete": 1, "invalid-entry": 1, "malformed-json": 1})


def test_owl_keeps_named_parents_and_names_by_language():
    concepts, aside = load("rdf.v2", OWL)
    assert concepts == [
        Concept(
            "MONDO:0005148", "type 2 diabetes mellitus", (("T2D", "exact"),), None, "A diabetes of adults.",
            parents=("MONDO:0005015",), xrefs=("UMLS:C0011860",), alternatives=("MONDO:0000001",),
            matches=(("MESH:D003924", "close"),),
            translations=(("de", "Typ-2-Diabetes", "label"), ("zh", "糖尿病", "broad")),
        ),
        Concept("MONDO:0005015", "diabetes mellitus", matches=(("DOID:9351", "exact"),)),
        Concept("MONDO:0005015", "", alternatives=("MONDO:0000002",)),
    ]  # fmt: skip
    assert aside == {"obsolete": 1}


def test_every_rdf_syntax_gives_the_same_concepts():
    import pyoxigraph

    quads = list(pyoxigraph.parse(OWL.replace("'", '"').encode(), format=pyoxigraph.RdfFormat.RDF_XML))
    wanted, _ = load("rdf.v2", OWL)
    for syntax in (pyoxigraph.RdfFormat.TURTLE, pyoxigraph.RdfFormat.N_TRIPLES, pyoxigraph.RdfFormat.JSON_LD):
        data = pyoxigraph.serialize(
            [q.triple for q in quads] if syntax != pyoxigraph.RdfFormat.JSON_LD else quads, format=syntax
        )
        assert sorted(map(str, load("rdf.v2", data)[0])) == sorted(map(str, wanted)), syntax


def test_skos_keeps_languages_apart_and_the_files_own_prefixes():
    concepts, aside = load("rdf.v2", SKOS)
    assert concepts == [
        Concept(
            "ward:7", "Fall", (("tumble", "exact"),), None, "Unintended.", parents=("ward:1",),
            matches=(("MESH:D000058", "exact"),),
            translations=(("de", "Sturz", "label"), ("fr", "Chute", "label")),
        ),
        Concept("ward:8", "Sturz", translations=(("de", "Sturz", "label"), ("fr", "Chute", "label"))),
    ]  # fmt: skip
    assert aside == {"no-identifier": 1}


def test_rdf_that_breaks_off_keeps_what_came_before_and_names_the_line():
    aside: list[SetAside] = []
    cut = SKOS[: SKOS.index("<http://elsewhere")] + "ward:9 a skos:Concept ;; nonsense\n"
    concepts = list(LOADERS["rdf.v2"].load(io.BytesIO(cut.encode()), "f", aside.append))
    assert [concept.curie for concept in concepts] == ["ward:7"] or len(concepts) == 2
    assert aside[-1].reason == "malformed-rdf"
    assert "line 8" in aside[-1].detail


_PROLOG = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:owl="http://www.w3.org/2002/07/owl#"
 xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#">"""
_HP = "http://purl.obolibrary.org/obo/HP_"


def test_rdf_xml_that_simply_ends_is_told_wherever_it_does():
    """Guards against Oxigraph's parser, which takes the end of the file for the end of the root element."""
    for end in range(OWL.index("<owl:Class"), OWL.index("</rdf:RDF>"), 7):
        concepts, aside = load("rdf.v2", OWL[:end])
        assert aside.get("malformed-rdf") == 1, OWL[:end][-40:]
        assert all(concept.name or concept.alternatives for concept in concepts)


def test_a_class_written_inside_another_takes_nothing_from_it():
    """Guards against losing what follows the inner class, as in files of Protégé 3."""
    inner = f'<rdfs:subClassOf><owl:Class rdf:about="{_HP}2"><rdfs:label>two</rdfs:label></owl:Class></rdfs:subClassOf>'
    outer = f'<owl:Class rdf:about="{_HP}1">{inner}<rdfs:label>one</rdfs:label></owl:Class>'
    concepts, aside = load("rdf.v2", f"{_PROLOG}{outer}</rdf:RDF>")
    assert concepts == [Concept("HP:2", "two"), Concept("HP:1", "one", parents=("HP:2",))]
    assert aside == {}


def test_a_bad_iri_costs_its_own_class_only():
    classes = "".join(
        f'<owl:Class rdf:about="{_HP}{local}"><rdfs:label>n</rdfs:label></owl:Class>' for local in ("1", "/ 2", "3")
    )
    concepts, aside = load("rdf.v2", f"{_PROLOG}{classes}</rdf:RDF>")
    assert ([concept.curie for concept in concepts], aside) == (["HP:1", "HP:3"], {"no-identifier": 1})


def test_rdf_xml_nested_without_end_is_refused_in_time():
    levels = "<owl:Class><rdfs:subClassOf>" * 200_000
    start = time.process_time()
    assert load("rdf.v2", _PROLOG + levels) == ([], {"malformed-rdf": 1})
    assert time.process_time() - start < 5


def test_depth_is_counted_wherever_the_pieces_end():
    """Guards against tags cut in two between reads: many siblings must not add up to depth."""
    classes = "".join(
        f'<owl:Class rdf:about="{_HP}{n}"><rdfs:label>{"x" * (n % 7)}n</rdfs:label><rdfs:seeAlso rdf:resource="{_HP}"/></owl:Class>'
        for n in range(1, 30_000)
    )
    concepts, aside = load("rdf.v2", f"{_PROLOG}{classes}</rdf:RDF>")
    assert (len(concepts), aside) == (29_999, {})


def test_obographs_with_values_of_the_wrong_type_are_read_on():
    node = '{"id": "X:1", "lbl": "a", "meta": {"basicPropertyValues": [{"pred": ["x"], "val": {"a": 1}}, {"pred": {}}, 1]}}'
    wrong = '{"id": {"a": 1}, "lbl": 1, "meta": []}'
    concepts, aside = load("obographs.v1", f'{{"graphs": [{{"nodes": [{node}, {wrong}]}}]}}')
    assert (concepts, aside) == ([Concept("X:1", "a")], {"no-identifier": 1})


@pytest.mark.parametrize(
    "syntax",
    [
        "Prefix(:=<http://x/>)\nOntology(<http://x>)",
        "Ontology(<http://x>)",
        "# by hand\nPrefix( : = <http://x/> )",
        '<?xml version="1.0"?><Ontology xmlns="http://www.w3.org/2002/07/owl#"/>',
    ],
)
def test_functional_syntax_and_owl_xml_are_refused_with_a_remedy(syntax):
    concepts, aside = load("rdf.v2", syntax)
    assert (concepts, aside) == ([], {"unknown-syntax": 1})


BOMB = """
import io, sys
sys.path.insert(0, {path!r})
from pipeline.vocabularies import LOADERS
levels = "".join('<!ENTITY l%d "%s">' % (i, "&l%d;" % (i - 1) * 10) for i in range(1, 10))
prolog = '<!DOCTYPE rdf:RDF [<!ENTITY l0 "lol">%s]>' % levels
body = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="&l9;"/></rdf:RDF>'
for document in (prolog + body, "<!-- " + "x" * 70000 + " -->" + prolog + body):
    aside = []
    assert not list(LOADERS["rdf.v2"].load(io.BytesIO(document.encode()), "f", aside.append))
    print(aside[0].reason)
"""


def test_entities_that_unfold_without_end_are_refused_before_they_do(request):
    done = subprocess.run(
        [sys.executable, "-c", BOMB.format(path=str(request.config.rootpath))],
        capture_output=True, text=True, timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30)),
    )  # fmt: skip
    assert done.stdout.split() == ["entity-declaration", "unknown-syntax"], done.stderr


def test_an_entity_that_reads_a_file_is_refused(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("SECRET")
    owl = OWL.replace('<!ENTITY obo "', f'<!ENTITY evil SYSTEM "{secret.as_uri()}"> <!ENTITY obo "')
    assert load("rdf.v2", owl) == ([], {"entity-declaration": 1})


def test_ctd_reads_its_three_vocabularies():
    (disease, pain), aside = load("ctd.v1", CTD_DISEASES)
    assert disease == Concept(
        "MESH:D003924", "Diabetes Mellitus, Type 2", (("NIDDM", "exact"), ("MODY", "exact")), "biolink:Disease",
        'A "diabetes".', ("MESH:D003920",), ("DOID:9352", "OMIM:125853"), ("mesh:C18.452", "mesh:C19.246"),
    )  # fmt: skip
    assert (pain.curie, aside) == ("MESH:D010146", {"no-name": 1})
    (chemical,), _ = load("ctd.v1", CTD_CHEMICALS)
    assert (chemical.name, chemical.xrefs, chemical.synonyms) == (
        '1,2-dioxygen, "x"', ("CAS:50-00-0",), (("a", "exact"), ("b", "exact")),
    )  # fmt: skip
    (gene,), _ = load("ctd.v1", CTD_GENES)
    assert (gene.curie, gene.name, gene.synonyms) == (
        "NCBIGene:3630",
        "INS",
        (("insulin", "exact"), ("IDDM2", "exact")),
    )
    assert gene.xrefs == ("NCBIGene:9",)


@pytest.mark.parametrize("head", [b"\x00\x7f\r\x01", b"a\rb", b"x" * 200_000, b'"' + b"x" * 200_000])
def test_a_file_that_is_no_table_is_refused_and_not_a_traceback(head):
    assert not any(loader.recognises(head, "x.csv") for loader in LOADERS.values())


def test_bioportal_csv_with_cells_over_lines():
    (drug, _), aside = load("bioportal_csv.v1", BIOPORTAL)
    assert drug == Concept(
        "RXNORM:1", "Aspirin, 1 MG", (("ASA", "exact"), ("aspirin", "exact")), None, 'A "drug" of two lines.',
        ("RXNORM:2",), ("UMLS:C1", "UMLS:C2"), ("sty:T121",),
    )  # fmt: skip
    assert aside == {"obsolete": 1, "no-identifier": 1, "no-name": 1}


def test_bioportal_csv_with_a_cui_that_is_none_and_a_head_with_lone_carriage_returns():
    header, row = BIOPORTAL.split("\n")[0], "http://purl.bioontology.org/ontology/RXNORM/2,aspirin,,,false,C1|no cui,,,"
    (drug,), aside = load("bioportal_csv.v1", f"{header}\n{row}\n")
    assert (drug.xrefs, aside) == (("UMLS:C1",), {})
    assert not LOADERS["bioportal_csv.v1"].recognises(b"a,b\rc,d\rx\n", "file")


def test_babelon_adds_names_in_other_languages():
    concepts, aside = load("babelon.v2", BABELON)
    assert concepts == [
        Concept("HP:0000001", "", translations=(("zh", "所有", "label"),)),
        Concept("HP:0000001", "", translations=(("fr", "tout", "narrow"),)),
    ]
    assert aside == {"no-translation": 1, "no-language": 1, "no-identifier": 1}


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("file", "loader", "concepts"),
    [("RXNORM.csv.gz", "bioportal_csv.v1", 119_543), ("hp-zh.babelon.tsv.gz", "babelon.v2", 18_988)],
)
def test_counts_of_real_files(materia_data, file, loader, concepts):
    import gzip

    aside: list[SetAside] = []
    with gzip.open(materia_data / "vocabulary" / file) as stream:
        found = {concept.curie for concept in LOADERS[loader].load(stream, file, aside.append)}
    assert (len(found), aside) == (concepts, [])
