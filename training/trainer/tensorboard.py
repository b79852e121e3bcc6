"""Event files for TensorBoard. They hold clocks, so they lie beside the checkpoints, and no manifest names them.

They are for people: where they cannot be written any more (a full disk), training goes on without them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["EventLog"]


class EventLog:
    """Scalars by step, in a new file of a folder.

    Args:
        folder: made where it is missing.
        step: steps done already; what earlier files say of later steps is taken back (`purge_step`).
    """

    def __init__(self, folder: Path, step: int = 0) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = None
        try:
            self._writer = SummaryWriter(str(folder), purge_step=step + 1 if step else None)
        except OSError:
            return

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Note values of a step."""
        try:
            for name, value in values.items():
                if self._writer is not None:
                    self._writer.add_scalar(name, value, step)
        except OSError:
            self._writer = None

    def close(self) -> None:
        """Write what is pending."""
        try:
            if self._writer is not None:
                self._writer.close()
        except OSError:
            self._writer = None
