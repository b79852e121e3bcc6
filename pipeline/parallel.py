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

__all__ = ["Workers", "cpu_count"]

T = TypeVar("T")
R = TypeVar("R")
_WINDOW = 3


def cpu_count() -> int:
    """Cores this process may use (its affinity, not the machine's total)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Workers:
    """Processes that load what they need once and then serve many maps, one after another.

    Args:
        count: processes; 1 or fewer means this process.
        initializer: called once in each worker before its first task, with `initargs`: load models and indexes here.
    """

    def __init__(
        self, count: int, initializer: Callable[..., object] | None = None, initargs: tuple[Any, ...] = ()
    ) -> None:
        self.count = count
        self._initializer, self.initargs = initializer, initargs
        self._pool: ProcessPoolExecutor | None = None
        self._ready = False

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def map(self, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        """Yield `function(task)` for every task, in the order of the tasks.

        Args:
            function: a module-level function (it is pickled by name when there are several workers).

        Raises:
            whatever the function raises, at the place of its result; the remaining tasks are cancelled.
        """
        if self.count <= 1:
            if self._initializer is not None and not self._ready:
                self._initializer(*self.initargs)
            self._ready = True
            yield from map(function, tasks)
            return
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(
                self.count, mp_context=context, initializer=self._initializer, initargs=self.initargs
            )
        pending: deque[Future[R]] = deque()
        try:
            for task in tasks:
                pending.append(self._pool.submit(function, task))
                if len(pending) >= _WINDOW * self.count:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
