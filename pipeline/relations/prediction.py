"""A trained classifier over the mentions that extraction found: relations of a document, and the same as evidence.

Mentions take part whose Biolink class belongs to a family of types that the classifier was trained on. The pairs of many documents are
judged in one batch. A document-level classifier was trained on abstracts, so in a full text it judges the pairs whose mentions
come within `REACH` sentences of each other: as many as an abstract has, and the cost stays linear in the length of the text.
Cost: about 100 abstracts a second and core, of which the features take two thirds.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from pipeline.claims import MentionedDocument, MentionRow, evidence_row
from pipeline.context import context_of
from pipeline.linking.types import family_of
from pipeline.relations.gold_mentions import identifiers_of
from pipeline.relations.model import Classifier
from pipeline.relations.pairs import Level, Scheme, pairs_of
from pipeline.relations.reading import Entity, MentionSpan, Reading, read
from pipeline.relations.schemes import MEANINGS, Meaning
from pipeline.relations.views import View, views_of
from pipeline.trigger_patterns import hedged_certainty

__all__ = ["REACH", "Related", "classifier_evidence", "mentioned_reading", "related_pairs"]

#: Sentences from one mention to the other at most.
REACH = 12
_UNKNOWN = Meaning("biolink:related_to")


class Related(NamedTuple):
    """A relation found: the document's place in the batch, its two entities, the label, its probability, the pair's view."""

    document: int
    a: Entity
    b: Entity
    label: str
    probability: float
    view: View


@cache
def _type_of(category: str, types: frozenset[str]) -> str | None:
    """The type of a scheme that a Biolink class belongs to: of the same family, the first of the alphabet where several are."""
    family = family_of(category)
    return min((kind for kind in types if family_of(kind) == family), default=None) if family else None


def mentioned_reading(text: str, mentions: Sequence[MentionRow], scheme: Scheme) -> Reading | None:
    """A document with the linked mentions of the scheme's types as entities, by concept or each its own; None where there are none."""
    types = frozenset(kind for ends in scheme.ends for kind in ends)
    spans = []
    for number, (start, end, curie, category, *_) in enumerate(mentions):
        kind = _type_of(category, types)
        if curie and kind:
            keys = identifiers_of(curie) if scheme.level == "document" else (f"#{number}",)
            spans.append(MentionSpan(start, end, keys, kind))
    return read(text, spans) if spans else None


def related_pairs(classifier: Classifier, readings: Sequence[Reading | None]) -> list[Related]:
    """The pairs that a classifier holds to be related, over documents of a batch, in their order."""
    pairs: list[tuple[int, int, int]] = []
    views: list[View] = []
    for number, reading in enumerate(readings):
        if reading is not None:
            near = [pair for pair in pairs_of(reading, classifier.scheme) if _is_near(reading, *pair)]
            pairs += [(number, *pair) for pair in near]
            views += views_of(reading, near)
    probabilities = classifier.probabilities(views)
    found = []
    for row, label in enumerate(classifier.mix.decide(probabilities).tolist()):
        if label:
            number, a, b = pairs[row]
            reading = readings[number]
            assert reading is not None
            name = classifier.scheme.labels[label - 1]
            found.append(
                Related(
                    number, reading.entities[a], reading.entities[b], name, float(probabilities[row, label]), views[row]
                )
            )
    return found


def _is_near(reading: Reading, a: int, b: int) -> bool:
    there = [reading.sentence_of[unit] for unit in reading.entities[b].units]
    for unit in reading.entities[a].units:
        sentence = reading.sentence_of[unit]
        place = bisect_right(there, sentence)
        if any(abs(there[at] - sentence) <= REACH for at in (place - 1, place) if 0 <= at < len(there)):
            return True
    return False


def classifier_evidence(classifier: Classifier, documents: Sequence[MentionedDocument]) -> Iterator[dict[str, Any]]:
    """Rows [EVIDENCE] of what a classifier finds in documents, in their order.

    The evidence is the passage from the sentence of one mention to that of the other, of the two mentions that come closest. Where the
    object's mention is hedged or hypothetical, so is the claim.
    """
    readings = [mentioned_reading(text, mentions, classifier.scheme) for _, text, _, mentions in documents]
    for found in related_pairs(classifier, readings):
        reading = readings[found.document]
        assert reading is not None
        row = _row(classifier, documents[found.document], reading, found)
        if row["subject"] != row["object"]:
            yield row


def _row(classifier: Classifier, document: MentionedDocument, reading: Reading, found: Related) -> dict[str, Any]:
    _, text, _, mentions = document
    rows = {(row[0], row[1]): row for row in mentions}
    level = classifier.scheme.level
    a = _mention(reading, found.a, found.view.meeting.a, rows, level)
    b = _mention(reading, found.b, found.view.meeting.b, rows, level)
    types = (found.label, found.a.type, found.b.type)
    turned = b[0] < a[0] if found.a.type == found.b.type else types in classifier.scheme.reversed
    subject, object_ = (b, a) if turned else (a, b)
    meaning = MEANINGS.get(found.label, _UNKNOWN)
    scopes = context_of(text[object_[6] : object_[7]])
    inside = (object_[0] - object_[6], object_[1] - object_[6])
    return evidence_row(
        document,
        (min(a[6], b[6]), max(a[7], b[7])),
        subject[:4],
        object_[:4],
        classifier.name,
        predicate=meaning.predicate,
        trigger=found.label,
        direction=meaning.direction,
        polarity=True,
        certainty=hedged_certainty() if scopes.is_hedged(*inside) else 1.0,
        hypothetical=scopes.is_hypothetical(*inside),
        probability=min(max(found.probability, 1e-6), 1 - 1e-6),
    )


def _mention(
    reading: Reading, entity: Entity, unit: int, rows: dict[tuple[int, int], MentionRow], level: Level
) -> MentionRow:
    """The mention of an entity at a unit, under the entity's own identifier where entities have one: a mention may stand for several."""
    mention = reading.mentions[entity.mentions[entity.units.index(unit)]]
    row = rows[mention.start, mention.end]
    return row if level == "mention" else (row[0], row[1], entity.key, *row[3:])
