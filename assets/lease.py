"""One writer for a home in an object store: a lease, since a store knows no locks.

`.lock/<n>` are its terms. Whoever makes the object of the next number, which the store lets only one do (`If-None-Match: *` of S3 and
Azure, `ifGenerationMatch=0` of GCS), has the lease if no higher one is there. Its holder writes the object again every five
seconds. Who waits takes the next term when that of the holder was marked as released, or did not change for half a minute by the
clock of who waits: clocks of two machines are never compared. The last term stays, released, so that numbers never come again.

A holder that was cut off, or put to sleep, may believe that it still has the lease. So it is fenced: before a manifest is put in force
it must have seen within the last five seconds that its term is the highest (`Fence`), and so must the workers of a cluster that
write for it. What remains is a request that was on its way for longer than the half minute; the client gives up on one after 25 s.

Costs eight requests a build, and two every five seconds. A holder that was killed keeps others waiting half a minute, but
not its own machine, where the lock of the working folder tells that it is gone. A store that ignores `If-None-Match` (some
old ones do) is noticed by reading what was written; then two who begin within the same moment might both go on.
Rejected: times in the object (clocks differ), one object replaced on condition (`If-Match`: fsspec does not pass it on).
"""

from __future__ import annotations

import json
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from assets.holder import Holder, busy, this_process
from pipeline.errors import UnreachableError
from pipeline.working_copy import guarded, object_store
from pipeline.working_folder import working_folder

__all__ = ["Fence", "LeaseLostError", "Timing", "leased", "leaseholder", "term_of"]

_FOLDER = ".lock"
_DIGITS = 12
_MACHINE = ".lock.machine"


@dataclass(frozen=True)
class Timing:
    """Seconds: between renewals; without one until a lease counts as left behind; between looks of who waits."""

    renew: float = 5.0
    stale: float = 30.0
    look: float = 0.5


_TIMING = Timing()
#: By home: the highest term and its version when last looked at, and since when they are the same, by the clock of this machine.
_SEEN: dict[str, tuple[tuple[str, str], float]] = {}
#: By home: the term that this process has.
_HELD: dict[str, str] = {}


class LeaseLostError(UnreachableError):
    """Another has the home now: this process was cut off from the store for too long, and must not write any more."""


class Fence:
    """Lets pass who may still write under a term of a lease.

    Args:
        term: the name of the term, as `term_of` gives it.
    """

    def __init__(self, home: str, term: str, timing: Timing = _TIMING) -> None:
        self._home, self._term, self._timing = home, term, timing
        self._proved = -1e9

    def check(self) -> None:
        """Pass, if the term was seen to be in force a moment ago, or is now.

        Raises:
            LeaseLostError: another took the home over, or it was released.
            UnreachableError: the store does not answer.
        """
        if _now() - self._proved > self._timing.renew:
            self.prove()

    def prove(self) -> None:
        """Look whether the term is in force. Raises as `check`."""
        began = _now()
        highest = _highest(self._home)
        if highest is None or highest[0] != self._term:
            who = leaseholder(self._home)
            raise LeaseLostError(
                f"was taken over by {who or 'another process, which is done'} while this one could not reach the store",
                file=self._home,
                remedy="Nothing was put in force since; run again when the other is done",
            )
        self._proved = began


@contextmanager
def leased(home: str, timeout_s: float, timing: Timing = _TIMING) -> Iterator[None]:
    """Hold the lease of a home. The caller holds the lock of its working folder on this machine.

    Args:
        home: the URL of the home.
        timeout_s: how long to wait for another holder. Whether one is alive takes as long to see as it takes to renew, or to be
            stale: where it is not known by then, that is waited for, except with 0.

    Raises:
        HomeBusyError: another holds it; who.
        UnreachableError: the store does not answer, refuses, or does not list what it holds.
    """
    term, stored = _acquired(home, timeout_s, timing)
    fence = Fence(home, term, timing)
    done = threading.Event()

    def renew() -> None:
        while not done.wait(timing.renew):
            with suppress(UnreachableError):  # if it lasts, the fence says so
                fence.prove()
                stored["beat"] += 1
                _write(home, term, stored)

    thread = threading.Thread(target=renew, daemon=True, name="materia-lease")
    _HELD[home] = term
    thread.start()
    try:
        with guarded(home, fence.check):
            yield
    finally:
        done.set()
        thread.join()
        del _HELD[home]
        with suppress(UnreachableError):  # then it grows stale
            fence.prove()
            _write(home, term, stored | {"released": True})


def leaseholder(home: str, timing: Timing = _TIMING) -> Holder | None:
    """Who has the lease of a home now.

    One that was killed counts until this process has seen no renewal for half a minute; on its own machine not at all.
    """
    highest = _highest(home)
    if highest is None:
        return None
    stored = _read(home, highest[0])
    if stored is None or stored["released"] or _unchanged(home, highest) > timing.stale or _died_here(home, stored):
        return None
    return _who(stored)


