"""What changed between two files of sorted lines, at the speed of reading them.

Both files are mapped into memory and compared in blocks that double while they are equal; only around a difference are
lines looked at one by one, so that Python's work follows the change and not the files. Cost: a gigabyte in 0.2 s, and five
microseconds for each changed line. Rejected: an anti-join in DuckDB (it parses and hashes every line: a hundred times as
long), `comm` and `diff` (every line is looked at), hashes of lines kept beside the files (they must be read and made, too).
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Final

__all__ = ["line_difference"]

# Found by trial: longer blocks fall out of the processor's cache while they are compared.
_SMALLEST: Final = 1 << 11
_LARGEST: Final = 1 << 15


def line_difference(old: Path | None, new: Path | None) -> Iterator[tuple[bytes, bytes]]:
    """Runs of lines that are only in the old file, and only in the new one.

    Args:
        old: lines in the order of their bytes, each once and each ended by a newline; None stands for an empty file.
        new: as `old`.

    Yields:
        removed and added lines, as they stand in the files; either may be empty. All removed ones together are the
        lines of `old` that `new` lacks, and so for the added ones. Of files out of order a line may come as removed and as
        added: to remove all first and to add all then is right in any case.
    """
    yield from _differences(_mapped(old), _mapped(new))


def _mapped(path: Path | None) -> bytes | mmap.mmap:
    if path is None or path.stat().st_size == 0:  # an empty file cannot be mapped
        return b""
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _differences(old: bytes | mmap.mmap, new: bytes | mmap.mmap) -> Iterator[tuple[bytes, bytes]]:
    at_old = at_new = 0
    step = _SMALLEST
    while at_old < len(old) and at_new < len(new):
        left, right = old[at_old : at_old + step], new[at_new : at_new + step]
        if left == right:
            at_old, at_new, step = at_old + len(left), at_new + len(left), min(2 * step, _LARGEST)
            continue
        step = _SMALLEST
        equal = _common(left, right)
        start = old.rfind(b"\n", 0, at_old + equal) + 1
        at_old, at_new = start, at_new + start - at_old
        removed, added = [], []
        left, right = _line(old, at_old), _line(new, at_new)
        while left != right:
            if right and (left > right or not left):
                added.append(right)
                at_new += len(right)
                right = _line(new, at_new)
            else:
                removed.append(left)
                at_old += len(left)
                left = _line(old, at_old)
        yield b"".join(removed), b"".join(added)
    yield old[at_old:], new[at_new:]


def _line(lines: bytes | mmap.mmap, start: int) -> bytes:
    """The line that starts there, with its newline; empty at the end of the file."""
    return lines[start : lines.find(b"\n", start) + 1 or len(lines)]


def _common(left: bytes, right: bytes) -> int:
    """How many bytes two blocks have in common at their start, by bisection."""
    least, most = 0, min(len(left), len(right))
    while least < most:
        middle = (least + most + 1) // 2
        if left[least:middle] == right[least:middle]:
            least = middle
        else:
            most = middle - 1
    return least
