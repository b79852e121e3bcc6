"""MeSH XML and the Rich Release Format of UMLS and RxNorm, in small files to the published specifications.

MeSH: https://www.nlm.nih.gov/mesh/xml_data_elements.html. UMLS: Reference Manual, chapter 3,
https://www.ncbi.nlm.nih.gov/books/NBK9685/. RxNorm: https://www.nlm.nih.gov/research/umls/rxnorm/docs/techdoc.html.
"""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import pytest

from pipeline.errors import MateriaError, SetAside
from pipeline.vocabularies import LOADERS, list_vocabularies, load_vocabulary
from pipeline.vocabularies.base import Concept

SAMPLES = Path(__file__).parent / "vocabulary_samples"

SUPPLEMENT = """<?xml version="1.0"?>
<!DOCTYPE SupplementalRecordSet SYSTEM "https://www.nlm.nih.gov/databases/dtd/nlmsupplementalrecordset_20250101.dtd">
<SupplementalRecordSet LanguageCode = "eng">
<SupplementalRecord SCRClass="1">
 <SupplementalRecordUI>C000002</SupplementalRecordUI>
 <SupplementalRecordName><String>bevonium</String></SupplementalRecordName>
 <Note>structure given in first source</Note>
 <HeadingMappedToList>
  <HeadingMappedTo><DescriptorReferredTo><DescriptorUI>*D001561</DescriptorUI><DescriptorName><String>Benzilates</String></DescriptorName></DescriptorReferredTo></HeadingMappedTo>
  <HeadingMappedTo><DescriptorReferredTo><DescriptorUI>D010880</DescriptorUI><DescriptorName><String>Piperidines</String></DescriptorName></DescriptorReferredTo></HeadingMappedTo>
  <HeadingMappedTo><DescriptorReferredTo><DescriptorUI>*D014451</DescriptorUI><DescriptorName><String>Ubiquinone</String></DescriptorName></DescriptorReferredTo><QualifierReferredTo><QualifierUI>Q000031</QualifierUI><QualifierName><String>analogs &amp; derivatives</String></QualifierName></QualifierReferredTo></HeadingMappedTo>
 </HeadingMappedToList>
 <ConceptList><Concept PreferredConceptYN="Y"><ConceptUI>M0030859</ConceptUI><ConceptName><String>bevonium</String></ConceptName>
  <RegistryNumberList><RegistryNumber>34B0471E08</RegistryNumber><RegistryNumber>EC 3.4.21.-</RegistryNumber></RegistryNumberList>
  <TermList><Term ConceptPreferredTermYN="Y" IsPermutedTermYN="N"><TermUI>T1</TermUI><String>bevonium</String></Term>
  <Term ConceptPreferredTermYN="N" IsPermutedTermYN="N"><TermUI>T2</TermUI><String>piribenzil</String></Term></TermList></Concept></ConceptList>
</SupplementalRecord>
<SupplementalRecord SCRClass="2">
 <SupplementalRecordUI>C046539</SupplementalRecordUI>
 <SupplementalRecordName><String>XELOX</String></SupplementalRecordName>
 <HeadingMappedToList><HeadingMappedTo><DescriptorReferredTo><DescriptorUI>*D000069287</DescriptorUI><DescriptorName><String>Capecitabine</String></DescriptorName></DescriptorReferredTo></HeadingMappedTo></HeadingMappedToList>
 <ConceptList><Concept PreferredConceptYN="Y"><ConceptUI>M2</ConceptUI></Concept></ConceptList>
</SupplementalRecord>
<SupplementalRecord SCRClass="3">
 <SupplementalRecordUI>C536914</SupplementalRecordUI>
 <SupplementalRecordName><String>Thyroid cancer, medullary</String></SupplementalRecordName>
</SupplementalRecord>
<SupplementalRecord SCRClass="1"><SupplementalRecordUI>X1</SupplementalRecordUI></SupplementalRecord>
<SupplementalRecord SCRClass="1"><SupplementalRecordUI>C000003</SupplementalRecordUI></SupplementalRecord>
</SupplementalRecordSet>
"""


def concepts(loader: str, content: str | bytes | None = None) -> tuple[dict[str, Concept], list[SetAside]]:
    """The concepts of a text by CURIE, later parts of one CURIE left out, and what was set aside."""
    data = (SAMPLES / loader).read_bytes() if content is None else content
    aside: list[SetAside] = []
    stream = io.BytesIO(data.encode() if isinstance(data, str) else data)
    found: dict[str, Concept] = {}
    for concept in LOADERS[loader].load(stream, "file", aside.append):
        found.setdefault(concept.curie, concept)
    return found, aside


