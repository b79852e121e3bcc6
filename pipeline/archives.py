"""Archives of literature (tar, tar.gz, zip): their members one after another, as streams, without unpacking to disk.

Formats: POSIX.1-2001 pax and ustar (tar), PKWARE APPNOTE 6.3 (zip), both by the standard library. A tar is read once from
front to back, so memory stays flat for PubMed Central's bulk packages; a zip by its directory.

A member's path is a label and never a path: nothing is written, so nothing can leave a folder. Links, devices and folders
are passed over. Archives inside archives are set aside, and so is what follows once an archive has unfolded to more than any
literature does (a "zip bomb").

Rejected: unpacking to a folder first (disk for millions of small files, and paths from data), fsspec's archive filesystems
(they list a whole tar before its first member is read).
"""

from __future__ import annotations

import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from collections.abc import Buffer  # type: ignore[attr-defined]

from upath import UPath

from pipeline.errors import SetAside
from pipeline.readers.base import clean
from pipeline.readers.streams import BrokenStreamError, ReadAhead, check_unfolding, decompressed, open_stream

__all__ = ["ARCHIVES", "Member", "archive_format", "members"]

TAR, ZIP = "tar.v1", "zip.v1"
#: Names and versions of the archive formats.
ARCHIVES: Final = (TAR, ZIP)

_PIECE = 1 << 16

#: A member: its path in the archive, its first decompressed bytes, and all of its decompressed bytes as a stream.
Member = tuple[str, bytes, BinaryIO]


def archive_format(head: bytes) -> str | None:
    """The format of an archive by its first decompressed bytes; None where they are no archive."""
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return ZIP
    return TAR if head[257:262] == b"ustar" else None


def members(path: UPath, format_: str, file: str) -> Iterator[Member | SetAside]:
    """The members of an archive in its own order; each stream is good until the next member is asked for.

    Args:
        format_: one of ARCHIVES.
        file: name of the archive, for messages.

    Yields:
        members, and a SetAside for a member that cannot be read and for what breaks the archive off.
    """
    budget = _Budget(int(path.stat().st_size))
    try:
        yield from (_zip_members if format_ == ZIP else _tar_members)(path, file, budget)
    except BrokenStreamError as error:
        yield _broken(file, error)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError, ValueError) as error:
        yield _broken(file, BrokenStreamError("damaged-archive", f"the archive is damaged ({_clause(error)})"))


def _zip_members(path: UPath, file: str, budget: _Budget) -> Iterator[Member | SetAside]:
    with path.open("rb") as source, zipfile.ZipFile(source) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            place = f"{file}/{_label(info.filename)}"
            try:
                with archive.open(info) as stream:
                    yield _member(_label(info.filename), place, stream, budget)  # type: ignore[arg-type]
            except BrokenStreamError as error:
                if error.reason == "decompression-bomb":
                    raise
                yield _broken(place, error)
            except (zipfile.BadZipFile, zlib.error, EOFError) as error:
                yield _broken(place, BrokenStreamError("damaged-member", f"the member is damaged ({_clause(error)})"))
            except NotImplementedError as error:
                detail = f"The member cannot be read ({_clause(error)}). Pack it again with Deflate."
                yield SetAside(place, "file", "unknown-compression", detail)
            except RuntimeError as error:  # how zipfile says that a password is wanted
                detail = f"The member cannot be read ({_clause(error)}). Pack it again without a password."
                yield SetAside(place, "file", "encrypted-member", detail)


def _tar_members(path: UPath, file: str, budget: _Budget) -> Iterator[Member | SetAside]:
    with open_stream(path) as source, tarfile.open(fileobj=source, mode="r|", bufsize=_PIECE) as archive:
        for info in archive:
            stream = archive.extractfile(info) if info.isreg() else None
            if stream is not None:
                yield _member(_label(info.name), f"{file}/{_label(info.name)}", stream, budget)  # type: ignore[arg-type]
            archive.members.clear()  # type: ignore[attr-defined]  # tarfile keeps every header it has seen; memory would grow with the archive


def _member(name: str, place: str, stream: BinaryIO, budget: _Budget) -> Member | SetAside:
    source = decompressed(io.BufferedReader(_Counted(stream, budget), _PIECE))
    ahead = ReadAhead(source)
    if archive_format(ahead.head) is not None:
        detail = "The member is an archive itself and is not opened. Unpack it and name what it holds."
        return SetAside(place, "file", "nested-archive", detail)
    return name, ahead.head, io.BufferedReader(ahead, _PIECE)


def _label(name: str) -> str:
    return clean(name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")).removeprefix("./")


def _clause(error: Exception) -> str:
    return clean(str(error).splitlines()[0].strip().rstrip(".")) if str(error) else type(error).__name__


def _broken(file: str, error: BrokenStreamError) -> SetAside:
    problem = str(error)
    detail = f"{problem[0].upper()}{problem[1:]}; what was read before stands. {error.remedy}."
    return SetAside(file, "file", error.reason, detail)


class _Budget:
    """What the members of one archive have unfolded to, held against its size."""

    def __init__(self, packed: int) -> None:
        self._packed = packed
        self._unpacked = 0

    def spend(self, count: int) -> None:
        self._unpacked += count
        check_unfolding(self._packed, self._unpacked)


class _Counted(io.RawIOBase):
    """A member's bytes, counted; damage in them is said as other streams say it."""

    def __init__(self, source: BinaryIO, budget: _Budget) -> None:
        self._source, self._budget = source, budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer).cast("B")
        try:
            data = self._source.read(len(view))
        except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error) as error:
            raise BrokenStreamError("damaged-member", f"the member is damaged ({_clause(error)})") from error
        self._budget.spend(len(data))
        view[: len(data)] = data
        return len(data)
