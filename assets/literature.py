"""Stages that read literature: which files there are, the documents in them, and which versions count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from upath import UPath

from assets.home import Home
from assets.memory import remember_live
from assets.stage import Check, Job, Need, Stage, batches_of
from pipeline.archives import ARCHIVES
from pipeline.errors import MateriaError
from pipeline.hashing import hash_fields, hash_json
from pipeline.inventory import LiteratureFile, take_inventory
from pipeline.readers import READERS
from pipeline.releases import missing_numbers
from pipeline.storage import file_sha256, read_table
from pipeline.tables import DOCUMENTS, LITERATURE_INVENTORY, LIVE_DOCUMENTS

__all__ = ["STAGES", "file_hashes"]

#: One paper in so many that a new baseline leaves out is nothing to wonder about.
_FEW = 20


def _literature_files(home: Home, key: str) -> Mapping[str, str]:
    with home.file_hashes("literature") as hashes:
        return file_hashes(home.literature_files(), hashes.sha256)


def file_hashes(files: Sequence[LiteratureFile], sha256: Callable[[UPath], str] = file_sha256) -> dict[str, str]:
    """What identifies the content of each file and how it is read, by its name in the inventory."""
    # A file that must not be opened (a link that leaves its source, say) is known by its problem.
    return {
        file.name: hash_json(file.problem.detail)
        if file.problem
        else hash_fields(sha256(file.path), file.format or "", file.records)
        for file in files
    }


def literature_inventory(job: Job) -> None:
    """Which literature files there are: name, hash, format, place in the order of release, and batch.

    A batch is one file, or a group of small files of one folder. Files that are empty or in no known format are set
    aside with the reason. The tables of batches that are gone are removed.
    """
    with job.home.file_hashes("literature") as hashes:
        table = take_inventory(
            job.home.literature_files(),
            small_file_groups=job.home.config.small_file_groups,
            set_aside=job.writer.set_aside,
            sha256=hashes.sha256,
        )
    job.writer.table("inventory.parquet", LITERATURE_INVENTORY).write(table)
    job.writer.summary["files"] = table.num_rows
    job.writer.summary["batches"] = sorted(set(table["batch"].to_pylist()))
    job.check("some_literature", table.num_rows > 0, files=table.num_rows)
    gaps = missing_numbers(table["position"].to_pylist())
    job.check("releases_without_gaps", not gaps, missing=gaps)
    for asset in ("documents", "mentions", "evidence"):
        for gone in set(job.dataset(asset).manifests()) - set(job.writer.summary["batches"]):
            job.dataset(asset).delete(gone)


def _files_of_batch(home: Home, key: str) -> Mapping[str, str]:
    found = home.dataset("literature_inventory").paths()
    if not found:
        raise MateriaError(
            "literature_inventory has not been built yet", remedy="Run: materia build --until literature_inventory"
        )
    return _files_by_batch(found[0]).get(key, {})


@lru_cache(maxsize=2)
def _files_by_batch(path: str) -> dict[str, dict[str, str]]:
    """The files of every batch, from an inventory, whose name tells its content: read once for a thousand batches."""
    members = "".join(sorted(READERS))  # the readers of an archive's members are known when they are read
    found: dict[str, dict[str, str]] = {}
    for r in read_table(path).to_pylist():
        found.setdefault(r["batch"], {})[r["file"]] = hash_fields(
            r["sha256"], r["format"], r["position"], r["records"], members if _is_archive(r["format"]) else ""
        )
    return found


def _is_archive(format_: str) -> bool:
    return format_.partition(":")[0] in ARCHIVES


def _deidentification(home: Home) -> str | None:
    """What enters the skip key of `documents` where there are clinical records."""
    if not home.records or not home.config.deidentify:
        return None
    from pipeline.deidentify import DEIDENTIFIER

    return DEIDENTIFIER


def documents(job: Job) -> None:
    """Every version of every document in a batch of literature files, as text with sections, and its metadata.

    Records that cannot be read are set aside with file, record, reason and remedy; the rest goes on. Clinical records are
    de-identified before anything of them is written.
    """
    from pipeline.documents import read_documents

    rows = [r for r in job.dataset("literature_inventory").read().to_pylist() if r["batch"] == job.key]
    files = {file.name: file for file in job.home.literature_files()}
    batch = [(files[r["file"]], r["position"], r["format"]) for r in rows]
    deidentifier = None
    if job.home.config.deidentify and any(file.records for file, _, _ in batch):
        from pipeline.deidentify import Deidentifier

        deidentifier = Deidentifier()
    sink = job.writer.table(f"{job.key}/documents.parquet", DOCUMENTS)
    for rows_read in read_documents(batch, job.writer.set_aside, deidentifier):
        sink.write(rows_read)
    if deidentifier is not None:
        job.writer.summary["deidentified"] = dict(sorted(deidentifier.counts.items()))


def live_documents(job: Job) -> None:
    """The version of each document that counts, and why: the law of live documents applied to every batch.

    Of a paper that several sources hold the fullest text is live; of one source the highest version, and of that the last
    write in the order of release. A deletion leaves a tombstone; a retraction leaves the record, marked; a new baseline of
    PubMed replaces the years before it.
    """
    from pipeline.live import live_documents as settle

    documents_of = job.dataset("documents")
    paths = {key: documents_of.paths(key) for key in batches_of(job.home)}
    sink = job.writer.table("live_documents.parquet", LIVE_DOCUMENTS)
    counts: dict[str, int] = {"active": 0, "retracted": 0, "deleted": 0}
    left_out = 0
    for rows in settle(paths, job.home.retracted):
        sink.write(rows)
        for status in rows.column("status").to_pylist():
            counts[status] += 1
        left_out += rows.column("reason").to_pylist().count("not-in-baseline")
    job.writer.summary.update(counts, live=counts["active"] + counts["retracted"])
    figures: dict[str, Any] = dict(counts)
    if not (lives := counts["active"] + counts["retracted"] > 0):  # why not is what the reader then needs
        manifests = documents_of.manifests()
        aside = sum((Counter(manifests[key].set_aside) for key in paths), Counter())
        figures["set aside"] = ", ".join(f"{count} {reason}" for reason, count in sorted(aside.items())) or "nothing"
    total = sum(counts.values())
    job.check("baseline_keeps_most", left_out * _FEW <= total, left_out=left_out, documents=total)
    job.check("some_document_lives", lives, **figures)


STAGES = [
    Stage(
        "literature_inventory",
        "literature",
        literature_inventory,
        settings=lambda home: home.config.small_file_groups,
        tables=(LITERATURE_INVENTORY,),
        kinds=("python", "parquet"),
        fingerprint=_literature_files,
        checks=(
            Check("some_literature", "At least one file of the literature must be readable."),
            Check(
                "releases_without_gaps",
                "A PubMed release replaces that of the year before once none of its files is missing.",
                blocking=False,
            ),
        ),
    ),
    Stage(
        "documents",
        "literature",
        documents,
        needs=(Need("literature_inventory"),),
        partitions="batch",
        settings=_deidentification,
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
        version="2",
        tables=(LIVE_DOCUMENTS,),
        remember=remember_live,
        kinds=("duckdb", "parquet"),
        checks=(
            Check("some_document_lives", "At least one document must be live."),
            Check(
                "baseline_keeps_most",
                "A new PubMed baseline leaves out few papers of the years before. Has all of it arrived?",
                blocking=False,
            ),
        ),
    ),
]
