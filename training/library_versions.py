"""The libraries that a model's weights and figures depend on, beside its data and its settings, with their versions."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Final

__all__ = ["as_sentence", "library_versions"]

_LIBRARIES: Final = ("accelerate", "tokenizers", "torch", "transformers")


def library_versions() -> dict[str, str]:
    """Version by library, as they are installed."""
    return {name: version(name) for name in _LIBRARIES}


def as_sentence(versions: Mapping[str, str]) -> str:
    """`accelerate 1.15.0, tokenizers 0.23.3, …`, sorted."""
    return ", ".join(f"{name} {number}" for name, number in sorted(versions.items()))
