"""An ordered, bounded map over processes: results come back in order, and only a few tasks are in memory at once.

`concurrent.futures.Executor.map` submits every task at once, so memory grows with the input; this one keeps a window of
three tasks a worker. Workers are spawned, not forked: torch, Arrow and DuckDB hold threads that do not survive a fork.
With one worker everything runs in this process, and what is little may be done here first, so that small inputs pay no start-up.

Whoever runs a stage in a task of a cluster says with `given` how many cores the task has, and where its other workers are.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import Any, Protocol, TypeVar

__all__ = ["Pending", "Pool", "Workers", "cpu_count", "given"]

T = TypeVar("T")
R = TypeVar("R")
_WINDOW = 3


class Pending(Protocol):
    """A result that is on its way."""

    def result(self) -> Any:
        """Wait for it; raises what the function raised."""
        ...

    def cancel(self) -> object:
        """Nobody waits for it any more."""
        ...


class Pool(Protocol):
    """Processes that take tasks: `ProcessPoolExecutor` is one."""

    def submit(self, function: Callable[..., Any], task: Any, /) -> Pending:
        """Begin `function(task)`."""
        ...

    def shutdown(self, *, cancel_futures: bool = False) -> None:
        """Take no more tasks."""
        ...


#: Makes a pool of so many processes, each of which calls a function with arguments before its first task.
StartPool = Callable[[int, "Callable[..., object] | None", tuple[Any, ...]], Pool]
#: Cores and pools that `given` gave to this process, the innermost last.
_GIVEN: list[tuple[int, StartPool | None]] = []


@contextmanager
def given(cores: int, start: StartPool | None = None) -> Iterator[None]:
    """While this lasts, this process has so many cores (`cpu_count`), and `Workers` find others by `start`, where there is one."""
    _GIVEN.append((cores, start))
    try:
        yield
    finally:
        _GIVEN.pop()


def cpu_count() -> int:
    """Cores this process may use: those it was given, else its affinity, which is not the machine's total."""
    if _GIVEN:
        return _GIVEN[-1][0]
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _spawned(count: int, initializer: Callable[..., object] | None, initargs: tuple[Any, ...]) -> Pool:
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(count, mp_context=context, initializer=initializer, initargs=initargs)


class Workers:
    """Processes that load what they need once and then serve many maps, one after another.

    Args:
        count: processes; 1 or fewer means this process.
        initializer: called once in each worker before its first task, with `initargs`: load models and indexes here.
        alone: tasks that this process does by itself first, over all maps: it starts others only where there are more.
    """

    def __init__(
        self,
        count: int,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        *,
        alone: int = 0,
    ) -> None:
        self.count = count
        self._alone = alone
        self._initializer, self.initargs = initializer, initargs
        self._pool: Pool | None = None
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
        remaining = iter(tasks)
        for task in remaining if self.count <= 1 else islice(remaining, self._alone):
            if self._initializer is not None and not self._ready:
                self._initializer(*self.initargs)
            self._ready = True
            self._alone = max(self._alone - 1, 0)
            yield function(task)
        pending: deque[Pending] = deque()
        try:
            for task in remaining:
                pending.append(self._processes().submit(function, task))
                if len(pending) >= _WINDOW * self.count:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()

    def _processes(self) -> Pool:
        """The pool, started when the first task for it comes."""
        if self._pool is None:
            start = _GIVEN[-1][1] if _GIVEN else None
            self._pool = (start or _spawned)(self.count, self._initializer, self.initargs)
        return self._pool
