"""Rows made from texts, kept beside the tables: for texts that move to another file, or come back after an undo.

    HOME/cache/rows.sqlite

What was made in one go (a hundred texts or so) is a segment: an Arrow stream whose header says what the rows were made from, by the hash of
text and rules, and with which version of the names. The tables of a build are asked first, since taking over their rows costs
less; the cache is a cache and no output, and never changes what comes out. Each segment has a checksum: one that is damaged is
told, removed, and its rows are made again. SQLite keeps the file whole when a build is killed, and two processes apart; on a full
disk the build goes on without. Beyond its limit the segments go that were longest not used.

Cost: 0.04 ms to keep a text's rows and 0.05 ms to find them again, where reading it takes 1 ms, or 10 ms with a recogniser; 0.9 KB a text.
Rejected: a row of SQLite for each text (five times as large, since nothing is compressed with its like); a file for each segment
(thousands of small files, and an index of them beside that can disagree).
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from pipeline.document_rows import Made, Told

__all__ = ["CachedRows", "Place", "RowCache"]

_SCHEMA = 1
_TABLES = """
CREATE TABLE segments (id INTEGER PRIMARY KEY, rows BLOB NOT NULL, sha256 BLOB NOT NULL, used INTEGER NOT NULL);
CREATE TABLE texts (key BLOB, names TEXT, segment INTEGER NOT NULL, PRIMARY KEY (key, names)) WITHOUT ROWID;
CREATE INDEX texts_of_segment ON texts (segment);
"""
_ASKED_AT_ONCE = 500
_SEGMENTS_HELD = 8
_log = logging.getLogger(__name__)


class Place(NamedTuple):
    """Where the rows of a text are: a segment as it is stored, the first row in it, and what is told of them."""

    segment: bytes
    first: int
    told: Told


class RowCache:
    """The cache in one file. Every failure of the file is told once, and the cache then holds nothing.

    Args:
        path: made where it is missing.
        max_mib: its limit, which `collect` brings it below; 0 for no cache.
    """

    def __init__(self, path: Path, max_mib: int) -> None:
        self._path, self._most = path, max_mib << 20
        self._database: sqlite3.Connection | None = None
        self._use = 0
        if max_mib:
            with self._guarded("opened"):
                self._open()

    def __enter__(self) -> RowCache:
        return self

    def __exit__(self, *_: object) -> None:
        self.collect()
        if self._database is not None:
            self._database.close()

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(self._path, timeout=10, isolation_level=None)
        try:
            (found,) = database.execute("PRAGMA user_version").fetchone()
            if found > _SCHEMA:
                database.close()
                _log.warning(
                    "%s: a later version of Materia wrote it, so this build goes without. Remove it to begin anew.",
                    self._path,
                )
                return
            database.execute("PRAGMA auto_vacuum = INCREMENTAL")
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            if found < _SCHEMA:
                with _transaction(database):
                    (version,) = database.execute("PRAGMA user_version").fetchone()
                    if version < _SCHEMA:  # else another process was first
                        for statement in filter(str.strip, _TABLES.split(";")):
                            database.execute(statement)
                        database.execute(f"PRAGMA user_version = {_SCHEMA}")
            (last,) = database.execute("SELECT max(used) FROM segments").fetchone()
        except sqlite3.Error:
            database.close()
            raise
        self._use = (last or 0) + 1
        self._database = database

    @contextmanager
    def _guarded(self, what: str) -> Iterator[None]:
        """Go on without the cache where its file fails; begin it anew where it is no database any more."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            if self._database is not None:
                self._database.close()
                self._database = None
            damaged = isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)
            remedy = "It is removed, and begun anew by the next build" if damaged else "The build goes on without it"
            _log.warning("%s: the cache could not be %s (%s). %s.", self._path, what, error, remedy)
            if damaged:
                for name in (self._path, *(self._path.with_name(self._path.name + end) for end in ("-wal", "-shm"))):
                    with suppress(OSError):
                        name.unlink(missing_ok=True)

    def find(self, keys: Iterable[bytes]) -> dict[bytes, dict[str, Place]]:
        """Of each key that is here: by version of the names, where its rows are. What is found counts as used."""
        wanted = [*dict.fromkeys(keys)]
        found: dict[bytes, dict[str, Place]] = {}
        if self._database is None or not wanted:
            return found
        with self._guarded("read"):
            segments: set[int] = set()
            for first in range(0, len(wanted), _ASKED_AT_ONCE):
                some = wanted[first : first + _ASKED_AT_ONCE]
                marks = ",".join("?" * len(some))
                rows = self._database.execute(f"SELECT DISTINCT segment FROM texts WHERE key IN ({marks})", some)  # noqa: S608
                segments.update(number for (number,) in rows)
            damaged = []
            asked = set(wanted)
            for number in sorted(segments):
                query = "SELECT rows, sha256 FROM segments WHERE id = ?"
                segment, checksum = self._database.execute(query, [number]).fetchone() or (b"", b"")
                if sha256(segment).digest() != checksum:
                    damaged.append(number)
                    continue
                names, places = _places(segment)
                for key in asked.intersection(places):
                    found.setdefault(key, {})[names] = places[key]
            if damaged:
                _log.warning("%s: %d segments are damaged. Their rows are made again.", self._path, len(damaged))
                self._remove(damaged)
            with _transaction(self._database):
                used = [(self._use, number) for number in sorted(segments)]
                self._database.executemany("UPDATE segments SET used = ? WHERE id = ?", used)
        return found

    def add(self, keys: Sequence[bytes], names: str, made: Made) -> None:
        """Keep rows that were just made.

        Args:
            keys: of what they were made from, one for each that is told of.
            names: version of the names that they were made with; empty where these do not matter.
        """
        if self._database is None or not keys:
            return
        rows = _segment(keys, names, made)
        with self._guarded("written"), _transaction(self._database):
            cursor = self._database.execute(
                "INSERT INTO segments (rows, sha256, used) VALUES (?, ?, ?)", [rows, sha256(rows).digest(), self._use]
            )
            self._database.executemany(
                "INSERT OR REPLACE INTO texts VALUES (?, ?, ?)", [(key, names, cursor.lastrowid) for key in keys]
            )

    def _remove(self, segments: Sequence[int]) -> None:
        assert self._database is not None
        numbers = [(number,) for number in segments]
        with _transaction(self._database):
            self._database.executemany("DELETE FROM texts WHERE segment = ?", numbers)
            self._database.executemany("DELETE FROM segments WHERE id = ?", numbers)

    def size(self) -> int:
        """Bytes in use."""
        if self._database is None:
            return 0
        pages, free, page = (
            self._database.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * page)

    def collect(self) -> None:
        """Remove what was longest not used, as long as there is more than the limit."""
        if self._database is None:
            return
        with self._guarded("cleaned"):
            size = self.size()
            if size <= self._most:
                return
            oldest = self._database.execute("SELECT id, length(rows) FROM segments ORDER BY used, id")
            gone = []
            for number, length in oldest.fetchall():
                if size <= self._most * _KEPT_SHARE:
                    break
                gone.append(number)
                size -= length
            self._remove(gone)
            self._database.execute("PRAGMA incremental_vacuum").fetchall()


