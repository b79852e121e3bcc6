"""What a SPARQL server holds, said by one statement in the server itself.

    GRAPH materia:index { materia:home/<home> materia:holds "<state>" }

The machine that filled a server knows what it put there (`kg.generations`), another one does not: a home in an object store is
built now by this machine and now by that, and a server may be emptied, or started anew without its disk. So a load begins and ends with
this statement, and goes by difference only where it names a state that the machine knows. Its cost is two requests. Rejected: the
state's N-Quads in the home (as many bytes as the graph, written again by each update).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kg.generations import Generation
from kg.sparql_server import SparqlServer
from pipeline.curies import expand
from pipeline.hashing import hash_fields

__all__ = ["Mark", "begun", "clear", "known_states", "read_mark", "state_of", "write_mark"]

_GRAPH: Final = f"<{expand('materia:index')}>"
_HOME: Final = expand("materia:home/")
_HOLDS: Final = f"<{expand('materia:holds')}>"


@dataclass(frozen=True, slots=True)
class Mark:
    """The home whose graph a server holds, and a name of the state; one that begins with `begun-` may be there in part."""

    home: str
    state: str


def read_mark(server: SparqlServer) -> Mark | None:
    """The mark of a server; None where there is none (more than one is nobody's state)."""
    rows = [
        (str(home), str(state))
        for home, state in server.ask(f"SELECT ?h ?s {{ GRAPH {_GRAPH} {{ ?h {_HOLDS} ?s }} }}", patient=True)
    ]
    if not rows:
        return None
    return Mark(rows[0][0].removeprefix(_HOME), rows[0][1] if len(rows) == 1 else "begun-")


def write_mark(server: SparqlServer, mark: Mark) -> None:
    """Put a mark in the place of the one that is there, by one request."""
    server.update(f"DROP SILENT GRAPH {_GRAPH} ; {_insert(mark)}".encode())


def clear(server: SparqlServer, mark: Mark) -> None:
    """Remove all that a server holds, but for a new mark."""
    server.update(f"DROP ALL ; {_insert(mark)}".encode())


def _insert(mark: Mark) -> str:
    return f'INSERT DATA {{ GRAPH {_GRAPH} {{ <{_HOME}{mark.home}> {_HOLDS} "{mark.state}" }} }}'


def state_of(nquads: Iterable[Path]) -> str:
    """The name of a state: a hash of its N-Quads, file by file."""
    hashes = []
    for path in nquads:
        with path.open("rb") as file:
            hashes.append(hashlib.file_digest(file, "sha256").hexdigest())
    return hash_fields(*hashes)


def begun(states: Sequence[str]) -> str:
    """The name of what is there while one state after the other was begun, from the first, which was reached."""
    return f"begun-{hash_fields(*states)}"


def known_states(reached: Generation | None, begun_after: Sequence[Generation]) -> set[str]:
    """Every state that a mark may name from which this machine can go on: what it reached, what it began, what it finished unnoticed."""
    after = [state_of(generation.nquads) for generation in begun_after]
    states = ["" if reached is None else state_of(reached.nquads), *after]
    return {*states, *(begun(states[:length]) for length in range(2, len(states) + 1))} - {""}