def test_umls_names() -> None:
    found, aside = concepts("mrconso.v1")
    aids = found["UMLS:C0001175"]
    assert aids.name == "Acquired Immunodeficiency Syndrome"  # TS=P, STT=PF, ISPREF=Y, though the third row
    assert aids.synonyms == (("AIDS", "exact"), ("Acquired Immunodeficiency Syndromes", "exact"))
    assert aids.translations == (
        ("es", "síndrome de inmunodeficiencia adquirida", "exact"),
        ("ja", "後天性免疫不全症候群", "exact"),
    )
    assert aids.xrefs == ("MESH:D000163", "SNOMEDCT:62479008")  # no ICD-10: its row is obsolete
    assert found["UMLS:C0021051"].xrefs == ("MESH:D007153", "HP:0002721")
    assert found["UMLS:C9999998"].name == ""
    assert found["UMLS:C9999998"].translations == (("de", "Nur auf Deutsch", "exact"),)
    assert "UMLS:C9999999" not in found
    assert [(one.reason, one.record) for one in aside] == [("suppressed", "UMLS:C0001175")]
    assert aside[0].detail.startswith("2 rows")


def test_rxnorm_names_prefer_rxnorms_own() -> None:
    drug = concepts("mrconso.v1")[0]["RXNORM:161"]
    assert drug.name == "acetaminophen"
    assert {name for name, _ in drug.synonyms} == {"ACETAMINOPHEN", "acetaMINOPHEN", "Acetaminophen", "Paracetamol"}
    assert drug.xrefs == ("UNII:362O9ITL9D", "MESH:D000082", "DRUGBANK:DB00316")


def test_codes_that_were_made_for_the_umls_are_no_cross_references() -> None:
    row = "C0000001|ENG|P|L1|PF|S1|Y|A1||||{}|PT|{}|a name|0|N||\n"
    codes = [("OMIM", "MTHU000123"), ("MSH", "U000005"), ("MTHSPL", "0002-1433"), ("HPO", "HP:1"), ("NCI", "TCGA")]
    found, _ = concepts("mrconso.v1", "".join(row.format(*code) for code in codes))
    assert found["UMLS:C0000001"].xrefs == ()


def test_the_second_concept_is_what_the_relationship_names() -> None:
    """Guards against reading C1|PAR|C2 as "C1 is the parent of C2"."""
    found, aside = concepts("mrrel.v1")
    parents = {curie: part.parents for curie, part in found.items()}
    assert parents == {
        "UMLS:C0001175": ("UMLS:C0021051",),
        "UMLS:C0740765": ("UMLS:C0021051",),
        "RXNORM:1154070": ("RXNORM:161",),
    }
    assert all(part.name == "" for part in found.values())
    assert [one.reason for one in aside] == ["suppressed"]


def test_semantic_types_are_marks() -> None:
    found, aside = concepts("mrsty.v1")
    assert found["UMLS:C0021051"].marks == ("sty:T047", "sty:T046")
    assert found["RXNORM:161"].marks == ("sty:T109", "sty:T121")
    assert aside == []


def test_one_definition_in_english_by_source() -> None:
    found, aside = concepts("mrdef.v1")
    assert {curie: part.definition for curie, part in found.items()} == {
        "UMLS:C0001175": "An acquired defect of cellular immunity associated with infection by HIV.",
        "UMLS:C0021051": "A failure of the immune system.",
    }
    assert [one.reason for one in aside] == ["suppressed"]


@pytest.mark.parametrize("loader", ["mrconso.v1", "mrrel.v1", "mrsty.v1", "mrdef.v1"])
def test_bad_rows_are_counted_and_the_rest_goes_on(loader: str) -> None:
    whole, before = concepts(loader)
    junk = b"C0000001|short\n\n" + b"X" * 3_000_000 + b"\n" + b"\xff\xfe|\n"
    found, aside = concepts(loader, junk + (SAMPLES / loader).read_bytes())
    assert found == whole
    counted = {one.reason: one for one in aside}
    assert set(counted) == {one.reason for one in before} | {"bad-row", "not-utf-8"}
    assert counted["bad-row"].record == "line 1"


def test_a_name_that_is_not_utf8_is_left_out() -> None:
    rows = (SAMPLES / "mrconso.v1").read_bytes().replace(b"|Immunodeficiency|", b"|Immunodefici\xe9ncy|")
    found, aside = concepts("mrconso.v1", rows)
    assert found["UMLS:C0021051"].synonyms == ()
    assert Counter(one.reason for one in aside) == {"suppressed": 1, "not-utf-8": 1}


def test_a_run_without_end_comes_in_pieces() -> None:
    rows = "".join(f"C0000001|ENG|S|L1|PF|S1|Y|A1||||MTH|PT|NOCODE|name {n}|0|N||\n" for n in range(70_000))
    parts = list(LOADERS["mrconso.v1"].load(io.BytesIO(rows.encode()), "file", lambda record: None))
    assert [len(part.synonyms) + 1 for part in parts] == [65_536, 4_464]
    assert {part.curie for part in parts} == {"UMLS:C0000001"}


