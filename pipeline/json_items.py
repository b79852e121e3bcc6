"""Values out of a JSON document larger than memory: those that stand at given places, one at a time.

ijson (https://github.com/ICRAR/ijson) parses in C with yajl; its events are followed by depth, and a value is put together,
without recursion, when it begins at a wanted place. Cost: about 600,000 tokens a second on one core. Memory holds one value,
of at most 16 Mi characters and 64 levels; a larger one is passed over. Numbers are read as floats where they are no small
integers: ijson 3.6 ends the process on an integer of thousands of digits otherwise.

Rejected: `ijson.items` and `ijson.parse` (one place a pass; they write out the path of every event, which takes time and memory
that grow as the square of the depth).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, BinaryIO

import ijson

__all__ = ["JsonError", "json_items"]

_LARGEST, _DEEPEST = 16 << 20, 64


class JsonError(ValueError):
    """The document is not JSON from some point on; the message is one clause."""


def json_items(stream: BinaryIO, places: Collection[str]) -> Iterator[tuple[str, Any]]:
    """Yield (place, value) for each value at one of the places, in the order of the document.

    Args:
        stream: UTF-8 bytes, with or without a byte order mark.
        places: keys from the outermost object inwards, `item` for a member of an array: `graphs.item.nodes.item`. A place inside
            another is part of the outer value.

    Yields:
        None in place of a value that is too large or nested too deep.

    Raises:
        JsonError: what was yielded before stands.
    """
    try:
        yield from _items(_Source(stream), {tuple(place.split(".")): place for place in places})
    except (ijson.JSONError, ValueError, OverflowError) as error:
        raise JsonError(str(error).splitlines()[0].strip() if str(error) else "it ends too early") from error


def _items(source: _Source, places: dict[tuple[str, ...], str]) -> Iterator[tuple[str, Any]]:
    deepest = max(map(len, places))
    path: list[str] = []  # keys down to the deepest place; what lies below is counted only
    below, size = 0, 0
    builder: ijson.ObjectBuilder | None = None
    wanted: str | None = None  # the place whose value is being read
    for event, value in ijson.basic_parse(source, use_float=True):
        source.since_event = 0
        if wanted is None and below == 0:
            if event == "map_key":
                path[-1] = value
                continue
            if event in ("end_map", "end_array"):
                path.pop()
                continue
            place = places.get(tuple(path))
            if place is None:
                if event in ("start_map", "start_array"):
                    if len(path) < deepest:
                        path.append("" if event == "start_map" else "item")
                    else:
                        below = 1
                continue
            wanted, builder, size = place, ijson.ObjectBuilder(), 0
            depth = 0
        elif wanted is None:
            below += (event in ("start_map", "start_array")) - (event in ("end_map", "end_array"))
            continue
        depth += (event in ("start_map", "start_array")) - (event in ("end_map", "end_array"))
        size += len(value) + 8 if isinstance(value, str) else 8
        if size > _LARGEST or depth > _DEEPEST:
            builder = None
        if builder is not None:
            builder.event(event, value)
        if depth == 0:
            yield wanted, builder.value if builder is not None else None
            wanted = None


class _Source:
    """The bytes for ijson without a byte order mark; refuses a single token that is longer than any value may be."""

    def __init__(self, stream: BinaryIO) -> None:
        self._read = getattr(stream, "read1", stream.read)
        self._begun = False
        self.since_event = 0

    def read(self, size: int) -> bytes:
        data: bytes = self._read(size)
        if not self._begun and data:
            self._begun = True
            data = data.removeprefix(b"\xef\xbb\xbf") or self._read(size)
        self.since_event += len(data)
        if self.since_event > _LARGEST:
            raise ValueError("a single text in it is longer than 16 MiB")
        return data
