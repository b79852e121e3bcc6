"""Fixtures that every floor's tests share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def materia_data() -> Path:
    """The folder of real data sets; tests that need it are skipped, saying so, where it is missing."""
    folder = Path(os.environ.get("MATERIA_DATA", Path(__file__).parents[1].parent / "shared" / "data"))
    if not (folder / "README.md").exists():
        pytest.skip(f"no real data: set MATERIA_DATA to its folder (looked in {folder})")
    return folder
