"""Word lists and patterns that extraction reads: data files beside this one, loaded once a process."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml

__all__ = ["load_words", "load_yaml"]


@cache
def load_words(name: str) -> frozenset[str]:
    """The entries of a word list, one a line, in lower case; `#` starts a comment."""
    lines = (files(__name__) / name).read_text(encoding="utf-8").splitlines()
    return frozenset(entry.lower() for line in lines if (entry := line.partition("#")[0].strip()))


@cache
def load_yaml(name: str) -> Any:
    """The content of a YAML lexicon, by libyaml where it is there: ten times as fast, which a process feels that reads one paper."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load((files(__name__) / name).read_text(encoding="utf-8"), loader)  # noqa: S506  # both are safe loaders
