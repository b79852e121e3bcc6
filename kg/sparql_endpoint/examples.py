"""The questions that the query page offers: those of docs/graph.md, read from the page so that there is one list of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["Example", "examples"]

#: In a wheel the page lies beside this file; in a checkout it is where people read it.
_PAGES: Final = (Path(__file__).parent / "graph.md", Path(__file__).parents[2] / "docs" / "graph.md")
_EXAMPLE: Final = re.compile(r"^([^\n]+\?)[^\n]*\n+```[a-z]*\nmateria query '([^']+)'\n```", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Example:
    """A question in words and in SPARQL."""

    question: str
    sparql: str


def examples(pages: tuple[Path, ...] = _PAGES) -> list[Example]:
    """The questions of the first of these pages that exists: a line that asks, then a block with `materia query '...'`."""
    page = next(page for page in pages if page.exists())
    return [Example(*found) for found in _EXAMPLE.findall(page.read_text(encoding="utf-8"))]
