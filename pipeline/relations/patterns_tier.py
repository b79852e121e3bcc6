"""The pattern tier judged alone: its claims over gold mentions, as relations of the corpus.

A pair of a document is believed by all its claims together (noisy or of probability times certainty). Chemical-induces-disease is
annotated for what a paper is about and for the most specific disease it names, so a pair counts where its belief reaches `BELIEVED`, no
disease of the paper is named more often, and none by a longer name with the same head ("toxic hepatitis" beside "hepatitis"). The
three rules were chosen on BC5CDR train (precision .71 and recall .38 without them, .84 and .25 with them).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from math import prod

import pyarrow as pa

from pipeline.biolink import is_kind_of
from pipeline.claims import MentionRow, documents_with_mentions, sentence_claims
from pipeline.relations.gold_mentions import gold_mentions, identifiers_of
from pipeline.relations.schemes import CLAIMED_AS
from pipeline.trigger_patterns import Found

__all__ = ["BELIEVED", "induction_claims", "pattern_relations"]

#: Least belief of a pair that counts.
BELIEVED = 0.75
_CHEMICAL, _DISEASE = "biolink:ChemicalEntity", "biolink:DiseaseOrPhenotypicFeature"
_Pairs = dict[tuple[str, str], list[Found]]


def pattern_relations(documents: Sequence[pa.RecordBatch]) -> set[tuple[str, str, str, str]]:
    """Relations (document, type, subject, object) that the trigger patterns affirm between gold mentions of documents [DOCUMENTS]."""
    found = set()
    for (doc_id, _, _), text, _, mentions in documents_with_mentions(documents, gold_mentions(documents)):
        pairs = _induction(text, mentions)
        topics = _topics(text, mentions) if pairs else frozenset()
        for (chemical, disease), claims in pairs.items():
            if disease in topics and 1 - prod(1 - c.probability * c.certainty for c in claims) >= BELIEVED:
                found.add((doc_id, "CID", chemical, disease))
    return found


def induction_claims(documents: Sequence[pa.RecordBatch]) -> dict[tuple[str, str, str], list[Found]]:
    """Claims that a chemical brings about a disease, by document, chemical and disease; denied and hypothetical ones do not count."""
    return {
        (doc_id, *pair): claims
        for (doc_id, _, _), text, _, mentions in documents_with_mentions(documents, gold_mentions(documents))
        for pair, claims in _induction(text, mentions).items()
    }


def _induction(text: str, mentions: Iterable[MentionRow]) -> _Pairs:
    found: _Pairs = defaultdict(list)
    for _, _, claim, subject, object_ in sentence_claims(text, mentions):
        if claim.predicate not in CLAIMED_AS or not claim.polarity or claim.hypothetical:
            continue
        # What is associated may be said either way round.
        chemical, disease = (object_, subject) if is_kind_of(object_.category, _CHEMICAL) else (subject, object_)
        if is_kind_of(chemical.category, _CHEMICAL) and is_kind_of(disease.category, _DISEASE):
            for one in identifiers_of(chemical.curie):
                for other in identifiers_of(disease.curie):
                    found[one, other].append(claim)
    return found


def _topics(text: str, mentions: Iterable[MentionRow]) -> frozenset[str]:
    """The diseases that none of a document's is named more often than, without those that it also names more specifically."""
    times: Counter[str] = Counter()
    names: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for start, end, curie, category, *_ in mentions:
        if is_kind_of(category, _DISEASE):
            for identifier in identifiers_of(curie):
                times[identifier] += 1
                names[identifier].add(tuple(text[start:end].lower().split()))
    most = max(times.values(), default=0)
    return frozenset(disease for disease in times if times[disease] == most and not _is_general(disease, names))


def _is_general(disease: str, names: dict[str, set[tuple[str, ...]]]) -> bool:
    return any(
        len(longer) > len(name) and longer[-1] == name[-1]
        for other, others in names.items()
        if other != disease
        for longer in others
        for name in names[disease]
    )
