"""Problems a user can act on: what is wrong, where, and what to do about it.

Two shapes. `MateriaError` stops the work and becomes one sentence at the user's prompt. `SetAside` does not: inside a
large batch, the one bad record is put aside with its reason, counted, stored and shown, and the rest goes on.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

__all__ = ["DiskFullError", "MateriaError", "SetAside", "StoppedError", "UnreachableError", "saying_disk_full"]

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class MateriaError(Exception):
    """A problem stated as one sentence that names the file, the record and the remedy.

    Args:
        problem: what is wrong, without a final full stop.
        remedy: what the user can do, as an imperative sentence.
        file: the file concerned, as the user named it.
        record: the record inside the file (a line number, an identifier), if there is one.

    >>> print(MateriaError("is empty", file="a.xml", remedy="Download it again"))
    a.xml: is empty. Download it again.
    """

    def __init__(self, problem: str, *, remedy: str, file: str | None = None, record: str | None = None) -> None:
        self.problem = problem.rstrip(".")
        self.remedy = remedy.rstrip(".")
        self.file = file
        self.record = record
        place = ", ".join(part for part in (file, record) if part)
        super().__init__(
            f"{place + ': ' if place else ''}{self.problem}. {self.remedy}{'' if self.remedy.endswith('?') else '.'}"
        )

    def __reduce__(self) -> tuple[object, ...]:
        """Cross process boundaries whole, kind included: keyword-only arguments need a helper to unpickle."""
        return (_rebuild, (type(self), self.problem, self.remedy, self.file, self.record), self.__dict__)


class DiskFullError(MateriaError):
    """There is no space left. It passes: whoever can should try again later."""


class StoppedError(MateriaError):
    """Somebody told the work to stop, and it did. What was done is kept."""


class UnreachableError(MateriaError):
    """A store on another machine refuses or does not answer. What was complete is kept."""


@contextmanager
def saying_disk_full(place: str) -> Iterator[None]:
    """Whatever a library makes of a full disk (DuckDB, Arrow and Oxigraph each have errors of their own) as one sentence.

    Raises:
        DiskFullError: naming the place.
    """
    try:
        yield
    except Exception as error:
        full = getattr(error, "errno", None) in _FULL or "no space left on device" in str(error).lower()
        if not full:
            raise
        raise DiskFullError(
            "there is no space left on its disk",
            file=place,
            remedy="Free some and build again: what was complete is kept, and the build goes on from there",
        ) from error


def _rebuild(kind: type[MateriaError], problem: str, remedy: str, file: str | None, record: str | None) -> MateriaError:
    error = kind.__new__(kind)  # some kinds are made from more than this; that is in their state
    MateriaError.__init__(error, problem, remedy=remedy, file=file, record=record)
    return error


@dataclass(frozen=True, slots=True)
class SetAside:
    """A record that was not used, and why.

    Attributes:
        file: name of the file, relative to its source.
        record: where in the file: a line number or an identifier.
        reason: short and stable, in kebab-case (`invalid-json`, `no-identifier`): what the counts are keyed by.
        detail: one sentence for a person, with the remedy.
    """

    file: str
    record: str
    reason: str
    detail: str
