"""The history of a shard as plain text: a paragraph a version, rows with their reasons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kg.history_reasons import ShardVersion, VersionRow

__all__ = ["format_history"]

_TEXT: int = 100


def format_history(shard: str, versions: Sequence[ShardVersion], *, most: int | None = 10) -> str:
    """Every version, the newest last; of each at most so many rows added, removed and changed (all where None)."""
    head = f"{shard}: {len(versions)} version{'' if len(versions) == 1 else 's'}"
    return "\n".join([head, *(line for version in versions for line in _lines(version, most))]) + "\n"


def _lines(version: ShardVersion, most: int | None) -> Iterator[str]:
    rows = ", ".join(f"{count:,} {split}" for split, count in version.rows.items())
    counts = ", ".join(f"{count:,} {what}" for what, count in version.counts.items() if count) or "first version noted"
    yield f"version {version.data_version[:16]}  {version.at}  rows: {rows}  ({counts})"
    for name, (before, after) in version.settings.items():
        yield f"  setting {name}: {before} -> {after}"
    if version.previous:
        yield f"  changed inputs: {', '.join(version.inputs) or 'none'}"
    for sign, listed in (("-", version.removed), ("+", version.added), ("~", version.changed)):
        yield from (f"  {sign} {_row(row)}" for row in listed[:most])
        if most is not None and len(listed) > most:
            yield f"  {sign} and {len(listed) - most:,} more (--all shows them)"


def _row(row: VersionRow) -> str:
    text = " ".join(row.text.split())
    return f"{row.passage_id[:16]}  {row.why}: {text if len(text) <= _TEXT else text[: _TEXT - 1] + '…'}"
