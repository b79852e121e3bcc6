"""The matrices of a linking index: for each kind of concept, the forms in which a 3-gram or root stands, with its part of them.

They are compressed sparse rows [features, forms of the kind], that is, inverted lists, so that a product with the vectors of texts
reads no more than the lists of a text's own features. Parts of the forms are turned round one by one, then put together list by list.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.linking.forms import KINDS
from pipeline.linking.keys import GRAMS
from pipeline.linking.spool import Spool
from pipeline.linking.vectors import roots_of, vectors_of

__all__ = ["build_postings"]

_PART = 20_000  # forms that are worked on at once


def build_postings(
    text: npt.NDArray[np.uint8],
    starts: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int32],
    kind_ends: npt.NDArray[np.int64],
    scratch: Path,
) -> dict[str, npt.NDArray[Any]]:
    """The arrays `roots` and, for each kind, `KIND_data`, `KIND_indices`, `KIND_indptr`.

    Args:
        text: the forms' texts in UTF-8, in any order.
        starts: where the text of each form begins, in the order of the forms.
        lengths: how long it is, in bytes.
        kind_ends: the number of the last form of each kind, plus one.
        scratch: a folder for large intermediates, on which the arrays returned are mapped.
    """
    found = Spool(scratch, np.uint64)
    for forms in _parts(text, starts, lengths, 0, len(starts)):
        found.add(np.unique(roots_of(forms)[1]))
    roots = np.unique(found.array())
    arrays: dict[str, npt.NDArray[Any]] = {"roots": roots}
    begin = 0
    for kind, end in zip(KINDS, kind_ends.tolist(), strict=True):
        for name, array in _lists(_parts(text, starts, lengths, begin, end), roots, scratch).items():
            arrays[f"{kind}_{name}"] = array
        begin = end
    return arrays


def _parts(
    text: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int32], begin: int, end: int
) -> Iterator[list[tuple[str, ...]]]:
    """The forms [begin, end) in parts."""
    view = memoryview(text)  # type: ignore[arg-type]
    for first in range(begin, end, _PART):
        part = slice(first, min(first + _PART, end))
        yield [
            tuple(bytes(view[start : start + length]).decode("utf-8", "surrogatepass").split(" "))
            for start, length in zip(starts[part].tolist(), lengths[part].tolist(), strict=True)
        ]


def _lists(
    parts: Iterator[list[tuple[str, ...]]], roots: npt.NDArray[np.uint64], scratch: Path
) -> dict[str, npt.NDArray[Any]]:
    """The matrix of one kind."""
    features, counts = Spool(scratch, np.int32), Spool(scratch, np.int32)
    data, indices = Spool(scratch, np.float32), Spool(scratch, np.int32)
    total = np.zeros(GRAMS + len(roots) + 1, dtype=np.int64)
    spans: list[tuple[int, int]] = []  # of each part: how many features, how many values
    begin = 0
    for forms in parts:
        turned = vectors_of(forms, roots).tocsc()
        count = np.diff(turned.indptr)
        used = np.flatnonzero(count)
        total[used + 1] += count[used]
        features.add(used)
        counts.add(count[used])
        data.add(turned.data)
        indices.add(turned.indices + begin)
        spans.append((len(used), turned.nnz))
        begin += len(forms)
    indptr = np.cumsum(total)
    merged: list[npt.NDArray[Any]]
    if len(spans) < 2:
        merged = [data.array(), indices.array()]
    else:
        merged = [
            np.memmap(scratch / f"{id(spool)}.merged", spool.dtype, "w+", shape=(int(indptr[-1]),))
            for spool in (data, indices)
        ]
        free = indptr[:-1].copy()
        at_feature = at_value = 0
        columns = [spool.array() for spool in (features, counts, data, indices)]
        for n_features, n_values in spans:
            used, count = (column[at_feature : at_feature + n_features] for column in columns[:2])
            values = slice(at_value, at_value + n_values)
            target = np.repeat(free[used] - (np.cumsum(count) - count), count) + np.arange(n_values)
            for into, column in zip(merged, columns[2:], strict=True):
                into[target] = column[values]
            free[used] += count
            at_feature, at_value = at_feature + n_features, at_value + n_values
    # The compiled product wants the lists' places as wide as the columns' numbers.
    wide = np.int64 if indptr[-1] >= 1 << 31 else np.int32
    return {"data": merged[0], "indices": merged[1].astype(wide, copy=False), "indptr": indptr.astype(wide)}