def _died_here(home: str, stored: dict[str, Any]) -> bool:
    """Whether who had the lease was a process of this machine, where nobody has the lock of the working folder any more."""
    from filelock import FileLock, Timeout

    folder: Path = working_folder(home)
    with suppress(OSError, Timeout):
        if (stored["host"], stored["machine"]) == (
            socket.gethostname(),
            (folder / _MACHINE).read_text(encoding="ascii"),
        ):
            lock = FileLock(folder / ".lock", is_singleton=True)
            with lock.acquire(timeout=0):
                return lock.lock_counter == 1
    return False


def term_of(home: str) -> str | None:
    """The term that this process has of a home's lease, for the fences of those who write for it; None where it has none."""
    return _HELD.get(home.rstrip("/"))


def _acquired(home: str, timeout_s: float, timing: Timing) -> tuple[str, dict[str, Any]]:
    me: dict[str, Any] = {
        **asdict(this_process()),
        "token": secrets.token_hex(16),
        "machine": _machine(home),
        "beat": 0,
        "released": False,
    }
    began = _now()
    first: tuple[str, str] | None = None
    while True:
        highest = _highest(home)
        stored = _read(home, highest[0]) if highest else None
        if highest is None or (stored is not None and _is_free(home, highest, stored, me, timing)):
            term = _named(int(highest[0]) + 1 if highest else 1)
            if _made(home, term, me):
                return term, me
            # Another was faster, and is seen at the next look; except in a store whose listing lags.
            if _now() - began > timeout_s + timing.stale and term not in _terms(home):
                raise UnreachableError(
                    f"does not list {_FOLDER}/{term}, which it says is there",
                    file=home,
                    remedy="Use a store whose listings show at once what was written",
                )
            time.sleep(timing.look)
            continue
        first = first or highest
        # It is alive if its object changed; before that, or before it is stale, who waits at all goes on waiting.
        unknown = timeout_s > 0 and highest == first and _now() - began <= timing.stale + timing.renew
        if _now() - began >= timeout_s and not unknown:
            raise busy(home, _who(stored) if stored else None)
        time.sleep(timing.look)


def _is_free(home: str, highest: tuple[str, str], stored: dict[str, Any], me: dict[str, Any], timing: Timing) -> bool:
    mine = (stored["host"], stored["machine"]) == (me["host"], me["machine"])  # and the lock of this machine is ours
    return stored["released"] or mine or _unchanged(home, highest) > timing.stale


def _made(home: str, term: str, me: dict[str, Any]) -> bool:
    """Make the object of a term; whether it is ours and in force. Terms below it are removed then."""
    store = object_store(home)
    store.create(f"{_FOLDER}/{term}", _encoded(me))
    # A request that is sent again after its answer was lost finds its own object; so what counts is what is there.
    written = _read(home, term)
    if written is None or written["token"] != me["token"]:
        return False
    terms = _terms(home)
    if max(terms, default="") != term:  # others had it, and were done, since we looked
        store.remove([f"{_FOLDER}/{term}"])
        return False
    store.remove([f"{_FOLDER}/{older}" for older in terms if older < term])
    return True


def _terms(home: str) -> dict[str, str]:
    """The version of each term's object, by name."""
    listed = object_store(home).listing(_FOLDER)
    return {name: one.version for name, one in listed.items() if name.isdecimal() and len(name) == _DIGITS}


def _highest(home: str) -> tuple[str, str] | None:
    """Name and version of the highest term; what is seen is remembered with the time of this machine."""
    terms = _terms(home)
    if not terms:
        return None
    highest = max(terms.items())
    if home not in _SEEN or _SEEN[home][0] != highest:
        _SEEN[home] = highest, _now()
    return highest


def _unchanged(home: str, highest: tuple[str, str]) -> float:
    seen, since = _SEEN[home]
    return _now() - since if seen == highest else 0.0


def _read(home: str, term: str) -> dict[str, Any] | None:
    """What stands in the object of a term; None where it is gone."""
    with suppress(FileNotFoundError):
        return dict(json.loads(object_store(home).read(f"{_FOLDER}/{term}")))
    return None


def _write(home: str, term: str, stored: dict[str, Any]) -> None:
    object_store(home).write(f"{_FOLDER}/{term}", _encoded(stored))


def _encoded(stored: dict[str, Any]) -> bytes:
    return json.dumps(stored, indent=1, sort_keys=True).encode()


def _who(stored: dict[str, Any]) -> Holder:
    return Holder(stored["pid"], stored["host"], stored["command"], stored["since"])


def _named(number: int) -> str:
    return f"{number:0{_DIGITS}d}"


def _machine(home: str) -> str:
    """Names the working folder: who had the lease from there, and no lock on it any more, is gone. The caller holds its lock."""
    path: Path = working_folder(home) / _MACHINE
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        path.write_text(secrets.token_hex(16), encoding="ascii")
        return path.read_text(encoding="ascii")


def _now() -> float:
    """Seconds of a clock that goes on while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
