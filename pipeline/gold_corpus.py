"""Annotated corpora for training and judging: documents with the mentions and relations that their files mark.

Any format that keeps annotations will do (PubTator, BioC, DDI, sentences with marked pairs, IOB); a corpus is read through the same
readers as a build. Papers that stand in two corpora are kept apart by their identifier: what is judged on is not learned from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from pipeline.documents import read_documents
from pipeline.errors import MateriaError, SetAside
from pipeline.inventory import list_files, take_inventory

__all__ = ["GoldCorpus", "read_gold_corpus", "without_documents"]


@dataclass(frozen=True, slots=True)
class GoldCorpus:
    """Documents with annotations [DOCUMENTS], and what of their files could not be used."""

    documents: tuple[pa.RecordBatch, ...]
    set_aside: tuple[SetAside, ...]

    @property
    def doc_ids(self) -> frozenset[str]:
        """The identifiers of the documents."""
        return frozenset(name for batch in self.documents for name in batch.column("doc_id").to_pylist())


def read_gold_corpus(paths: Sequence[str]) -> GoldCorpus:
    """Read files of annotated corpora, in the order given; a document that comes twice counts once. Corpora may name files alike.

    Args:
        paths: files or folders, in any format that keeps annotations.

    Raises:
        MateriaError: a file is missing, empty or in no known format, or no document holds an annotation.
    """
    aside: list[SetAside] = []
    seen: set[str] = set()
    documents: list[pa.RecordBatch] = []
    annotated = 0
    for rows in (rows for path in paths for rows in _documents(path, aside)):
        keep = [not (name in seen or seen.add(name)) for name in rows.column("doc_id").to_pylist()]  # type: ignore[func-returns-value]
        kept = rows.filter(pa.array(keep, pa.bool_()))
        annotated += sum(map(bool, kept.column("annotations").to_pylist()))
        documents.append(kept)
    if not annotated:
        raise MateriaError(
            f"{', '.join(map(str, paths))}: no document holds an annotation",
            remedy="Give files with gold annotations: PubTator, BioC, DDI XML, or marked sentences",
        )
    return GoldCorpus(tuple(documents), tuple(aside))


def _documents(path: str, aside: list[SetAside]) -> Iterator[pa.RecordBatch]:
    files = list_files([path])
    inventory = take_inventory(files, set_aside=aside.append).to_pylist()
    formats = {row["file"]: (row["position"], row["format"]) for row in inventory}
    batch = [(file, *formats[file.name]) for file in files if file.name in formats]
    yield from read_documents(batch, aside.append)


def without_documents(corpus: GoldCorpus, doc_ids: frozenset[str]) -> GoldCorpus:
    """The corpus without the documents named: those that a judgement is to be made on."""
    kept = [
        rows.filter(pa.array([name not in doc_ids for name in rows.column("doc_id").to_pylist()], pa.bool_()))
        for rows in corpus.documents
    ]
    return GoldCorpus(tuple(rows for rows in kept if rows.num_rows), corpus.set_aside)
