"""What the model of `name_categories` said of names, kept from one vocabulary to the next.

The model looks at a name alone, at 40 microseconds each, so that a file with one name more asks it for that one.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from pipeline.tables import table_schema
from pipeline.vocabularies.name_categories import classify

__all__ = ["JUDGED_NAMES", "NameJudge"]

#: What is kept.
JUDGED_NAMES: Final = table_schema(
    "judged_names", 1, {"name": (pa.string(), "a name; one row each, sorted"), "category": (pa.string(), "its class")}
)


class NameJudge:
    """The category of names: what is known from before, else what the model says.

    Args:
        known: JUDGED_NAMES by the same model.
    """

    def __init__(self, known: pa.Table | None = None) -> None:
        table = JUDGED_NAMES.empty_table() if known is None else known
        self._known: dict[str, str] = dict(zip(*(table[name].to_pylist() for name in JUDGED_NAMES.names), strict=True))
        self._asked: dict[str, str] = {}

    def __call__(self, names: list[str]) -> list[str]:
        """The most likely Biolink class of each name, as a CURIE."""
        new = [*dict.fromkeys(name for name in names if name not in self._known)]
        self._known.update(zip(new, classify(new), strict=True))
        found = [self._known[name] for name in names]
        self._asked.update(zip(names, found, strict=True))
        return found

    def asked(self) -> pa.Table:
        """What was said of the names that were asked about (JUDGED_NAMES)."""
        names = sorted(self._asked)
        return pa.table({"name": names, "category": [self._asked[name] for name in names]}, schema=JUDGED_NAMES)
