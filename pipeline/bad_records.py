"""When to stop reading a file of which hardly any record can be used.

Setting a record aside costs a few microseconds and a row of a table; a file that was taken for another format, or made to do
harm, can hold millions of them (400 kB of gzip unfold to 40 MB of empty brackets). Once a hundred thousand records were set
aside, and ten times as many as were used, the rest is left unread, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from pipeline.errors import SetAside

__all__ = ["BadRecords", "TooManyBadRecordsError", "while_worth_reading"]

T = TypeVar("T")
_MOST, _SHARE = 100_000, 10


class TooManyBadRecordsError(Exception):
    """A file is not worth reading further; `problem` is what is said of the rest of it."""

    def __init__(self, problem: SetAside) -> None:
        super().__init__(problem.detail)
        self.problem = problem


class BadRecords:
    """Counts the records of one file that were used and those that were set aside."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._used = self._set_aside = 0

    def use(self) -> None:
        """Count a record that was used."""
        self._used += 1

    def set_aside(self) -> None:
        """Count a record that was set aside.

        Raises:
            TooManyBadRecordsError: it is time to stop.
        """
        self._set_aside += 1
        if self._set_aside >= _MOST and self._set_aside > _SHARE * self._used:
            detail = (
                f"The file is not read further: {self._set_aside:,} of its records could not be used and {self._used:,} "
                "could. Look at the first of them; name its format if it was taken for another, or get it again."
            )
            raise TooManyBadRecordsError(SetAside(self._file, "file", "too-many-bad-records", detail))


def while_worth_reading(items: Iterable[T | SetAside], file: str) -> Iterator[T | SetAside]:
    """What a reader yields of a file, up to the place where it is time to stop; what is said of the rest comes last."""
    bad = BadRecords(file)
    try:
        for item in items:
            yield item
            if isinstance(item, SetAside):
                bad.set_aside()
            else:
                bad.use()
    except TooManyBadRecordsError as error:
        yield error.problem
