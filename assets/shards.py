"""What the stages of passages share: the shard of each split, written where it changes and taken over where it does not."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from assets.stage import Job
from kg.corpus_shards import SPLITS
from kg.standing_rows import StandingRows
from kg.tables import PASSAGES
from pipeline.storage import TableSink

__all__ = ["changed_shards", "state_before", "take_over"]


def state_before(job: Job, name: str, schema: pa.Schema) -> pa.Table:
    """What this partition kept when it was last made; empty where it must be made as a whole."""
    path = job.writer.dataset.state(name, job.key) if job.previous else None
    if path is None:
        return schema.empty_table()
    with pq.ParquetFile(path) as parquet:
        return parquet.read().cast(schema)


def take_over(job: Job) -> None:
    """Keep all files of this partition as they are, but for the records set aside, which are counted anew."""
    for entry in job.previous.files if job.previous else ():
        if not entry.path.startswith("_set_aside/"):
            job.writer.keep(entry)


@contextmanager
def changed_shards(
    job: Job, changed: Collection[str]
) -> Iterator[tuple[dict[str, StandingRows], dict[str, TableSink]]]:
    """The shards of the splits that change: as they stand, if they do, and what takes their rows. The others are taken over."""
    standing: dict[str, StandingRows] = {}
    with ExitStack() as files:
        for entry in job.previous.files if job.previous else ():
            split = entry.path.partition("/")[0].removeprefix("split=")
            if split in changed:
                standing[split] = files.enter_context(StandingRows(job.writer.dataset.fetch([entry])[0], PASSAGES))
            elif split in SPLITS:
                job.writer.keep(entry)
        written = [split for split in SPLITS if split in changed or not job.previous]
        path = f"bucket={job.key}/passages.parquet"
        yield standing, {split: job.writer.table(f"split={split}/{path}", PASSAGES) for split in written}
