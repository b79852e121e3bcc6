"""What a corpus was made from: files of literature, vocabularies and graphs, each with its SHA-256, its licence, and what it gave.

Names are those of the inventory, relative to their source. A licence is what the user states in the configuration (`dataset.licences`);
no format says it reliably, so nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from upath import UPath

from kg.dataset_config import DatasetConfig
from kg.origins import graphs_of
from pipeline.storage import Dataset, partition_key

__all__ = ["CorpusSource", "corpus_sources"]


@dataclass(frozen=True, slots=True)
class CorpusSource:
    """A file that something in the corpus comes from.

    Attributes:
        format: the reader that read it, with its version.
        licence: as the user states it; None where nobody did.
        documents: live documents it gave (literature), concepts that are in it (vocabulary), evidence rows it gave (graph).
        passages: passages that rest on it; None for a vocabulary, which stands behind all names.
        clinical: whether it holds clinical records.
    """

    name: str
    role: Literal["literature", "vocabulary", "graph"]
    sha256: str
    format: str | None
    licence: str | None
    documents: int
    passages: int | None
    clinical: bool = False


def corpus_sources(home: UPath | Path | str, connection: Any, settings: DatasetConfig) -> list[CorpusSource]:
    """The sources of a corpus: literature, vocabularies, graphs, each in the order of names.

    Args:
        connection: of `kg.corpus_views.open_corpus`.
    """
    return [
        *_literature(connection, settings),
        *_vocabularies(home, connection, settings),
        *_graphs(home, connection, settings),
    ]


def _literature(connection: Any, settings: DatasetConfig) -> Iterator[CorpusSource]:
    rows = connection.execute(
        "WITH behind AS (SELECT passage_id, unnest(doc_ids) AS doc_id FROM passages), "
        "passages_of AS (SELECT file, count(DISTINCT passage_id) AS passages FROM behind JOIN live USING (doc_id) GROUP BY file), "
        "documents_of AS (SELECT file, count(*) AS documents FROM live WHERE status <> 'deleted' GROUP BY file) "
        "SELECT file, sha256, format, records, "
        "coalesce((SELECT documents FROM documents_of d WHERE d.file = i.file), 0), "
        "coalesce((SELECT passages FROM passages_of p WHERE p.file = i.file), 0) FROM inventory i ORDER BY file"
    ).fetchall()
    for name, sha256, format_, clinical, documents, passages in rows:
        licence = settings.licence_of(name)
        yield CorpusSource(name, "literature", sha256, format_, licence, documents, passages, bool(clinical))


def _vocabularies(home: UPath | Path | str, connection: Any, settings: DatasetConfig) -> Iterator[CorpusSource]:
    manifest = Dataset(home, "vocabulary").manifest()
    if manifest is None:
        return
    concepts = dict(
        connection.execute(
            "SELECT source, count(*) FROM (SELECT unnest(sources) AS source FROM concepts) GROUP BY ALL"
        ).fetchall()
    )
    files = {match[1]: sha for key, sha in manifest.inputs.items() if (match := re.fullmatch(r"\d+/(.*)", key))}
    for name, sha256 in sorted(files.items()):
        read = Dataset(home, "vocabulary_sources").manifest(partition_key(name))
        format_ = read.code_version if read else None
        yield CorpusSource(name, "vocabulary", sha256, format_, settings.licence_of(name), concepts.get(name, 0), None)


def _graphs(home: UPath | Path | str, connection: Any, settings: DatasetConfig) -> Iterator[CorpusSource]:
    graphs = graphs_of(home)
    if not graphs:
        return
    passages = dict(
        connection.execute(
            "SELECT doc_id, count(DISTINCT passage_id) FROM "
            "(SELECT passage_id, unnest(doc_ids) AS doc_id FROM passages) GROUP BY ALL"
        ).fetchall()
    )
    for name, graph in sorted(graphs.items()):
        yield CorpusSource(
            name,
            "graph",
            graph["sha256"],
            graph["format"],
            settings.licence_of(name),
            graph["rows"],
            passages.get(graph["doc_id"], 0),
        )
