"""What an explanation of a claim holds: each side's sources, their documents, and the sentences in them.

Made by `kg.explain`, printed by `kg.explain_text`, and as JSON just as it is here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kg.origins import TracedEdge

__all__ = ["EntailingClaim", "Explanation", "Quote", "Side", "SourceStep", "TellingDocument"]


@dataclass(frozen=True)
class Quote:
    """A sentence (or an edge of a graph), and what it is worth.

    Attributes:
        predicate: its own, which on the side against may be an opposed one.
        direction: of an effect: increased or decreased.
        subject, object: where the two ends stand in the sentence.
        reliable: what probability x certainty of this extractor is worth: the product itself where nothing was learned of it.
        weight: factor by the policy for retracted papers.
        p: what it enters with, reliable x weight; 0 for a denial of the other direction, which counts and moves nothing.
            None, with the two before, where a policy leaves it out.
    """

    evidence_id: str
    extractor: str
    predicate: str
    polarity: bool
    direction: str | None
    sentence: str
    subject: tuple[int, int]
    object: tuple[int, int]
    trigger: str
    section: str
    hypothetical: bool
    probability: float
    certainty: float
    reliable: float | None
    weight: float | None
    p: float | None
    edge: TracedEdge | None


@dataclass(frozen=True)
class TellingDocument:
    """A document and what it says: its best sentence, which counts, and others, which do not count again."""

    doc_id: str
    title: str | None
    journal: str | None
    year: int | None
    retracted: bool
    best: Quote
    others: tuple[Quote, ...]
    more_quotes: int


@dataclass(frozen=True)
class SourceStep:
    """What one extractor adds to a side: the documents that count through it, being surest of what it says.

    Attributes:
        documents_remain: product of (1 - p) over its documents.
        remains: s + (1 - s) x that product.
        more_documents: how many are not listed; they are in the product all the same.
    """

    extractor: str
    systematic_error: float
    documents: int
    documents_remain: float
    remains: float
    told: tuple[TellingDocument, ...]
    more_documents: int


@dataclass(frozen=True)
class Side:
    """Evidence for (`total` is support) or against (`total` is contradiction)."""

    total: float
    sources: tuple[SourceStep, ...]


@dataclass(frozen=True)
class EntailingClaim:
    """Another claim of the graph that speaks for or against this one by refinement, with its best sentence."""

    triple_id: str
    subject: str
    predicate: str
    object: str
    belief: float
    support: float
    contradiction: float
    documents: int
    doc_id: str | None
    quote: Quote | None


@dataclass(frozen=True)
class Explanation:
    """A claim with everything that speaks for and against it.

    Attributes:
        names: preferred names of all concepts here that have one.
        stored: the row of the graph (numbers, split, counts); None where the graph does not hold the claim.
        computed: the same by the steps shown; None where no evidence counts.
        agrees: whether both are equal to the bit.
        left_out: documents that the policy for retracted papers leaves out.
        affirmed_by, denied_by: what entails the claim or its denial, the best first; no part of its belief.
    """

    triple_id: str
    subject: str
    predicate: str
    object: str
    names: dict[str, str]
    opposed_predicates: tuple[str, ...]
    stored: dict[str, Any] | None
    computed: dict[str, Any] | None
    agrees: bool
    retracted_policy: str
    supporting: Side
    contradicting: Side
    left_out: tuple[TellingDocument, ...]
    more_left_out: int
    affirmed_by: tuple[EntailingClaim, ...]
    more_affirmed_by: int
    denied_by: tuple[EntailingClaim, ...]
    more_denied_by: int

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all speaks for or against the claim."""
        told = (self.stored, self.supporting.sources, self.contradicting.sources, self.left_out)
        return not any((*told, self.affirmed_by, self.denied_by))
