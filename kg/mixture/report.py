"""The table of what was taken, as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["taken_in_words"]

_GROUPS = ("split", "kind", "language", "source", "predicate")
_NONE = {"source": "several, or not known", "predicate": "none (papers)"}
_MOST_LINES = 20


def taken_in_words(mixture: pa.Table) -> str:
    """The table MIXTURE in Markdown: by split, kind, language, source and predicate, then what was not taken and why.

    The largest 20 of each; repeats are rows for each passage taken.
    """
    return "\n".join(_lines(mixture)) + "\n"


def _lines(mixture: pa.Table) -> Iterator[str]:
    taken = pc.is_null(mixture["reason"])
    for column in _GROUPS:
        yield f"| {column} | candidates | taken | repeats | tokens | of the tokens |"
        yield "|---|---:|---:|---:|---:|---:|"
        whole = pc.sum(mixture["tokens"]).as_py() or 1
        marked = mixture.append_column("taken", pc.if_else(taken, mixture["candidates"], 0))
        sums = [("candidates", "sum"), ("taken", "sum"), ("rows", "sum"), ("tokens", "sum")]
        for row in _largest(marked.group_by(column).aggregate(sums), column, "tokens_sum"):
            passages, rows, tokens = row["taken_sum"], row["rows_sum"], row["tokens_sum"]
            yield (
                f"| {_NONE.get(column, '') if row[column] is None else row[column]} | {row['candidates_sum']:,} | {passages:,} "
                f"| {rows / passages if passages else 0:.2f} | {tokens:,} | {tokens / whole:.1%} |"
            )
        yield ""
    rejected = mixture.filter(pc.invert(taken)).group_by(["reason", "kind"])
    yield "| not taken because | kind | passages | tokens |"
    yield "|---|---|---:|---:|"
    sums = [("candidates", "sum"), ("candidate_tokens", "sum")]
    for row in _largest(rejected.aggregate(sums), "reason", "candidate_tokens_sum"):
        yield f"| {row['reason']} | {row['kind']} | {row['candidates_sum']:,} | {row['candidate_tokens_sum']:,} |"


def _largest(table: pa.Table, name: str, size: str) -> list[dict[str, Any]]:
    ordered = table.sort_by([(size, "descending"), (name, "ascending")])
    rows: list[dict[str, Any]] = ordered.slice(0, _MOST_LINES).to_pylist()
    return rows
