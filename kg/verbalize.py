"""Triples told in sentences: alone, together in a paragraph about an entity, on to the next, or beside a paper that says so.

Names and sentences come from a language (`kg/languages`, `kg/templates`); which of several phrasings a triple gets depends on the
hash of its id. How sure a sentence sounds follows the belief; what the evidence denies is only ever told as denied. What is told of an
effect includes its direction. About 19,000 passages a second of processor time, on a machine
that had other work to do (benchmarks/verbalize.py); memory does not grow with the number of buckets.

Facts of an entity are divided into paragraphs by the bits of their ids, as in a trie: all whose ids begin alike stand together,
as many as fit. A new triple changes the paragraph it falls into, or cuts it in two, and leaves all others alone, as it would
not if every fifth fact began a new one. What is said of the entity itself is a passage of its own for the same reason.
Rejected: generated text (slow, and it must be checked that nothing was lost), pronouns (a model should see both names of a fact).
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import Any

import pyarrow as pa

from kg.config import CorpusConfig, SplitConfig
from kg.languages import Language, language_of
from kg.name_reading import NameReader
from kg.telling import Fact, Teller, digits_of
from kg.telling_units import ENTITY, Unit, UnitPassages, Verbalized
from kg.triple_context import Beside
from pipeline.errors import SetAside

__all__ = ["languages_of", "verbalize", "verbalize_units"]

_BATCH_ROWS = 4096
_KEY = itemgetter(0, 1)
_COLUMNS = Fact._fields[:-1]
# Uses of a triple, each with a phrasing of its own: alone, in a paragraph, first and second in a chain, before a quotation.
_ALONE, _IN_PARAGRAPH, _FIRST, _SECOND, _QUOTED = range(5)


def languages_of(config: CorpusConfig) -> list[Language]:
    """The languages a configuration asks for. Raises MateriaError where one is unknown, or a template file is wrong."""
    return [language_of(code, config.templates.get(code)) for code in config.languages]


def verbalize_units(
    triples: pa.Table,
    concepts: pa.Table,
    config: CorpusConfig,
    *,
    languages: Sequence[Language] | None = None,
    ambiguous: Collection[str] = frozenset(),
    context: pa.Table | None = None,
    splits: SplitConfig | None = None,
    read: NameReader | None = None,
    about: Collection[str] | None = None,
) -> Verbalized:
    """Passages that tell the triples of one bucket, in each language.

    Args:
        triples: TRIPLES, with all facts of a subject and split that shall be told together.
        concepts: VOCABULARY rows of (at least) their subjects and objects.
        config: languages, least belief, and the most facts in a paragraph.
        languages: those of the configuration where None.
        ambiguous: names, in lower case, that several concepts of the vocabulary have; told only where they are preferred names.
        context: CONTEXT of these triples, for chains and quotations; `concepts` then has rows for the entities of its triples too.
        splits: how pairs are held out: no training chain joins the ends of such a pair, no quotation or definition names both.
        read: finds what else a definition names; without it, only the entity itself is linked there.
        about: entities of which it is said what they are; all subjects where None.

    Returns:
        the passages and their units. A paragraph holds facts of one subject and one split; the definition and synonyms of
        a subject are a passage of their own. `relations` holds what is affirmed, never what is denied or contested.
    """
    passages = UnitPassages()
    with _no_collector():
        beside = Beside(context, splits or SplitConfig())
        entities = sorted(set(triples["subject"].to_pylist()) if about is None else about)
        for number, language in enumerate(languages_of(config) if languages is None else languages):
            # That no vocabulary has an entity is said once. That a language has no name for it is only counted.
            teller = Teller(language, concepts, ambiguous)
            _tell_facts(triples, teller, beside, config, passages, says=number == 0)
            if "entity" in config.forms:
                _tell_entities(entities, teller, beside, read, passages)
    return passages.sorted()


def verbalize(
    triples: pa.Table,
    concepts: pa.Table,
    config: CorpusConfig,
    *,
    set_aside: Callable[[SetAside], None] = lambda _: None,
    counts: Counter[str] | None = None,
    **more: Any,
) -> pa.Table:
    """The passages of `verbalize_units` alone.

    Args:
        triples, concepts, config, more: as there.
        set_aside: told of triples that cannot be told because an entity has no name, and of names with markup or line ends.
        counts: gets the number of triples told, left out, and told with the words of their predicate's name.
    """
    told = verbalize_units(triples, concepts, config, **more)
    for record in told.set_aside():
        set_aside(record)
    if counts is not None:
        counts.update(told.counts())
    return told.passages


@contextmanager
def _no_collector() -> Iterator[None]:
    """Python's collector of cycles stands still: there are many small tuples here and no cycles, and it would take a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _tell_facts(
    triples: pa.Table, teller: Teller, beside: Beside, config: CorpusConfig, passages: UnitPassages, *, says: bool
) -> None:
    """What the triples say, in one language. With `says`, what cannot be told is set aside."""
    code, forms = teller.language.code, frozenset(config.forms)
    ordered = triples.select(_COLUMNS).sort_by([(name, "ascending") for name in ("subject", "split", "triple_id")])
    rows = (
        row
        for batch in ordered.to_batches(max_chunksize=_BATCH_ROWS)
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)
    )
    for (subject, split), group in groupby(rows, key=_KEY):
        unit = passages.unit(subject, split)
        facts = list(_facts(group, teller, config, unit, says=says))
        for fact in facts:
            if "fact" in forms:
                passages.add(unit, "fact", code, (fact,), teller.tell(((fact, digits_of(fact.triple_id, _ALONE)),)))
            if "chain" in forms and (onward := beside.onward(fact)) and teller.can_tell(onward):
                second = onward._replace(stance=teller.stance(onward) or fact.stance)
                digits = (digits_of(fact.triple_id, _FIRST), digits_of(fact.triple_id, _SECOND))
                shared = {fact.subject, fact.object} & {second.subject, second.object}
                told = teller.tell(zip((fact, second), digits, strict=True), fixed=shared)
                passages.add(unit, "chain", code, (fact, second), told)
            if "quotation" in forms and (quotation := beside.quotation(fact, code)):
                told = teller.tell(((fact, digits_of(fact.triple_id, _QUOTED)),))
                source = fact._replace(evidence_ids=[quotation.evidence_id], doc_ids=[quotation.doc_id])
                passages.add(unit, "quotation", code, (source,), teller.quote(told, fact, quotation))
        if "paragraph" in forms:
            for together in paragraphs(facts, config.facts_per_passage):
                if len(together) > 1:
                    chosen = [(fact, digits_of(fact.triple_id, _IN_PARAGRAPH)) for fact in together]
                    told = teller.tell(chosen, fixed=(together[0].subject,))
                    passages.add(unit, "paragraph", code, together, told)


