"""Jobs in processes beside each other, which tell how far they are and end with the process that began them.

A process that is killed leaves its jobs nobody to report to; they stop within a second, so that the same jobs can be begun again at
once. On Ctrl-C each job is told too, and saves what it has.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from pipeline.parallel import Workers

__all__ = ["Tell", "run_jobs"]

_Job = TypeVar("_Job")
#: Tells something of a job that can be pickled and is not None.
Tell = Callable[[Any], None]


def run_jobs(
    work: Callable[[_Job, Tell], None], jobs: Sequence[_Job], *, at_once: int, told: Callable[[Any], None]
) -> None:
    """Do each job once, several at a time; in this process where it is one at a time.

    Args:
        work: a function of a module; does a job, and tells of it.
        told: hears what jobs tell, in a thread of its own.

    Raises:
        whatever a job raises; those that were not begun are not.
    """
    queue: Any = multiprocessing.get_context("spawn").Queue()
    with (
        _listening(queue, told),
        Workers(min(at_once, len(jobs)), _begin, (os.getpid(), queue)) as workers,
    ):
        for _ in workers.map(partial(_work, work), jobs):
            pass


class _Process:
    """What a process knows."""

    queue: Any = None


def _begin(parent: int, queue: Any) -> None:
    _Process.queue = queue
    if os.getpid() == parent:
        return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _work(work: Callable[[_Job, Tell], None], job: _Job) -> None:
    work(job, _Process.queue.put)


@contextmanager
def _listening(queue: Any, told: Callable[[Any], None]) -> Iterator[None]:
    """Hand on what is told, in a thread, until the processes are gone and all of it was heard."""

    def listen() -> None:
        while (news := queue.get()) is not None:
            told(news)

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield
    finally:
        queue.put(None)
        thread.join()
