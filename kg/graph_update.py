"""The store brought up to date by difference: what changed in the N-Quads is taken out of a copy of the index and put in.

A generation of the store keeps the N-Quads that its index holds. The next one starts as hard links to the old index
(RocksDB never writes to a file twice), takes the difference of old and new N-Quads, and is put in force in one step.
Whoever is killed before that step leaves the old generation, and the next update starts from it again.

Cost: 0.35 s of wall time and 0.53 s of the processor's for 20,600 quads out and as many in, of 2 million whose whole load takes 12.7 s
and 19.3 s; 211 MiB (`benchmarks/graph.py`). A fifth of it is reading both states of the N-Quads, another fifth RocksDB's
merging of small files, which it does beside.
Rejected: DELETE DATA in one transaction (no faster than removing quad by quad), loading additions in a transaction (twice
the time of ingesting them as files), loading before removing (as dear), compacting after each update (it costs as much as a
whole load).
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

from kg.generations import (
    Generation,
    begin,
    begun_generations,
    current_generation,
    next_generation,
    put_in_force,
)
from kg.graph_store import build_store
from kg.server_mark import Mark, begun, clear, known_states, read_mark, state_of, write_mark
from kg.sorted_lines import line_difference
from kg.sparql_server import SparqlServer, shown, update_blocks
from pipeline.curies import expand
from pipeline.errors import MateriaError
from pipeline.hashing import hash_fields

__all__ = ["StoreUpdate", "update_server", "update_store"]

#: Beyond this share of the old N-Quads, a change costs as much as a whole load, which leaves a more compact index.
_LARGEST_CHANGE: Final = 0.25
_CLAIM: Final = re.compile(f"<{re.escape(expand('materia:triple/'))}([0-9a-f]{{64}})>".encode())


@dataclass(frozen=True, slots=True)
class StoreUpdate:
    """What an update did to a store.

    Attributes:
        quads: in the store now.
        removed: quads taken out; 0 where it was loaded whole.
        added: quads put in.
        whole: whether it was loaded whole.
        claims: of how many claims something new is said; 0 where the store was loaded whole, or none were asked for.
        changed: their ids that come first, as many as were asked for.
    """

    quads: int
    removed: int
    added: int
    whole: bool
    claims: int = 0
    changed: tuple[str, ...] = ()


def update_store(nquads: Sequence[Path], folder: Path, *, beside: Sequence[Path] = (), changed: int = 0) -> StoreUpdate:
    """Make the store in `folder` hold exactly the quads of these files: by difference where it can be, else by loading all.

    Args:
        nquads: sorted N-Quads, each line once; no line in two files, now or before. A file is compared with the one that had
            its place in the sequence before.
        folder: where the store stands, or will stand.
        beside: more files of that kind, which may be missing before or after: statements about the graph.
        changed: how many changed claims to name.

    Raises:
        MateriaError: a file is missing or is not N-Quads; the old store is left as it was.
    """
    current = current_generation(folder)
    known, nquads = (len(nquads), len(nquads) + len(beside)), [*nquads, *beside]
    # Where the number of files changed, a line may stand in another one than before, and be taken out and put in.
    if current is not None and len(current.nquads) in known:
        staged = next_generation(folder)
        try:
            done = _by_difference(current, nquads, staged, changed)
        except (OSError, RuntimeError, SyntaxError):
            done = None  # of the old generation or of the new files; whatever is wrong with these, the load will say
        if done is not None:
            return done
        shutil.rmtree(staged)
    quads = build_store(nquads, folder)
    return StoreUpdate(quads, 0, quads, whole=True)


def _by_difference(current: Generation, nquads: Sequence[Path], staged: Path, changed: int) -> StoreUpdate | None:
    """Put the state after the difference in force, and name some changed claims; None where the difference is too large."""
    import pyoxigraph

    removed, added, nquads_format = staged / "removed.nq", staged / "added.nq", pyoxigraph.RdfFormat.N_QUADS
    most = _LARGEST_CHANGE * sum(path.stat().st_size for path in current.nquads)
    # Oxigraph works outside of Python's lock, and goes on with what the last update left it to do as soon as it is open.
    with ThreadPoolExecutor(1) as beside:
        opening = beside.submit(_open_copy, current.index, staged / "index")
        counts = write_difference(current.nquads, nquads, removed, added, most)
        store = opening.result()
        if counts is None:
            return None
        # No quad is both taken out and put in, so neither waits for the other. What leaves was checked when it was loaded.
        loading = beside.submit(store.bulk_load, path=str(added), format=nquads_format)
        for quad in pyoxigraph.parse(path=str(removed), format=nquads_format, lenient=True):
            store.remove(quad)
        loading.result()
    store.flush()
    del store, opening
    claims = _claims_in(added) if changed else []
    removed.unlink()
    added.unlink()
    put_in_force(staged, nquads, current.quads - counts[0] + counts[1])
    quads = current.quads - counts[0] + counts[1]
    return StoreUpdate(quads, *counts, whole=False, claims=len(claims), changed=tuple(claims[:changed]))


def _claims_in(nquads: Path) -> list[str]:
    """The ids of claims that these lines name, sorted. They are of a small change, and fit into memory."""
    found: set[bytes] = set()
    with nquads.open("rb") as file:
        while lines := file.readlines(1 << 20):
            found.update(_CLAIM.findall(b"".join(lines)))
    return sorted(claim.decode() for claim in found)


def _open_copy(index: Path, copy: Path) -> Any:
    """A store of its own, made of hard links."""
    import pyoxigraph

    pyoxigraph.Store.read_only(str(index)).backup(str(copy))
    return pyoxigraph.Store(str(copy))


def update_server(nquads: Sequence[Path], folder: Path, server: SparqlServer, *, home: str = "") -> StoreUpdate:
    """Make a server hold exactly the quads of these files: by the difference from all that it may hold, where that is known here.

    Args:
        nquads: as for `update_store`.
        folder: where this machine keeps what it put into the server.
        server: holds nothing else, but a mark of what it holds (`kg.server_mark`). It is cleared only where the mark says that all of
            it is of this home, so that no foreign statement can be lost by a wrong URL.
        home: what names the home on every machine that builds it.

    Raises:
        MateriaError: the server cannot be reached, or refuses, or holds statements that are not ours. What was done stays
            done, and the next call goes on from there.
    """
    home = hash_fields(home)[:16]
    reached, begun_after, mark = current_generation(folder), begun_generations(folder), read_mark(server)
    held = [reached.nquads if reached else [], *(generation.nquads for generation in begun_after)]
    known = known_states(reached, begun_after)
    new = state_of(nquads)
    if mark is None and not server.is_empty():
        raise MateriaError(
            "holds statements that this home did not put there",
            file=shown(server.update_url),
            remedy="Name a server, or a data set of it, that is empty",
        )
    if mark is not None and mark.home != home and mark.state not in {*known, new}:
        raise MateriaError(
            "holds the graph of another home",
            file=shown(server.update_url),
            remedy="Name a server, or a data set of it, that is empty, or empty this one",
        )
    staged = next_generation(folder)
    quads = sum(_count(path) for path in nquads)
    begin(staged, nquads, quads)
    whole = mark is None or mark.state not in {*known, new}
    if mark is not None and mark.state == new:
        held = []
    elif whole:
        clear(server, Mark(home, begun([new])))
        held = [[]]
    else:
        states = [state_of(old) if old else "" for old in held]
        write_mark(server, Mark(home, begun([*states, new])))
    lines_removed, lines_added = _send(held, nquads, staged, server)
    write_mark(server, Mark(home, new))
    put_in_force(staged, nquads, quads)
    return StoreUpdate(quads, lines_removed, lines_added, whole=whole)


def _send(
    held: Sequence[Sequence[Path]], nquads: Sequence[Path], staged: Path, server: SparqlServer
) -> tuple[int, int]:
    """Send the difference from each of some states; how many lines were taken out, and put in."""
    lines_removed = lines_added = 0
    removed, added = staged / "removed.nq", staged / "added.nq"
    for old in held:
        counts = write_difference(old, nquads, removed, added, float("inf"))
        assert counts is not None
        for path, operation in ((removed, "DELETE"), (added, "INSERT")):
            for block in update_blocks(path, operation):
                server.update(block)
        lines_removed, lines_added = lines_removed + counts[0], lines_added + counts[1]
        removed.unlink()
        added.unlink()
    return lines_removed, lines_added


def _count(path: Path) -> int:
    with path.open("rb") as file:
        return sum(piece.count(b"\n") for piece in iter(lambda: file.read(1 << 20), b""))


def write_difference(
    old: Sequence[Path], new: Sequence[Path], removed: Path, added: Path, most: float
) -> tuple[int, int] | None:
    """Write the lines that only the old files have, and those that only the new ones have.

    Returns:
        How many lines each of the two files has; None as soon as they are more than `most` bytes.
    """
    lines_removed = lines_added = size = 0
    with removed.open("wb") as lost, added.open("wb") as won:
        for before, after in zip_longest(old, new):
            if before and after and before.samefile(after):
                continue
            for only_old, only_new in line_difference(before, after):
                size += lost.write(only_old) + won.write(only_new)
                if size > most:
                    return None
                lines_removed += only_old.count(b"\n")
                lines_added += only_new.count(b"\n")
    return lines_removed, lines_added
