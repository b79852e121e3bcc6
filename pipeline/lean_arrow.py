"""Arrow without pandas, as long as nobody asks for pandas.

The first array that Arrow makes of Python values imports pandas, only to know whether the values may be of pandas. That takes 0.2 s of
processor time, a fifth of what a build costs after one new paper, and no build uses it.
"""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder

import pyarrow as pa

__all__ = ["keep_pandas_out"]


class _NoPandas(MetaPathFinder):
    """Says that there is no pandas."""

    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname)


def keep_pandas_out() -> None:
    """Let Arrow ask for pandas now, and not find it. It asks again when it is to make something of pandas (`to_pandas`)."""
    if "pandas" in sys.modules:
        return
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([None])
    finally:
        sys.meta_path.remove(finder)
