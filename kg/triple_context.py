"""What stands beside each triple of a bucket (`kg.context_shuffle`), as telling reads it: less what gives a held-out pair away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from kg.config import SplitConfig
from kg.literature import document_split
from kg.splits import held_out_by
from kg.tables import CONTEXT
from kg.telling import Fact, Quotation
from pipeline.duck import one_array

__all__ = ["Beside"]

_REMEMBERED_PAIRS = 1 << 18


class Beside:
    """The context of the triples of a bucket, less what would give a held-out pair away."""

    def __init__(self, context: pa.Table | None, splits: SplitConfig) -> None:
        self._splits = splits
        self._is_held_out = lru_cache(maxsize=_REMEMBERED_PAIRS)(held_out_by(splits))
        table = (CONTEXT.empty_table() if context is None else context).combine_chunks()
        self._onward = {triple_id: Fact(*row) for triple_id, row in _structs(table, "onward", Fact._fields[:-1])}
        self._quotations = {
            triple_id: Quotation._make(row) for triple_id, row in _structs(table, "quotation", Quotation._fields)
        }

    def onward(self, fact: Fact) -> Fact | None:
        """A triple about the object of another, where both and the pair of their far ends are for training."""
        second = self._onward.get(fact.triple_id)
        return None if second is None or self._is_held_out(*sorted((fact.subject, second.object))) else second

    def quotation(self, fact: Fact, language: str) -> Quotation | None:
        """A sentence that says a triple, in that language, where it names no held-out pair and its paper is for training."""
        found = self._quotations.get(fact.triple_id)
        if found is None or found.language != language or document_split(found.doc_id, self._splits) != "train":
            return None
        return None if self.gives_away({curie for _, _, curie, _ in found.mentions}) else found

    def gives_away(self, curies: Iterable[str]) -> bool:
        """Whether a held-out pair is among some concepts."""
        return any(self._is_held_out(a, b) for a, b in combinations(sorted(curies), 2))


def _structs(table: pa.Table, column: str, fields: Sequence[str]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The rows of a struct column that are not null, with their triple. Lists of mentions are read flat, as tuples."""
    rows = table.filter(table[column].is_valid()).combine_chunks()
    if rows.num_rows == 0:
        return
    structs = one_array(rows[column])
    values = []
    for name in fields:
        part = structs.field(name)
        if pa.types.is_list(part.type) and pa.types.is_struct(part.type.value_type):
            flat = part.flatten()
            tuples = list(zip(*(child.to_pylist() for child in flat.flatten()), strict=True))
            ends = np.cumsum(part.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)).tolist()
            values.append([tuples[start:end] for start, end in pairwise([0, *ends])])
        else:
            values.append(part.to_pylist())
    yield from zip(rows["triple_id"].to_pylist(), zip(*values, strict=True), strict=True)
