"""One writer per home: a lock that names its holder and goes when it dies.

`HOME/.lock` is held by the operating system (`flock`) for the process that builds: it goes with the process, however that
ends. `HOME/.lock.holder` tells people who it is, and is only a note: whoever gets the lock writes it anew, so a note that a
crash left hinders nobody.

`flock` reaches other hosts where the file system carries it there (NFS version 4 does, some others do not). So the holder
touches its note every ten seconds, and a note of *another* host counts as a lock while it is fresh: a home that two
hosts reach has one writer even where the lock does not travel, as long as their clocks agree to within half a minute and
they did not begin in the same moment. Rejected: a lock file alone (it outlives a crash and then somebody must judge it).

A home in an object store has the lock of its working folder, for this machine, and a lease in the store for all (`assets.lease`).
"""

from __future__ import annotations

import errno
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from upath import UPath

from assets.holder import Holder, HomeBusyError, busy, this_process
from pipeline.errors import MateriaError
from pipeline.files import is_local
from pipeline.storage import write_atomically
from pipeline.working_folder import CACHE, working_folder

__all__ = ["NOTE", "Holder", "HomeBusyError", "hold", "holder"]

#: Name of the note, in the home.
NOTE = ".lock.holder"

_UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR)
_TOUCH_S = 10.0
_FRESH_S = 40.0


@contextmanager
def hold(url: UPath | Path | str, timeout_s: float) -> Iterator[None]:
    """Hold a home for writing. A stage inside a build takes the lock that its build already holds.

    Args:
        url: the home, a path or any fsspec URL.

    Raises:
        HomeBusyError: naming the holder, where the home stays taken for `timeout_s` seconds.
        MateriaError: this machine's folder of the home cannot be made, or written to.
    """
    from filelock import FileLock, Timeout

    home = working_folder(url)
    deadline = time.monotonic() + timeout_s
    lock = FileLock(home / ".lock", is_singleton=True)  # one object a path and process, so that it can be taken twice
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=timeout_s)
    except Timeout as error:
        raise busy(str(url), holder(url)) from error
    except OSError as error:
        if error.errno not in _UNWRITABLE:  # what may pass is tried again by whoever can
            raise
        remedy = f"Check who may write there, or name another with {'--home' if is_local(UPath(url)) else CACHE}"
        raise MateriaError(f"is no folder to write in ({error.strerror})", file=str(home), remedy=remedy) from error
    try:
        if lock.lock_counter > 1:
            yield
            return
        if not is_local(UPath(url)):
            from assets.lease import leased

            with leased(str(UPath(url)).rstrip("/"), max(0.0, deadline - time.monotonic())):
                yield
            return
        while _elsewhere(home):
            if time.monotonic() >= deadline:
                raise busy(str(home), _read(home))
            time.sleep(0.5)
        with _noted(home):
            yield
    finally:
        lock.release()


def holder(url: UPath | Path | str) -> Holder | None:
    """Who holds a home now; None where nobody does, whatever a note of a process that died says."""
    from filelock import FileLock, Timeout

    if not is_local(UPath(url)):
        from assets.lease import leaseholder

        return leaseholder(str(UPath(url)).rstrip("/"))
    home = working_folder(url)
    if not (home / ".lock").exists():
        return None
    lock = FileLock(home / ".lock", is_singleton=True)
    try:
        with lock.acquire(timeout=0):
            return _read(home) if lock.lock_counter > 1 or _elsewhere(home) else None
    except Timeout:
        return _read(home) or Holder(0, socket.gethostname(), "unknown", "unknown")
    except OSError:  # a home that may be read and not written
        return None


@contextmanager
def _noted(home: Path) -> Iterator[None]:
    """The note of this process stands, and is touched, until it is left."""
    note = home / NOTE
    with suppress(OSError):  # no space for a note is no reason not to build
        write_atomically(note, json.dumps(asdict(this_process())))
    done = threading.Event()

    def touch() -> None:
        while not done.wait(_TOUCH_S):
            with suppress(OSError):
                os.utime(note)

    thread = threading.Thread(target=touch, daemon=True, name="materia-lock")
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        note.unlink(missing_ok=True)


def _elsewhere(home: Path) -> bool:
    """Whether a process of another host keeps its note fresh, though the lock let us in."""
    who = _read(home)
    with suppress(OSError):
        fresh = abs(time.time() - (home / NOTE).stat().st_mtime) < _FRESH_S
        return who is not None and who.host != socket.gethostname() and fresh
    return False


def _read(home: Path) -> Holder | None:
    try:
        return Holder(**json.loads((home / NOTE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
