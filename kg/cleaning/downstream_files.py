"""Files of downstream tests, whatever their form, as documents: their names, and every text in them.

JSON, JSON Lines, CSV, TSV and Parquet are read as records of any shape, and every text in a record counts: question, context, options,
answer. A JSON document is an object of records (PubMedQA), a list of them, or an object with lists of them (SQuAD, BioASQ). A text
file whose lines are all identifiers is a list of documents. Everything else, archives too, goes through the readers of literature
(PubMed XML, JATS, BioC, PubTator, plain text, PDF ...). A file of records is held in memory, of at most 1 GiB.

A record is named by its fields `pmid`, `pmc`, `doi`, `id` and their kin; a key of an object or the name of a text file that is a
number of seven or eight digits is a PMID (PubMedQA, Hallmarks of Cancer). A bare number as `id` names nothing.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Final, NamedTuple

from pipeline.archives import archive_format, members
from pipeline.errors import MateriaError, SetAside
from pipeline.inventory import LiteratureFile, is_quiet, list_files, unknown_format
from pipeline.readers import recognise
from pipeline.readers.base import DELETED, Document
from pipeline.readers.columns import column_key
from pipeline.readers.encodings import decode, whole_text
from pipeline.readers.identifiers import doi_curie, identifier, pmc_curie, pmid_curie
from pipeline.readers.streams import BrokenStreamError, open_stream, read_head

__all__ = ["DownstreamDocument", "read_downstream_file"]

_LARGEST = 1 << 30
_PMID = re.compile(r"[1-9][0-9]{6,7}")
_NAMES: Final = {
    "pmid": pmid_curie, "pubmed_id": pmid_curie, "pubmedid": pmid_curie, "pmc": pmc_curie, "pmcid": pmc_curie, "pmc_id": pmc_curie,
    "doi": doi_curie, "id": identifier, "doc_id": identifier, "document_id": identifier, "aliases": identifier,
}  # fmt: skip


#: Place in its file, key in the object it stands in, and value of a record.
_Record = tuple[str, str, Any]


class DownstreamDocument(NamedTuple):
    """A document of a downstream test.

    Attributes:
        label: how a person finds it: its CURIE, or its file and place in it.
        names: CURIEs it goes by.
        texts: its texts; a run of words never goes from one into the next.
    """

    label: str
    names: tuple[str, ...]
    texts: tuple[str, ...]


def read_downstream_file(path: str) -> Iterator[DownstreamDocument | SetAside]:
    """The documents of a file, or of every file of a folder, and what could not be read.

    Raises:
        MateriaError: the file does not exist, cannot be read, or is of no known form.
    """
    for file in list_files([path]):
        if file.problem is not None:
            yield file.problem
            continue
        try:
            yield from _file(file)
        except BrokenStreamError as error:
            yield SetAside(file.name, "file", error.reason, f"{str(error).capitalize()}. {error.remedy}.")
        except OSError as error:
            raise MateriaError(
                f"cannot be read ({error.strerror or error})", file=file.name, remedy="Check its permissions"
            ) from error


def _file(file: LiteratureFile) -> Iterator[DownstreamDocument | SetAside]:
    head, broken = read_head(file.path)
    archive = archive_format(head)
    if broken is not None and not head:
        raise broken
    if archive is None:
        with open_stream(file.path) as stream:
            yield from _stream(stream, head, file.name)
        return
    for member in members(file.path, archive, file.name):
        if isinstance(member, SetAside):
            yield member
        elif not is_quiet(member[0]):
            name, first, content = member
            yield from _stream(content, first, f"{file.name}/{name}")


def _stream(stream: BinaryIO, head: bytes, file: str) -> Iterator[DownstreamDocument | SetAside]:
    reader = recognise(head, file)
    form = reader.name.partition(".")[0] if reader else ""
    if not head.strip():
        yield SetAside(file, "file", "empty-file", "The file is empty. Get it again from its source, or remove it.")
    elif form == "parquet":
        yield from _records(_parquet(stream), file)
    elif form in ("jsonl", "csv", "text") or (
        reader is None and (decode(head) or "").lstrip("\ufeff \t\r\n")[:1] in ("{", "[")
    ):
        text = whole_text(stream, file, limit=_LARGEST)
        if isinstance(text, SetAside):
            yield text
            return
        if lost := text.count("\ufffd"):
            detail = f"{lost:,} characters are not in the encoding of the rest; what they were is not looked for. Save it as UTF-8."
            yield SetAside(file, "file", "mixed-encodings", detail)
        if form == "csv":
            yield from _records(_table(text), file)
        elif form == "text":
            yield from _plain(text, file)
        else:
            yield from _json(text, file)
    elif reader is None:
        reason, detail = unknown_format(head)
        problem, _, remedy = detail.partition(". ")
        if "--format" in remedy:  # which is for literature
            remedy = "Save it as JSON, JSON Lines, CSV, Parquet, plain text or a format of literature, or take it out."
        yield SetAside(file, "file", reason, f"{problem}. {remedy}")
    else:
        for number, item in enumerate(reader.read(stream, file), 1):
            if isinstance(item, SetAside):
                yield item
            elif item.status != DELETED:
                yield _document(item, f"{file}, record {number}")


def _document(document: Document, place: str) -> DownstreamDocument:
    """A document of literature; one that is named by the hash of its content alone is told by its place."""
    texts = [document.title, *(text for _, text in document.sections), *(text for _, _, text in document.translations)]
    label = place if document.doc_id.startswith("materia:") else document.doc_id
    return DownstreamDocument(label, (document.doc_id, *document.aliases), tuple(filter(None, texts)))


def _plain(text: str, file: str) -> Iterator[DownstreamDocument]:
    """A list of identifiers, or a text whose file may be named by its PMID."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    names = [pmid_curie(line) or identifier(line) for line in lines]
    if lines and all(names):
        yield from (DownstreamDocument(name, (name,), ()) for name in names if name)
        return
    stem = PurePosixPath(file).name.partition(".")[0]
    name = pmid_curie(stem) if _PMID.fullmatch(stem) else None
    yield DownstreamDocument(name or file, (name,) if name else (), tuple(text.split("\n\n")))


