"""The tables that a partition kept for its next build, by name."""

from __future__ import annotations

from assets.stage import Job
from pipeline.storage import FileEntry

__all__ = ["kept_state"]


def kept_state(job: Job) -> dict[str, FileEntry]:
    """The state tables of what the partition holds, by the names they were given; none where it must be made as a whole.

    Their bytes are those that were written: else there is no `job.previous` (`Dataset.is_whole`).
    """
    prefix = f"_state/{job.key}/"
    entries = [entry for entry in job.previous.files if entry.path.startswith(prefix)] if job.previous else []
    return {entry.path.removeprefix(prefix).rpartition("-")[0]: entry for entry in entries}
