"""The objects of one array of a JSON object, streamed, each cut down to the fields that are wanted.

The events of ijson are followed by depth alone, so that nothing is built of what is not wanted: a file nested a million
deep, or a record of a gigabyte, costs its reading time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from pipeline.errors import SetAside
from pipeline.graphs.base import LONGEST_RECORD

__all__ = ["json_records"]

_PIECE = 1 << 16
#: A text longer than this is an attack: the parser would hold all of it.
_LONGEST_TEXT = 16 << 20


class _TooLongError(ValueError):
    """A single value of the JSON file is longer than any text."""


class _Source:
    """The bytes for ijson, without a byte order mark; raises where too many come without an event."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._begun = False
        self.since_event = 0

    def read(self, size: int = -1) -> bytes:
        piece = self._stream.read(size)
        if not self._begun:
            self._begun, piece = size != 0, piece.removeprefix(b"\xef\xbb\xbf")
        self.since_event += len(piece)
        if self.since_event > _LONGEST_TEXT:
            raise _TooLongError
        return piece


def json_records(
    stream: BinaryIO, file: str, array: str, fields: frozenset[str]
) -> Iterator[tuple[str, dict[str, Any] | SetAside]]:
    """Place (`edge 7`) and fields of each object in an array at the top of a JSON object, or a SetAside for it.

    Of each field the scalar is kept, or the scalars of the list; deeper things are passed over. A file that breaks off ends
    with a SetAside.
    """
    import ijson

    kind = array.removesuffix("s")
    number = 0
    source = _Source(stream)
    try:
        for number, record in _followed(ijson, source, array, fields):
            place = f"{kind} {number}"
            yield place, record if record is not None else _unusable(file, place)
    except (ijson.JSONError, ValueError, OverflowError, RecursionError):
        place = f"after {kind} {number}"
        detail = "The JSON is malformed from here on; what stands before it is kept. Get the file again, or mend it."
        yield place, SetAside(file, place, "invalid-json", detail)


def _unusable(file: str, place: str) -> SetAside:
    detail = "The record is no JSON object, or larger than 1 MiB. Correct, split or remove it."
    return SetAside(file, place, "invalid-record", detail)


def _followed(
    ijson: Any, source: _Source, array: str, fields: frozenset[str]
) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Number and fields of each member; None for one that is no object or too large. Depth 3 is inside a member."""
    depth, number, size = 0, 0, 0
    at_top, key = "", ""
    inside = False
    record: dict[str, Any] | None = None
    members: list[Any] | None = None
    for event, value in ijson.basic_parse(source, buf_size=_PIECE, use_float=True):
        source.since_event = 0
        if event == "map_key":
            if depth == 1:
                at_top = value
            elif depth == 3:
                key = value
        elif event in ("start_map", "start_array"):
            depth += 1
            if depth == 2:
                inside = at_top == array and event == "start_array"
            elif depth == 3 and inside:
                number, size = number + 1, 0
                record = {} if event == "start_map" else None
            elif depth == 4 and record is not None and key in fields and event == "start_array":
                members = record[key] = []
        elif event in ("end_map", "end_array"):
            depth -= 1
            if depth == 3:
                members = None
            elif depth == 2 and inside:
                yield number, record
                record = None
        elif inside and depth == 2:
            number += 1
            yield number, None
        elif record is not None and (members is not None or key in fields):
            size += len(value) + 8 if isinstance(value, str) else 8
            if size > LONGEST_RECORD:
                record = members = None
            elif depth == 3:
                record[key] = value
            elif depth == 4 and members is not None:
                members.append(value)
