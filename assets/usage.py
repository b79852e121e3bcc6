"""Seconds and peak memory of a stage, kept in the home's history: figures for people, outside the law of equal bytes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil

from assets.home import Home
from pipeline.history import append_line, lines

__all__ = ["history", "measured"]

#: A look takes 1.4 ms, since it asks for the parent of every process of the machine; so it is taken more seldom the longer a stage lasts.
_INTERVALS_S = (0.05, 0.5)
_PART = 0.1
_HISTORY = "history.jsonl"


class _PeakMemory(threading.Thread):
    """Samples the resident memory of this process and its children, summed (shared pages count more than once)."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._done = threading.Event()

    def run(self) -> None:
        me = psutil.Process()
        shortest, longest = _INTERVALS_S
        start = time.perf_counter()
        while True:
            total = 0
            for process in [me, *me.children(recursive=True)]:
                try:
                    total += process.memory_info().rss
                except psutil.Error:  # it ended between the listing and the question
                    continue
            self.peak = max(self.peak, total)
            if self._done.wait(min(max(shortest, _PART * (time.perf_counter() - start)), longest)):
                return

    def stop(self) -> int:
        self._done.set()
        self.join()
        return self.peak


@contextmanager
def measured(home: Home, stage: str, figures: dict[str, Any]) -> Iterator[None]:
    """Append one line to the home's history: the stage, seconds, peak MiB, and the figures filled in meanwhile."""
    memory = _PeakMemory()
    memory.start()
    start = time.perf_counter()
    try:
        yield
    finally:
        line = {
            "stage": stage,
            "seconds": round(time.perf_counter() - start, 2),
            "peak_mib": round(memory.stop() / 2**20),
            "at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            **figures,
        }
        append_line(home.url, _HISTORY, line)


def history(home: Home) -> list[dict[str, Any]]:
    """Every line of the home's history, oldest first. A line cut short by a crash is left out."""
    return lines(home.url, _HISTORY)