def _tell_entities(
    entities: Sequence[str], teller: Teller, beside: Beside, read: NameReader | None, passages: UnitPassages
) -> None:
    """What is said of entities themselves, in training passages: their definitions and other names."""
    openings = []
    for entity in entities:
        unit = passages.unit(entity, ENTITY)
        if entity in teller.names and (told := teller.opening(entity)):
            openings.append((unit, told))
            unit.opening.append(told.text)
    named = read([told.text for _, told in openings]) if read and openings else [[] for _ in openings]
    for (unit, told), found in zip(openings, named, strict=True):
        if not beside.gives_away({unit.subject, *(curie for _, _, curie, _ in found)}):
            own = {place for start, end, *_ in told.spans for place in range(start, end)}
            others = [span for span in found if own.isdisjoint(range(span[0], span[1]))]
            linked = told._replace(spans=sorted([*told.spans, *others]))
            passages.add(unit, "entity", teller.language.code, (), linked)


def _facts(
    rows: Iterable[tuple[Any, ...]], teller: Teller, config: CorpusConfig, unit: Unit, *, says: bool
) -> Iterator[Fact]:
    """The triples of a unit that are told, as they come."""
    counts = unit.counts
    for row in rows:
        fact = Fact(*row)
        stance = teller.stance(fact, config.minimum_belief)
        if stance is None:
            counts["untold-low-belief"] += 1
            continue
        if nameless := teller.nameless(fact):
            counts["untold-no-name"] += 1
            if says and not teller.knows(nameless[0]):
                detail = f"{nameless[0]} has a name in no vocabulary, so the triple cannot be told; add its vocabulary to the build"
                unit.sets_aside(SetAside("triples", fact.triple_id, "entity-without-name", detail))
            continue
        if says and teller.marked_up:
            for curie in sorted({fact.subject, fact.object} & teller.marked_up):
                detail = (
                    f"the name of {curie} holds markup or line ends and is told as {teller.names[curie].text!r}; "
                    "correct it in its vocabulary"
                )
                unit.sets_aside(SetAside("vocabulary", curie, "name-with-markup", detail))
        if not teller.language.phrases.knows(fact.predicate):
            counts[f"no-template {fact.predicate}"] += 1
            if not teller.has_words(fact):
                continue
        counts[f"told-{stance}"] += 1
        yield Fact._make((*row, stance))


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
