"""Figures without a display, written as PNG whose bytes depend on the figures alone: no clock, no version."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["as_markdown", "new_figure", "write_png"]

_DPI: Final = 110


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of that size in inches, which no window shows."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def write_png(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f".{path.name}.staged")
    staged.write_bytes(_png(figure))
    staged.replace(path)


def as_markdown(figure: Figure, text: str) -> str:
    """A figure as Markdown that holds the picture itself, which the UI shows without a file server."""
    return f"![{text}](data:image/png;base64,{base64.b64encode(_png(figure)).decode()})"


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=_DPI, metadata={"Software": None})
    return stream.getvalue()