def _json(text: str, file: str) -> Iterator[DownstreamDocument | SetAside]:
    """One JSON value, or one a line."""
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        pass
    else:
        yield from _records(_items(whole), file)
        return
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield SetAside(file, f"line {number}", "invalid-json", f"The line is no JSON ({error}). Correct it.")
        else:
            yield from _records([(f"line {number}", "", value)], file)


def _items(whole: Any) -> Iterator[_Record]:
    """The records of a JSON document: place, key and value of each."""
    if isinstance(whole, list):
        yield from ((str(number), "", value) for number, value in enumerate(whole, 1))
    elif isinstance(whole, dict) and whole and all(isinstance(value, dict) for value in whole.values()):
        yield from ((key, key, value) for key, value in whole.items())
    elif isinstance(whole, dict):
        lists = {name: v for name, v in whole.items() if isinstance(v, list) and any(isinstance(x, dict) for x in v)}
        for name, values in lists.items():
            yield from ((f"{name} {number}", "", value) for number, value in enumerate(values, 1))
        yield "1", "", {name: value for name, value in whole.items() if name not in lists}
    else:
        yield "1", "", whole


def _table(text: str) -> Iterator[_Record]:
    header = text.lstrip("\ufeff").partition("\n")[0]
    delimiter = max("\t,;|", key=header.count)
    csv.field_size_limit(_LARGEST)
    rows = csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), delimiter=delimiter)
    names = next(rows, [])
    for number, row in enumerate(filter(None, rows), 1):
        cells: dict[str, list[str]] = {}  # several columns may have one name, or none
        for name, cell in zip_longest(names, row, fillvalue=""):
            cells.setdefault(name, []).append(cell)
        yield f"row {number}", "", cells


def _parquet(stream: BinaryIO) -> Iterator[_Record]:
    import pyarrow.parquet as pq

    number = 0
    with pq.ParquetFile(io.BytesIO(stream.read()) if not stream.seekable() else stream) as table:
        for batch in table.iter_batches(512):
            for row in batch.to_pylist():
                number += 1
                yield f"row {number}", "", row


def _records(items: Iterable[_Record], file: str) -> Iterator[DownstreamDocument | SetAside]:
    try:
        for place, key, value in items:
            names = tuple(dict.fromkeys(_names(key, value)))
            texts = () if isinstance(value, str | int) and names else tuple(_texts(value))
            if names or texts:
                yield DownstreamDocument(names[0] if names else f"{file}, {place}", names, texts)
    except (csv.Error, ValueError, OSError, RecursionError) as error:  # pyarrow's errors are ValueError or OSError
        yield SetAside(file, "file", "damaged-file", f"The file is damaged ({error}). Get it again from its source.")


def _names(key: str, value: Any) -> Iterator[str]:
    if _PMID.fullmatch(key):
        yield f"PMID:{key}"
    if isinstance(value, str | int):
        name = pmid_curie(str(value)) or identifier(str(value))
        if name:
            yield name
    elif isinstance(value, Mapping):
        for field, given in value.items():
            curie = _NAMES.get(column_key(field))
            for one in given if isinstance(given, list) else [given]:
                name = curie(str(one)) if curie and isinstance(one, str | int) else None
                if name:
                    yield name


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value.strip():
            yield value.encode("utf-8", "replace").decode()  # JSON can name halves of characters, which no text has
    elif isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from _texts(child)
