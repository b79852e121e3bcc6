"""Mentions of concepts in documents: the reader of `text_reader`, run over many documents on several cores.

Documents travel to the workers in chunks of a few hundred texts; every worker opens the names of the vocabulary once, where
they are an index already. Cost: 1,000 abstracts a second of CPU. Rejected: `nlp.pipe(n_process=...)`, which pickles whole documents
back and forth, and a tokenizer over the whole text, of which only what stands around brackets is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, tee
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.document_rows import Made, Told
from pipeline.hashing import hash_fields
from pipeline.parallel import Workers
from pipeline.tables import MENTIONS

if TYPE_CHECKING:
    from pipeline.mention_spans import Mention
    from pipeline.text_reader import TextReader

__all__ = ["CHUNK_DOCUMENTS", "SPANS", "find_mentions", "mention_workers", "of_documents", "read_texts"]

#: Documents in one task of a worker.
CHUNK_DOCUMENTS = 128
_ALONE = 16
#: Longest text handed to the tokenizer at once; a longer one is cut at line ends, else at spaces or Chinese stops.
MAX_PIECE = 100_000

_DOCUMENT = pa.schema([MENTIONS.field(name) for name in ("doc_id", "version", "text_hash")])
#: The columns of MENTIONS that depend on the text alone.
SPANS = pa.schema([field for field in MENTIONS if field.name not in _DOCUMENT.names])


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
        count: processes; 1 reads in this process, and so are the first two thousand texts, since others cost a thousand to start.
        ner: a recogniser that goes before the dictionary (see `finders`).
        linker: a folder that `materia train linker` wrote, for the spans of the recogniser.
        encoder: folder or name of a Hugging Face encoder that re-ranks what the linker is unsure of.
    """
    return Workers(count, _load, (_Setup(tuple(vocabulary), ner, linker, encoder),), alone=_ALONE)


def find_mentions(documents: Iterable[pa.RecordBatch], workers: Workers) -> Iterator[pa.RecordBatch]:
    """Linked mentions of concepts, in the order of the documents and of their start.

    Args:
        documents: batches with the columns doc_id, version, text_hash and text of DOCUMENTS; tombstones have no text.
        workers: made by `mention_workers`.

    Yields:
        Batches [MENTIONS]. `text[start:end]` is the mention's text, in every row.
    """
    with_text = (batch.filter(pc.greater(pc.utf8_length(batch.column("text")), 0)) for batch in documents)
    read, named = tee(with_text)
    yield from of_documents(read_texts(read, workers), named)


def read_texts(documents: Iterable[pa.RecordBatch], workers: Workers) -> Iterator[Made]:
    """The mentions of each text, which depend on nothing but the text: batches of the columns of `SPANS`.

    Args:
        documents: batches with the column text.
        workers: made by `mention_workers`.
    """
    (setup,) = workers.initargs
    yield from workers.map(partial(_read_chunk, setup), _chunks(documents))


def of_documents(made: Iterable[Made], documents: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The mentions of texts as those of documents [MENTIONS].

    Args:
        documents: those whose texts were read, in the same order, with the columns doc_id, version and text_hash.
    """
    waiting = pa.Table.from_batches([], _DOCUMENT)
    rest = iter(documents)
    for batches, told in made:
        while waiting.num_rows < len(told):
            more = next(rest).select(_DOCUMENT.names)
            waiting = pa.concat_tables([waiting, pa.Table.from_batches([more]).cast(_DOCUMENT)])
        place = np.repeat(np.arange(len(told)), [one.rows for one in told])
        owners = waiting.slice(0, len(told)).combine_chunks().take(pa.array(place))
        waiting = waiting.slice(len(told))
        spans = pa.Table.from_batches(batches, SPANS)
        yield from pa.table([*owners.columns, *spans.columns], MENTIONS).combine_chunks().to_batches()


def _chunks(documents: Iterable[pa.RecordBatch]) -> Iterator[list[str]]:
    chunk: list[str] = []
    size = 0
    for batch in documents:
        for text in batch.column("text").to_pylist():
            chunk.append(text)
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


def _read_chunk(setup: _Setup, texts: list[str]) -> Made:
    pieces = [(number, offset, piece) for number, text in enumerate(texts) for offset, piece in _pieces(text)]
    rows: list[list[Mention]] = [[] for _ in texts]
    for (number, offset, _), mentions in zip(pieces, _load(setup).read([piece for *_, piece in pieces]), strict=True):
        if offset:
            for mention in mentions:
                for column in ("start", "end", "sentence_start", "sentence_end"):
                    mention[column] += offset
        rows[number] += mentions
    batch = pa.RecordBatch.from_pylist([mention for some in rows for mention in some], schema=SPANS)
    return [batch], [Told(len(some), _content(some)) for some in rows]


def _content(mentions: Sequence[Mention]) -> bytes:
    """What the mentions of a text say, as a hash: whatever is made of them need not be made again while it is the same."""
    return bytes.fromhex(hash_fields(*chain.from_iterable(mention.values() for mention in mentions)))[:16]


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
