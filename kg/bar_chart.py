"""Bars as SVG, written by hand: for figures that a build makes of every changed shard.

The picture depends on the numbers alone. matplotlib was too dear to import for every changed shard.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from html import escape
from typing import Final

__all__ = ["bar_chart", "chart_as_markdown"]

_WIDTH: Final = 640
_LABELS: Final = 230
_BAR: Final = 18
_TOP: Final = 34


def bar_chart(title: str, values: Mapping[str, int]) -> str:
    """A horizontal bar with its number for each label, in the order given, as an SVG document (https://www.w3.org/TR/SVG11/)."""
    height, most = _TOP + _BAR * len(values) + 8, max(values.values(), default=0) or 1
    room = _WIDTH - _LABELS - 70
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
        f'<text x="8" y="20" font-size="14" font-weight="bold">{escape(title)}</text>',
    ]
    for place, (label, value) in enumerate(values.items()):
        y, width = _TOP + place * _BAR, round(room * value / most, 1)
        parts += [
            f'<text x="{_LABELS - 6}" y="{y + 12}" text-anchor="end">{escape(label)}</text>',
            f'<rect x="{_LABELS}" y="{y + 2}" width="{width}" height="{_BAR - 5}" fill="#4c72b0"/>',
            f'<text x="{_LABELS + width + 5}" y="{y + 12}">{value:,}</text>',
        ]
    return "\n".join([*parts, "</svg>"])


def chart_as_markdown(title: str, values: Mapping[str, int]) -> str:
    """The chart as Markdown that holds the picture itself, which the UI shows without a file server."""
    picture = base64.b64encode(bar_chart(title, values).encode()).decode()
    return f"![{title}](data:image/svg+xml;base64,{picture})"
