"""An explanation as text that can be redone with a pocket calculator, and a list of claims; in colour where there is a terminal.

The subject is green, the object magenta, the words that carry the claim are underlined.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from kg.explanation import EntailingClaim, Explanation, Quote, Side, SourceStep, TellingDocument

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.console import RenderableType
    from rich.text import Text

    Line = tuple[int, Text]

__all__ = ["claims_table", "explanation_lines", "quotation", "trigger_spans"]

_SUBJECT, _OBJECT, _TRIGGER = "bold green", "bold magenta", "underline"
#: Up to so many factors of a product are written out.
_FACTORS: Final = 6


def explanation_lines(explained: Explanation) -> Iterator[Line]:
    """What to print: of each line its indentation, in columns, and its text."""
    yield from _head(explained)
    opposed = ", ".join(map(_plain, explained.opposed_predicates))
    yield from _side(explained.supporting, "For", "support", "Nothing says so.")
    nothing = f"Nothing denies it{f', or says {opposed}' if opposed else ''}."
    yield from _side(explained.contradicting, "Against", "contradiction", nothing, _plain(explained.predicate))
    if explained.left_out:
        yield _line(0)
        yield _line(0, ("Retracted papers", "bold yellow"), f", left out by the policy {explained.retracted_policy}")
        for document in explained.left_out:
            yield from _document(document, None)
        yield from _more(4, explained.more_left_out, "document")
    yield from _entailing(
        "More specific claims affirm it", explained.affirmed_by, explained.more_affirmed_by, explained.names
    )
    yield from _entailing("More general claims deny it", explained.denied_by, explained.more_denied_by, explained.names)


def claims_table(claims: pa.Table, names: Mapping[str, str]) -> RenderableType:
    """Claims [TRIPLES] as a table, in their order."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("belief", "for", "against"):
        table.add_column(heading, justify="right")
    for heading in ("subject", "predicate", "object", ""):
        table.add_column(heading, overflow="fold")
    for row in claims.to_pylist():
        table.add_row(
            f"{row['belief']:.3f}",
            str(row["supporting_documents"]),
            str(row["contradicting_documents"]),
            _named(row["subject"], names),
            _plain(row["predicate"]),
            _named(row["object"], names),
            "contested" if row["contested"] else "",
        )
    return table


def _head(explained: Explanation) -> Iterator[Line]:
    yield _line(
        0,
        (explained.names.get(explained.subject, explained.subject), _SUBJECT),
        f" {_plain(explained.predicate)} ",
        (explained.names.get(explained.object, explained.object), _OBJECT),
    )
    row = explained.stored or explained.computed
    claim = f"{explained.subject} {explained.predicate} {explained.object}"
    split = f", split {row['split']}" if row else ""
    yield _line(0, (f"{claim}, triple {explained.triple_id[:16]}{split}", "dim"))
    if explained.stored is None:
        yield _line(0, ("not in the graph", "bold yellow"), ": no evidence for or against it counts")
    else:
        yield _line(0, *_belief(explained.stored))
    if not explained.agrees:
        computed = f"belief {_number(explained.computed['belief'])}" if explained.computed else "no belief"
        yield _line(
            0,
            ("The graph differs from what its evidence gives", "bold red"),
            f" ({computed}): it was built by another version or under other settings. Run: materia build",
        )


