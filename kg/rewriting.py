"""Verbalized passages reworded by a model, where the rewording says the same; the rest keeps its template.

Only passages that tell facts go to the model: definitions are prose already, and quotations must stay. What comes back is judged by
`rewrite_check`, names are found again in it, and the row gets a new text, new offsets and so a new id. What the model wrote for each text
is kept beside the corpus (table REWRITES, one partition a bucket), so that a build that changes a few triples has a few texts
reworded, and one that changes none has none. Judging costs half a millisecond a paragraph; decoding is all the rest.

Rejected: judging by the model's own score (fluent is not faithful), and rewording each sentence alone (sentences that begin
alike are what rewording is for).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from kg.config import RewritingConfig
from kg.name_reading import NameReader
from kg.passage_rows import PassageRows, verbalized_id
from kg.rewrite_check import Passage, check_rewrite
from kg.rewriting_model import RewritingModel
from kg.tables import PASSAGES, REWRITES
from pipeline.hashing import hash_json
from pipeline.storage import Dataset
from pipeline.tables import table_version

__all__ = ["rewrite", "rewrite_bucket"]

#: What rewords texts of one language: None for a text it cannot take.
Writes = Callable[[Sequence[str], str], Sequence[str | None]]
_FORMS = ("fact", "paragraph", "chain")
_BATCH_ROWS = 4096
_VERSION = "rewriting.v1"


def rewrite_bucket(
    passages: pa.Table,
    config: RewritingConfig,
    model: RewritingModel,
    kept: Dataset,
    key: str,
    *,
    read: NameReader,
    counts: Counter[str],
    progress: Callable[[int], object] = lambda _: None,
) -> pa.Table:
    """The passages of one bucket reworded, with the model asked only for what it was not asked before.

    Args:
        passages: PASSAGES, verbalized.
        kept: where the table REWRITES of each bucket is kept.
        key: the bucket.
        read, counts: see `rewrite`.
        progress: told how many more texts the model has reworded.

    Returns:
        PASSAGES sorted by passage_id.
    """
    skip_key = hash_json([_VERSION, table_version(REWRITES), config.identity()])
    manifest = kept.manifest(key)
    known: dict[tuple[str, str], str | None] = {}
    if manifest is not None and manifest.skip_key == skip_key:
        for batch in kept.batches(key, ["language", "template", "written"]):
            columns = (batch[name].to_pylist() for name in ("language", "template", "written"))
            known |= {(language, template): written for language, template, written in zip(*columns, strict=True)}
    reworded, asked = rewrite(
        passages,
        partial(model.rewrite, progress=progress),
        languages=config.languages,
        read=read,
        known=known,
        counts=counts,
    )
    with kept.writer(key) as writer:
        writer.table(f"bucket={key}/rewrites.parquet", REWRITES).write(asked)
        writer.commit(skip_key=skip_key, code_version=_VERSION, inputs={})
    return reworded


def rewrite(
    passages: pa.Table,
    write: Writes,
    *,
    languages: Collection[str],
    read: NameReader,
    known: Mapping[tuple[str, str], str | None],
    counts: Counter[str],
) -> tuple[pa.Table, pa.Table]:
    """Passages with what a model wrote in place of their templates, where that says the same.

    Args:
        passages: PASSAGES, verbalized.
        write: the model: texts of one language in, texts out.
        languages: those that are reworded.
        read: finds the names of entities in texts; none may be added.
        known: by language and text, what the model wrote before.
        counts: gets the number of passages `rewritten`, and of those kept by reason (`kept-name-lost` ...).

    Returns:
        PASSAGES sorted by passage_id, and REWRITES sorted by language and template: all texts of these passages.
    """
    texts = {(language, text) for language, text in _texts(passages, languages)}
    written = {key: known[key] for key in texts & known.keys()}
    for language in sorted(languages):
        new = sorted(text for code, text in texts - written.keys() if code == language)
        if new:
            written |= {(language, text): made for text, made in zip(new, write(new, language), strict=True)}
    outcomes: dict[tuple[str, str], str] = {}
    batches = list(_reworded(passages, written, read, outcomes, counts))
    rows = [(*key, written[key], outcomes[key]) for key in sorted(written)]
    asked = pa.Table.from_pylist([dict(zip(REWRITES.names, row, strict=True)) for row in rows], REWRITES)
    return pa.Table.from_batches(batches, PASSAGES).sort_by("passage_id").combine_chunks(), asked


def _texts(passages: pa.Table, languages: Collection[str]) -> Iterator[tuple[str, str]]:
    """Language and text of the passages that the model is given."""
    wanted = pc.and_(
        pc.is_in(passages["language"], pa.array(sorted(languages))), pc.is_in(passages["form"], pa.array(_FORMS))
    )
    for batch in passages.select(["language", "text"]).filter(wanted).to_batches(max_chunksize=_BATCH_ROWS):
        yield from zip(batch["language"].to_pylist(), batch["text"].to_pylist(), strict=True)


def _reworded(
    passages: pa.Table,
    written: Mapping[tuple[str, str], str | None],
    read: NameReader,
    outcomes: dict[tuple[str, str], str],
    counts: Counter[str],
) -> Iterator[pa.RecordBatch]:
    rows = PassageRows("verbalized")
    seen: set[str] = set()
    for row in _rows(passages):
        key = (row["language"], row["text"])
        if row["form"] in _FORMS and key in written:
            new = _judged(row, written[key], read)
            outcomes[key] = new if isinstance(new, str) else "rewritten"
            counts[f"kept-{new}" if isinstance(new, str) else "rewritten"] += 1
            if not isinstance(new, str):
                row.update(new._asdict())
                row["passage_id"] = verbalized_id(row["language"], row["triple_ids"], row["text"])
        if row["passage_id"] in seen:  # the model wrote the same for two ways to tell one fact
            counts["told-twice"] += 1
            continue
        seen.add(row["passage_id"])
        del row["kind"]
        rows.add(**row)
        if len(rows) >= _BATCH_ROWS:
            yield rows.batch()
            rows = PassageRows("verbalized")
    yield rows.batch()


def _judged(row: dict[str, Any], written: str | None, read: NameReader) -> Passage | str:
    """The passage reworded, or the reason why it stays."""
    if written is None:
        return "longer-than-the-model-reads"
    old = Passage(*(row[name] for name in Passage._fields))
    if written == old.text:
        return "unchanged"
    named = (span for found in map(read, [[written]]) for span in found[0])  # read only where the check comes so far
    return check_rewrite(old, written, row["language"], named)


def _rows(passages: pa.Table) -> Iterator[dict[str, Any]]:
    """Rows with structs as tuples, as `PassageRows` takes them."""
    for batch in passages.to_batches(max_chunksize=_BATCH_ROWS):
        for row in batch.to_pylist():
            row["sentences"] = [(s["start"], s["end"]) for s in row["sentences"]]
            row["spans"] = [(s["start"], s["end"], s["curie"], s["category"]) for s in row["spans"]]
            row["relations"] = [(r["subject"], r["predicate"], r["object"], r["source"]) for r in row["relations"]]
            yield row
