"""What two builds know differently, as tables for a person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kg.difference import ClaimChange, Counted, Difference

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

__all__ = ["difference_lines"]

_STYLES = {"new": "green", "stronger": "green", "gone": "red", "weaker": "red", "contested": "yellow"}


def difference_lines(difference: Difference) -> Iterator[RenderableType]:
    """What to print, one after the other; a single line where nothing differs."""
    from rich.text import Text

    if difference.equal:
        yield Text("The two builds know the same.", style="bold")
    yield from _pairs("settings", difference.settings)
    yield from _pairs("code", difference.code)
    for name, counted in (("documents", difference.documents), ("concepts", difference.concepts)):
        if counted is not None and any(counted.counts.values()):
            yield _counted(name, counted)
    if difference.triples and any(difference.triples.values()):
        yield _row_of_counts("claims", difference.triples)
        yield _row_of_counts("because of", difference.reasons)
        yield Text()
        for change in difference.largest:
            yield from _claim(change)


def _pairs(name: str, values: dict[str, tuple[Any, Any]]) -> Iterator[Table]:
    if values:
        table = _table(name, "A", "B")
        for key, (a, b) in values.items():
            table.add_row(key, "(not set)" if a is None else str(a), "(not set)" if b is None else str(b))
        yield table


def _counted(name: str, counted: Counted) -> Table:
    table = _table(name, "how many", "for example")
    table.columns[1].justify = "right"
    for way, count in counted.counts.items():
        if count:
            shown = counted.examples.get(way, ())
            table.add_row(way, f"{count:,}", ", ".join(shown[:5]) + (", ..." if count > len(shown[:5]) else ""))
    return table


def _row_of_counts(name: str, counts: dict[str, int]) -> Table:
    table = _table(name, "how many")
    table.columns[1].justify = "right"
    for key, count in counts.items():
        if count:
            table.add_row(key, f"{count:,}")
    return table


def _table(*headings: str) -> Table:
    from rich.table import Table

    table = Table(*headings, box=None, pad_edge=False)
    for column in table.columns:
        column.overflow = "fold"
    return table


def _claim(change: ClaimChange) -> Iterator[Text]:
    from rich.text import Text

    line = Text()
    ways = [_way(change, way) for way in change.changes]
    line.append(f"{ways[0]} ", style=f"bold {_STYLES.get(ways[0], '')}".strip())
    line.append(f"{change.subject_name or change.subject} ")
    line.append(change.predicate.removeprefix("biolink:").replace("_", " "), style="bold")
    line.append(f" {change.object_name or change.object}")
    line.append(f"  {_figure(change.belief[0])} -> {_figure(change.belief[1])}", style="cyan")
    line.append("".join(f", {way}" for way in ways[1:]), style="yellow")
    line.append(f"  ({', '.join(change.reasons)})", style="dim")
    yield line
    if change.moved_to is not None:
        yield Text(f"    is triple {change.moved_to[:16]} now, by a merge of concepts", style="dim")
    evidence = change.evidence
    if evidence is not None:
        mark = {"new": "+", "gone": "-", "changed": "~"}[evidence.change]
        verb = "" if evidence.polarity else "denied by "
        if evidence.predicate != change.predicate:
            verb = f"{evidence.predicate.removeprefix('biolink:').replace('_', ' ')} by "
        yield Text(
            f"    {mark} {verb}{evidence.doc_id} ({evidence.extractor}, {evidence.reason}): “{evidence.sentence}”"
        )


def _way(change: ClaimChange, way: str) -> str:
    """The name of a change, with what was and what is where the name alone does not tell."""
    if way not in ("direction", "split"):
        return way
    before, after = change.direction if way == "direction" else change.split
    return f"{way} {before or 'none'} -> {after or 'none'}"


def _figure(belief: float | None) -> str:
    return "none" if belief is None else f"{belief:.3f}"
