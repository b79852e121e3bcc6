"""Records of task files, whatever they are written as: JSON, JSON Lines, CSV, TSV or Parquet, each also gzipped where it is text.

A JSON document is a list of records, an object that holds such a list under `data` or `questions`, an object of records by
identifier (as PubMedQA is), or one record. The form is told by the first bytes, not by the name: MedMCQA calls JSON Lines
`train.json`. Keys are compared as `column_key` writes them, so `QUESTION`, `Question` and `question` are one.
Cost: a JSON document is read whole (35 MB in SQuAD's form: 0.9 s, 268 MiB), the other forms record by record.
Rejected: `datasets.load_dataset`, which copies each file into a cache of its own, and gives up a file at its first bad line.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from pipeline.csv_rows import csv_rows
from pipeline.errors import MateriaError, SetAside
from pipeline.hashing import text_hash
from pipeline.readers.columns import column_key
from pipeline.readers.encodings import encoding_of
from pipeline.readers.identifiers import doi_curie, identifier, pmc_curie, pmid_curie
from pipeline.readers.streams import BrokenStreamError, numbered_lines, open_stream, read_head

__all__ = ["Record", "read_records"]

_MARK: Final = b"\xef\xbb\xbf"
_LISTS: Final = ("data", "questions", "records")
_PMIDS, _OTHERS = ("pmid", "pubmed_id", "pubid"), ("document", "document_id", "doc_id", "paper", "paper_id")
#: Digits of a number that records stand under, from which on it is PubMed's, as in PubMedQA, and no row's.
_SHORTEST_PMID: Final = 5


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file.

    Attributes:
        file: name of the file.
        place: where it stands there: its line, row or number.
        key: the identifier it stands under, where records stand under identifiers; else "".
        fields: values by `column_key`.
    """

    file: str
    place: str
    key: str
    fields: dict[str, Any]

    @property
    def id(self) -> str:
        """File and place, as a person finds it."""
        return f"{self.file}, {self.place}"

    def set_aside(self, reason: str, detail: str) -> SetAside:
        """The record as one that is not used."""
        return SetAside(self.file, self.place, reason, detail)

    def get(self, names: Sequence[str]) -> Any:
        """The first of the named values that is there; None where none is."""
        values = (self.fields.get(name) for name in names)
        return next((value for value in values if value is not None and value != ""), None)

    def first(self, names: Sequence[str]) -> Any:
        """The value in the first of the named columns that the record has; None where that is empty.

        A cell left empty is not filled from another column: a row without a label would have its category for one.
        """
        name = next((name for name in names if name in self.fields), None)
        return None if name is None else self.get((name,))

    def column(self, named: str | None, usual: Sequence[str], setting: str) -> Any:
        """The value of the column that settings name, else of the first of the usual ones that the record has.

        Args:
            setting: what names the column: "data.label".

        Raises:
            MateriaError: the named column is not there.
        """
        if named is None:
            return self.first(usual)
        if column_key(named) not in self.fields:
            raise MateriaError(
                f"has no column {named}, but {', '.join(sorted(self.fields)) or 'none'}",
                file=self.file,
                record=self.place,
                remedy=f"Name another one: --set {setting}=COLUMN",
            )
        return self.get([column_key(named)])

    def document(self, column: str | None, text: str) -> str:
        """What the record is from: its paper's CURIE, else the name it gives its document, else a hash of the text.

        Args:
            column: of the document; None: the usual ones.
            text: what makes two records one document where nothing names it: the context, or the question without one.

        Raises:
            MateriaError: the column is named, and is not there.
        """
        if column is not None and (named := self.column(column, (), "data.id")) is not None:
            return _curie(str(named), is_pmid=column_key(column) in _PMIDS)
        for names, curie in ((_PMIDS, pmid_curie), (("pmc", "pmcid"), pmc_curie), (("doi",), doi_curie)):
            if (value := self.get(names)) is not None and (found := curie(str(value).removesuffix(".0"))):
                return found
        if len(self.key) >= _SHORTEST_PMID and (found := pmid_curie(self.key) or identifier(self.key)):
            return found
        named = self.get(_OTHERS)
        return _curie(str(named)) if named is not None else f"text:{text_hash(text)[:16]}"


def _curie(name: str, *, is_pmid: bool = False) -> str:
    """A name as a CURIE; a bare number is PubMed's where the column or the form of the file says so."""
    return (pmid_curie(name) if is_pmid else None) or identifier(name) or name


