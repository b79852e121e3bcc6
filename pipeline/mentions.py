"""Mentions of concepts in documents: the reader of `text_reader`, run over many documents on several cores.

Documents travel to the workers in chunks of a few hundred texts; every worker opens the names of the vocabulary once, where
they are an index already. Cost: 1,000 abstracts a second of CPU. Rejected: `nlp.pipe(n_process=...)`, which pickles whole documents back and
forth, and a tokenizer over the whole text, of which only what stands around brackets is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from pipeline.parallel import Workers
from pipeline.tables import MENTIONS

if TYPE_CHECKING:
    from pipeline.text_reader import TextReader

__all__ = ["CHUNK_DOCUMENTS", "find_mentions", "mention_workers"]

#: Documents in one task of a worker.
CHUNK_DOCUMENTS = 128
#: Longest text handed to the tokenizer at once; a longer one is cut at line ends, else at spaces or Chinese stops.
MAX_PIECE = 100_000

_Task = list[tuple[str, int, str, str]]


class _Setup(NamedTuple):
    """What a process reads with."""

    vocabulary: tuple[str, ...]
    ner: str | None
    linker: str | None
    encoder: str | None


def mention_workers(
    vocabulary: Sequence[str],
    count: int = 1,
    *,
    ner: str | None = None,
    linker: str | None = None,
    encoder: str | None = None,
) -> Workers:
    """Processes that have opened the names of a vocabulary, and models: start them once, read many batches with them.

    Args:
        vocabulary: a folder that `VocabularyIndex.build` made, or Parquet files of the vocabulary table.
        count: processes; 1 reads in this process.
        ner: a recogniser that goes before the dictionary (see `finders`).
        linker: a folder that `materia train linker` wrote, for the spans of the recogniser.
        encoder: folder or name of a Hugging Face encoder that re-ranks what the linker is unsure of.
    """
    return Workers(count, _load, (_Setup(tuple(vocabulary), ner, linker, encoder),))


def find_mentions(documents: Iterable[pa.RecordBatch], workers: Workers) -> Iterator[pa.RecordBatch]:
    """Linked mentions of concepts, in the order of the documents and of their start.

    Args:
        documents: batches with the columns doc_id, version, text_hash and text of DOCUMENTS; tombstones have no text.
        workers: made by `mention_workers`.

    Yields:
        Batches [MENTIONS]. `text[start:end]` is the mention's text, in every row.
    """
    (setup,) = workers.initargs
    yield from workers.map(partial(_read_chunk, setup), _chunks(documents))


def _chunks(documents: Iterable[pa.RecordBatch]) -> Iterator[_Task]:
    chunk: _Task = []
    size = 0
    for batch in documents:
        columns = [batch.column(name).to_pylist() for name in ("doc_id", "version", "text_hash", "text")]
        for doc_id, version, text_hash, text in zip(*columns, strict=True):
            if text:
                chunk.append((doc_id, version, text_hash, text))
                size += len(text)
            if len(chunk) >= CHUNK_DOCUMENTS or size > 1_000_000:
                yield chunk
                chunk, size = [], 0
    if chunk:
        yield chunk


_READERS: dict[_Setup, TextReader] = {}


def _load(setup: _Setup) -> TextReader:
    """The reader of this process for a setup; built once, and kept until another is asked for."""
    if setup not in _READERS:
        from pipeline.text_reader import TextReader
        from pipeline.vocabulary_index import VocabularyIndex

        _READERS.clear()
        index = VocabularyIndex.open(setup.vocabulary)
        _READERS[setup] = TextReader(index, ner=setup.ner, linker=setup.linker, encoder=setup.encoder)
    return _READERS[setup]


def _read_chunk(setup: _Setup, task: _Task) -> pa.RecordBatch:
    pieces = [(number, offset, piece) for number, (*_, text) in enumerate(task) for offset, piece in _pieces(text)]
    rows: list[dict[str, Any]] = []
    for (number, offset, _), mentions in zip(pieces, _load(setup).read([piece for *_, piece in pieces]), strict=True):
        doc_id, version, text_hash, _ = task[number]
        for mention in mentions:
            row: dict[str, Any] = {"doc_id": doc_id, "version": version, "text_hash": text_hash, **mention}
            if offset:
                for column in ("start", "end", "sentence_start", "sentence_end"):
                    row[column] += offset
            rows.append(row)
    return pa.RecordBatch.from_pylist(rows, schema=MENTIONS)


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """The text in pieces of bounded length, with their offsets: almost always one."""
    start = 0
    while len(text) - start > MAX_PIECE:
        end = start + MAX_PIECE
        cuts = (text.rfind(sign, start + 1, end) for sign in ("\n", " ", "。", "，"))
        cut = next((cut for cut in cuts if cut > 0), end)
        yield start, text[start:cut]
        start = cut
    yield start, text[start:]
