"""Folders of arrays that processes read through one shared mapping of memory: what indexes are made of.

A folder holds `index.json` (format, version, whatever describes the index) and one `.npy` file an array. Opening maps the files,
so it takes milliseconds and no memory of its own, and every process on the machine shares the same pages. A reader of such
a folder is pickled as its path. Nothing is unpickled. Rejected: one pickled object (loaded anew by each process, and unsafe to
take from outside), and a database (a query for each name).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.errors import MateriaError

__all__ = ["Strings", "pack_strings", "read_arrays", "write_arrays"]

_HEADER = "index.json"


def write_arrays(folder: Path, kind: str, arrays: Mapping[str, npt.NDArray[Any]], header: Mapping[str, Any]) -> None:
    """Write arrays and a header into a folder, the header last, so that a folder half written is not read.

    Args:
        folder: made where it is missing.
        kind: name and version of the format: `linking_index.v1`.
        arrays: each becomes NAME.npy.
        header: JSON-like values that go with them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in sorted(arrays.items()):
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    text = json.dumps(
        {"format": kind, "arrays": sorted(arrays), **header}, sort_keys=True, ensure_ascii=False, indent=1
    )
    (folder / _HEADER).write_text(text + "\n", encoding="utf-8")


def read_arrays(folder: Path, kind: str) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """The arrays of a folder, mapped read only, and its header.

    Raises:
        MateriaError: the folder holds no index, or one of another format.
    """
    try:
        header = json.loads((folder / _HEADER).read_text(encoding="utf-8"))
        found = header.get("format")
        names = header["arrays"] if found == kind else []
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in names}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise MateriaError(
            f"holds no index that can be read ({type(error).__name__})", file=str(folder), remedy="Build it again"
        ) from error
    if found != kind:
        raise MateriaError(f"holds a {found}, not a {kind}", file=str(folder), remedy="Build it again")
    return arrays, header


def pack_strings(strings: Iterable[str], name: str) -> dict[str, npt.NDArray[Any]]:
    """Strings as two arrays, NAME (their UTF-8 bytes, one after another) and NAME_ends, to be read by `Strings`."""
    encoded = [string.encode("utf-8", "surrogatepass") for string in strings]
    ends = np.cumsum([len(e) for e in encoded], dtype=np.int64) if encoded else np.zeros(0, dtype=np.int64)
    return {name: np.frombuffer(b"".join(encoded), dtype=np.uint8), f"{name}_ends": ends}


class Strings:
    """A sequence of strings over mapped arrays: only what is asked for is decoded."""

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]], name: str) -> None:
        self._bytes, self._ends = arrays[name], arrays[f"{name}_ends"]

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, place: int) -> str:
        start = int(self._ends[place - 1]) if place else 0
        return self._bytes[start : int(self._ends[place])].tobytes().decode("utf-8", "surrogatepass")