def read_records(file: str) -> Iterator[Record | SetAside]:
    """The records of a file in their order; what is no record is set aside: `invalid-json`, `bad-row`, `invalid-encoding`.

    Raises:
        MateriaError: the file does not exist, is empty or damaged, or is of no form that is read.
    """
    path = Path(file)
    try:
        head, broken = read_head(path)
        if broken is not None:
            raise broken
        first = head.removeprefix(_MARK).lstrip()
        if not first:
            raise _unreadable(file, "is empty", "Give a file with records")
        if first.startswith(b"PAR1"):
            yield from _parquet(path)
            return
        with open_stream(path) as stream:
            read = _json if first[:1] in b"{[" else _table
            for place, key, value in read(stream, path.name, head):
                if isinstance(value, SetAside):
                    yield value
                elif isinstance(value, dict):
                    yield _record(path.name, place, key, value)
                else:
                    yield SetAside(
                        path.name, place, "invalid-json", "The item is no object. Write one for each record."
                    )
    except BrokenStreamError as error:
        raise _unreadable(file, str(error), error.remedy) from error
    except OSError as error:
        raise _unreadable(
            file, f"cannot be read ({error.strerror or error})", "Give the path of a file that is there"
        ) from error


_Read = Iterator[tuple[str, str, Any]]


def _json(stream: BinaryIO, file: str, head: bytes) -> _Read:
    """Place, key and value of each record of a JSON document or of JSON Lines."""
    if _is_lines(head):
        yield from _json_lines(stream, file)
        return
    data = stream.read().removeprefix(_MARK)
    whole = _parsed(data)
    if isinstance(whole, Exception):
        if not _is_lines(data):  # a first line may be longer than the head
            raise _unreadable(file, f"is not JSON ({whole})", "Write a list of records, or one record a line")
        yield from _json_lines(io.BytesIO(data), file)
        return
    if isinstance(whole, dict):
        listed = next((whole[name] for name in _LISTS if isinstance(whole.get(name), list)), None)
        if listed is None and whole and all(isinstance(value, dict) for value in whole.values()):
            yield from ((key, key, value) for key, value in whole.items())
            return
        whole = [whole] if listed is None else listed
    yield from ((f"record {number}", "", value) for number, value in enumerate(whole))


def _is_lines(data: bytes) -> bool:
    """Whether the first line is an object, and not the last line."""
    first, _, rest = data.removeprefix(_MARK).lstrip().partition(b"\n")
    return bool(rest.strip()) and isinstance(_parsed(first), dict)


def _json_lines(stream: BinaryIO, file: str) -> _Read:
    for number, line in numbered_lines(stream):
        if line is not None and not line.strip():
            continue
        value = _parsed(line)
        if isinstance(value, Exception):
            detail = f"The line is no JSON object ({value}). Write one JSON object a line, in UTF-8."
            yield "", "", SetAside(file, f"line {number}", "invalid-json", detail)
        else:
            yield f"line {number}", "", value


def _parsed(line: bytes | None) -> Any:
    """The value, or the error that says why there is none."""
    if line is None:
        return ValueError("it is longer than 16 MiB")
    try:
        return json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        return ValueError("it is not UTF-8")
    except json.JSONDecodeError as error:
        return error
    except (ValueError, RecursionError) as error:
        return ValueError(str(error)[:80])


def _table(stream: BinaryIO, file: str, head: bytes) -> _Read:
    """Place, key and cells by column of each row of CSV or TSV."""
    encoding = encoding_of(head)
    if encoding is None:
        raise _unreadable(file, "is neither JSON, CSV, TSV nor Parquet", "Convert it to one of these")
    problems: list[SetAside] = []
    delimiter = b"\t" if b"\t" in head.split(b"\n", 1)[0] else b","
    header: list[str] | None = None
    for line, cells in csv_rows(_decoded(stream, file, encoding, problems), file, problems.append, delimiter.decode()):
        yield from (("", "", problem) for problem in problems)
        problems.clear()
        if header is None:
            header = cells
        elif len(cells) != len(header):
            detail = (
                f"The row has {len(cells)} cells and the header {len(header)}. Quote cells that hold the delimiter."
            )
            yield "", "", SetAside(file, f"line {line}", "wrong-number-of-cells", detail)
        else:
            yield f"line {line}", "", dict(zip(header, cells, strict=True))
    yield from (("", "", problem) for problem in problems)


def _decoded(stream: BinaryIO, file: str, encoding: str, problems: list[SetAside]) -> Iterator[tuple[int, str]]:
    for number, line in numbered_lines(stream):
        try:
            yield number, (line if line is not None else b"").decode(encoding)
        except UnicodeDecodeError:
            detail = f"The line holds bytes that are not {encoding}, in which the file is. Save the file in UTF-8."
            problems.append(SetAside(file, f"line {number}", "invalid-encoding", detail))


def _parquet(path: Path) -> Iterator[Record]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        row = 0
        for batch in pq.ParquetFile(path).iter_batches(512):
            for value in batch.to_pylist():
                yield _record(path.name, f"row {row}", "", value)
                row += 1
    except pa.ArrowException as error:
        why = str(error).splitlines()[0]
        raise _unreadable(str(path), f"cannot be read as Parquet ({why})", "Write it again") from error


def _record(file: str, place: str, key: str, value: dict[str, Any]) -> Record:
    return Record(file, place, key, {column_key(str(name)): field for name, field in value.items()})


def _unreadable(file: str, why: str, remedy: str) -> MateriaError:
    return MateriaError(why, file=file, remedy=remedy)
