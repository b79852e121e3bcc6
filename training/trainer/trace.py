"""The trace of a run: one line of CSV a step, exact to the bit, without a clock; and the figures and plots made from it.

It grows on the disk, not in memory. A checkpoint notes how long it was; a run that goes on cuts it there and writes on, so
the trace of a killed and resumed run is, byte for byte, that of one that was never killed.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from kg.plots import new_figure, write_png
from pipeline.errors import MateriaError, saying_disk_full

__all__ = ["Trace", "ends", "windows", "write_plot", "write_windows"]

_LAST = ("learning_rate", "gradient_norm", "tokens")


class Trace:
    """The trace of a run being written.

    Args:
        path: the file; it is cut to `length` bytes, and begun anew where that is 0.
        objectives: names, in the order of the columns.

    Raises:
        MateriaError: there are fewer bytes than that.
    """

    def __init__(self, path: Path, objectives: Sequence[str], length: int = 0) -> None:
        self.path = path
        self.columns = ("step", "total", *objectives, *_LAST)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as stream:
            if stream.tell() < length:
                raise MateriaError(
                    "lacks steps that were done before the last checkpoint",
                    file=str(path),
                    remedy="Put the file back, or begin a new run with another --out",
                )
            stream.truncate(length)
        self._stream: TextIO = path.open("a", encoding="utf-8", newline="")
        self._writer = csv.writer(self._stream, lineterminator="\n")
        if not length:
            self._writer.writerow(self.columns)

    def add(self, row: Mapping[str, float | None]) -> None:
        """Note one step. None, for an objective that had no example in it, is an empty field."""
        values = (row[name] for name in self.columns)
        self._writer.writerow("" if value is None else repr(value) for value in values)

    def length(self) -> int:
        """Bytes of the trace, all of them on the disk."""
        with saying_disk_full(str(self.path)):
            self._stream.flush()
            os.fsync(self._stream.fileno())
        return self.path.stat().st_size

    def close(self) -> None:
        """Write what is pending."""
        with saying_disk_full(str(self.path)):
            self._stream.close()


def windows(path: Path, every: int) -> Iterator[dict[str, float | None]]:
    """Means over each `every` steps; the step is the last of its window, and tokens are their sum."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows: list[dict[str, str]] = []
        for row in csv.DictReader(stream):
            rows.append(row)
            if len(rows) == every:
                yield _mean(rows)
                rows = []
        if rows:
            yield _mean(rows)


def _mean(rows: Sequence[Mapping[str, str]]) -> dict[str, float | None]:
    values = {name: [float(row[name]) for row in rows if row[name]] for name in rows[0]}
    means: dict[str, float | None] = {name: sum(v) / len(v) if v else None for name, v in values.items()}
    return means | {"step": values["step"][-1], "tokens": sum(values["tokens"])}


def ends(path: Path) -> dict[str, dict[str, float | None]]:
    """For the total and each objective, the mean of the first and of the last tenth of the steps."""
    with path.open("rb") as stream:
        steps = sum(1 for _ in stream) - 1
    tenth = max(1, steps // 10)
    parts = [_mean(rows) for rows in _parts(path, tenth, steps)]
    names = [name for name in parts[0] if name not in ("step", *_LAST)]
    return {name: {"first": _rounded(parts[0][name]), "last": _rounded(parts[1][name])} for name in names}


def _parts(path: Path, tenth: int, steps: int) -> Iterator[list[dict[str, str]]]:
    """The first and the last rows of a trace; both are all of them where there is one."""
    first: list[dict[str, str]] = []
    last: list[dict[str, str]] = []
    with path.open(encoding="utf-8", newline="") as stream:
        for number, row in enumerate(csv.DictReader(stream)):
            if number < tenth:
                first.append(row)
            if number >= steps - tenth:
                last.append(row)
    yield first
    yield last


def write_windows(trace: Path, path: Path, every: int) -> None:
    """The trace as a short CSV: one row for every so many steps, each the mean of those steps."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        for number, row in enumerate(windows(trace, every)):
            if not number:
                writer.writerow(row)
            writer.writerow("" if value is None else f"{value:.6g}" for value in row.values())


def write_plot(trace: Path, path: Path, every: int, looks: Sequence[tuple[int, float]] = ()) -> None:
    """A PNG with a panel for each loss, the gradient's norm, and the validation loss where there is one.

    Equal losses are equal bytes.

    Args:
        looks: (step, validation loss) points. That loss is of the objectives over text alone, so it stands by itself.
    """
    rows = list(windows(trace, every))
    panels = {
        name: [(row["step"], row[name]) for row in rows if row[name] is not None]
        for name in rows[0]
        if name not in ("step", "learning_rate", "tokens")
    }
    if looks:
        panels["validation, text"] = list(looks)
    across, down = min(3, len(panels)), -(-len(panels) // 3)
    figure = new_figure(3.2 * across, 2.6 * down)
    axes = figure.subplots(down, across, squeeze=False).flat
    for axis, (name, points) in zip(axes, panels.items(), strict=False):
        axis.plot([x for x, _ in points], [y for _, y in points], linewidth=1.5)
        axis.set(title=name.replace("_", " "), xlabel="step")
        axis.grid(alpha=0.3)
    for axis in figure.axes[len(panels) :]:
        axis.set_visible(False)
    write_png(figure, path)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
