"""The index of the graph that answers SPARQL: Oxigraph on disk, loaded in bulk from N-Quads, read through rdflib.

The N-Quads are the truth; the index is made from them and can be thrown away. It is loaded beside the old one and takes its
place by a rename, so that a crash leaves the old index or none, never half of one. Cost: about 200,000 quads a second.
A question is answered in a process of its own, which is the one way to stop a query that never ends. Rejected: rdflib's own
memory store (seven times slower to fill, seventeen times slower on a two-hop count).
"""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from pipeline.curies import PREFIXES, compress
from pipeline.errors import MateriaError

__all__ = ["build_store", "open_store", "query"]

Rows = list[list[str | None]]


def build_store(nquads: Sequence[Path], folder: Path) -> int:
    """Load N-Quads files into a new index that then takes the place of the old one.

    Returns:
        The number of quads in the index.

    Raises:
        MateriaError: a file is no N-Quads; the old index stays.
    """
    import pyoxigraph

    fresh, old = folder.with_name(folder.name + ".new"), folder.with_name(folder.name + ".old")
    for left in (fresh, old):
        shutil.rmtree(left, ignore_errors=True)
    fresh.parent.mkdir(parents=True, exist_ok=True)
    store = pyoxigraph.Store(str(fresh))
    for file in nquads:
        try:
            store.bulk_load(path=str(file), format=pyoxigraph.RdfFormat.N_QUADS)
        except (SyntaxError, ValueError, OSError) as error:
            raise MateriaError(f"is no N-Quads ({error})", file=str(file), remedy="Build the knowledge graph again") from error
    store.optimize()
    store.flush()
    quads = len(store)
    del store
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
    return quads


def open_store(folder: Path) -> Any:
    """The graph as an rdflib Dataset over the index, read only; the default graph is the union of all graphs.

    Raises:
        MateriaError: there is no index.
    """
    import pyoxigraph
    import rdflib
    from oxrdflib.store import OxigraphStore

    if not folder.exists():
        raise MateriaError("there is no graph index yet", file=str(folder), remedy="Run: materia build --until graph_index")
    try:
        store = OxigraphStore(store=pyoxigraph.Store.read_only(str(folder)))
    except OSError as error:
        raise MateriaError(f"cannot be opened ({error})", file=str(folder), remedy="Delete the folder and build again") from error
    dataset = rdflib.Dataset(store=store, default_union=True)
    for prefix, base in PREFIXES.items():
        dataset.bind(prefix, base, override=True, replace=True)
    return dataset


def query(folder: Path, sparql: str, *, limit: int = 1000, timeout_s: float = 60) -> tuple[list[str], Rows]:
    """Answer a SELECT, ASK, CONSTRUCT or DESCRIBE query (SPARQL 1.1); prefixes of the pinned map need no declaration.

    Args:
        limit: most rows to return.
        timeout_s: seconds before it is stopped.

    Returns:
        Names of the columns, and rows of values as text: CURIEs where the prefix is known, None where unbound.

    Raises:
        MateriaError: the query is malformed, is an update, took too long, or there is no index.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(sender, str(folder), sparql, limit), daemon=True)
    process.start()
    sender.close()
    try:
        if not receiver.poll(timeout_s):
            raise MateriaError(
                f"the query took longer than {timeout_s:g} s and was stopped", remedy="Narrow it, or give a longer --timeout"
            )
        answer = receiver.recv()
    except EOFError as error:
        raise MateriaError("the query's process ended without an answer", remedy="Narrow the query: it may need too much memory") from error
    finally:
        process.kill()
        process.join()
    if isinstance(answer, MateriaError):
        raise answer
    columns, rows = answer
    return list(columns), list(rows)


def _answer(sender: Connection, folder: str, sparql: str, limit: int) -> None:
    """Answer in this process and send columns and rows, or the error."""
    try:
        sender.send(_select(folder, sparql, limit))
    except MateriaError as error:
        sender.send(error)
    except (SyntaxError, ValueError, NotImplementedError, TypeError) as error:
        text = " ".join(str(error).split())
        sender.send(MateriaError(f"this is no SPARQL query: {text}", remedy="Correct it; updates are not taken (SELECT, ASK, CONSTRUCT are)"))


def _select(folder: str, sparql: str, limit: int) -> tuple[list[str], Rows]:
    result = open_store(Path(folder)).query(sparql)
    if result.type == "ASK":
        return ["answer"], [["true" if result.askAnswer else "false"]]
    rows: Rows = []
    columns = ["subject", "predicate", "object"] if result.vars is None else [str(v) for v in result.vars]
    for row in result:
        if len(rows) >= limit:
            break
        rows.append([None if term is None else _text(term) for term in row])
    return columns, rows


def _text(term: Any) -> str:
    from rdflib import URIRef

    return compress(str(term)) if isinstance(term, URIRef) else str(term)
