"""One step that writes every bucket of an asset, and reports those that changed.

A bucketed asset that depends on all partitions of another would be asked for whole after every change. So an unpartitioned
stage writes all buckets itself, and what comes after depends on the bucket alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from assets.stage import Job
from pipeline.storage import Manifest

__all__ = ["write_buckets"]


def write_buckets(
    job: Job,
    asset: str,
    schema: pa.Schema,
    rows: Iterator[tuple[int, pa.RecordBatch | pa.Table]],
    only: Collection[int] | None = None,
    *,
    told: Mapping[int, Mapping[str, Any]] = MappingProxyType({}),
) -> None:
    """Write every bucket's partition of an asset, and in this stage's own summary the data version of each.

    Args:
        rows: bucket and rows, buckets ascending.
        only: the buckets that may have changed; the others are left as they are, and have no rows here. All where None.
        told: figures of a bucket for its manifest, by bucket. They must follow from its rows.
    """
    dataset, buckets = job.dataset(asset), job.home.config.buckets
    versions: dict[str, str] = {}
    pending = next(rows, None)
    with dataset.staging():
        for bucket, key in enumerate(job.home.buckets):
            standing = dataset.manifest(key) if only is not None and bucket not in only else None
            if standing is not None:
                versions[key] = standing.data_version
                continue
            with dataset.writer(key) as writer:
                sink = writer.table(f"{key}/{asset}.parquet", schema)
                writer.summary |= told.get(bucket, {})
                while pending is not None and pending[0] == bucket:
                    sink.write(pending[1])
                    pending = next(rows, None)
                manifest: Manifest = writer.commit(skip_key=f"buckets={buckets}", code_version="1", inputs={})
            versions[key] = manifest.data_version
    for key in set(dataset.manifests()) - set(versions):
        dataset.delete(key)
    job.writer.summary["buckets"] = versions