def test_a_umls_folder_is_read_as_it_is(tmp_path: Path) -> None:
    """A META folder: names, types, relations and definitions join; indexes, rankings and empty files are left out."""
    for loader in ("mrconso.v1", "mrrel.v1", "mrsty.v1", "mrdef.v1"):
        (tmp_path / f"{loader.removesuffix('.v1').upper()}.RRF").write_bytes((SAMPLES / loader).read_bytes())
    (tmp_path / "MRRANK.RRF").write_text("0719|MSH|MH|N|\n0718|MSH|TQ|N|\n")
    (tmp_path / "MRSAT.RRF").write_text("C0001175|L0001175|S0010339|A0019180|AUI|D000163|AT1||TERMUI|MSH|T000001|N||\n")
    (tmp_path / "MRCUI.RRF").write_bytes(b"")
    aside: list[SetAside] = []
    files = list_vocabularies([str(tmp_path)], aside.append)
    assert [path.name for path in files] == ["MRCONSO.RRF", "MRDEF.RRF", "MRREL.RRF", "MRSTY.RRF"]
    assert [(one.file, one.reason) for one in aside] == [
        (name, "unknown-format") for name in ("MRCUI.RRF", "MRRANK.RRF", "MRSAT.RRF")
    ]
    table = load_vocabulary([str(tmp_path)], lambda record: None)
    aids = next(row for row in table.to_pylist() if row["curie"] == "UMLS:C0001175")
    assert aids["category"] == "biolink:Disease"
    assert aids["parents"] == ["UMLS:C0021051"]
    assert aids["definition"].startswith("An acquired defect")
    with pytest.raises(MateriaError, match="no vocabulary format"):
        load_vocabulary([str(tmp_path / "MRRANK.RRF")], lambda record: None)


def test_mesh_descriptors() -> None:
    found, aside = concepts("mesh_xml.v1")
    drug = found["MESH:D000001"]
    assert drug.name == "Calcimycin"
    assert drug.synonyms == (("A-23187", "narrow"), ("A 23187", "narrow"), ("Antibiotic A23187", "narrow"))
    assert drug.definition == "An ionophorous, polyether antibiotic from Streptomyces chartreusensis."
    assert drug.xrefs == ("UNII:37H9VM9WZL", "CAS:52665-69-7")  # not that of the salt
    assert drug.marks == ("mesh:D03.633.100.221.173",)
    assert aside == []
    parts = list(LOADERS["mesh_xml.v1"].load(io.BytesIO((SAMPLES / "mesh_xml.v1").read_bytes()), "f", aside.append))
    assert [(part.curie, part.name, part.parents) for part in parts[2:]] == [("MESH:D000001", "", ("MESH:D001583",))]


def test_mesh_supplementary_records() -> None:
    found, aside = concepts("mesh_xml.v1", SUPPLEMENT)
    chemical = found["MESH:C000002"]
    assert chemical.name == "bevonium"
    assert chemical.synonyms == (("piribenzil", "exact"),)
    assert chemical.parents == ("MESH:D001561",)  # starred, without a qualifier
    assert chemical.xrefs == ("UNII:34B0471E08", "EC:3.4.21.-")
    assert chemical.definition is None
    assert found["MESH:C046539"].parents == ()
    assert {curie: one.marks for curie, one in found.items()} == {
        "MESH:C000002": ("mesh_scr:1",),
        "MESH:C046539": ("mesh_scr:2",),
        "MESH:C536914": ("mesh_scr:3",),
    }
    assert [one.reason for one in aside] == ["no-identifier", "no-name"]


def test_mesh_in_another_language_gives_translations() -> None:
    text = (SAMPLES / "mesh_xml.v1").read_text("utf-8").replace('LanguageCode = "eng"', 'LanguageCode="spa"')
    found, _ = concepts("mesh_xml.v1", text)
    drug = found["MESH:D000001"]
    assert (drug.name, drug.synonyms, drug.definition) == ("", (), None)
    assert drug.translations[:2] == (("es", "Calcimycin", "exact"), ("es", "A-23187", "narrow"))


def test_a_mesh_release_of_2006_gives_types_and_umls_concepts() -> None:
    text = (SAMPLES / "mesh_xml.v1").read_text("utf-8")
    old = """<ConceptUMLSUI>C0000699</ConceptUMLSUI><RegistryNumber>52665-69-7</RegistryNumber><SemanticTypeList>
     <SemanticType><SemanticTypeUI>T109</SemanticTypeUI><SemanticTypeName>Organic Chemical</SemanticTypeName></SemanticType>
     </SemanticTypeList>"""
    start, end = text.index("<RegistryNumberList>"), text.index("<ScopeNote>")
    found, _ = concepts("mesh_xml.v1", text[:start] + old + text[end:])
    assert found["MESH:D000001"].xrefs == ("CAS:52665-69-7", "UMLS:C0000699")
    assert found["MESH:D000001"].marks == ("mesh:D03.633.100.221.173", "sty:T109")


def test_mesh_that_breaks_off_keeps_what_was_complete() -> None:
    data = (SAMPLES / "mesh_xml.v1").read_bytes()
    found, aside = concepts("mesh_xml.v1", data[: data.index(b"<DescriptorName><String>Benzoxazoles")])
    assert list(found) == ["MESH:D000001"]
    assert [one.reason for one in aside] == ["malformed-xml"]
