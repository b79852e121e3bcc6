"""A build: every stage in order, each where something is stale.

Plain calls of the same functions that Dagster's assets call, so that a build imports no Dagster; what was built is told to
Dagster's records afterwards (`assets.recording`). Rejected: running each stage as a run of Dagster (0.2 s of processor time a
stage, and more than a second to begin), which cost more than what a new paper changes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from assets.engines.engine import Engine, engine_of
from assets.home import Home
from assets.recovery import tidy
from assets.stages import until as stages_until
from assets.usage import measured
from pipeline.duck import databases_kept
from pipeline.errors import saying_disk_full
from pipeline.lean_arrow import keep_pandas_out
from pipeline.parallel import cpu_count
from pipeline.working_folder import copies_limit, sweep_copies

__all__ = ["build"]


def build(
    home: Home,
    until: str | Sequence[str] | None = None,
    *,
    progress: Callable[[str], None] = lambda _: None,
    on_stage: Callable[[str, int, float], None] = lambda *_: None,
    wait_s: float = 5.0,
) -> dict[str, int]:
    """Bring a home up to date, up to an asset or through the last.

    Args:
        until: names of the last assets wanted; everything they rest on is built too.
        progress: told the stage and partition being computed.
        on_stage: told of each stage that had something to do: its name, how many partitions, seconds.
        wait_s: how long to wait while somebody else builds.

    Returns:
        how many partitions each stage had to compute; empty where there was nothing to do.

    Raises:
        HomeBusyError: somebody else builds in this home.
        DiskFullError: there is no space left; what was complete is kept.
        MateriaError: what could not be read or built, and what to do.
    """
    computed: dict[str, int] = {}
    workers = home.config.workers or cpu_count()
    limit = copies_limit()  # a mistake in it is told before, not after hours
    with ExitStack() as held:
        held.enter_context(home.lock(wait_s))
        held.enter_context(saying_disk_full(str(home.url)))
        held.enter_context(databases_kept())
        tidy(home)
        engine: Engine | None = None
        for stage in stages_until(until):
            stale = stage.stale(home)
            if not stale:
                continue
            keep_pandas_out()
            engine = engine or held.enter_context(engine_of(home, progress))  # a build with nothing to do needs none
            start = time.perf_counter()
            figures: dict[str, Any] = {"partitions": len(stale)}
            with measured(home, stage.name, figures):
                for _ in engine.refresh(stage, home, stale, workers=workers, progress=progress):
                    pass
                figures |= engine.figures
            computed[stage.name] = len(stale)
            on_stage(stage.name, len(stale), time.perf_counter() - start)
        sweep_copies(home.url, limit)
    return computed