def _belief(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield f"belief {_number(row['belief'])}", "bold"
    yield f" = support {_number(row['support'])} x (1 - contradiction {_number(row['contradiction'])})", ""
    if row["contested"]:
        yield ", contested", "bold yellow"
    if row["direction"]:
        yield f", {row['direction']}", "bold"


def _side(side: Side, heading: str, name: str, nothing: str, denied: str | None = None) -> Iterator[Line]:
    yield _line(0)
    yield _line(0, (heading, "bold"))
    if not side.sources:
        yield _line(2, (nothing, "dim"))
        return
    for source in side.sources:
        yield from _source(source, denied)
    remains = " x ".join(_number(source.remains) for source in side.sources)
    yield _line(2, (name, "bold"), f" = 1 - {remains} = ", (_number(side.total), "bold"))


def _source(source: SourceStep, denied: str | None) -> Iterator[Line]:
    s = _number(source.systematic_error)
    yield _line(2, (source.extractor, "bold"), f", systematic error {s}, {_count(source.documents, 'document')}")
    for document in source.told:
        yield from _document(document, denied)
    yield from _more(4, source.more_documents, "document")
    product = _number(source.documents_remain)
    if source.more_documents == 0 and len(source.told) <= _FACTORS:
        factors = " x ".join(f"(1 - {_number(document.best.p or 0)})" for document in source.told)
        shown = f"{factors} = {product}"
    else:
        shown = f"product of (1 - p) over {_count(source.documents, 'document')} = {product}"
    rest = _number(1 - source.systematic_error)
    yield _line(4, (f"{shown}; remains {s} + {rest} x {product} = {_number(source.remains)}", "cyan"))


def _document(document: TellingDocument, denied: str | None) -> Iterator[Line]:
    about = ", ".join(str(part) for part in (document.journal, document.year) if part)
    yield _line(
        4,
        (document.doc_id, "bold"),
        f" {about}" if about else "",
        (" retracted" if document.retracted else "", "bold yellow"),
        ("" if document.best.p is None else f"  {_worth(document.best)}", "cyan"),
    )
    yield _line(6, *quotation(document.best), (_where(document.best, denied), "dim"))
    for quote in document.others:
        reader = "" if quote.extractor == document.best.extractor else f" by {quote.extractor}"
        yield _line(6, (f"not counted again{reader}: ", "dim"), *quotation(quote), (_where(quote, denied), "dim"))
    yield from _more(6, document.more_quotes, "sentence")


def _worth(quote: Quote) -> str:
    """How the quotation comes to its worth: p = 0.8 x 0.9 = 0.72."""
    if not quote.p:
        return "p = 0, since it denies the other direction only"
    steps = f"probability {_number(quote.probability)} x certainty {_number(quote.certainty)}"
    raw = quote.probability * quote.certainty
    if quote.reliable != raw:
        steps += f" = {_number(raw)}, which of {quote.extractor} is worth {_number(quote.reliable or 0)}"
    if quote.weight != 1:
        steps += f" x weight {_number(quote.weight or 0)}"
    return f"p = {steps} = {_number(quote.p)}"


def _where(quote: Quote, denied: str | None) -> str:
    """Section, or file and line; and what is said, where that is not the claim itself."""
    said = []
    if denied is not None and (not quote.polarity or _plain(quote.predicate) != denied):
        said.append(f"denies {denied}" if not quote.polarity else f"says {_plain(quote.predicate)}")
    if quote.direction:
        said.append(quote.direction)
    if quote.hypothetical:
        said.append("hypothetical")
    place = f"{quote.edge.file}, {quote.edge.place}" if quote.edge else quote.section
    return f"  [{', '.join([place, *said])}]"


def _entailing(heading: str, claims: Sequence[EntailingClaim], more: int, names: Mapping[str, str]) -> Iterator[Line]:
    if not claims:
        return
    yield _line(0)
    yield _line(0, (heading, "bold"), (" (by refinement; no part of the belief)", "dim"))
    for claim in claims:
        yield _line(
            2,
            (_named(claim.subject, names), _SUBJECT),
            f" {_plain(claim.predicate)} ",
            (_named(claim.object, names), _OBJECT),
            f"  support {_number(claim.support)}, contradiction {_number(claim.contradiction)}, "
            f"{_count(claim.documents, 'document')}",
        )
        if claim.quote is not None:
            yield _line(4, f"{claim.doc_id} ", *quotation(claim.quote))
    yield from _more(2, more, "claim")


def _more(indent: int, count: int, what: str) -> Iterator[Line]:
    if count:
        yield _line(indent, (f"and {count:,} more {what}{'s' if count != 1 else ''} (--limit shows more)", "dim"))


def quotation(quote: Quote) -> list[Text]:
    """The sentence in quotation marks, with subject, object and trigger marked."""
    from rich.text import Text

    text = Text(quote.sentence)
    for start, end in trigger_spans(quote.sentence, quote.trigger, quote.subject, quote.object):
        text.stylize(_TRIGGER, start, end)
    if quote.subject != quote.object:  # an edge that does not say where its ends stand
        text.stylize(_SUBJECT, *quote.subject)
        text.stylize(_OBJECT, *quote.object)
    return [Text("“"), text, Text("”")]


def trigger_spans(
    sentence: str, trigger: str, subject: tuple[int, int], object_: tuple[int, int]
) -> list[tuple[int, int]]:
    """Where the words of a trigger stand in a sentence: in their order, none inside an end, as near to both ends as can be.

    A trigger is what a pattern leaves of the words around the ends, so other words may stand between its own.

    >>> trigger_spans("Aspirin is used in treatment of pain.", "used treatment", (0, 7), (32, 36))
    [(11, 15), (19, 28)]
    """
    taken = sorted([subject, object_])
    words = trigger.split()
    if not words:
        return []
    free = (
        "".join(
            " " if any(start <= i < end for start, end in taken) else letter
            for i, letter in enumerate(sentence.lower())
        )
        if len(sentence.lower()) == len(sentence)
        else sentence
    )
    between = (taken[0][1], taken[1][0])
    best: tuple[tuple[int, int, int], list[tuple[int, int]]] | None = None
    for first in re.finditer(_word(words[0]), free):
        spans = [first.span()]
        for word in words[1:]:
            following = re.compile(_word(word)).search(free, spans[-1][1])
            if following is None:
                break
            spans.append(following.span())
        else:
            outside = max(0, between[0] - spans[0][0]) + max(0, spans[-1][1] - between[1])
            key = (outside, spans[-1][1] - spans[0][0], spans[0][0])
            if best is None or key < best[0]:
                best = key, spans
    return best[1] if best else []


def _word(word: str) -> str:
    """A pattern for a whole word; a word that begins or ends with a sign needs no border there."""
    word = word.lower()
    before = r"\b" if word[0].isalnum() else ""
    after = r"\b" if word[-1].isalnum() else ""
    return before + re.escape(word) + after


def _line(indent: int, *parts: str | tuple[str, str] | Text) -> Line:
    from rich.text import Text

    return indent, Text.assemble(*parts)


def _number(value: float) -> str:
    """At most six decimals, as beliefs are stored; what is less than they can show as a power of ten."""
    if 0 < value < 1e-6:
        return f"{value:.0e}"
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' if count != 1 else ''}"


def _plain(predicate: str) -> str:
    return predicate.removeprefix("biolink:").replace("_", " ")


def _named(curie: str, names: Mapping[str, str]) -> str:
    return f"{names[curie]} ({curie})" if curie in names else curie
