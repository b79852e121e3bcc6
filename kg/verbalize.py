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
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import Any

import pyarrow as pa

from kg.config import CorpusConfig, SplitConfig
from kg.languages import Language, language_of
from kg.name_reading import NameReader
from kg.passage_rows import PassageRows, verbalized_id
from kg.tables import PASSAGES
from kg.telling import Fact, Teller, Told, digits_of
from kg.triple_context import Beside
from pipeline.errors import SetAside

__all__ = ["languages_of", "verbalize"]

_BATCH_ROWS = 4096
_KEY = itemgetter(0, 1)
_COLUMNS = Fact._fields[:-1]
# Uses of a triple, each with a phrasing of its own: alone, in a paragraph, first and second in a chain, before a quotation.
_ALONE, _IN_PARAGRAPH, _FIRST, _SECOND, _QUOTED = range(5)

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
    context: pa.Table | None = None,
    splits: SplitConfig | None = None,
    read: NameReader | None = None,
    set_aside: SetsAside | None = None,
    counts: Counter[str] | None = None,
) -> pa.Table:
    """Passages that tell the triples of one bucket, in each language.

    Args:
        triples: TRIPLES, with all facts of a subject that shall be told together.
        concepts: VOCABULARY rows of (at least) their subjects and objects.
        config: languages, least belief, and the most facts in a paragraph.
        languages: those of the configuration where None.
        ambiguous: names, in lower case, that several concepts of the vocabulary have; told only where they are preferred names.
        context: CONTEXT of these triples, for chains and quotations; `concepts` then has rows for the entities of its triples too.
        splits: how pairs are held out: no training chain joins the ends of such a pair, no quotation or definition names both.
        read: finds what else a definition names; without it, only the entity itself is linked there.
        set_aside: told of triples that cannot be told because an entity has no name, and of names with markup or line ends.
        counts: gets the number of triples told (`told-high`, `told-denied` ...), left out (`untold-low-belief`), and told
            with the words of their predicate's name for want of a template (`no-template biolink:...`). With several
            languages, each counts for itself.

    Returns:
        PASSAGES sorted by passage_id. A paragraph holds facts of one subject and one split; the definition and synonyms of
        a subject are a passage of their own. `relations` holds what is affirmed, never what is denied or contested.
    """
    counts = Counter() if counts is None else counts
    batches: list[pa.RecordBatch] = []
    with _no_collector():
        beside = Beside(context, splits or SplitConfig())
        for number, language in enumerate(languages_of(config) if languages is None else languages):
            # That no vocabulary has an entity is said once. That a language has no name for it is only counted.
            teller = Teller(language, concepts, ambiguous)
            batches += _told(triples, teller, beside, config, counts, None if number else set_aside)
            batches.append(_entities(triples, teller, beside, config, read))
    return pa.Table.from_batches(batches, PASSAGES).sort_by("passage_id").combine_chunks()


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


def _told(  # noqa: PLR0917
    triples: pa.Table,
    teller: Teller,
    beside: Beside,
    config: CorpusConfig,
    counts: Counter[str],
    set_aside: SetsAside | None,
) -> Iterator[pa.RecordBatch]:
    """Passages in one language. Rows are kept as Arrow, not as Python objects, which the garbage collector would go through."""
    rows = PassageRows("verbalized")
    code, forms = teller.language.code, frozenset(config.forms)
    for _, group in groupby(_facts(triples, teller, config, counts, set_aside), key=_KEY):
        facts = list(group)
        for fact in facts:
            if "fact" in forms:
                _add(rows, "fact", code, (fact,), teller.tell(((fact, digits_of(fact.triple_id, _ALONE)),)))
            if "chain" in forms and (onward := beside.onward(fact)) and teller.can_tell(onward):
                second = onward._replace(stance=teller.stance(onward) or fact.stance)
                digits = (digits_of(fact.triple_id, _FIRST), digits_of(fact.triple_id, _SECOND))
                shared = {fact.subject, fact.object} & {second.subject, second.object}
                told = teller.tell(zip((fact, second), digits, strict=True), fixed=shared)
                _add(rows, "chain", code, (fact, second), told)
            if "quotation" in forms and (quotation := beside.quotation(fact, code)):
                told = teller.tell(((fact, digits_of(fact.triple_id, _QUOTED)),))
                source = fact._replace(evidence_ids=[quotation.evidence_id], doc_ids=[quotation.doc_id])
                _add(rows, "quotation", code, (source,), teller.quote(told, fact, quotation))
        if "paragraph" in forms:
            for together in paragraphs(facts, config.facts_per_passage):
                if len(together) > 1:
                    chosen = [(fact, digits_of(fact.triple_id, _IN_PARAGRAPH)) for fact in together]
                    _add(rows, "paragraph", code, together, teller.tell(chosen, fixed=(together[0].subject,)))
        if len(rows) >= _BATCH_ROWS:
            yield rows.batch()
            rows = PassageRows("verbalized")
    yield rows.batch()


