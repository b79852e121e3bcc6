"""Arrow does without pandas until somebody wants something of pandas."""

import subprocess
import sys

SCRIPT = """
import sys
from pipeline.lean_arrow import keep_pandas_out
import pyarrow as pa

{before}
keep_pandas_out()
rows = pa.table({{"a": pa.array([1, None])}})
print("pandas" in sys.modules, rows.to_pandas()["a"].isna().tolist(), "pandas" in sys.modules)
"""


def run(before: str) -> str:
    words = [sys.executable, "-c", SCRIPT.format(before=before)]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def test_arrays_are_made_without_it_and_it_is_there_when_it_is_asked_for() -> None:
    assert run("") == "False [False, True] True"


def test_whoever_has_it_keeps_it() -> None:
    assert run("import pandas") == "True [False, True] True"
