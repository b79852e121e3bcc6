"""The bundled sample: well formed, of the promised size, with the promised cases, and with real identifiers."""

import gzip
import json
import re
from collections import Counter
from pathlib import Path

import pytest
from lxml import etree

SAMPLE = Path(__file__).parents[2] / "pipeline" / "sample"
LITERATURE = SAMPLE / "literature"
CATEGORIES = {"Disease", "PhenotypicFeature", "SmallMolecule", "ChemicalEntity", "Gene", "AnatomicalEntity"}
PREFIX_OF_CATEGORY = {
    "Disease": {"MESH"},
    "SmallMolecule": {"MESH"},
    "ChemicalEntity": {"MESH"},
    "PhenotypicFeature": {"HP", "MESH"},
    "Gene": {"HGNC", "MESH"},
    "AnatomicalEntity": {"UBERON"},
}

Term = dict[str, list[str]]


def xml(data: bytes) -> etree._Element:
    return etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))


def obo_terms(text: str) -> list[Term]:
    """Clauses of every term stanza, values without trailing comments; a tag may stand more than once."""
    terms: list[Term] = []
    for stanza in text.split("\n\n"):
        head, *lines = stanza.strip().split("\n")
        if head != "[Term]":
            continue
        term: Term = {}
        for line in lines:
            tag, value = line.split(": ", 1)
            term.setdefault(tag, []).append(value.split(" ! ")[0].strip())
        terms.append(term)
    return terms


def names_of(term: Term) -> set[str]:
    quoted = [re.match(r'"((?:[^"\\]|\\.)*)"', s) for s in term.get("synonym", [])]
    return {name.lower() for name in term.get("name", [])} | {m.group(1).lower() for m in quoted if m}


@pytest.fixture(scope="module")
def first() -> etree._Element:
    return xml((LITERATURE / "pubmed26n0001.xml").read_bytes())


@pytest.fixture(scope="module")
def update() -> etree._Element:
    return xml(gzip.decompress((LITERATURE / "pubmed26n0002.xml.gz").read_bytes()))


@pytest.fixture(scope="module")
def articles() -> list[etree._Element]:
    return [xml(path.read_bytes()) for path in sorted((LITERATURE / "jats").glob("*.nxml"))]


