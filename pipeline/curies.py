"""Compact URIs and the pinned prefix map that expands them.

The map ships with the project and is never looked up on the web (see the W3C CURIE note, https://www.w3.org/TR/curie/).
Expansions follow the Bioregistry's preferred OBO and identifiers.org forms and the `prefixes` of the Biolink model. The
way back, `contract`, costs about four microseconds. The library `curies` was rejected: it does the same from the same kind of
map, and what it does not do (OBO, identifiers.org and BioPortal forms of prefixes that the map lacks) is the larger part.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, unquote

__all__ = ["NAME_PREFIX", "PREFIXES", "PREFIX_ORDER", "contract", "expand", "is_curie", "prefix_of"]

#: Prefixes in order of preference: whose identifier names merged concepts, and whose concept a homonym means.
PREFIX_ORDER: Final[tuple[str, ...]] = (
    "MESH",
    "MONDO",
    "DOID",
    "OMIM",
    "HP",
    "NCBIGene",
    "HGNC",
    "CHEBI",
    "RXNORM",
    "UBERON",
    "CL",
    "GO",
    "UMLS",
)

#: Prefix of concepts that have no identifier but their name (`pipeline.curated.names`).
NAME_PREFIX: Final = "materia.name"

# Ontologies of the OBO Foundry, whose PURLs all have one form (http://obofoundry.org/id-policy).
_OBO_PURL = "http://purl.obolibrary.org/obo/"
_OBO_PREFIXES = """
    APOLLO_SV BFO BSPO CHEBI CHMO CL CLO CVDO DDANAT DOID DRON ECO ECTO ENVO ExO FAO FBbt FMA FOODON GENEPIO GENO
    GO HP HsapDv IAO IDO MA MAXO MF MI MOD MONDO MP MPATH NBO NCBITaxon NCIT OAE OBI OGG OGMS OMIT OPMI PATO PCO
    PO PR PW RO SO SYMP TO TRANS UBERON UO VO VT WBPhenotype XAO ZFA ZP
