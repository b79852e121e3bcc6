"""How many documents there are, and a sample of them: a bounded number of files and of documents is read, by the real readers.

Files of one kind (by the end of their names) are counted together: those that are read, the first by hash of their names, say how
many documents a stored byte holds, and the bytes of the others do the rest; so compressed files and archives need not be unfolded. A file
that is read to its end is counted exactly. At most 32 files and 12,000 documents are read (3 s of processor time for abstracts, whatever
there is); memory holds these documents. The same files give the same sample.

Rejected: reading every file to its end (3 ms a page of PubMed adds up to hours), and sizes alone (a byte of gzipped abstracts holds
ten times as many documents as one of full texts).
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from upath import UPath

from pipeline.documents import read_documents
from pipeline.errors import MateriaError, SetAside
from pipeline.hashing import hash_fields
from pipeline.inventory import LiteratureFile, take_inventory
from pipeline.readers.base import DELETED

__all__ = ["Literature", "read_literature", "write_sample"]

_FILES = 32
_DOCUMENTS = 12_000
#: Documents read of a file however small its share of the bytes is, and bytes of text read of all files.
_LEAST, _TEXT = 200, 64 << 20
#: Rows of a batch of `read_documents`.
_BATCH = 512


#: A hash and a document.
_Line = tuple[str, str]


@dataclass
class Literature:
    """What was found out about the literature.

    Attributes:
        documents: how many there are, as expected; `low` and `high` the range.
        files, stored: how many files, and their bytes as stored.
        read: how many documents were read for it; `characters` in their texts.
        reading: processor seconds of reading one document.
        kinds: of each kind of file how many documents it is expected to hold, and those that were read: the hash that
            chooses among them, and the document as a line of JSON.
    """

    documents: int = 0
    low: int = 0
    high: int = 0
    files: int = 0
    stored: int = 0
    read: int = 0
    characters: int = 0
    reading: float = 0.0
    kinds: list[tuple[int, list[_Line]]] = field(default_factory=list)


class _Metered:
    """A path whose files tell how far they were read."""

    def __init__(self, path: UPath) -> None:
        self._path, self._stream = path, cast(Any, None)

    def open(self, mode: str = "rb") -> Any:
        """The file, opened by the reader."""
        self._stream = self._path.open(mode)
        return self._stream

    def tell(self) -> int:
        """Bytes that were asked of the file."""
        return int(self._stream.tell())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._path, name)


def read_literature(files: Sequence[LiteratureFile], progress: Callable[[str], None] = lambda _: None) -> Literature:
    """Count documents and read some, of what `list_files` gave.

    Raises:
        MateriaError: a file cannot be read, or there is no document in what was read.
    """
    kinds: dict[str, list[LiteratureFile]] = defaultdict(list)
    for file in files:
        if file.problem is None:
            kinds[_kind(file.name)].append(file)
    each = max(2, _FILES // max(1, len(kinds)))
    chosen = {kind: sorted(some, key=lambda file: hash_fields(file.name))[:each] for kind, some in kinds.items()}
    inventory = take_inventory(
        [file for some in chosen.values() for file in some], set_aside=lambda _: None, sha256=lambda _: ""
    )
    formats = {row["file"]: (row["position"], row["format"]) for row in inventory.to_pylist()}
    stored = sum(file.bytes for some in kinds.values() for file in some)
    found = Literature(files=sum(map(len, kinds.values())), stored=stored)
    low = high = expected = used = 0.0
    aside: list[SetAside] = []
    for kind in sorted(kinds):
        lines: list[_Line] = []
        count, unread = 0.0, float(sum(file.bytes for file in kinds[kind]))
        densities: list[float] = []
        share = _DOCUMENTS / max(1, stored) * unread / len(chosen[kind])
        for file in chosen[kind]:
            if file.name not in formats:
                unread -= file.bytes
                continue
            progress(f"reading {file.name}")
            began = time.process_time()
            some, part = _read(file, formats[file.name], max(_LEAST, int(share)), aside.append)
            used += time.process_time() - began
            lines += some
            found.characters += sum(len(line) for _, line in some)
            count += len(some)
            unread -= part * file.bytes
            densities.append(len(some) / max(1.0, part * file.bytes))
        read = sum(file.bytes for file in kinds[kind]) - unread
        rest = unread * count / read if read > 0 and unread >= 1 else 0.0
        expected += count + rest
        low += count + (min(rest, unread * min(densities)) if rest else 0)
        high += count + (max(rest, unread * max(densities)) if rest else 0)
        found.read += len(lines)
        if lines:
            found.kinds.append((round(count + rest), lines))
    if not found.read:
        why = f"; the first is {aside[0].file}, {aside[0].record}: {aside[0].detail.rstrip('.')}" if aside else ""
        raise MateriaError(
            f"no document can be read of the literature{why}", remedy="Look at the files with materia inspect"
        )
    found.documents, found.low, found.high = round(expected), round(low), round(high)
    found.reading = used / found.read
    return found


def _kind(name: str) -> str:
    """The end of a name: `xml.gz`, `jsonl`."""
    parts = name.rpartition("/")[2].lower().split(".")
    return ".".join(parts[-2:] if parts[-1] in ("gz", "tgz") else parts[-1:]) if len(parts) > 1 else ""


def _read(
    file: LiteratureFile, place: tuple[str, str], most: int, set_aside: Callable[[SetAside], None]
) -> tuple[list[_Line], float]:
    """Documents of a file, about `most` of them, and which part of the file they are."""
    metered = _Metered(file.path)
    lines: list[_Line] = []
    text = 0
    for batch in read_documents([(replace(file, path=cast(UPath, metered)), *place)], set_aside):
        for row in batch.to_pylist():
            if row["status"] != DELETED:
                lines.append((hash_fields(row["doc_id"]), json.dumps(_record(row), ensure_ascii=False)))
                text += len(row["text"])
        # A batch that holds fewer is the last.
        if batch.num_rows == _BATCH and (len(lines) >= most or text > _TEXT * most / _DOCUMENTS):
            return lines, min(1.0, max(1, metered.tell()) / max(1, file.bytes))
    return lines, 1.0


def write_sample(found: Literature, number: int, path: Path) -> int:
    """Write so many of the documents as JSON Lines, of each kind of file its share, the first by hash of their identifiers.

    Returns:
        how many there are.
    """
    total = sum(documents for documents, _ in found.kinds)
    written = 0
    with path.open("w", encoding="utf-8") as stream:
        for documents, lines in found.kinds:
            for _, line in sorted(lines)[: max(1, round(number * documents / total))]:
                stream.write(line + "\n")
                written += 1
    return written


def _record(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the table of documents as the fields that JSON Lines are read by (`pipeline.readers.fields`)."""
    text = row["text"]
    return {
        "id": row["doc_id"],
        "title": row["title"],
        "sections": [{"label": s["label"], "text": text[s["start"] : s["end"]]} for s in row["sections"]],
        "language": row["language"],
        "year": row["year"],
        "journal": row["journal"] or "",
        "subjects": row["subjects"],
        "publication_types": row["publication_types"],
    }
