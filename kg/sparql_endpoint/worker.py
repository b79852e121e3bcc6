"""A process that answers SPARQL questions, one after another, from a store it keeps open.

The kernel holds its limits: an alarm ends the process when a question has run for its time, and RLIMIT_DATA when it wants
more memory (address space, RLIMIT_AS, counts what allocators and threads only reserve: 600 MiB before the first question).
Both work while the engine is busy and need nobody outside, so that a worker whose server was killed ends as well.

Frames go both ways on standard input and output: four bytes of length, then as many bytes. A request is one JSON frame; a
reply is the answer in frames, an empty frame, and a JSON frame that says what it is or why there is none.
"""

from __future__ import annotations

import json
import resource
import signal
import struct
import sys
from pathlib import Path
from typing import Any, Final

import psutil

from kg.graph_store import (
    explain_syntax_error,
    names_its_graphs,
    open_index,
    refuse_unless_read_only,
    store_version,
)
from kg.sparql_endpoint.media_types import GRAPH_TYPES, RESULT_TYPES
from pipeline.curies import PREFIXES
from pipeline.errors import MateriaError

__all__ = ["LENGTH", "main"]

LENGTH: Final = struct.Struct(">I")
_FRAME: Final = 1 << 16


class TooLargeError(Exception):
    """The answer has more bytes than it may."""


class Frames:
    """A file that sends what is written to it in frames, up to a number of bytes."""

    def __init__(self, most: int) -> None:
        self._left = most
        self._pending = bytearray()

    def write(self, text: bytes) -> int:
        """Send what fills a frame, keep the rest."""
        self._left -= len(text)
        if self._left < 0:
            raise TooLargeError
        self._pending += text
        if len(self._pending) >= _FRAME:
            self.flush()
        return len(text)

    def flush(self) -> None:
        """Send the rest; an empty frame would end the answer and is not sent."""
        if self._pending:
            send(self._pending)
            self._pending.clear()


def send(frame: bytes | bytearray) -> None:
    """One frame to whoever started this process."""
    sys.stdout.buffer.write(LENGTH.pack(len(frame)))
    sys.stdout.buffer.write(frame)
    sys.stdout.buffer.flush()


def receive() -> bytes | None:
    """The next frame, or None where there will be none."""
    head = sys.stdin.buffer.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    return sys.stdin.buffer.read(LENGTH.unpack(head)[0])


class Reader:
    """The store as it is now: opened again when a build has replaced it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._store: Any = None
        self.version: str | None = None

    def store(self) -> Any:
        """The newest complete store. While a build puts a new one in place, the old one goes on answering."""
        version = store_version(self._folder)
        if self._store is None or version not in (None, self.version):
            self._store = open_index(self._folder)
            self.version = version
        return self._store


def answer(store: Any, request: dict[str, Any], out: Frames) -> str:
    """Write the answer to a request; return its media type, or the empty string where no accepted one fits the question.

    Raises:
        SyntaxError: the query is malformed.
        ValueError: a graph is named by something that is no IRI.
        MateriaError: the query would change the graph or ask another server.
        TooLargeError: the answer has more bytes than it may.
        OSError: the store cannot be read.
    """
    import pyoxigraph as ox

    sparql = request["sparql"]
    refuse_unless_read_only(sparql)
    graphs: dict[str, Any] = {
        name: [ox.NamedNode(iri) for iri in request[name]] for name in ("default_graph", "named_graphs")
    }
    if not any(graphs.values()):
        # Named graphs are part of the default graph, unless the question says which graphs it is about.
        graphs = {"use_default_graph_as_union": not names_its_graphs(sparql)}
    found = store.query(sparql, prefixes=PREFIXES, **graphs)
    triples = isinstance(found, ox.QueryTriples)
    chosen = str(request["graph_type" if triples else "result_type"] or "")
    if chosen:
        kind = ox.RdfFormat if triples else ox.QueryResultsFormat
        found.serialize(out, format=kind.from_media_type(chosen))
        out.flush()
    return chosen


def reply(reader: Reader, request: dict[str, Any]) -> dict[str, Any]:
    """Answer a request; return what the last frame says: the media type, or the reason why there is no answer."""
    try:
        store = reader.store()
    except MateriaError as error:
        return {"reason": "missing", "problem": error.problem, "remedy": error.remedy}
    try:
        media_type = answer(store, request, Frames(request["most_bytes"]))
    except SyntaxError as error:
        return {"reason": "malformed"} | explain_syntax_error(error)
    except ValueError as error:
        return {"reason": "malformed", "problem": f"a graph has no IRI ({error})", "remedy": "Name it by its IRI"}
    except MateriaError as error:
        return {"reason": "refused", "problem": error.problem, "remedy": error.remedy}
    except TooLargeError:
        most = f"{request['most_bytes'] >> 20} MiB"
        return {"reason": "limit", "problem": f"the answer has more than {most}", "remedy": "Ask for less, with LIMIT"}
    except OSError as error:
        return {"reason": "missing", "problem": f"the graph cannot be read ({error})", "remedy": "Ask again"}
    if not media_type:
        types = ", ".join((*RESULT_TYPES, *GRAPH_TYPES))
        return {"reason": "form", "problem": "no accepted form fits the answer", "remedy": f"Accept one of {types}"}
    return {"media_type": media_type, "version": reader.version}


def main() -> None:
    """Answer until standard input ends. Arguments: the folder of the store, MiB of memory."""
    folder, memory_mib = Path(sys.argv[1]), int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_DATA, (memory_mib << 20, memory_mib << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    reader, process = Reader(folder), psutil.Process()
    while (frame := receive()) is not None:
        request = json.loads(frame)
        signal.setitimer(signal.ITIMER_REAL, request["seconds"])
        said = reply(reader, request)
        signal.setitimer(signal.ITIMER_REAL, 0)
        # The allocator keeps what it once had: a process that keeps half of what it may have gives it back by ending.
        said["retire"] = process.memory_info().rss > memory_mib << 19
        send(b"")
        send(json.dumps(said).encode())


if __name__ == "__main__":
    main()
