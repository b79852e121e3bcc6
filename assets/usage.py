"""Seconds, processor seconds and peak memory of a stage, kept in the home's history: figures for people, outside the law of equal bytes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil

from assets.home import Home
from pipeline.history import append_line, lines

__all__ = ["PeakMemory", "history", "measured", "processor_seconds"]

#: A look takes 1.4 ms, since it asks for the parent of every process of the machine; so it is taken more seldom the longer a stage lasts.
_INTERVALS_S = (0.05, 0.5)
_PART = 0.1
_HISTORY = "history.jsonl"


class PeakMemory(threading.Thread):
    """Samples the resident memory of this process and its children, summed (shared pages count more than once)."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._done = threading.Event()

    def run(self) -> None:
        """Sample until `stop`."""
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
        """Sample no more; the peak in bytes."""
        self._done.set()
        self.join()
        return self.peak


def processor_seconds() -> float:
    """What this process has used of the processors, with its workers: those that ended, and those that run."""
    own = os.times()
    used = own.user + own.system + own.children_user + own.children_system
    for process in psutil.Process().children(recursive=True):
        try:
            times = process.cpu_times()
        except psutil.Error:  # it ended just now
            continue
        used += times.user + times.system
    return float(used)


@contextmanager
def measured(home: Home, stage: str, figures: dict[str, Any]) -> Iterator[None]:
    """Append one line to the home's history: the stage, seconds, processor seconds, peak MiB, and the figures filled in meanwhile.

    Figures `peak_mib` and `processor_seconds` are those of processes elsewhere: of memory the larger one counts, of time the sum.
    """
    memory = PeakMemory()
    memory.start()
    start, used = time.perf_counter(), processor_seconds()
    try:
        yield
    finally:
        peak = max(round(memory.stop() / 2**20), figures.pop("peak_mib", 0))
        line = {
            "stage": stage,
            "seconds": round(time.perf_counter() - start, 2),
            "processor_seconds": round(processor_seconds() - used + figures.pop("processor_seconds", 0.0), 2),
            "peak_mib": peak,
            "at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            **figures,
        }
        append_line(home.url, _HISTORY, line)


def history(home: Home) -> list[dict[str, Any]]:
    """Every line of the home's history, oldest first. A line cut short by a crash is left out."""
    return lines(home.url, _HISTORY)
