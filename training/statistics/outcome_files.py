"""Outcomes in a Parquet file: counts by figure, document and class, from which anyone computes figures and intervals again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import MateriaError
from pipeline.tables import table_schema
from training.statistics.outcomes import FIGURES, Outcomes

__all__ = ["OUTCOMES", "read_outcomes", "write_outcomes"]

_TEXT, _FLOAT = pa.string(), pa.float64()

OUTCOMES = table_schema(
    "outcomes",
    1,
    {
        "name": (_TEXT, "what the figure is called where it is shown; rows are sorted by it, unit and class"),
        "figure": (_TEXT, "what the counts are summed up to: micro_f1, macro_f1, mean or perplexity"),
        "unit": (_TEXT, "document, or whatever else is drawn as a whole; each with every class"),
        "class": (_TEXT, "what is counted apart; of mean and perplexity empty"),
        "first": (_FLOAT, "true positives; of mean and perplexity the sum"),
        "second": (_FLOAT, "false positives; of mean and perplexity the number"),
        "third": (_FLOAT, "false negatives; of mean and perplexity 0"),
    },
)

_NAMES = ("name", "figure", "unit", "class")


def write_outcomes(path: Path, outcomes: Mapping[str, Outcomes]) -> None:
    """Write outcomes by name, in one step."""
    parts = []
    for name, found in sorted(outcomes.items()):
        units, classes, _ = found.counts.shape
        counts = found.counts.reshape(units * classes, 3)
        columns = [
            pa.array([name] * len(counts), _TEXT),
            pa.array([found.figure] * len(counts), _TEXT),
            pa.array(np.repeat(np.array(found.units, dtype=object), classes), _TEXT),
            pa.array(list(found.classes) * units, _TEXT),
            *(pa.array(counts[:, place]) for place in range(3)),
        ]
        parts.append(pa.Table.from_arrays(columns, schema=OUTCOMES))
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f".{path.name}.staged")
    pq.write_table(pa.concat_tables(parts) if parts else OUTCOMES.empty_table(), staged, compression="zstd")
    staged.replace(path)


def read_outcomes(path: Path) -> dict[str, Outcomes]:
    """The outcomes that `write_outcomes` wrote.

    Raises:
        MateriaError: there is no such file, or it is no table of outcomes.
    """
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise MateriaError(f"cannot be read ({error})", file=str(path), remedy="Evaluate again") from error
    if table.schema.names != OUTCOMES.names or not set(table["figure"].unique().to_pylist()) <= set(FIGURES):
        raise MateriaError("is no table of outcomes", file=str(path), remedy="Evaluate again")
    # Texts stay objects: NumPy takes a NUL at the end of a text of its own for padding.
    columns = {name: np.array(table[name].to_pylist(), object if name in _NAMES else float) for name in OUTCOMES.names}
    found = {}
    for name in sorted(set(columns["name"])):
        rows = np.array([one == name for one in columns["name"]])
        classes = tuple(dict.fromkeys(columns["class"][rows]))
        units = tuple(columns["unit"][rows][:: len(classes)])
        counts = np.stack([columns[column][rows] for column in ("first", "second", "third")], axis=-1)
        found[str(name)] = Outcomes(
            columns["figure"][rows][0], units, classes, counts.reshape(len(units), len(classes), 3)
        )
    return found
