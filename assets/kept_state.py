"""The tables that a partition kept for its next build, made sure of: a stage that finds none computes as a whole."""

from __future__ import annotations

from assets.stage import Job
from pipeline.storage import FileEntry, file_sha256

__all__ = ["kept_state"]


def kept_state(job: Job) -> dict[str, FileEntry]:
    """The state tables of what the partition holds, by the names they were given; none where one is gone or is not as it was.

    Each is read whole once for its hash, at more than a gigabyte a second.
    """
    prefix = f"_state/{job.key}/"
    entries = [entry for entry in job.previous.files if entry.path.startswith(prefix)] if job.previous else []
    folder = job.writer.dataset.url
    try:
        sound = all(file_sha256(folder / entry.path) == entry.sha256 for entry in entries)
    except OSError:
        return {}
    return {entry.path.removeprefix(prefix).rpartition("-")[0]: entry for entry in entries} if sound else {}
