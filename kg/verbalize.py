"""Triples told in sentences: each fact alone, and the facts about one entity together in a paragraph.

Names and sentences come from a language (`kg/languages`, `kg/templates`); which of several phrasings a triple gets depends on the
hash of its id. How sure a sentence sounds follows the belief; what the evidence denies is only ever told as denied. What is told of an
effect includes its direction. About 40,000 passages a second on one core.

Facts of an entity are divided into paragraphs by the bits of their ids, as in a trie: all whose ids begin alike stand together,
as many as fit. A new triple changes the paragraph it falls into, or cuts it in two, and leaves all others alone, as it would
not if every fifth fact began a new one. What is said of the entity itself is a passage of its own for the same reason.
Rejected: generated text (slow, and it must be checked that nothing was lost), pronouns (a model should see both names of a fact).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import pyarrow as pa

from kg.config import CorpusConfig
from kg.languages import Language, language_of
from kg.passage_rows import PassageRows, verbalized_id
from kg.tables import PASSAGES
from kg.telling import Fact, Teller, Told
from pipeline.errors import SetAside

__all__ = ["languages_of", "verbalize"]

_BATCH_ROWS = 4096
_KEY = itemgetter(0, 1)
# Uses of a triple, each with a phrasing of its own.
_ALONE, _IN_PARAGRAPH = 0, 1

SetsAside = Callable[[SetAside], None]


def languages_of(config: CorpusConfig) -> list[Language]:
    """The languages a configuration asks for. Raises MateriaError where one is unknown, or a template file is wrong."""
    return [language_of(code, config.templates.get(code)) for code in config.languages]


def verbalize(
    triples: pa.Table,
    concepts: pa.Table,
    config: CorpusConfig,
    *,
    languages: Sequence[Language] | None = None,
    ambiguous: Collection[str] = frozenset(),
    set_aside: SetsAside | None = None,
    counts: Counter[str] | None = None,
) -> pa.Table:
    """Passages that tell the triples of one bucket, in each language.

    Args:
        triples: TRIPLES, with all facts of a subject that shall be told together.
        concepts: VOCABULARY rows of (at least) their subjects and objects.
        config: languages, least belief, and the most facts in a paragraph.
        languages: those of the configuration where None.
        ambiguous: names, case folded, that several concepts of the vocabulary have; told only where they are preferred names.
        set_aside: told of triples that cannot be told in any language because an entity has no name.
        counts: gets the number of triples told (`told-high`, `told-denied` ...), left out (`untold-low-belief`), and told
            with the words of their predicate's name for want of a template (`no-template biolink:...`). With several
            languages, each counts for itself.

    Returns:
        PASSAGES sorted by passage_id. A paragraph holds facts of one subject and one split; the definition and synonyms of
        a subject are a passage of their own. `relations` holds what is affirmed, never what is denied or contested.
    """
    counts = Counter() if counts is None else counts
    batches: list[pa.RecordBatch] = []
    for number, language in enumerate(languages_of(config) if languages is None else languages):
        # That no vocabulary has an entity is said once. That a language has no name for it is only counted.
        teller = Teller(language, concepts, ambiguous)
        batches += _told(triples, teller, config, counts, None if number else set_aside)
    return pa.Table.from_batches(batches, PASSAGES).sort_by("passage_id").combine_chunks()


def _told(
    triples: pa.Table, teller: Teller, config: CorpusConfig, counts: Counter[str], set_aside: SetsAside | None
) -> Iterator[pa.RecordBatch]:
    """Passages in one language. Rows are kept as Arrow, not as Python objects, which the garbage collector would go through."""
    rows = PassageRows("verbalized")
    code = teller.language.code
    for (subject, split), group in groupby(_facts(triples, teller, config, counts, set_aside), key=_KEY):
        facts = list(group)
        opening = teller.opening(subject)
        for fact in facts:
            _add(rows, code, split, [fact], teller.tell((fact,), _ALONE))
        for number, paragraph in enumerate(paragraphs(facts, config.facts_per_passage)):
            first = opening if number == 0 else ()
            if len(paragraph) > 1 or first:
                told = teller.tell(paragraph, _IN_PARAGRAPH, vary_subject=False, opening=first)
                _add(rows, code, split, paragraph, told)
        if len(rows) >= _BATCH_ROWS:
            yield rows.batch()
            rows = PassageRows("verbalized")
    yield rows.batch()


def _facts(
    triples: pa.Table, teller: Teller, config: CorpusConfig, counts: Counter[str], set_aside: SetsAside | None
) -> Iterator[Fact]:
    """The triples that are told, by subject, split and id."""
    ordered = triples.select(Fact._fields).sort_by(
        [("subject", "ascending"), ("split", "ascending"), ("triple_id", "ascending")]
    )
    for batch in ordered.to_batches(max_chunksize=_BATCH_ROWS):
        for fact in map(Fact._make, zip(*(column.to_pylist() for column in batch.columns), strict=True)):
            stance = teller.stance(fact, config.minimum_belief)
            if stance is None:
                counts["untold-low-belief"] += 1
                continue
            if nameless := [curie for curie in (fact.subject, fact.object) if curie not in teller.names]:
                counts["untold-no-name"] += 1
                if set_aside is not None and not teller.knows(nameless[0]):
                    detail = f"{nameless[0]} is in no vocabulary, so the triple cannot be told; add its vocabulary to the build"
                    set_aside(SetAside("triples", fact.triple_id, "entity-without-name", detail))
                continue
            if not teller.language.phrases.knows(fact.predicate):
                counts[f"no-template {fact.predicate}"] += 1
                if not teller.can_tell(fact):
                    continue
            counts[f"told-{stance}"] += 1
            yield fact


def paragraphs(facts: list[Fact], most: int, bit: int = 0) -> Iterator[list[Fact]]:
    """Facts sorted by id, divided by the bits of their ids until at most `most` are left together."""
    if len(facts) <= most or bit == 256:
        if facts:
            yield facts
        return
    halves: tuple[list[Fact], list[Fact]] = ([], [])
    for fact in facts:
        halves[int(fact.triple_id[bit // 4], 16) >> (3 - bit % 4) & 1].append(fact)
    for half in halves:
        yield from paragraphs(half, most, bit + 1)


def _add(rows: PassageRows, language: str, split: str, facts: Sequence[Fact], told: Told) -> None:
    """Append one passage with what stands behind it."""
    if len(facts) == 1:
        fact = facts[0]
        triple_ids, evidence_ids, doc_ids, belief = [fact.triple_id], fact.evidence_ids, fact.doc_ids, fact.belief
    else:
        triple_ids = [fact.triple_id for fact in facts]
        evidence_ids = _union([fact.evidence_ids for fact in facts])
        doc_ids = _union([fact.doc_ids for fact in facts])
        belief = min(fact.belief for fact in facts)
    rows.add(
        passage_id=verbalized_id(language, triple_ids, told.text),
        language=language,
        **told._asdict(),
        triple_ids=triple_ids,
        evidence_ids=evidence_ids,
        doc_ids=doc_ids,
        belief=belief,
        split=split,
    )


def _union(lists: list[list[Any]]) -> list[Any]:
    return sorted(set().union(*lists))
