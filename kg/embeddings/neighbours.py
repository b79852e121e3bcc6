"""Nearest concepts by their vectors: exact, in batches of rows, memory flat as the table grows.

Similarity is the cosine, for every scorer. On UMLS (135 entities, 5 neighbours each), the mean overlap (Jaccard) of the claims
of neighbours was, where the best choice of neighbours has .640 and chance .089:

    scorer     cosine   distance L2   distance L1   modulus of the Hermitian product   cosine of the coordinates' moduli
    TransE       .603          .591          .597                                  -                                   -
    DistMult     .625          .624          .623                                  -                                   -
    RotatE       .629          .622          .621                               .629                                .577
    ComplEx      .628          .625          .623                               .628                                .545

The cosine of complex vectors stored as real and imaginary parts is the real part of their Hermitian product, which is what
ComplEx and RotatE compare with. Their moduli alone forget the phase, in which a rotation writes what it means.

Cost: one pass over `embeddings.safetensors`, which is mapped and not loaded: .55 s of one core for 500,000 vectors of 128
numbers; 47 MB of memory of its own for 100,000 vectors as for 400,000. Rejected: approximate indexes, which a pass so short does
not need.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kg.embeddings.tables import AGAIN, ENTITIES_FILE, ENTITY_VECTORS, TENSORS_FILE, read_json
from pipeline.duck import connect, table_view
from pipeline.errors import MateriaError
from pipeline.readers.base import clean

__all__ = ["Neighbour", "nearest"]

_ROWS: Final = 65_536
_LIKE: Final = 3


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A concept near another: its CURIE, the cosine of the two vectors, and the training triples it is an end of."""

    curie: str
    similarity: float
    triples: int


def nearest(folder: Path, curies: Sequence[str], k: int = 10, *, rows: int = _ROWS) -> list[list[Neighbour]]:
    """The k concepts nearest to each of these, the nearest first, equal ones by CURIE.

    Args:
        folder: what `Embeddings.save` wrote.
        curies: concepts to start from; none is its own neighbour. Concepts that training never saw are no neighbours.
        k: how many; fewer where there are fewer concepts.
        rows: rows of the table that are read at a time.

    Raises:
        MateriaError: the folder holds no embeddings or a damaged file, or a CURIE has no vector.
    """
    read_json(folder / "manifest.json")
    with connect(threads=1) as connection, _opened(folder / TENSORS_FILE) as file:
        table_view(connection, "entities", [str(folder / ENTITIES_FILE)], ENTITY_VECTORS, virtual=("file_row_number",))
        vectors = file.get_slice("entities")
        (count,) = connection.execute("SELECT count(*) FROM entities").fetchone() or (0,)
        if vectors.get_shape()[0] != count:
            raise MateriaError("is of other embeddings", file=str(folder / TENSORS_FILE), remedy=AGAIN)
        own = _places(connection, curies, folder)
        unseen = {
            row for (row,) in connection.execute("SELECT file_row_number FROM entities WHERE triples = 0").fetchall()
        }
        queries = np.concatenate([vectors[:0], *(vectors[place : place + 1] for place in own)])
        best = _search(vectors, _unit(queries), k + 1, rows, np.array(sorted(unseen), dtype=np.int64))
        wanted = sorted({int(row) for rows_, _ in best for row in rows_})
        named = connection.execute(
            "SELECT file_row_number, curie, triples FROM entities WHERE list_contains($rows, file_row_number)",
            {"rows": wanted},
        ).fetchall()
    names = {row: (curie, triples) for row, curie, triples in named}
    return [
        [
            Neighbour(names[int(row)][0], float(similarity), names[int(row)][1])
            for row, similarity in zip(rows_, similarities, strict=True)
            if row != place
        ][:k]
        for place, (rows_, similarities) in zip(own, best, strict=True)
    ]


def _opened(path: Path) -> Any:
    """The tensors, mapped."""
    from safetensors import SafetensorError, safe_open

    try:
        return safe_open(str(path), framework="np")
    except (SafetensorError, OSError) as error:
        raise MateriaError("is missing or damaged", file=str(path), remedy=AGAIN) from error


def _places(connection: Any, curies: Sequence[str], folder: Path) -> list[int]:
    """The row of each CURIE."""
    sql = "SELECT curie, file_row_number FROM entities WHERE triples > 0 AND list_contains($curies, curie)"
    rows = dict(connection.execute(sql, {"curies": list(curies)}).fetchall())
    for curie in curies:
        if curie not in rows:
            like = connection.execute(
                "SELECT curie FROM entities WHERE triples > 0 "
                "ORDER BY jaro_winkler_similarity(lower(curie), lower($curie)) DESC, curie LIMIT $most",
                {"curie": curie, "most": _LIKE},
            ).fetchall()
            raise MateriaError(
                f"has no vector in {folder.name}: no training triple names it",
                file=clean(curie),
                remedy=f"Did you mean {', '.join(clean(name) for (name,) in like)}?",
            )
    return [rows[curie] for curie in curies]


def _search(
    vectors: Any, queries: NDArray[np.float32], k: int, rows: int, unseen: NDArray[np.int64]
) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """For each query the rows with the highest cosines, and these; equal ones by row, as CURIEs are sorted."""
    count = vectors.get_shape()[0]
    best_rows = np.empty((len(queries), 0), dtype=np.int64)
    best = np.empty((len(queries), 0), dtype=np.float32)
    for start in range(0, count, rows):
        stop = min(start + rows, count)
        similarities = queries @ _unit(vectors[start:stop]).T
        out = unseen[np.searchsorted(unseen, start) : np.searchsorted(unseen, stop)]
        similarities[:, out - start] = -np.inf
        best = np.concatenate([best, similarities], axis=1)
        best_rows = np.concatenate([best_rows, np.broadcast_to(np.arange(start, stop), similarities.shape)], axis=1)
        order = np.argsort(-best, axis=1, kind="stable")[:, :k]
        best, best_rows = np.take_along_axis(best, order, 1), np.take_along_axis(best_rows, order, 1)
    found = np.isfinite(best)
    return [(row[here], value[here]) for row, value, here in zip(best_rows, best, found, strict=True)]


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors of length 1; zero vectors stay zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1))
