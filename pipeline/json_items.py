"""Values out of a JSON document larger than memory: those that stand at given places, one at a time.

ijson (https://github.com/ICRAR/ijson) parses in C with yajl and holds one token; a value is put together here, without
recursion, when it begins at a wanted place. Its own `items` does that for one place a pass; files of nodes and edges need
several in one. Cost: about 600,000 tokens a second on one core; memory of one value.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, BinaryIO

import ijson

__all__ = ["JsonError", "json_items"]

#: What a JSON document that is malformed or ends too early raises while its items are asked for.
JsonError: type[Exception] = ijson.JSONError


def json_items(stream: BinaryIO, places: Collection[str]) -> Iterator[tuple[str, Any]]:
    """Yield (place, value) for each value at one of the places, in the order of the document.

    Args:
        stream: UTF-8 bytes, with or without a byte order mark.
        places: paths as ijson writes them: `graphs.item.nodes.item`. A place inside another is part of the outer value.

    Raises:
        JsonError: the document is not JSON from some point on; what was yielded before stands.
    """
    builder, depth, current = None, 0, ""
    for place, event, value in ijson.parse(_WithoutMark(stream), use_float=True):
        if builder is None:
            if place not in places or event in ("map_key", "end_map", "end_array"):
                continue
            builder, depth, current = ijson.ObjectBuilder(), 0, place
        builder.event(event, value)
        depth += (event in ("start_map", "start_array")) - (event in ("end_map", "end_array"))
        if depth == 0:
            yield current, builder.value
            builder = None


class _WithoutMark:
    """A stream without the byte order mark that some programs put before UTF-8; it hands over what it has."""

    def __init__(self, stream: BinaryIO) -> None:
        self._read = getattr(stream, "read1", stream.read)
        self._first = True

    def read(self, size: int) -> bytes:
        data: bytes = self._read(size)
        if self._first and data:
            self._first = False
            data = data.removeprefix(b"\xef\xbb\xbf") or self._read(size)
        return data
