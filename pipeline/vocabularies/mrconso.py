"""MRCONSO.RRF and RXNCONSO.RRF: the names of UMLS and RxNorm concepts, and their codes in other vocabularies.

One row a name (atom): CUI|LAT|TS|LUI|STT|SUI|ISPREF|AUI|SAUI|SCUI|SDUI|SAB|TTY|CODE|STR|SRL|SUPPRESS|CVF (UMLS Reference
Manual, "Concept Names and Sources", https://www.ncbi.nlm.nih.gov/books/NBK9685/table/ch03.T.concept_names_and_sources_file_mr/).

- The preferred name is the English one that the UMLS prefers: TS=P, STT=PF, ISPREF=Y, then the order of the file. RxNorm
  leaves these fields empty: there it is the name of RxNorm's own (SAB=RXNORM) that is no synonym (TTY), then any.
- The other English names are exact synonyms: names of one concept are synonyms by the rule of the Metathesaurus.
- Names in other languages are translations. A concept without an English name is a part without a name.
- Codes become cross-references where a vocabulary has a prefix of its own (`_SOURCES`); the others are dropped.

Suppressed rows are left out and counted. The rest of a row (sources, term types, lexical and string identifiers) is
dropped. Cost: 0.35 million rows a second on one core; memory of one concept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from pipeline.readers.languages import two_letters
from pipeline.vocabularies.base import Concept, clean_name
from pipeline.vocabularies.rrf import CUI, LeftOut, RrfLoader, in_use, to_text

__all__ = ["Mrconso"]

_LAT, _TS, _STT, _ISPREF, _SAB, _TTY, _CODE, _STR, _SUPPRESS = 1, 2, 4, 6, 11, 12, 13, 14, 16
_ROW = re.compile(CUI + rb"\|[A-Z]{3}\|[PSps]?\|(?:[^|]*\|){13}[NOEY]?\|[^|]*\|?")

#: Source (SAB) to prefix, and which codes of it are identifiers; others of the same source were made for the UMLS.
_SOURCES = {
    source: (prefix, re.compile(code))
    for source, prefix, code in (
        (b"MSH", "MESH", rb"([CD][0-9]{6,9})"),
        (b"SNOMEDCT_US", "SNOMEDCT", rb"([0-9]{6,18})"),
        (b"SCTSPA", "SNOMEDCT", rb"([0-9]{6,18})"),
        (b"HPO", "HP", rb"HP:([0-9]{7})"),
        (b"GO", "GO", rb"GO:([0-9]{7})"),
        (b"HGNC", "HGNC", rb"HGNC:([0-9]+)"),
        (b"OMIM", "OMIM", rb"([1-9][0-9]{5})"),
        (b"NCI", "NCIT", rb"(C[0-9]+)"),
        (b"NCBI", "NCBITaxon", rb"([0-9]+)"),
        (b"FMA", "FMA", rb"([0-9]+)"),
        (b"LNC", "LOINC", rb"([0-9]{1,7}-[0-9]|L[AP][0-9]+-[0-9])"),
        (b"RXNORM", "RXNORM", rb"([1-9][0-9]{0,7})"),
        (b"ATC", "ATC", rb"([A-Z](?:[0-9]{2}(?:[A-Z]{1,2}(?:[0-9]{2})?)?)?)"),
        (b"DRUGBANK", "DRUGBANK", rb"(DB[0-9]{5})"),
        (b"MTHSPL", "UNII", rb"([0-9A-Z]{10})"),
        (b"MDR", "MEDDRA", rb"([0-9]{8})"),
        (b"ICD10", "ICD10", rb"([A-Z][0-9]{2}(?:\.[0-9]+)?)"),
        (b"ICD10CM", "ICD10CM", rb"([A-Z][0-9][0-9A-Z](?:\.[0-9A-Z]{1,4})?)"),
        (b"ICD9CM", "ICD9CM", rb"([EV]?[0-9]{2,3}(?:\.[0-9]{1,2})?)"),
    )
}
#: Term types of RxNorm's own names that are another name of a concept: synonym, tall-man synonym, prescribable name.
_RXNORM_SYNONYMS = frozenset((b"SY", b"TMSY", b"PSN", b"ET"))


class Mrconso(RrfLoader):
    """Names of concepts."""

    name = "mrconso.v1"
    columns = 18
    row = _ROW

    def concepts(self, curie: str, run: list[list[bytes]], left_out: LeftOut) -> Iterator[Concept]:
        """What the rows in use say."""
        if concept := _concept(curie, in_use(run, _SUPPRESS, curie, left_out), left_out):
            yield concept


def _concept(curie: str, run: list[list[bytes]], left_out: LeftOut) -> Concept | None:
    """The concept of one run of rows; None where they name nothing.

    Sources share most names and codes of a concept, so the bytes are gathered first and each is decoded once.
    """
    rank = _umls_rank if curie.startswith("UMLS:") else _rxnorm_rank
    preferred, best = b"", 8
    english: dict[bytes, None] = {}
    other: dict[tuple[bytes, bytes], None] = {}
    codes: dict[tuple[bytes, bytes], None] = {}
    for fields in run:
        if fields[_LAT] == b"ENG":
            english[fields[_STR]] = None
            if best and (found := rank(fields)) < best:
                preferred, best = fields[_STR], found
        else:
            other[fields[_LAT], fields[_STR]] = None
        if fields[_SAB] in _SOURCES:
            codes[fields[_SAB], fields[_CODE]] = None
    try:
        name = clean_name(preferred.decode())
        names = {clean_name(field.decode()): None for field in english}
        translations = {
            (language, clean_name(field.decode()), "exact"): None
            for code, field in other
            if (language := _language(code))
        }
    except UnicodeDecodeError:
        return _concept(curie, _utf8(run, curie, left_out), left_out)
    xrefs = {xref: None for code in codes if (xref := _xref(*code)) and xref != curie}
    if not (name or translations):
        return None
    synonyms = tuple([(synonym, "exact") for synonym in names if synonym and synonym != name])
    return Concept(curie, name, synonyms, xrefs=tuple(xrefs), translations=tuple(translations))


def _utf8(run: list[list[bytes]], curie: str, left_out: LeftOut) -> list[list[bytes]]:
    """The rows of a run whose name is UTF-8."""
    kept = [fields for fields in run if to_text(fields[_STR]) is not None]
    left_out.add("not-utf-8", curie, len(run) - len(kept))
    return kept


@lru_cache(maxsize=256)
def _language(code: bytes) -> str:
    """The language's code of two letters; empty where it has none."""
    language = two_letters(code.decode("ascii", "replace"))
    return language if len(language) == 2 else ""


def _xref(source: bytes, code: bytes) -> str | None:
    prefix, pattern = _SOURCES[source]
    match = pattern.fullmatch(code)
    return f"{prefix}:{match[1].decode('ascii')}" if match else None


def _umls_rank(fields: list[bytes]) -> int:
    return 4 * (fields[_TS] != b"P") + 2 * (fields[_STT] != b"PF") + (fields[_ISPREF] != b"Y")


def _rxnorm_rank(fields: list[bytes]) -> int:
    return 2 * (fields[_SAB] != b"RXNORM") + (fields[_TTY] in _RXNORM_SYNONYMS)