"""

PREFIXES: Final[dict[str, str]] = {prefix: f"{_OBO_PURL}{prefix}_" for prefix in _OBO_PREFIXES.split()} | {
    "ATC": "http://purl.bioontology.org/ontology/ATC/",
    "CAS": "https://commonchemistry.cas.org/detail?cas_rn=",
    "CHEMBL.COMPOUND": "http://identifiers.org/chembl.compound/",
    "CLINVAR": "https://www.ncbi.nlm.nih.gov/clinvar/variation/",
    "COSMIC": "http://identifiers.org/cosmic/",
    "CPT": "https://www.ama-assn.org/practice-management/cpt/",
    "Cellosaurus": "https://www.cellosaurus.org/",
    "dbSNP": "http://identifiers.org/dbsnp/",
    "DOI": "https://doi.org/",
    "DRUGBANK": "http://identifiers.org/drugbank/",
    "DrugCentral": "http://drugcentral.org/drugcard/",
    "EC": "https://www.enzyme-database.org/query.php?ec=",
    "EFO": "http://www.ebi.ac.uk/efo/EFO_",
    "ENSEMBL": "http://identifiers.org/ensembl/",
    "GARD": "https://rarediseases.info.nih.gov/diseases/",
    "HCPCS": "http://purl.bioontology.org/ontology/HCPCS/",
    "HGNC": "http://identifiers.org/hgnc/",
    "HGNC.FAMILY": "http://identifiers.org/hgnc.genegroup/",
    "HMDB": "http://identifiers.org/hmdb/",
    "ICD10": "https://icd.who.int/browse10/2016/en#/",
    "ICD10CM": "http://purl.bioontology.org/ontology/ICD10CM/",
    "ICD11": "http://id.who.int/icd/entity/",
    "ICD9CM": "http://purl.bioontology.org/ontology/ICD9CM/",
    "ICDO": "http://translator.ncats.nih.gov/ICDO_",
    "INCHIKEY": "http://identifiers.org/inchikey/",
    "InterPro": "http://identifiers.org/interpro/",
    "KEGG": "http://www.kegg.jp/entry/",
    "LOINC": "http://loinc.org/rdf/",
    "MEDDRA": "http://identifiers.org/meddra/",
    "MEDLINEPLUS": "http://purl.bioontology.org/ontology/MEDLINEPLUS/",
    "MESH": "http://id.nlm.nih.gov/mesh/",
    "MGI": "http://identifiers.org/mgi/",
    "MIRBASE": "http://identifiers.org/mirbase/",
    "NCBIGene": "http://identifiers.org/ncbigene/",
    "NDDF": "http://purl.bioontology.org/ontology/NDDF/",
    "NDFRT": "http://purl.bioontology.org/ontology/NDFRT/",
    "OMIM": "https://omim.org/entry/",
    "OMIMPS": "https://www.omim.org/phenotypicSeries/PS",
    "ORCID": "https://orcid.org/",
    "Orphanet": "http://www.orpha.net/ORDO/Orphanet_",
    "PANTHER.FAMILY": "http://www.pantherdb.org/panther/family.do?clsAccession=",
    "PMC": "https://www.ncbi.nlm.nih.gov/pmc/articles/PMC",
    "PMID": "https://pubmed.ncbi.nlm.nih.gov/",
    "PUBCHEM.COMPOUND": "http://identifiers.org/pubchem.compound/",
    "PUBCHEM.SUBSTANCE": "http://identifiers.org/pubchem.substance/",
    "REACT": "http://identifiers.org/reactome/",
    "RGD": "http://identifiers.org/rgd/",
    "RHEA": "http://identifiers.org/rhea/",
    "RXNORM": "http://purl.bioontology.org/ontology/RXNORM/",
    "SGD": "http://identifiers.org/sgd/",
    "SIDER.DRUG": "http://identifiers.org/sider.drug/",
    "SIO": "http://semanticscience.org/resource/SIO_",
    "SNOMEDCT": "http://snomed.info/id/",
    "STY": "http://purl.bioontology.org/ontology/STY/",
    "UMLS": "http://linkedlifedata.com/resource/umls/id/",
    "UNII": "http://identifiers.org/unii/",
    "UniProtKB": "http://purl.uniprot.org/uniprot/",
    "VANDF": "http://purl.bioontology.org/ontology/VANDF/",
    "WB": "http://identifiers.org/wormbase/",
    "WIKIDATA": "http://www.wikidata.org/entity/",
    "WIKIPATHWAYS": "http://identifiers.org/wikipathways/",
    "Xenbase": "http://identifiers.org/xenbase/",
    "ZFIN": "http://identifiers.org/zfin/",
    "biolink": "https://w3id.org/biolink/vocab/",
    "dcterms": "http://purl.org/dc/terms/",
    "materia": "https://w3id.org/materia/",
    NAME_PREFIX: "https://w3id.org/materia/name/",
    "oboInOwl": "http://www.geneontology.org/formats/oboInOwl#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "prov": "http://www.w3.org/ns/prov#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}

# An identifier of more than 300 characters is none.
_CURIE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}:[^\s:][^\s]{0,299}")


def is_curie(text: str) -> bool:
    """Whether the text has the form of a CURIE: prefix, colon, local identifier without spaces."""
    return _CURIE.fullmatch(text) is not None


def prefix_of(curie: str) -> str:
    """The part before the first colon."""
    return curie.split(":", 1)[0]


def expand(curie: str) -> str:
    """The IRI of a CURIE. An unknown prefix expands under `materia:unregistered/`, so nothing is lost or invented.

    Characters that RFC 3987 forbids in an IRI are percent-encoded.

    >>> expand("MESH:D003920")
    'http://id.nlm.nih.gov/mesh/D003920'
    """
    prefix, _, local = curie.partition(":")
    base = PREFIXES.get(prefix)
    if base is None:
        base, local = PREFIXES["materia"] + "unregistered/", curie
    return base + quote(local, safe="/:?=&;,+@!$*()~._-'")


# Expansions by the part of an IRI up to its last separator: looked up in a dictionary instead of tried one by one.
# The first are other forms in use, which contract but are never written.
_BY_EXPANSION: Final = {
    "http://dx.doi.org/": "DOI",
    "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl#": "NCIT",
    "http://omim.org/entry/": "OMIM",
    "http://www.ncbi.nlm.nih.gov/gene/": "NCBIGene",
    "http://www.ncbi.nlm.nih.gov/pubmed/": "PMID",
    "http://www.omim.org/entry/": "OMIM",
    "https://www.ncbi.nlm.nih.gov/gene/": "NCBIGene",
    "https://www.ncbi.nlm.nih.gov/pubmed/": "PMID",
    "https://www.omim.org/entry/": "OMIM",
} | {iri: prefix for prefix, iri in PREFIXES.items()}
_LONGEST: Final = max(map(len, _BY_EXPANSION))
_SEPARATORS: Final = re.compile(r"[/#=_]|(?<=/)PMC|(?<=/)PS")
_GENERIC: Final = (
    re.compile(r"http://purl\.obolibrary\.org/obo/([A-Za-z][A-Za-z0-9.]*)_([^/#\s]+)"),
    re.compile(r"https?://identifiers\.org/([A-Za-z][A-Za-z0-9.]*)[/:]([^/#\s]+)"),
    re.compile(r"http://purl\.bioontology\.org/ontology/([A-Za-z][A-Za-z0-9-]*)/([^/#\s]+)"),
)


def contract(iri: str) -> str | None:
    """The CURIE of an IRI: by the longest known expansion, else by the forms of OBO, identifiers.org and BioPortal PURLs.

    >>> contract("http://purl.obolibrary.org/obo/HP_0000001"), contract("http://example.org/x")
    ('HP:0000001', None)
    """
    start = max(iri.rfind("/"), iri.rfind("#"), iri.rfind("=")) + 1
    for end in (iri.find("_", start) + 1, start):  # nearly every IRI is of one of these two forms
        if (found := _split(iri, end)) is not None:
            return found
    for end in sorted((match.end() for match in _SEPARATORS.finditer(iri, 0, _LONGEST)), reverse=True):
        if (found := _split(iri, end)) is not None:
            return found
    for pattern in _GENERIC:
        if (match := pattern.fullmatch(iri)) is not None:
            return f"{match[1]}:{unquote(match[2])}"
    return None


def _split(iri: str, end: int) -> str | None:
    prefix = _BY_EXPANSION.get(iri[:end])
    if prefix is None or end == len(iri):
        return None
    local = unquote(iri[end:]) if "%" in iri else iri[end:]
    return local.removeprefix("unregistered/") if local.startswith("unregistered/") else f"{prefix}:{local}"
