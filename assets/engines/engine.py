"""What an engine is: it brings partitions of a stage up to date, wherever that happens, and says what became of each.

Correctness does not rest on it. A partition is written by `assets.stage.refresh` and counts once its manifest is in force, so a
task that is begun again after its node died writes the same bytes, and a build that starts anew takes up what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from assets.home import Home
from assets.launch import Launch
from assets.stage import Refreshed, Stage, refresh

__all__ = ["Engine", "engine_of"]


class Engine(Protocol):
    """Brings partitions up to date. The caller holds the home for as long as it uses one.

    Attributes:
        figures: what the last refresh cost elsewhere, for the history of the home.
    """

    figures: dict[str, Any]

    def refresh(
        self,
        stage: Stage,
        home: Home,
        keys: list[str],
        *,
        workers: int = 1,
        progress: Callable[[str], None] = lambda _: None,
        launch: Launch | None = None,
    ) -> Iterator[Refreshed]:
        """As `assets.stage.refresh`: what became of each partition, in the order of `keys`; the same errors."""
        ...


class LocalEngine:
    """Computes in this process, with the workers that a stage starts."""

    refresh = staticmethod(refresh)

    def __init__(self) -> None:
        self.figures: dict[str, Any] = {}


def engine_of(home: Home, progress: Callable[[str], None] = lambda _: None) -> AbstractContextManager[Engine]:
    """The engine that the configuration names, to be entered once for a whole build.

    Raises:
        MateriaError: the library for it is missing, or there is no cluster at the address, or it has other versions.
    """
    if home.config.engine.name == "local":
        return nullcontext(LocalEngine())
    from assets.engines.ray_engine import ray_engine

    return ray_engine(home, progress)
