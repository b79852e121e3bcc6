"""Fixtures that every floor's tests share."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Speed is shown by benchmarks: a machine that does other work beside must not fail a law. And the same commit passes or fails again:
# its examples are always the same ones. `--hypothesis-profile=explore` draws others, to find what nobody thought of.
settings.register_profile("materia", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile("materia")

# As many test processes as cores, each with as many threads of torch: one that waits must sleep, not spin on a core that another
# needs. OpenMP reads it once, when torch is loaded, and commands in processes of their own inherit it.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


@pytest.fixture(scope="session")
def materia_data() -> Path:
    """The folder of real data sets; tests that need it are skipped, saying so, where it is missing."""
    folder = Path(os.environ.get("MATERIA_DATA", Path(__file__).parents[1].parent / "shared" / "data"))
    if not (folder / "README.md").exists():
        pytest.skip(f"no real data: set MATERIA_DATA to its folder (looked in {folder})")
    return folder


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: one worker has a file to itself, and all wait for a long one that begins last."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def no_log_closes_what_pytest_reads() -> Iterator[None]:
    """mlcroissant brings absl, whose handler closes the stream it began with, pytest's own, when logging is configured anew."""
    yield
    if (absl := sys.modules.get("absl.logging")) is not None:
        absl.get_absl_handler().python_handler.stream = sys.__stderr__
