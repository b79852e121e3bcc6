"""The graph as a SPARQL index on disk: Oxigraph, built in bulk from N-Quads, read through rdflib's API.

The N-Quads are the truth and the index is made from them, so it is never repaired: it is built apart and put in place by
a rename, with its marker inside. A crash leaves the old index or none, never half of one that opens. Files are loaded many at once, as
one stream: file by file takes Oxigraph twice the time, and leaves a small sorted file for each, which it must merge afterwards.

A question runs in a process of its own that can be stopped: a query may take for ever, and neither rdflib nor pyoxigraph
can interrupt one. Starting that process costs about half a second; whoever asks many questions opens the store once and
uses rdflib. Rejected: a thread with a deadline (it goes on computing after the deadline), an estimate of a query's cost.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from io import BufferedReader, RawIOBase
from itertools import islice
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from kg.generations import current_generation, next_generation, put_in_force
from kg.sparql_server import SparqlServer
from pipeline.curies import PREFIXES
from pipeline.errors import MateriaError

__all__ = [
    "build_store",
    "compact",
    "explain_syntax_error",
    "names_its_graphs",
    "open_index",
    "open_store",
    "query",
    "refuse_unless_read_only",
]

#: N-Quads that are loaded at once: 300,000 quads, for which Oxigraph takes 350 MiB. A million take 1.2 GiB and are no faster.
_LOADED_BYTES: Final = 64 << 20
_READ_BYTES: Final = 1 << 20
_REBUILD: Final = "Run: materia build --until graph_index"

#: IRIs, strings and comments: parts of a query in which words mean nothing.
_NOT_WORDS: Final = re.compile(
    r'<[^<>\s"{}|\\^`]*>|"""(?:[^"\\]|\\.|"(?!""))*"""|'
    r"'''(?:[^'\\]|\\.|'(?!''))*'''|"
    r'"(?:[^"\\\n]|\\.)*"|'
    r"'(?:[^'\\\n]|\\.)*'|#[^\n]*",
    re.DOTALL,
)
_WORD: Final = re.compile(r"(?<![\w?$:-])[A-Za-z]+(?![\w:-])")
_SERVICE: Final = re.compile(r"(?<![\w?$:-])SERVICE", re.IGNORECASE)
_UPDATES: Final = frozenset(["ADD", "CLEAR", "COPY", "CREATE", "DELETE", "DROP", "INSERT", "LOAD", "MOVE", "WITH"])


def build_store(nquads: Sequence[Path], folder: Path) -> int:
    """Load N-Quads files into a new Oxigraph store and put it in place of the one in `folder`.

    Returns:
        The number of distinct quads in it.

    Raises:
        MateriaError: a file is missing or is not N-Quads; the old store is left as it was.
    """
    import pyoxigraph

    staged = next_generation(folder)
    store = pyoxigraph.Store(str(staged / "index"))
    try:
        for group in _in_groups(nquads):
            store.bulk_load(input=BufferedReader(_Chained(group), _READ_BYTES), format=pyoxigraph.RdfFormat.N_QUADS)
    except (OSError, SyntaxError) as error:
        del store
        shutil.rmtree(staged, ignore_errors=True)
        raise _cannot_be_loaded(nquads, error) from error
    store.optimize()
    store.flush()
    quads = len(store)
    del store
    put_in_force(staged, nquads, quads)
    return quads


def _in_groups(paths: Sequence[Path]) -> Iterator[list[Path]]:
    """Files that are loaded together, one after another."""
    group: list[Path] = []
    size = 0
    for path in paths:
        if group and size >= _LOADED_BYTES:
            yield group
            group, size = [], 0
        group.append(path)
        size += path.stat().st_size
    if group:
        yield group


class _Chained(RawIOBase):
    """Files of lines as one, with an empty line after each, so that what is cut short in one goes on in no other."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = iter(paths)
        self._file: RawIOBase | None = None

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Bytes of the file that is being read, or of the next."""
        while True:
            if self._file is None:
                path = next(self._paths, None)
                if path is None:
                    return 0
                self._file = path.open("rb", buffering=0)
            if count := self._file.readinto(buffer):
                return count
            self._file.close()
            self._file = None
            buffer[:1] = b"\n"
            return 1


def _cannot_be_loaded(paths: Sequence[Path], error: Exception) -> MateriaError:
    """What to say where files could not be loaded: each is parsed, to name the one that is at fault."""
    import pyoxigraph

    at_fault = None
    for path in paths:
        try:
            deque(pyoxigraph.parse(path=str(path), format=pyoxigraph.RdfFormat.N_QUADS), maxlen=0)
        except (OSError, SyntaxError) as own:
            at_fault, error = path.name, own
            break
    return MateriaError(f"cannot be loaded ({error})", file=at_fault, remedy="Build knowledge_graph again")


def open_index(folder: Path) -> Any:
    """The graph in a folder as a `pyoxigraph.Store`, read only.

    Raises:
        MateriaError: there is no complete store in the folder.
    """
    import pyoxigraph

    generation = current_generation(folder)
    if generation is None:
        raise MateriaError("the graph has no index to ask", remedy=_REBUILD)
    try:
        return pyoxigraph.Store.read_only(str(generation.index))
    except (OSError, RuntimeError) as error:  # a file that is gone is no OSError to Oxigraph, but damage
        if current_generation(folder) != generation:
            return open_index(folder)  # an update put the next one in force just now
        raise MateriaError(f"the index of the graph cannot be opened ({error})", remedy=_REBUILD) from error


def open_store(place: Path | SparqlServer) -> Any:
    """The graph as an `rdflib.Dataset`, read only, with the project's prefixes bound.

    Named graphs (one a document) are part of the default graph, so a query need not know where a statement is kept; of a
    server that is so only where it is set up like that.

    Args:
        place: the folder where `build_store` or `update_store` put the store, or a server.

    Raises:
        MateriaError: there is no complete store in the folder. A server is not asked before the first query.
    """
    from oxrdflib import OxigraphStore
    from rdflib import Dataset, Namespace

    store = place.rdflib_store() if isinstance(place, SparqlServer) else OxigraphStore(store=open_index(place))
    dataset = Dataset(store=store, default_union=True)
    for prefix, namespace in PREFIXES.items():
        dataset.bind(prefix, Namespace(namespace), override=True, replace=True)
    return dataset


def query(
    place: Path | SparqlServer, sparql: str, *, limit: int = 1000, timeout_s: float = 60, memory_mib: int = 8192
) -> tuple[list[str], list[list[Any]]]:
    """Ask a SPARQL 1.1 question (SELECT, ASK, CONSTRUCT, DESCRIBE) in a process that is stopped at its limits.

    Args:
        place: the folder of the store, or a server.
        sparql: the question; the project's prefixes need no PREFIX line.
        limit: rows returned at most.
        timeout_s: seconds before it is stopped.
        memory_mib: address space it may use; the index itself is mapped into it.

    Returns:
        Columns and rows. IRIs come as CURIEs where a prefix fits, numbers and booleans as such, other literals as text, an
        unbound variable as None. ASK gives one row with the column `answer`.

    Raises:
        MateriaError: the query is malformed (with line and column), changes the graph, asks another server, or reached a
            limit; or there is no store, or the server is down or refuses.
    """
    refuse_unless_read_only(sparql)
    where = [place.query_url, place.update_url, timeout_s] if isinstance(place, SparqlServer) else str(place)
    request = json.dumps({"place": where, "sparql": sparql, "limit": limit, "memory_mib": memory_mib})
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "kg.graph_store"],
            input=request.encode(),
            capture_output=True,
            timeout=timeout_s,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise MateriaError(
            f"the query was stopped after {timeout_s:g} seconds",
            remedy="Ask for less, or allow more time with --timeout",
        ) from error
    if done.returncode != 0:
        trouble = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        if done.returncode < 0 or "memory" in trouble.lower():
            raise MateriaError(f"the query needed more than {memory_mib} MiB of memory", remedy="Ask for less")
        raise MateriaError(f"the query failed ({trouble})", remedy=_REBUILD)
    answer = json.loads(done.stdout)
    if "problem" in answer:
        raise MateriaError(answer["problem"], file=answer.get("file"), remedy=answer["remedy"])
    return answer["columns"], answer["rows"]


def refuse_unless_read_only(sparql: str) -> None:
    """Raise MateriaError for an update, and for SERVICE, which would ask a server on the network."""
    bare = _NOT_WORDS.sub(" ", sparql)
    first = next((word.upper() for word in _WORD.findall(bare) if word.upper() not in ("PREFIX", "BASE")), "")
    if first in _UPDATES:
        raise MateriaError(f"{first} would change the graph", remedy="Ask with SELECT, ASK, CONSTRUCT or DESCRIBE")
    if _SERVICE.search(bare):
        raise MateriaError("SERVICE would ask a server on the network", remedy="Ask the graph itself")


def names_its_graphs(sparql: str) -> bool:
    """Whether a query says with FROM or FROM NAMED which graphs it is about."""
    return any(word.upper() == "FROM" for word in _WORD.findall(_NOT_WORDS.sub(" ", sparql)))


def compact(iri: str) -> str:
    """The CURIE of an IRI: the inverse of `pipeline.curies.expand`; the IRI in angle brackets where no prefix fits.

    >>> compact("http://id.nlm.nih.gov/mesh/D003920")
    'MESH:D003920'
    """
    unregistered = PREFIXES["materia"] + "unregistered/"
    if iri.startswith(unregistered):
        return unquote(iri.removeprefix(unregistered))
    fitting = [(len(base), prefix) for prefix, base in PREFIXES.items() if iri.startswith(base) and iri != base]
    if not fitting:
        return f"<{iri}>"
    length, prefix = max(fitting)
    return f"{prefix}:{unquote(iri[length:])}"


def explain_syntax_error(error: SyntaxError) -> dict[str, str]:
    """What is wrong with a query that pyoxigraph refused, with line and column: `problem` and `remedy`."""
    text = str(error)
    place = re.match(r"error at (\d+):(\d+)", text)
    where = f" at line {place[1]}, column {place[2]}" if place else f" ({text})"
    if "Prefix not found" in text:
        return {
            "problem": f"the query uses an unknown prefix{where}",
            "remedy": f"Use one of {', '.join(PREFIXES)}, or write PREFIX",
        }
    return {"problem": f"the query is malformed{where}", "remedy": "Correct it there or just before"}


def _plain(term: Any) -> Any:
    """An rdflib term as JSON has it."""
    from decimal import Decimal

    from rdflib import Literal, URIRef

    if isinstance(term, URIRef):
        return compact(str(term))
    if isinstance(term, Literal):
        value = term.toPython()
        if isinstance(value, Decimal):
            return float(value)
        return value if isinstance(value, (bool, int, float, str)) and not isinstance(value, Literal) else str(term)
    return None if term is None else str(term)


def _answer(place: str | list[Any], sparql: str, limit: int) -> dict[str, Any]:
    if isinstance(place, list):
        import pyoxigraph

        # Servers tell of mistakes in ways of their own; an empty store tells where they are.
        pyoxigraph.Store().query(sparql, prefixes=PREFIXES)
        result = open_store(SparqlServer(*place)).query(sparql)
    else:
        dataset = open_store(Path(place))
        # rdflib's own way puts the union of all graphs in the place of what FROM names.
        named = names_its_graphs(sparql)
        result = dataset.store.query(sparql, {}, {}, "") if named else dataset.query(sparql)
    if result.type == "ASK":
        return {"columns": ["answer"], "rows": [[bool(result.askAnswer)]]}
    columns = [str(name) for name in result.vars] if result.type == "SELECT" else ["subject", "predicate", "object"]
    # rdflib leaves out a row in which nothing is bound.
    rows: Iterator[Any] = islice(iter(result), limit)
    return {"columns": columns, "rows": [[_plain(term) for term in row] for row in rows]}


def _serve_one() -> None:
    """The other process: a request as JSON on standard input, the answer as JSON on standard output."""
    import resource

    request = json.load(sys.stdin)
    allowed = request["memory_mib"] << 20
    resource.setrlimit(resource.RLIMIT_AS, (allowed, allowed))
    try:
        answer = _answer(request["place"], request["sparql"], request["limit"])
    except SyntaxError as error:
        answer = explain_syntax_error(error)
    except MateriaError as error:
        answer = {"problem": error.problem, "file": error.file, "remedy": error.remedy}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    _serve_one()