@pytest.fixture(scope="module")
def notes() -> list[dict[str, object]]:
    return [json.loads(line) for line in (LITERATURE / "notes.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def terms() -> list[Term]:
    return obo_terms((SAMPLE / "vocabulary" / "sample.obo").read_text(encoding="utf-8"))


def pmids(root: etree._Element) -> list[str]:
    return [str(element.text) for element in root.iterfind("PubmedArticle/MedlineCitation/PMID")]


def words_of(record: etree._Element) -> str:
    return "".join(record.find("MedlineCitation/Article").itertext())


def test_documents_are_as_many_as_promised_and_their_ids_differ(first, update, articles, notes):
    assert (len(pmids(first)), len(pmids(update)), len(articles), len(notes)) == (30, 15, 6, 30)
    ids = set(pmids(first)) | set(pmids(update))
    ids |= {a.findtext(".//article-id[@pub-id-type='doi']") for a in articles} | {str(n["id"]) for n in notes}
    assert len(ids) == 79
    assert len(set(pmids(first))) == 30
    assert all(pmid.startswith("900000") for pmid in pmids(first) + pmids(update))


def test_update_file_holds_a_revision_a_retraction_and_a_deletion(first, update):
    again = sorted(set(pmids(first)) & set(pmids(update)))
    assert again == ["90000005", "90000008"]
    by_pmid = dict(zip(pmids(update), update.iterfind("PubmedArticle"), strict=True))
    old = dict(zip(pmids(first), first.iterfind("PubmedArticle"), strict=True))
    revised, retracted = by_pmid["90000005"], by_pmid["90000008"]
    assert revised.find("MedlineCitation/PMID").get("Version") == "2"
    assert words_of(revised) != words_of(old["90000005"])
    assert [t.get("UI") for t in retracted.iter("PublicationType")] == ["D016428", "D016441"]
    assert [c.get("RefType") for c in retracted.iter("CommentsCorrections")] == ["RetractionIn"]
    deleted = [str(element.text) for element in update.iterfind("DeleteCitation/PMID")]
    assert deleted == ["90000012"]
    assert deleted[0] in pmids(first)


def test_gzip_file_carries_neither_time_nor_name():
    head = (LITERATURE / "pubmed26n0002.xml.gz").read_bytes()[:10]
    assert head[:2] == b"\x1f\x8b"
    assert head[3] == 0, "a flag such as FNAME is set"
    assert head[4:8] == b"\0\0\0\0", "the time of making is in the file"


def test_titles_and_abstracts_hold_what_readers_stumble_over(first, update):
    both = [*first.iterfind("PubmedArticle"), *update.iterfind("PubmedArticle")]
    assert any(record.find(".//ArticleTitle/i") is not None for record in both)
    assert any(record.find(".//AbstractText/sup") is not None for record in both)
    assert any(record.find(".//AbstractText/sub") is not None for record in both)
    assert sum(record.find(".//AbstractText[@Label]") is not None for record in both) >= 3
    text = "".join(words_of(record) for record in both)
    assert all(character in text for character in "αβγΔε–−")


def test_articles_have_abstract_sections_table_and_references(articles):
    for article in articles:
        assert article.findtext(".//article-title")
        assert article.findtext(".//abstract/p")
        assert len(article.findall("body/sec")) >= 3
        assert len(article.findall(".//table-wrap/caption")) == 1
        assert article.findall(".//ref-list/ref")


def test_notes_have_the_fields_of_their_form(notes):
    for note in notes:
        assert list(note) == ["id", "title", "abstract", "keywords", "year"]
        assert isinstance(note["year"], int)


def test_concepts_are_as_many_as_promised_with_one_category_and_one_name(terms):
    assert 180 <= len(terms) <= 220
    ids = [term["id"][0] for term in terms]
    assert len(set(ids)) == len(ids)
    names = [term["name"][0].lower() for term in terms]
    assert [name for name, count in Counter(names).items() if count > 1] == []
    for term in terms:
        (value,) = term["property_value"]
        found = re.fullmatch(r"biolink:category biolink:(\w+)", value)
        assert found and found.group(1) in CATEGORIES, value
        assert term["id"][0].split(":")[0] in PREFIX_OF_CATEGORY[found.group(1)]
        assert len(term["def"]) == 1


def test_every_parent_is_in_the_file_and_every_concept_reaches_the_root_of_its_category(terms):
    by_id = {term["id"][0]: term for term in terms}
    roots = {term["id"][0]: term["property_value"][0] for term in terms if "is_a" not in term}
    assert len(roots) == 5

    def depth(curie: str, seen: tuple[str, ...] = ()) -> int:
        assert curie in by_id, f"{seen[-1]} has the parent {curie}, which is not in the file"
        assert curie not in seen, f"a cycle through {curie}"
        return max((1 + depth(parent, (*seen, curie)) for parent in by_id[curie].get("is_a", [])), default=0)

    assert max(map(depth, by_id)) >= 3
    for curie in by_id:
        assert curie in roots or depth(curie) >= 1
    assert by_id["MESH:D003924"]["is_a"] == ["MESH:D003920"]


def test_most_concepts_are_named_in_a_document(terms, first, update, articles, notes):
    text = " ".join(words_of(r) for root in (first, update) for r in root.iterfind("PubmedArticle"))
    text += " ".join("".join(a.itertext()) for a in articles) + " ".join(f"{n['title']} {n['abstract']}" for n in notes)
    words = " " + re.sub(r"[^\w]+", " ", text.lower()) + " "

    def named(term: Term) -> bool:
        forms = (" " + re.sub(r"[^\w]+", " ", name) for name in names_of(term))
        return any(form + " " in words or form + "s " in words for form in forms)

    missing = [term["name"][0] for term in terms if not named(term)]
    assert len(missing) <= 0.2 * len(terms), missing


@pytest.mark.realdata
def test_identifiers_and_names_are_those_of_mesh_hpo_and_uberon(terms, materia_data):
    def read(name: str) -> str:
        return gzip.decompress((materia_data / "vocabulary" / name).read_bytes()).decode("utf-8")

    real: dict[str, set[str]] = {}
    for line in read("mesh_names.tsv.gz").splitlines():
        number, name, *_ = line.split("\t")
        real.setdefault(f"MESH:{number}", set()).add(name.lower())
    for line in read("medic_2012-07-06.txt.gz").splitlines():
        numbers, names = line.split("||")
        for number in numbers.split("|"):
            real.setdefault(f"MESH:{number}", set()).update(names.lower().split("|"))
    for file in ("hp_2013-11-30.obo.gz", "uberon_import.obo.gz"):
        for term in obo_terms(read(file)):
            real.setdefault(term["id"][0], set()).update(names_of(term))
    checked = [term for term in terms if not term["id"][0].startswith("HGNC:")]
    assert len(checked) > 150
    wrong = [(t["id"][0], t["name"][0]) for t in checked if not names_of(t) & real.get(t["id"][0], set())]
    assert wrong == []


@pytest.mark.realdata
def test_xrefs_to_the_disease_ontology_agree_with_its_own_xrefs_to_mesh(terms, materia_data):
    doid = obo_terms(gzip.decompress((materia_data / "vocabulary" / "doid_2016-03-04.obo.gz").read_bytes()).decode())
    mesh = {t["id"][0]: {x.replace("MSH:", "MESH:").split()[0] for x in t.get("xref", [])} for t in doid if "id" in t}
    pairs = [(t["id"][0], x) for t in terms for x in t.get("xref", []) if x.startswith("DOID:")]
    assert len(pairs) > 30
    assert [(curie, x) for curie, x in pairs if curie not in mesh[x]] == []
