"""An array that grows in a file: what a build reads again, in order, but need not hold."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Spool"]


class Spool:
    """Append arrays of one dtype; `array` maps them, one after another."""

    def __init__(self, folder: Path, dtype: npt.DTypeLike) -> None:
        """A file in `folder`, which whoever made the folder removes."""
        self._stream = tempfile.NamedTemporaryFile(dir=folder, delete=False)  # noqa: SIM115
        self.dtype = np.dtype(dtype)

    def add(self, values: npt.NDArray[Any]) -> None:
        """Append values."""
        self._stream.write(np.ascontiguousarray(values, dtype=self.dtype).tobytes())

    def array(self) -> npt.NDArray[Any]:
        """All that was added, mapped read only. Nothing can be added after."""
        self._stream.close()
        path = Path(self._stream.name)
        if not path.stat().st_size:
            return np.zeros(0, self.dtype)
        return np.memmap(path, self.dtype, "r")
