"""Lines that a page's width broke, joined into the lines an author meant: what plain text and PDF share.

A line goes on in the next one where it fills most of the page's width, and neither is the next an item of a list. Lines that
end early (a verse, a list, a note's `BP 120/80`) stay as they are. Where words are divided at line ends, which is a matter of
PDF, a hyphen between two small letters is taken out; that also joins the rare compound broken at its own hyphen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["goes_on", "joined", "page_width"]

_FULL = 0.7
_NARROWEST = 40
_ITEM = re.compile(r"\s*(?:[-*+•◦▪–—]\s|\(?(?:\d{1,3}|[a-zA-Z])[.)]\s)")
_DIVIDED = re.compile(r"[a-zà-ÿ]-$")


def page_width(lines: Sequence[str]) -> int:
    """The width of a page, by its lines: that which nine in ten lines stay within, so that a stray long line is none."""
    lengths = sorted(len(line.strip()) for line in lines if line.strip())
    return lengths[len(lengths) * 9 // 10] if lengths else 0


def goes_on(line: str, following: str, width: int) -> bool:
    """Whether a line goes on in the one below it."""
    return width >= _NARROWEST and len(line.strip()) >= _FULL * width and _ITEM.match(following) is None


def joined(lines: Sequence[str], width: int, *, divided: bool = False) -> str:
    """The lines of a paragraph, those joined by a space that belong together.

    Args:
        lines: none of them empty.
        width: the page's width in characters.
        divided: whether words are divided at line ends.
    """
    pieces: list[str] = []
    previous = ""
    for line in lines:
        text = " ".join(line.split())
        if previous and goes_on(previous, line, width):
            if divided and _DIVIDED.search(pieces[-1]) and text[:1].islower():
                pieces[-1] = pieces[-1][:-1] + text
            else:
                pieces += [" ", text]
        else:
            pieces += ["\n", text] if pieces else [text]
        previous = line
    return "".join(pieces)
