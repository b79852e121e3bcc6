"""Bytes of a literature file as a stream, decompressed where they are gzip, and honest about where they break off.

The gzip module of the standard library drops up to a buffer of good bytes when a file is cut short. This one hands over
every byte before the break and then raises, so that the records before it are kept. It costs the same (zlib does the work).

A stream that unfolds beyond all measure (a gzip bomb) breaks off too. Real literature and vocabularies unfold 3 to 15 times,
the most repetitive machine-made XML about 50 times, and gzip can 1,032 times, so 100 times is no real file; below 4 MiB
nothing is asked, as a short file of one repeated line does no harm.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Buffer  # type: ignore[attr-defined]

from upath import UPath

__all__ = [
    "BrokenStreamError",
    "ReadAhead",
    "check_unfolding",
    "decompressed",
    "numbered_lines",
    "open_stream",
    "read_head",
]

_GZIP_MAGIC = b"\x1f\x8b"
_PIECE = 1 << 16
#: Bytes of the longest line read into memory: longer than any full text, short of what an attack needs.
_LONGEST_LINE = 16 << 20
#: How many times its size a compressed file may unfold to, once it has unfolded to more than so many bytes.
_MOST_UNFOLDING, _UNASKED = 100, 4 << 20


class BrokenStreamError(Exception):
    """The bytes end too early or are damaged. `reason` is kebab-case, the message one clause without a full stop."""

    def __init__(self, reason: str, problem: str, remedy: str = "Get the file again from its source") -> None:
        super().__init__(problem)
        self.reason = reason
        self.remedy = remedy


def check_unfolding(packed: int, unpacked: int) -> None:
    """Whether so many compressed bytes may unfold to so many.

    Raises:
        BrokenStreamError: no real file does (`decompression-bomb`).
    """
    if unpacked > _UNASKED and unpacked > packed * _MOST_UNFOLDING:
        raise BrokenStreamError(
            "decompression-bomb",
            f"the compressed data unfolds to more than {_MOST_UNFOLDING} times its size, as an attack does",
            "Unpack the file yourself if you trust it",
        )


class _Gunzip(io.RawIOBase):
    """The decompressed bytes of a stream of gzip members (RFC 1952)."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._member = zlib.decompressobj(wbits=31)
        self._input = b""
        self._packed = self._unpacked = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer).cast("B")
        while True:
            if self._member.eof and not self._next_member():
                return 0
            if not self._input:
                self._input = self._source.read(_PIECE)
                if not self._input:
                    raise BrokenStreamError("truncated-gzip", "the gzip data ends before its own end mark")
                self._packed += len(self._input)
            try:
                # max_length bounds what one call may unfold, so a gzip bomb never grows in memory
                output = self._member.decompress(self._input, len(view))
            except zlib.error as error:
                raise BrokenStreamError("corrupt-gzip", f"the gzip data is damaged ({error})") from error
            self._input = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if output:
                self._unpacked += len(output)
                check_unfolding(self._packed, self._unpacked)
                view[: len(output)] = output
                return len(output)

    def _next_member(self) -> bool:
        """Move to the next member; False at the end. Zero bytes after a member are padding, as the gzip tool has it."""
        while not (rest := self._input.lstrip(b"\0")):
            self._input = self._source.read(_PIECE)
            if not self._input:
                return False
            self._packed += len(self._input)
        self._input = rest
        self._member = zlib.decompressobj(wbits=31)
        return True


@contextmanager
def open_stream(path: UPath | Path) -> Iterator[io.BufferedReader]:
    """A file as a buffered binary stream; gzip, known by its first two bytes, is decompressed on the way.

    Reading raises BrokenStreamError where the gzip data is cut short or damaged, after every byte before the break.
    """
    with path.open("rb") as source:
        yield decompressed(io.BufferedReader(source, _PIECE))  # type: ignore[arg-type]


def decompressed(source: io.BufferedReader) -> io.BufferedReader:
    """The stream itself, or what its gzip members hold; it need not be seekable. Reading raises as `open_stream` says."""
    return io.BufferedReader(_Gunzip(source), _PIECE) if source.peek(2)[:2] == _GZIP_MAGIC else source


def read_head(path: UPath | Path, length: int = 1 << 16) -> tuple[bytes, BrokenStreamError | None]:
    """The first decompressed bytes of a file, at most `length`, and what broke it off before that, if anything did."""
    pieces: list[bytes] = []
    missing = length
    with open_stream(path) as stream:
        try:
            while missing and (piece := stream.read1(missing)):
                pieces.append(piece)
                missing -= len(piece)
        except BrokenStreamError as error:
            return b"".join(pieces), error
    return b"".join(pieces), None


class ReadAhead(io.RawIOBase):
    """A stream whose first bytes (`head`) can be looked at before they are read.

    Where it breaks off in them, it says so only when they have been handed over.
    """

    def __init__(self, source: BinaryIO, length: int = 1 << 16) -> None:
        self._source = source
        self._broken: BrokenStreamError | None = None
        pieces: list[bytes] = []
        try:
            while length and (piece := source.read1(length)):  # type: ignore[attr-defined]
                pieces.append(piece)
                length -= len(piece)
        except BrokenStreamError as error:
            self._broken = error
        self.head = b"".join(pieces)
        self._place = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Buffer) -> int:
        """Fill the buffer with what the stream has; raises BrokenStreamError."""
        view = memoryview(buffer).cast("B")
        piece = self.head[self._place : self._place + len(view)]
        self._place += len(piece)
        if not piece and self._broken is not None:
            raise self._broken
        piece = piece or self._source.read1(len(view))  # type: ignore[attr-defined]
        view[: len(piece)] = piece
        return len(piece)


def numbered_lines(stream: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """The lines of a stream with their numbers from 1, without their line ends; None for a line longer than 16 MiB."""
    number = 0
    while line := stream.readline(_LONGEST_LINE):
        number += 1
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
            while (rest := stream.readline(_LONGEST_LINE)) and not rest.endswith(b"\n"):
                pass
            yield number, None
        else:
            yield number, line.rstrip(b"\r\n")
