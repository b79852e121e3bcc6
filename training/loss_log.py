"""The loss of each objective over the steps: kept, written as CSV, and drawn. No clock in any of it."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

__all__ = ["LossLog"]


class LossLog:
    """Losses of every step.

    Args:
        objectives: names, in the order of the columns.
    """

    def __init__(self, objectives: list[str]) -> None:
        self.objectives = objectives
        self.rows: list[dict[str, float]] = []

    def add(
        self, step: int, losses: Mapping[str, float | None], total: float, learning_rate: float, norm: float
    ) -> None:
        """Note one step, from 1; None for an objective that had no example in it."""
        row = {name: value for name in self.objectives if (value := losses[name]) is not None}
        self.rows.append({"step": step, "total": total, **row, "learning_rate": learning_rate, "gradient_norm": norm})

    def mean(self, name: str, start: int, stop: int) -> float | None:
        """Mean of a column over the rows [start, stop), None where no row has it."""
        values = [row[name] for row in self.rows[start:stop] if name in row]
        return sum(values) / len(values) if values else None

    def ends(self) -> dict[str, dict[str, float | None]]:
        """For each objective and the total, the mean of the first and of the last tenth of the steps."""
        tenth = max(1, len(self.rows) // 10)
        return {
            name: {
                "first": _rounded(self.mean(name, 0, tenth)),
                "last": _rounded(self.mean(name, len(self.rows) - tenth, len(self.rows))),
            }
            for name in ["total", *self.objectives]
        }

    def write_csv(self, path: Path, every: int) -> None:
        """One row for every so many steps, each the mean of those steps."""
        columns = ["total", *self.objectives, "learning_rate", "gradient_norm"]
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(["step", *columns])
            for start in range(0, len(self.rows), every):
                stop = min(start + every, len(self.rows))
                means = [self.mean(name, start, stop) for name in columns]
                writer.writerow([self.rows[stop - 1]["step"], *("" if m is None else f"{m:.6g}" for m in means)])

    def write_plot(self, path: Path, every: int) -> None:
        """A PNG with one panel an objective. Its metadata is left out, so equal losses are equal bytes."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        names = ["total", *self.objectives]
        figure = Figure(figsize=(3.2 * len(names), 2.8), layout="constrained")
        FigureCanvasAgg(figure)
        for axis, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
            windows = [(s, min(s + every, len(self.rows))) for s in range(0, len(self.rows), every)]
            points = [(self.rows[e - 1]["step"], m) for s, e in windows if (m := self.mean(name, s, e)) is not None]
            axis.plot([x for x, _ in points], [y for _, y in points], linewidth=1.5)
            axis.set(title=name.replace("_", " "), xlabel="step")
            axis.grid(alpha=0.3)
        figure.savefig(path, dpi=110, metadata={"Software": None})


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
