"""SIGTERM and SIGINT as a wish to stop, which the loop grants at the end of a step, when there is something whole to save.

A second SIGINT stops at once, as people expect of Ctrl-C. Only the main thread of a process may set handlers; anywhere
else (Dagster runs steps in threads of its own executors) signals stay as they were. A process that was launched by another
also stops when that one is gone: it must not train on beside a run that was begun again.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

from training.trainer.launch import is_orphaned

__all__ = ["StopSignal"]


class StopSignal:
    """A context manager that notes a wish to stop instead of dying of it.

    Attributes:
        number: the signal that came, None while none did.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._before: dict[int, Any] = {}

    @property
    def wished(self) -> bool:
        """Whether this process should stop."""
        return self.number is not None or is_orphaned()

    def __enter__(self) -> StopSignal:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _: FrameType | None) -> None:
        if self.number == signal.SIGINT == number:
            raise KeyboardInterrupt
        self.number = number
