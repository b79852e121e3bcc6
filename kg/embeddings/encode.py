"""From triples with CURIEs to triples of integers: sorted names, so the numbers depend on the triples only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.errors import MateriaError

__all__ = ["SPLITS", "EncodedTriples", "encode_triples"]

SPLITS = ("train", "validation", "test")
_DIGESTED = 65_536
_COLUMNS = ("subject", "predicate", "object", "split")


@dataclass(frozen=True)
class EncodedTriples:
    """Triples as rows (subject, predicate, object) of integers.

    Attributes:
        entities: CURIEs, sorted; the row number is the entity's integer.
        relations: predicate CURIEs, sorted.
        train, validation, test: (n, 3) int64, without duplicates, sorted.
        weights: (n of train,) float32: belief of each training triple, 1 where none is given.
    """

    entities: list[str]
    relations: list[str]
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    weights: NDArray[np.float32]

    def degrees(self) -> NDArray[np.int64]:
        """How many training triples each entity is an end of; one with the same entity at both ends counts once."""
        heads, tails = self.train[:, 0], self.train[:, 2]
        ends = np.concatenate([heads, tails[tails != heads]])
        return np.bincount(ends, minlength=len(self.entities)).astype(np.int64)

    def digests(self) -> dict[str, str]:
        """SHA-256 of each split's triples as lines `subject, tab, predicate, tab, object`, sorted by the CURIEs, in UTF-8."""
        return {name: self._digest(getattr(self, name)) for name in SPLITS}

    def _digest(self, triples: NDArray[np.int64]) -> str:
        entities, relations = pa.array(self.entities, pa.string()), pa.array(self.relations, pa.string())
        digest = hashlib.sha256()
        for part in np.array_split(triples, -(-len(triples) // _DIGESTED) or 1):
            words = [names.take(pa.array(part[:, at])) for at, names in ((0, entities), (1, relations), (2, entities))]
            lines = pc.binary_join_element_wise(*words, "\t").to_pylist()
            digest.update("".join(f"{line}\n" for line in lines).encode())
        return digest.hexdigest()

    def hash(self) -> str:
        """SHA-256 of all of it: equal where the same names, triples and weights are trained on and judged by."""
        digest = hashlib.sha256("\0".join([*self.entities, "", *self.relations]).encode())
        for array in (self.train, self.validation, self.test, self.weights):
            digest.update(f"{array.shape}{array.dtype.str}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def encode_triples(triples: pa.Table, extra: pa.Table | None = None) -> EncodedTriples:
    """Number the entities and relations of a table of triples.

    Args:
        triples: columns subject, predicate, object, split, and optionally belief.
        extra: triples for training only (subject, predicate, object), such as the vocabulary's is_a. Those between the
            two ends of a held-out triple, in either direction, are left out: they would tell the answer.

    Raises:
        MateriaError: where a column is missing, there is no training triple, or a split has another name.
    """
    missing = [name for name in _COLUMNS if name not in triples.column_names]
    if missing:
        raise MateriaError(
            f"triples lack the columns {', '.join(missing)}", remedy="Pass a table with the schema of kg.tables.TRIPLES"
        )
    names = _unique(triples["split"])
    if unknown := sorted(set(names) - set(SPLITS)):
        raise MateriaError(f"triples have the unknown split {unknown[0]!r}", remedy=f"Use {', '.join(SPLITS)}")
    if "train" not in names:
        raise MateriaError(
            "there are no training triples, so there is nothing to embed",
            remedy="Add literature that makes claims, or lower the shares of validation and test",
        )
    tables = [triples] if extra is None else [triples, extra]
    entities = sorted(set().union(*(_unique(t[c]) for t in tables for c in ("subject", "object"))))
    relations = sorted(set().union(*(_unique(t["predicate"]) for t in tables)))
    split = triples["split"].combine_chunks()
    parts = {name: _numbers(triples.filter(pc.equal(split, name)), entities, relations) for name in SPLITS}
    held_out = np.concatenate([parts["validation"], parts["test"]])
    train = parts["train"]
    weights = _weights(triples.filter(pc.equal(split, "train")))
    if extra is not None and extra.num_rows:
        added = _numbers(extra, entities, relations)
        added = added[~np.isin(_pair_keys(added, len(entities)), _pair_keys(held_out, len(entities)))]
        train = np.concatenate([train, added])
        weights = np.concatenate([weights, np.ones(len(added), dtype=np.float32)])
    train, first = np.unique(train, axis=0, return_index=True)
    return EncodedTriples(
        entities,
        relations,
        train,
        np.unique(parts["validation"], axis=0),
        np.unique(parts["test"], axis=0),
        weights[first],
    )


def _unique(column: pa.ChunkedArray) -> list[str]:
    return [value for value in pc.unique(column).to_pylist() if value is not None]


def _numbers(table: pa.Table, entities: Iterable[str], relations: Iterable[str]) -> NDArray[np.int64]:
    """(n, 3) integers of a table's subject, predicate and object."""
    known, predicates = pa.array(entities, pa.string()), pa.array(relations, pa.string())
    columns = [
        pc.index_in(table[column].cast(pa.string()), value_set=values).to_numpy()
        for column, values in (("subject", known), ("predicate", predicates), ("object", known))
    ]
    return np.stack([np.asarray(column, dtype=np.int64) for column in columns], axis=1)


def _pair_keys(triples: NDArray[np.int64], entities: int) -> NDArray[np.int64]:
    """One integer for each unordered pair of ends."""
    low, high = np.minimum(triples[:, 0], triples[:, 2]), np.maximum(triples[:, 0], triples[:, 2])
    return np.asarray(low * entities + high)


def _weights(table: pa.Table) -> NDArray[np.float32]:
    if "belief" not in table.column_names:
        return np.ones(table.num_rows, dtype=np.float32)
    belief = pc.fill_null(table["belief"], 1.0).to_numpy()
    return np.asarray(belief, dtype=np.float32)
