"""A link-prediction benchmark as it is passed around: train.txt, valid.txt and test.txt, a triple a line, in a folder or an archive.

Format: head, relation and tail, separated by tabs, UTF-8, no header (as FB15k-237, WN18RR, UMLS and CoDEx are published). An
archive (tar, tar.gz or zip) is read as a stream, and only its members of these three names are; nothing is unpacked to disk,
so no path in it leads anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pyarrow as pa
from upath import UPath

from pipeline.errors import MateriaError, SetAside
from pipeline.sources import reaching

__all__ = ["read_benchmark"]

#: The three files, and the split that each is.
_FILES: Final = {"train.txt": "train", "valid.txt": "validation", "test.txt": "test"}
_REMEDY: Final = (
    "Give a folder or archive with train.txt, valid.txt and test.txt: head, relation and tail, with tabs between"
)
_COLUMNS: Final = ("subject", "predicate", "object", "split")


def read_benchmark(source: str) -> pa.Table:
    """The triples of a benchmark, with columns subject, predicate, object and split.

    Raises:
        MateriaError: it cannot be reached, lacks one of the files or has one twice, or a line is no triple; names the line.
    """
    columns: dict[str, list[str]] = {name: [] for name in _COLUMNS}
    found: set[str] = set()
    for name, data in _texts(source):
        if name in found:
            raise MateriaError(f"holds {name} twice", file=source, remedy="Leave one of the two in it")
        found.add(name)
        for triple in _triples(data, f"{source}/{name}"):
            for column, value in zip(_COLUMNS, (*triple, _FILES[name]), strict=True):
                columns[column].append(value)
    if missing := [name for name in _FILES if name not in found]:
        raise MateriaError(f"lacks {', '.join(missing)}", file=source, remedy=_REMEDY)
    for name in ("train.txt", "test.txt"):
        if _FILES[name] not in columns["split"]:
            raise MateriaError("holds no triple", file=f"{source}/{name}", remedy=_REMEDY)
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


def _texts(source: str) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of those files that are there."""
    from pipeline.archives import archive_format, members
    from pipeline.readers.streams import BrokenStreamError, read_head

    with reaching(source):
        path = UPath(source)
        if path.is_dir():
            yield from ((name, (path / name).read_bytes()) for name in _FILES if (path / name).is_file())
            return
        kind = archive_format(read_head(path)[0])
    if kind is None:
        raise MateriaError("is no folder, tar or zip", file=source, remedy=_REMEDY)
    for member in members(path, kind, source):
        if isinstance(member, SetAside):
            if member.file != source and member.file.rpartition("/")[2] not in _FILES:
                continue  # something else in it, that nobody asks for
            problem, _, remedy = member.detail.rpartition(". ")
            problem = problem.removesuffix("; what was read before stands")
            raise MateriaError(problem[0].lower() + problem[1:], file=member.file, remedy=remedy)
        name = member[0].rpartition("/")[2]
        if name in _FILES:
            try:
                yield name, member[2].read()
            except BrokenStreamError as error:
                raise MateriaError(str(error), file=f"{source}/{name}", remedy=error.remedy) from error


def _triples(data: bytes, file: str) -> Iterator[list[str]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MateriaError("is not UTF-8", file=file, remedy="Save it as UTF-8 text") from error
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        fields = [field.strip() for field in line.rstrip("\r").split("\t")]
        if len(fields) != len(_COLUMNS) - 1 or not all(fields):
            problem = (
                f"has {len(fields)} field(s), not head, relation and tail" if all(fields) else "has an empty field"
            )
            raise MateriaError(problem, file=file, record=f"line {number}", remedy=_REMEDY)
        yield fields
