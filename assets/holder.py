"""Who holds a home for writing, as it is told to others."""

from __future__ import annotations

import os
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import MateriaError

__all__ = ["Holder", "HomeBusyError", "busy", "this_process"]

_LONGEST_COMMAND = 160


class HomeBusyError(MateriaError):
    """Somebody else is writing to the home. It passes: whoever can should try again."""


@dataclass(frozen=True)
class Holder:
    """Who holds a home: process, host, the command that was given, and since when (local time with its offset)."""

    pid: int
    host: str
    command: str
    since: str

    def __str__(self) -> str:
        where = "" if self.host == socket.gethostname() else f" on {self.host}"
        return f"process {self.pid}{where} ({self.command}) since {self.since}"


def this_process() -> Holder:
    """The process that asks, as a holder from now on."""
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])[:_LONGEST_COMMAND]
    return Holder(os.getpid(), socket.gethostname(), command, time.strftime("%Y-%m-%d %H:%M:%S %z"))


def busy(home: str, who: Holder | None) -> HomeBusyError:
    """The sentence for whoever wants to write to a home that another holds."""
    return HomeBusyError(
        f"is being built by {who or 'another process'}",
        file=home,
        remedy="Wait for it to finish, or stop it, then run again",
    )
