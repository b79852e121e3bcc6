"""The identifiers of a paper, brought to one spelling, and the choice of the one it goes by.

The order is fixed (PMID, PMC, DOI, any other CURIE, content hash), so the choice depends on the record alone and not on
what was read before it. Papers known under several names are joined later, in `pipeline.live`, through the aliases.
Forms: https://www.nlm.nih.gov/bsd/mms/medlineelements.html (PMID, PMC), https://www.doi.org/doi_handbook/2_Numbering.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from pipeline.curies import is_curie
from pipeline.readers.base import Section, content_id

__all__ = ["doi_curie", "identifier", "identify", "pmc_curie", "pmid_curie"]

_PMID = re.compile(r"(?:PMID:)?\s*0*([1-9][0-9]{0,11})", re.IGNORECASE)
_PMC = re.compile(r"(?:PMC(?:ID)?:)?\s*(?:PMC)?0*([1-9][0-9]{0,11})(?:\.[0-9]+)?", re.IGNORECASE)
_DOI = re.compile(
    r"(?:https?://(?:dx\.)?doi\.org/|doi:)?\s*(10\.[0-9]{2,9}(?:\.[0-9]{1,9}){0,4}/\S{1,250})", re.IGNORECASE
)
_RANKS = ("PMID:", "PMC:", "DOI:")


def pmid_curie(text: str | None) -> str | None:
    """`12091962`, `PMID:12091962` -> `PMID:12091962`; None where the text is no PubMed identifier."""
    match = _PMID.fullmatch((text or "").strip())
    return f"PMID:{match[1]}" if match else None


def pmc_curie(text: str | None) -> str | None:
    """`PMC13901`, `13901`, `PMC:PMC13901` -> `PMC:13901`; None where the text is no PubMed Central identifier."""
    match = _PMC.fullmatch((text or "").strip())
    return f"PMC:{match[1]}" if match else None


def doi_curie(text: str | None) -> str | None:
    """`10.1/X`, `doi:10.1/X`, `https://doi.org/10.1/X` -> `DOI:10.1/x`; None else. DOIs ignore case, so it is lowered."""
    match = _DOI.fullmatch((text or "").strip())
    return f"DOI:{match[1].lower()}" if match else None


def identifier(text: str) -> str | None:
    """The CURIE a mixed identifier stands for, None where it is a bare number or no CURIE: then nobody can tell whose it is."""
    text = text.strip()
    if text.isdigit():
        return None
    known = pmid_curie(text) or (pmc_curie(text) if text[:3].upper() == "PMC" else None) or doi_curie(text)
    return known or (text if is_curie(text) and "://" not in text else None)


def identify(candidates: Iterable[str | None], title: str, sections: Sequence[Section]) -> tuple[str, tuple[str, ...]]:
    """The CURIE a document goes by, and its other CURIEs, sorted.

    Args:
        candidates: CURIEs of the document in any order; None, and what is too long for one, is passed over.
        title, sections: what names it where there is no candidate.
    """
    found = sorted(
        {curie for curie in candidates if curie and is_curie(curie)},
        key=lambda curie: (next((i for i, p in enumerate(_RANKS) if curie.startswith(p)), len(_RANKS)), curie),
    )
    if not found:
        return content_id(title, sections), ()
    return found[0], tuple(sorted(found[1:]))
