"""Triples told in sentences: each fact alone, and the facts about one entity together in a paragraph.

Names are brought into running text (`surface_names`), sentences come from templates (`phrases`), and which of several phrasings
a triple gets depends on the hash of its id, so that a new triple rewords no other. How sure a sentence sounds follows the
belief; what the evidence denies is only ever told as denied. About 40,000 passages a second on one core.

A paragraph is cut by content: after a triple whose id says so, or when it is full. A new triple then changes the paragraph it
falls into and leaves the entity's other paragraphs alone, as it would not if every fifth fact began a new one. Rejected:
generated text (slow, and it must be checked that nothing was lost), pronouns (a model should see both names of a fact).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import pyarrow as pa

from kg.config import CorpusConfig
from kg.entity_sentences import entity_sentences
from kg.passage_rows import PassageRows, Relation, Sentence, Span
from kg.phrases import Phrases, load_phrases
from kg.surface_names import SurfaceName, surface_name
from kg.tables import PASSAGES
from pipeline.errors import SetAside
from pipeline.hashing import hash_fields

__all__ = ["AFFIRMED", "stance_of", "verbalize"]

#: Stances that state the triple as true, with more or less certainty.
AFFIRMED = frozenset({"high", "middle", "low"})

_BATCH_ROWS = 4096
_COLUMNS = (
    "subject", "split", "triple_id", "subject_category", "predicate", "object", "object_category",
    "belief", "support", "contradiction", "contested", "evidence_ids", "doc_ids",
)  # fmt: skip


class _Fact(NamedTuple):
    """One triple as it will be told. Fields in the order of `_COLUMNS`."""

    subject: str
    split: str
    triple_id: str
    subject_category: str
    predicate: str
    object: str
    object_category: str
    belief: float
    support: float
    contradiction: float
    contested: bool
    evidence_ids: list[str]
    doc_ids: list[str]


class _Told(NamedTuple):
    text: str
    sentences: list[Sentence]
    spans: list[Span]
    relations: list[Relation]


_KEY = itemgetter(0, 1)


def verbalize(
    triples: pa.Table,
    concepts: pa.Table,
    config: CorpusConfig,
    *,
    phrases: Phrases | None = None,
    set_aside: Callable[[SetAside], None] | None = None,
    counts: Counter[str] | None = None,
) -> pa.Table:
    """Passages that tell the triples of one bucket.

    Args:
        triples: TRIPLES, with all facts of a subject that shall be told together.
        concepts: VOCABULARY rows of (at least) their subjects and objects.
        config: language, least belief, and the most facts in a paragraph.
        phrases: templates; those that ship for the language where None.
        set_aside: told of triples that cannot be told because an entity has no name.
        counts: gets the number of triples told (`told-high`, `told-denied` ...), left out (`untold-low-belief`), and told
            with the words of their predicate's name for want of a template (`no-template biolink:...`).

    Returns:
        PASSAGES sorted by passage_id. A paragraph holds facts of one subject and one split; the definition and synonyms of
        the subject stand in front of its first paragraph. `relations` holds what is affirmed, never what is denied or contested.
    """
    counts = Counter() if counts is None else counts
    teller = _Teller(phrases or load_phrases(config.language), concepts)
    rows = PassageRows("verbalized")
    batches: list[pa.RecordBatch] = []
    for (subject, split), group in groupby(_facts(triples, teller, config, counts, set_aside), key=_KEY):
        facts = list(group)
        for fact in facts:
            _add(rows, split, [fact], teller.tell([(fact, _choice(fact.triple_id, 0))], ()), config)
        opening = teller.opening(subject, facts[0].subject_category)
        for number, paragraph in enumerate(_paragraphs(facts, config.facts_per_passage)):
            first = opening if number == 0 else ()
            if len(paragraph) > 1 or first:
                told = teller.tell([(fact, _choice(fact.triple_id, 1)) for fact in paragraph], first)
                _add(rows, split, paragraph, told, config)
        if len(rows) >= _BATCH_ROWS:
            # Rows are kept as Arrow, not as Python objects, which the garbage collector would go through again and again.
            batches.append(rows.batch())
            rows = PassageRows("verbalized")
    table = pa.Table.from_batches([*batches, rows.batch()], PASSAGES)
    return table.sort_by("passage_id").combine_chunks()


def stance_of(
    belief: float, support: float, contradiction: float, *, contested: bool, phrases: Phrases, minimum_belief: float
) -> str | None:
    """How a triple is told: `high`, `middle`, `low`, `denied`, `contested`, or None where it is not told.

    Contested comes first: where both sides have much evidence, neither "treats" nor "was not found to treat" is true.
    A claim is denied where the evidence against it outweighs the evidence for it.
    """
    if contested:
        return "contested" if max(support, contradiction) >= minimum_belief else None
    if contradiction > support:
        return "denied" if contradiction >= minimum_belief else None
    if belief < minimum_belief:
        return None
    return "high" if belief >= phrases.high else "middle" if belief >= phrases.middle else "low"


def _facts(
    triples: pa.Table,
    teller: _Teller,
    config: CorpusConfig,
    counts: Counter[str],
    set_aside: Callable[[SetAside], None] | None,
) -> Iterator[_Fact]:
    """The triples that are told, by subject, split and id."""
    ordered = triples.select(_COLUMNS).sort_by(
        [("subject", "ascending"), ("split", "ascending"), ("triple_id", "ascending")]
    )
    for batch in ordered.to_batches(max_chunksize=4096):
        for fact in map(_Fact._make, zip(*(column.to_pylist() for column in batch.columns), strict=True)):
            stance = teller.stance(fact, config.minimum_belief)
            if stance is None:
                counts["untold-low-belief"] += 1
                continue
            if nameless := [curie for curie in (fact.subject, fact.object) if curie not in teller.names]:
                counts["untold-no-name"] += 1
                if set_aside is not None:
                    detail = f"{nameless[0]} is in no vocabulary, so the triple cannot be told; add its vocabulary to the build"
                    set_aside(SetAside("triples", fact.triple_id, "entity-without-name", detail))
                continue
            counts[f"told-{stance}"] += 1
            if not teller.phrases.knows(fact.predicate):
                counts[f"no-template {fact.predicate}"] += 1
            yield fact


def _paragraphs(facts: list[_Fact], most: int) -> Iterator[list[_Fact]]:
    """Facts in order of their ids, cut after an id that says so or where the paragraph is full."""
    paragraph: list[_Fact] = []
    for fact in facts:
        paragraph.append(fact)
        if len(paragraph) >= most or int(fact.triple_id[16:22], 16) % (2 * most) == 0:
            yield paragraph
            paragraph = []
    if paragraph:
        yield paragraph


def _choice(triple_id: str, use: int) -> int:
    """A number from a triple's id, for choosing a phrasing; another one for each use."""
    return int(triple_id[8 * use : 8 * use + 8], 16)