#: How full it is after it was too full, so that not every build removes something.
_KEPT_SHARE = 0.9


class CachedRows:
    """Rows that were found in a cache, by fingerprint: a source of rows for `renewed`."""

    def __init__(self, places: Mapping[bytes, Place]) -> None:
        self._places = places
        self._held: OrderedDict[int, pa.Table] = OrderedDict()

    def __contains__(self, fingerprint: object) -> bool:
        return fingerprint in self._places

    def take(self, fingerprints: Sequence[bytes]) -> Made:
        """The rows of texts that are here, in the order given."""
        places = [self._places[fingerprint] for fingerprint in fingerprints]
        rows = [batch for place in places for batch in self._rows(place).to_batches()]
        return rows, [place.told for place in places]

    def _rows(self, place: Place) -> pa.Table:
        name = id(place.segment)  # the places hold it, so it stays its own
        if name not in self._held:
            if len(self._held) >= _SEGMENTS_HELD:
                self._held.popitem(last=False)
            self._held[name] = pa.ipc.open_stream(place.segment).read_all().replace_schema_metadata()
        self._held.move_to_end(name)
        return self._held[name].slice(place.first, place.told.rows)


def _segment(keys: Sequence[bytes], names: str, made: Made) -> bytes:
    batches, told = made
    header = {
        "keys": [key.hex() for key in keys],
        "names": names,
        "rows": [one.rows for one in told],
        "contents": [one.content.hex() if one.content else "" for one in told],
    }
    fields = [pa.field(field.name, field.type) for field in batches[0].schema]
    schema = pa.schema(fields, metadata={"texts": json.dumps(header)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        for batch in batches:
            writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
    stored: bytes = sink.getvalue().to_pybytes()
    return stored


def _places(segment: bytes) -> tuple[str, dict[bytes, Place]]:
    """The version of the names of a stored segment, and where in it the rows of each key are."""
    header = json.loads(pa.ipc.open_stream(segment).schema.metadata[b"texts"])
    starts = accumulate(header["rows"], initial=0)
    texts = zip(header["keys"], starts, header["rows"], header["contents"], strict=False)
    return header["names"], {
        bytes.fromhex(key): Place(segment, start, Told(count, bytes.fromhex(content) or None))
        for key, start, count, content in texts
    }


@contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        with suppress(sqlite3.Error):
            database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")
