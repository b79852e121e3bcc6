"""Stages that read literature: which files there are, the documents in them, and which versions count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assets.home import Home
from assets.stage import Check, Job, Need, Stage, batches_of
from pipeline.hashing import hash_fields, hash_json
from pipeline.inventory import list_files, take_inventory
from pipeline.storage import file_sha256
from pipeline.tables import DOCUMENTS, LITERATURE_INVENTORY, LIVE_DOCUMENTS

__all__ = ["STAGES", "file_hashes"]


def _literature_files(home: Home, key: str) -> Mapping[str, str]:
    return file_hashes(home.literature)


def file_hashes(sources: Sequence[str]) -> dict[str, str]:
    """The SHA-256 of every file of some sources, by its name in the inventory."""
    # A file that must not be opened (a link that leaves its source, say) is known by its problem.
    return {
        file.name: hash_json(file.problem.detail) if file.problem else file_sha256(file.path)
        for file in list_files(sources)
    }


def literature_inventory(job: Job) -> None:
    """Which literature files there are: name, hash, format, place in the order of release, and batch.

    A batch is one file, or a group of small files of one folder. Files that are empty or in no known format are set
    aside with the reason. The tables of batches that are gone are removed.
    """
    table = take_inventory(
        list_files(job.home.literature),
        small_file_groups=job.home.config.small_file_groups,
        set_aside=job.writer.set_aside,
    )
    job.writer.table("inventory.parquet", LITERATURE_INVENTORY).write(table)
    job.writer.summary["files"] = table.num_rows
    job.writer.summary["batches"] = sorted(set(table["batch"].to_pylist()))
    job.check("some_literature", table.num_rows > 0, files=table.num_rows)
    for asset in ("documents", "mentions", "evidence"):
        for gone in set(job.dataset(asset).manifests()) - set(job.writer.summary["batches"]):
            job.dataset(asset).delete(gone)


def _files_of_batch(home: Home, key: str) -> Mapping[str, str]:
    rows = home.dataset("literature_inventory").read().to_pylist()
    return {r["file"]: hash_fields(r["sha256"], r["format"], r["position"]) for r in rows if r["batch"] == key}


def documents(job: Job) -> None:
    """Every version of every document in a batch of literature files, as text with sections, and its metadata.

    Records that cannot be read are set aside with file, record, reason and remedy; the rest goes on.
    """
    from pipeline.documents import read_documents

    rows = [r for r in job.dataset("literature_inventory").read().to_pylist() if r["batch"] == job.key]
    files = {file.name: file for file in list_files(job.home.literature)}
    batch = [(files[r["file"]], r["position"], r["format"]) for r in rows]
    sink = job.writer.table(f"{job.key}/documents.parquet", DOCUMENTS)
    for rows_read in read_documents(batch, job.writer.set_aside):
        sink.write(rows_read)


def live_documents(job: Job) -> None:
    """The version of each document that counts, and why: the law of live documents applied to every batch.

    The highest version of a document is live; of one version, the last write in the order of release; a deletion leaves
    a tombstone; a retraction leaves the record, marked.
    """
    from pipeline.live import live_documents as settle

    documents_of = job.dataset("documents")
    paths = {key: documents_of.paths(key) for key in batches_of(job.home)}
    sink = job.writer.table("live_documents.parquet", LIVE_DOCUMENTS)
    counts: dict[str, int] = {"active": 0, "retracted": 0, "deleted": 0}
    for rows in settle(paths, job.home.retracted):
        sink.write(rows)
        for status in rows.column("status").to_pylist():
            counts[status] += 1
    job.writer.summary.update(counts, live=counts["active"] + counts["retracted"])
    job.check("some_document_lives", counts["active"] + counts["retracted"] > 0, **counts)


STAGES = [
    Stage(
        "literature_inventory",
        "literature",
        literature_inventory,
        settings=lambda home: home.config.small_file_groups,
        tables=(LITERATURE_INVENTORY,),
        kinds=("python", "parquet"),
        fingerprint=_literature_files,
        checks=(Check("some_literature", "At least one file of the literature must be readable."),),
    ),
    Stage(
        "documents",
        "literature",
        documents,
        needs=(Need("literature_inventory"),),
        partitions="batch",
        tables=(DOCUMENTS,),
        kinds=("python", "parquet"),
        fingerprint=_files_of_batch,
    ),
    Stage(
        "live_documents",
        "literature",
        live_documents,
        needs=(Need("documents", "batch"),),
        settings=lambda home: sorted(home.retracted),
        tables=(LIVE_DOCUMENTS,),
        kinds=("duckdb", "parquet"),
        checks=(Check("some_document_lives", "At least one document must be live."),),
    ),
]
