"""Markdown made of tables of figures and of words from papers, which must show as they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["as_it_is", "code", "table"]


def table(headings: Sequence[str], rows: Iterable[Sequence[Any]], *, text: int) -> str:
    """A Markdown table; the first `text` columns to the left, figures to the right with their thousands separated."""
    lines = [f"| {' | '.join(headings)} |", "|" + "|".join(["---"] * text + ["--:"] * (len(headings) - text)) + "|"]
    for row in rows:
        cells = (f"{cell:,}" if isinstance(cell, int) else str(cell).replace("|", "\\|") for cell in row)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def as_it_is(text: str) -> str:
    """A text as Markdown that shows it as it is, on one line."""
    return re.sub(r"([\\`*_\[\]<>#&~])", r"\\\1", text.replace("\n", " "))


def code(text: str) -> str:
    """A name as code, on one line; one that holds backticks in a longer fence."""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    space = " " if "`" in text else ""
    return f"{fence}{space}{' '.join(text.splitlines())}{space}{fence}"
