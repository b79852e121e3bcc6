"""The pinned versions load together: pip does not notice that some were built against another numpy."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = [
    "spacy",
    "scispacy",
    "rdflib",
    "pandas",
    "pyarrow",
    "dagster",
    "torch",
    "transformers",
    "pyoxigraph",
    "oxrdflib",
    "duckdb",
]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_imports_beside_the_others(package: str) -> None:
    assert importlib.import_module(package)


def test_arrow_pandas_and_torch_agree_on_numpy() -> None:
    import numpy as np
    import pyarrow as pa
    import torch

    values = np.arange(3, dtype=np.float32)
    assert pa.array(values).to_pandas().tolist() == torch.from_numpy(values).tolist()


@pytest.mark.parametrize("module", ["cli.main", "assets.stages", "assets.build", "cli.build", "cli.status"])
def test_a_build_with_nothing_to_do_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print([m for m in ('torch', 'spacy', 'transformers', 'dagster', 'duckdb') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_the_shipped_dagster_settings_keep_to_themselves() -> None:
    import yaml

    settings = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    assert settings["telemetry"] == {"enabled": False}
    assert settings["nux"] == {"enabled": False}
