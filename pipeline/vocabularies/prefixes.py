"""One spelling for each prefix: ontologies write the same source as MSH, MeSH and Mesh.

A small table of the spellings that occur in OBO releases, keyed in upper case; the values are the Bioregistry's
preferred prefixes (https://bioregistry.io), or Materia's own in `pipeline.curies.PREFIXES`. A prefix that is not in the
table stays as it is, so nothing is lost.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from pipeline.curies import PREFIXES, is_curie

__all__ = ["ALIASES", "bare_id_to_curie", "normalise_curie"]

ALIASES: Final[dict[str, str]] = {
    "MSH": "MESH",
    "UMLS_CUI": "UMLS",
    "MIM": "OMIM",
    "OMM": "OMIM",
    "NCI": "NCIT",
    "NCI2009_04D": "NCIT",
    "SNOMEDCT_US": "SNOMEDCT",
    "SNOMED": "SNOMEDCT",
    "SCTID": "SNOMEDCT",
    "ICD-10": "ICD10",
    "ICD-9": "ICD9",
    "ICD-O": "ICDO",
    "MEDRA": "MEDDRA",
    "ORDO": "Orphanet",
    "ORPHANET": "Orphanet",
    "ORPHA": "Orphanet",
    "NCBIGENE": "NCBIGene",
    "GENEID": "NCBIGene",
    "ENTREZGENE": "NCBIGene",
    "NCBITAXON": "NCBITaxon",
    "TAXID": "NCBITaxon",
    "RXCUI": "RXNORM",
    "PUBMED": "PMID",
    "MESHD": "MESH",
} | {prefix.upper(): prefix for prefix in PREFIXES}

_SNOMED_RELEASE = re.compile(r"SNOMEDCT(_US)?(_[0-9_]+)?")
_MESH_ID = re.compile(r"[CD][0-9]{6,9}")
_OMIM_ID = re.compile(r"[1-9][0-9]{5}")
_UMLS_ID = re.compile(r"C[0-9]{7}")


@lru_cache(maxsize=4096)
def _normalise_prefix(prefix: str) -> str:
    upper = prefix.upper()
    if _SNOMED_RELEASE.fullmatch(upper):
        return "SNOMEDCT"
    return ALIASES.get(upper, prefix)


def normalise_curie(text: str) -> str | None:
    """The CURIE with its prefix in the preferred spelling; None where the text is no CURIE.

    >>> normalise_curie("MSH:D006394"), normalise_curie("UMLS_CUI:C0018923"), normalise_curie("no curie")
    ('MESH:D006394', 'UMLS:C0018923', None)
    """
    if not is_curie(text):
        return None
    prefix, _, local = text.partition(":")
    return f"{_normalise_prefix(prefix)}:{local}"


def bare_id_to_curie(text: str) -> str | None:
    """The CURIE of an identifier that may come without its prefix; None where it cannot be told.

    MeSH identifiers are a letter D or C and 6 digits, or 9 (NLM, "MeSH Record Types"); OMIM's are 6 digits.

    >>> bare_id_to_curie("D003920"), bare_id_to_curie("613097"), bare_id_to_curie("DOID:1"), bare_id_to_curie("x")
    ('MESH:D003920', 'OMIM:613097', 'DOID:1', None)
    """
    if _MESH_ID.fullmatch(text) and not (_UMLS_ID.fullmatch(text)):
        return f"MESH:{text}"
    if _OMIM_ID.fullmatch(text):
        return f"OMIM:{text}"
    return normalise_curie(text)