class _Teller:
    """Names and templates at hand: what turns facts into text with offsets."""

    def __init__(self, phrases: Phrases, concepts: pa.Table) -> None:
        self.phrases = phrases
        columns = (concepts[name].to_pylist() for name in ("curie", "name", "category", "synonyms", "definition"))
        self._concepts: dict[str, tuple[str, list[dict[str, str]] | None, str | None]] = {}
        self.names: dict[str, SurfaceName] = {}
        for curie, name, category, synonyms, definition in zip(*columns, strict=True):
            if name and name.strip():
                self.names[curie] = surface_name(name, curie, category or "")
                self._concepts[curie] = (category or "", synonyms, definition)

    def stance(self, fact: _Fact, minimum_belief: float) -> str | None:
        """How a fact is told."""
        return stance_of(
            fact.belief,
            fact.support,
            fact.contradiction,
            contested=fact.contested,
            phrases=self.phrases,
            minimum_belief=minimum_belief,
        )

    def opening(self, curie: str, category: str) -> tuple[tuple[str, list[Span]], ...]:
        """Sentences with spans that define an entity and give its other names; empty where the vocabulary has none."""
        own, synonyms, definition = self._concepts[curie]
        return tuple(
            entity_sentences(
                self.phrases, self.names[curie], curie, category or own, synonyms=synonyms, definition=definition
            )
        )

    def tell(self, facts: list[tuple[_Fact, int]], opening: tuple[tuple[str, list[Span]], ...]) -> _Told:
        """Text of some facts, each in its phrasing, with the offsets of sentences and names."""
        texts: list[str] = []
        sentences: list[Sentence] = []
        spans: list[Span] = []
        relations: list[Relation] = []
        at = 0
        for text, found in opening:
            spans += [(start + at, end + at, curie, category) for start, end, curie, category in found]
            sentences.append((at, at + len(text)))
            texts.append(text)
            at += len(text) + 1
        names, of = self.names, self.phrases.of
        for fact, choice in facts:
            subject, object_ = names[fact.subject], names[fact.object]
            stance = self.stance(fact, 0.0)
            ways = of(fact.predicate, stance or "low", subject.plural, object_.plural)
            subject_first, before, between, after = ways[choice % len(ways)]
            first, second = (subject, object_) if subject_first else (object_, subject)
            first_text = first.text if before else first.initial
            text = f"{before}{first_text}{between}{second.text}{after}"
            begin = at + len(before)
            middle = begin + len(first_text) + len(between)
            here = len(spans)
            if subject_first:
                spans.append((begin, begin + len(first_text), fact.subject, fact.subject_category))
                spans.append((middle, middle + len(second.text), fact.object, fact.object_category))
            else:
                spans.append((begin, begin + len(first_text), fact.object, fact.object_category))
                spans.append((middle, middle + len(second.text), fact.subject, fact.subject_category))
            if stance in AFFIRMED:
                relations.append((here + (not subject_first), fact.predicate, here + subject_first, fact.triple_id))
            sentences.append((at, at + len(text)))
            texts.append(text)
            at += len(text) + 1
        return _Told(" ".join(texts), sentences, spans, relations)


def _add(
    rows: PassageRows,
    split: str,
    facts: list[_Fact],
    told: _Told,
    config: CorpusConfig,
) -> None:
    """Append one passage with what stands behind it."""
    if len(facts) == 1:
        fact = facts[0]
        triple_ids, evidence_ids, doc_ids, belief = [fact.triple_id], fact.evidence_ids, fact.doc_ids, fact.belief
    else:
        triple_ids = [fact.triple_id for fact in facts]
        evidence_ids = _union([fact.evidence_ids for fact in facts])
        doc_ids = _union([fact.doc_ids for fact in facts])
        belief = min(fact.belief for fact in facts)
    passage_id = hash_fields("verbalized", config.language, *triple_ids, told.text)
    rows.add(
        passage_id=passage_id,
        language=config.language,
        **told._asdict(),
        triple_ids=triple_ids,
        evidence_ids=evidence_ids,
        doc_ids=doc_ids,
        belief=belief,
        split=split,
    )


def _union(lists: list[list[Any]]) -> list[Any]:
    return sorted(set().union(*lists))