def _entities(
    triples: pa.Table, teller: Teller, beside: Beside, config: CorpusConfig, read: NameReader | None
) -> pa.RecordBatch:
    """What is said of the subjects themselves, in training passages: their definitions and other names."""
    rows = PassageRows("verbalized")
    subjects = sorted(set(triples["subject"].to_pylist()) & teller.names.keys()) if "entity" in config.forms else []
    openings = [(subject, told) for subject in subjects if (told := teller.opening(subject))]
    named = read([told.text for _, told in openings]) if read else [[] for _ in openings]
    for (subject, told), found in zip(openings, named, strict=True):
        if not beside.gives_away({subject, *(curie for _, _, curie, _ in found)}):
            own = {place for start, end, *_ in told.spans for place in range(start, end)}
            others = [span for span in found if own.isdisjoint(range(span[0], span[1]))]
            linked = told._replace(spans=sorted([*told.spans, *others]))
            _add(rows, "entity", teller.language.code, (), linked, about=subject)
    return rows.batch()


def _facts(
    triples: pa.Table, teller: Teller, config: CorpusConfig, counts: Counter[str], set_aside: SetsAside | None
) -> Iterator[Fact]:
    """The triples that are told, by subject, split and id."""
    ordered = triples.select(_COLUMNS).sort_by(
        [("subject", "ascending"), ("split", "ascending"), ("triple_id", "ascending")]
    )
    for batch in ordered.to_batches(max_chunksize=_BATCH_ROWS):
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            fact = Fact(*row)
            stance = teller.stance(fact, config.minimum_belief)
            if stance is None:
                counts["untold-low-belief"] += 1
                continue
            if nameless := teller.nameless(fact):
                counts["untold-no-name"] += 1
                if set_aside is not None and not teller.knows(nameless[0]):
                    detail = f"{nameless[0]} has a name in no vocabulary, so the triple cannot be told; add its vocabulary to the build"
                    set_aside(SetAside("triples", fact.triple_id, "entity-without-name", detail))
                continue
            if teller.marked_up and set_aside is not None:
                _say_marked_up(fact, teller, set_aside)
            if not teller.language.phrases.knows(fact.predicate):
                counts[f"no-template {fact.predicate}"] += 1
                if not teller.has_words(fact):
                    continue
            counts[f"told-{stance}"] += 1
            yield Fact._make((*row, stance))


def _say_marked_up(fact: Fact, teller: Teller, set_aside: SetsAside) -> None:
    """Say once of each entity that its name was told without what does not belong into a sentence."""
    for curie in sorted({fact.subject, fact.object} & teller.marked_up):
        teller.marked_up.remove(curie)
        told = teller.names[curie].text
        detail = f"the name of {curie} holds markup or line ends and is told as {told!r}; correct it in its vocabulary"
        set_aside(SetAside("vocabulary", curie, "name-with-markup", detail))


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


def _add(  # noqa: PLR0917
    rows: PassageRows, form: str, language: str, facts: Sequence[Fact], told: Told, about: str = ""
) -> None:
    """Append one passage with what stands behind it. Where that is no fact, it is the entity it is about: two may be called alike."""
    belief: float | None
    if len(facts) == 1:  # most are, and need no sets
        (fact,) = facts
        triple_ids, evidence_ids, doc_ids, belief = [fact.triple_id], fact.evidence_ids, fact.doc_ids, fact.belief
    else:
        triple_ids = sorted([fact.triple_id for fact in facts])
        evidence_ids, doc_ids = _union([fact.evidence_ids for fact in facts]), _union([fact.doc_ids for fact in facts])
        belief = min([fact.belief for fact in facts], default=None)
    rows.add(
        passage_id=verbalized_id(language, triple_ids or [about], told.text),
        language=language,
        text=told.text,
        sentences=told.sentences,
        spans=told.spans,
        relations=told.relations,
        triple_ids=triple_ids,
        evidence_ids=evidence_ids,
        doc_ids=doc_ids,
        belief=belief,
        split=facts[0].split if facts else "train",
        form=form,
    )


def _union(lists: list[list[Any]]) -> list[Any]:
    return sorted(set().union(*lists))
