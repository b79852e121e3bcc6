"""A map of the entities in two dimensions: the first two principal components, coloured by Biolink category.

The components come from the covariance of the vectors of length 1, since neighbours are judged by the cosine, summed in
pieces of rows, so memory does not grow with the table. Signs are fixed, so equal vectors give equal pictures. At most
`_POINTS` entities are drawn, those with most triples; the largest are labelled where there is room.

Cost: 1.2 s of one core for 135 entities, most of it the import of matplotlib. Rejected: t-SNE and UMAP, whose distances between groups mean
nothing and whose pictures change with the seed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from kg.embeddings.tables import Embeddings
from kg.plots import new_figure, write_png

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_embeddings", "plot_embeddings", "principal_components"]

_POINTS: Final = 20_000
_COLOURED: Final = 9
_LABELLED: Final = 25
_LONGEST: Final = 32
_ROWS: Final = 65_536
_OTHER: Final = "other"


def plot_embeddings(
    embeddings: Embeddings,
    categories: Mapping[str, str | None],
    path: Path,
    *,
    names: Mapping[str, str | None] | None = None,
) -> None:
    """Write the map of an embedding as PNG; equal input gives equal bytes on one machine.

    Args:
        embeddings: what to draw; entities that training never saw are left out.
        categories: Biolink category by CURIE; those without one are drawn grey, as `other`.
        path: file to write.
        names: names by CURIE, for labels; the CURIE where there is none.
    """
    write_png(draw_embeddings(embeddings, categories, names=names), path)


def draw_embeddings(
    embeddings: Embeddings, categories: Mapping[str, str | None], *, names: Mapping[str, str | None] | None = None
) -> Figure:
    """The map as a figure, see `plot_embeddings`."""
    degrees = embeddings.degrees
    order = np.argsort(-degrees, kind="stable")
    drawn = order[degrees[order] > 0][:_POINTS]
    points, shares = principal_components(embeddings.entity_vectors, drawn)
    kinds = [_plain(categories.get(embeddings.entities[row]) or _OTHER) for row in drawn]
    counts = Counter(kind for kind in kinds if kind != _OTHER)
    coloured = sorted(counts, key=lambda kind: (-counts[kind], kind))[:_COLOURED]
    figure = new_figure(8.4, 6.4)
    axis = figure.subplots()
    groups = np.array([coloured.index(kind) if kind in coloured else _COLOURED for kind in kinds])
    for group in sorted(set(groups.tolist()), reverse=True):  # grey below, the most frequent category on top
        here = np.flatnonzero(groups == group)
        kind = _OTHER if group == _COLOURED else coloured[group]
        sizes = 8 + 60 * np.sqrt(degrees[drawn[here]] / degrees.max())
        colour = "0.75" if group == _COLOURED else f"C{group if group < 7 else group + 1}"  # C7 is grey
        axis.scatter(
            points[here, 0],
            points[here, 1],
            s=sizes,
            color=colour,
            alpha=0.6,
            linewidths=0,
            label=f"{kind} ({len(here):,})",
        )
    labels = [(names or {}).get(embeddings.entities[row]) or embeddings.entities[row] for row in drawn]
    title = f"{embeddings.config.model}: {len(drawn):,} of {len(embeddings.entities):,} entities"
    axis.set(
        title=title,
        xlabel=f"first principal component ({shares[0]:.0%} of variance)",
        ylabel=f"second ({shares[1]:.0%})",
        xticks=[],
        yticks=[],
    )
    if len(drawn):
        axis.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=8, frameon=False, reverse=True)
    _label(figure, axis, points, labels)
    return figure


def principal_components(
    vectors: NDArray[np.float32], rows: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates of some rows, (n, 2), along the two directions in which they vary most, and the share of variance of each.

    Vectors are brought to length 1 first. Each direction points to where its largest number is positive.
    """
    width = vectors.shape[1]
    total, squares = np.zeros(width), np.zeros((width, width))
    pieces = [rows[start : start + _ROWS] for start in range(0, len(rows), _ROWS)]
    for piece in pieces:
        part = _unit(vectors[piece])
        total += part.sum(0)
        squares += part.T @ part
    count = max(len(rows), 1)
    mean = total / count
    values, directions = np.linalg.eigh(squares / count - np.outer(mean, mean))
    axes = directions[:, ::-1][:, :2]
    axes = axes * np.sign(axes[np.abs(axes).argmax(0), np.arange(axes.shape[1])])
    points = [(_unit(vectors[piece]) - mean) @ axes for piece in pieces]
    variance = max(float(values.clip(0).sum()), 1e-12)
    return np.concatenate([np.empty((0, 2)), *points]), values[::-1][:2].clip(0) / variance


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = vectors.astype(np.float64)
    return np.asarray(wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12))


def _label(figure: Figure, axis: Any, points: NDArray[np.float64], labels: list[str]) -> None:
    """Names at the largest concepts, in order, each only where it covers no other name."""
    figure.canvas.draw()
    placed: list[Any] = []
    middle = points[:, 0].mean() if len(points) else 0.0
    for point, label in zip(points, labels[: 4 * _LABELLED], strict=False):
        to_the_left = point[0] > middle  # names point inwards, so that none leaves the frame
        text = axis.annotate(
            label if len(label) <= _LONGEST else f"{label[: _LONGEST - 1]}…",
            point,
            (-4 if to_the_left else 4, 3),
            textcoords="offset points",
            ha="right" if to_the_left else "left",
            fontsize=7,
        )
        box = text.get_window_extent()
        if len(placed) == _LABELLED or any(box.overlaps(other) for other in placed):
            text.remove()
        else:
            placed.append(box)


def _plain(category: str) -> str:
    return category.removeprefix("biolink:")
