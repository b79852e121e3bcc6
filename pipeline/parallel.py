"""An ordered, bounded map over processes: results come back in order, and only a few tasks are in memory at once.

`concurrent.futures.Executor.map` submits every task at once, so memory grows with the input; this one keeps a window of
three tasks a worker. Workers are spawned, not forked: torch, Arrow and DuckDB hold threads that do not survive a fork.
With one worker everything runs in this process, so that small inputs pay no start-up.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any, TypeVar

__all__ = ["cpu_count", "ordered_map"]

T = TypeVar("T")
R = TypeVar("R")
_WINDOW = 3


def cpu_count() -> int:
    """Cores this process may use (its affinity, not the machine's total)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def ordered_map(
    function: Callable[[T], R],
    tasks: Iterable[T],
    *,
    workers: int,
    initializer: Callable[..., object] | None = None,
    initargs: tuple[Any, ...] = (),
) -> Iterator[R]:
    """Yield `function(task)` for every task, in the order of the tasks.

    Args:
        function: a module-level function (it is pickled by name when there are several workers).
        workers: processes; 1 or fewer means this process.
        initializer: called once in each worker before its first task, with `initargs`: load models and indexes here.

    Raises:
        whatever the function raises, at the place of its result; the remaining tasks are cancelled.
    """
    if workers <= 1:
        if initializer is not None:
            initializer(*initargs)
        yield from map(function, tasks)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=initializer, initargs=initargs) as pool:
        pending: deque[Future[R]] = deque()
        try:
            for task in tasks:
                pending.append(pool.submit(function, task))
                if len(pending) >= _WINDOW * workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
