"""Identifiers as annotated corpora write them, brought to CURIEs.

Most corpora write the local part alone (`D003920`, `3175`, `rs74805019`) and leave the database to the reader's knowledge.
It is told, in this order, by a prefix, by the form, and by the type of the annotation (or the name of the database, where the
source names one). A number whose type tells nothing is left out: a wrong link is worse than none.

Forms: https://www.ncbi.nlm.nih.gov/mesh (D, C and Q numbers), https://www.ncbi.nlm.nih.gov/snp (rs), https://www.cellosaurus.org
(CVCL), tmVar's variants such as `p|SUB|V|600|E` (doi:10.1093/bioinformatics/btt156), which have `|` in them and are one each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.curies import is_curie

__all__ = ["curies_of", "learn"]

# What a type or a database name says of a bare identifier; the first that is found in it counts.
_BARE = tuple(
    (re.compile(kind, re.IGNORECASE), prefix, re.compile(local))
    for kind, prefix, local in (
        (r"gene|protein|entrez", "NCBIGene", r"[0-9]{1,12}"),
        (r"species|organism|taxon", "NCBITaxon", r"[0-9]{1,12}"),
        (r"^o?mim$", "OMIM", r"[0-9]{6}"),
        (r"^chebi$", "CHEBI", r"[0-9]{1,12}"),
        (r"^umls$|^cui$", "UMLS", r"C[0-9]{7}"),
    )
)
_VARIANT = re.compile(r"variant|mutation|snp|acidchange", re.IGNORECASE)
_FORMS = (
    (re.compile(r"[CDQ][0-9]{6,9}"), "MESH"),
    (re.compile(r"rs[0-9]{1,12}"), "dbSNP"),
    (re.compile(r"CVCL_[A-Z0-9]{4}"), "Cellosaurus"),
)
_SPELLINGS = {
    "mesh": "MESH", "mim": "OMIM", "omim": "OMIM", "gene": "NCBIGene", "ncbi gene": "NCBIGene", "entrez": "NCBIGene",
    "ncbigene": "NCBIGene", "taxonomy": "NCBITaxon", "ncbitaxon": "NCBITaxon", "species": "NCBITaxon", "chebi": "CHEBI",
    "cellosaurus": "Cellosaurus", "dbsnp": "dbSNP", "tmvar": "tmVar",
}  # fmt: skip
_SEPARATORS = re.compile(r"[|+,;]")
_NONE = {"", "-", "-1", "none", "null"}
_RS_NUMBER = re.compile(r"(?:^|;)\s*RS#:\s*([0-9]{1,12})")


def curies_of(text: str, kind: str) -> tuple[str, ...]:
    """The CURIEs that an identifier field stands for, in order and each once; none where nothing is linked.

    `|` (composite), `+` (joint), `,` and `;` part identifiers; in variants only `,` does.

    >>> curies_of("D003110|D009369", "CompositeMention")
    ('MESH:D003110', 'MESH:D009369')
    >>> curies_of("c|INS|5382|C", "SequenceVariant")
    ('tmVar:c|INS|5382|C',)

    Args:
        text: the field as the source gives it.
        kind: the type of the annotation, or the name of the database.
    """
    return tuple(dict.fromkeys(_variants(text) if _VARIANT.search(kind) else _concepts(text, kind)))


def learn(known: dict[str, tuple[str, ...]], text: str, kind: str) -> tuple[str, ...]:
    """`curies_of` the field, remembered under what is written and under each of its parts: relations repeat it bare."""
    curies = curies_of(text, kind)
    known.setdefault(text.strip(), curies)
    for part in _SEPARATORS.split(text) if not _VARIANT.search(kind) else text.split(","):
        known.setdefault(part.strip(), curies_of(part, kind))
    return curies


def _concepts(text: str, kind: str) -> Iterator[str]:
    for part in _SEPARATORS.split(text):
        if (curie := _curie(part.strip(), kind)) is not None:
            yield curie


def _variants(text: str) -> Iterator[str]:
    # PubTator Central gives one variant with all it knows of it: tmVar:...;HGVS:...;CorrespondingGene:673;RS#:113488022
    if match := _RS_NUMBER.search(text):
        yield f"dbSNP:rs{match[1]}"
        return
    for part in text.partition(";")[0].split(","):
        name = "".join(part.split())
        if name.casefold() not in _NONE:
            curie = _curie(name, "") or f"tmVar:{name.lstrip(':')}"
            if is_curie(curie):
                yield curie


def _curie(text: str, kind: str) -> str | None:
    if text.casefold() in _NONE:
        return None
    prefix, colon, local = text.partition(":")
    if colon:
        curie = f"{_SPELLINGS.get(prefix.strip().casefold(), prefix)}:{local.strip()}"
        return curie if is_curie(curie) else None
    for database, prefix, bare in _BARE:
        if database.search(kind) and bare.fullmatch(text):
            return f"{prefix}:{text}"
    return next((f"{prefix}:{text}" for form, prefix in _FORMS if form.fullmatch(text)), None)
