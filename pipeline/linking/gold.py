"""Gold mentions as questions to a linker: queries by document, and what may be answered.

What counts is what the field counts (Leaman et al. 2013, doi:10.1093/bioinformatics/btt474; Sung et al. 2020, "BioSyn", arXiv:2005.00239):

- A gold mention with an identifier is a question; one that is not linked (`-1`) is none.
- One of several identifiers (`A|B`, `A+B`) is a right answer.
- Identifiers are compared as the concepts they name: an identifier that the vocabulary says is another one for a concept (retired, merged,
  or the only concept that refers to it) is that concept. One that the vocabulary lacks can never be found, and stays a question.
- Types are the two that extraction is judged by, Disease and Chemical; other annotations keep their own type.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from pipeline.linking.readings import Query
from pipeline.score_mentions import TYPE_OF_ANNOTATION

__all__ = ["GoldDocument", "concept_of_identifier", "gold_documents"]


@dataclass(frozen=True, slots=True)
class GoldDocument:
    """A document with its linked gold mentions: their queries, and their right concepts (none where the vocabulary has none)."""

    doc_id: str
    text: str
    queries: tuple[Query, ...]
    right: tuple[frozenset[str], ...]


def concept_of_identifier(vocabulary: pa.Table) -> dict[str, str]:
    """For each identifier that a vocabulary [VOCABULARY] knows, the concept that it names.

    Its concepts name themselves; a cross-reference names the concept that has it where only one does.
    """
    curies = vocabulary.column("curie").to_pylist()
    claims: dict[str, set[str]] = defaultdict(set)
    for curie, references in zip(curies, vocabulary.column("xrefs").to_pylist(), strict=True):
        for reference in references or ():
            claims[reference].add(curie)
    named = {reference: min(claimed) for reference, claimed in claims.items() if len(claimed) == 1}
    return named | {curie: curie for curie in curies}


def gold_documents(documents: Iterable[pa.RecordBatch], concept_of: Mapping[str, str]) -> list[GoldDocument]:
    """The linked gold mentions of documents [DOCUMENTS], in the order of the text."""
    found = []
    for batch in documents:
        columns = (batch.column(name).to_pylist() for name in ("doc_id", "text", "annotations"))
        for doc_id, text, marked in zip(*columns, strict=True):
            linked = sorted(
                (a for a in marked or () if a["identifiers"]), key=lambda a: (a["start"], a["end"], a["type"])
            )
            queries = tuple(
                Query(a["start"], a["end"], a["text"], TYPE_OF_ANNOTATION.get(a["type"], a["type"])) for a in linked
            )
            right = tuple(frozenset(concept_of[i] for i in a["identifiers"] if i in concept_of) for a in linked)
            found.append(GoldDocument(doc_id, text, queries, right))
    return found
