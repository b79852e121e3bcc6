"""The stage that counts which concepts are named together: evidence of the lowest tier, where the configuration asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from assets.home import Home
from assets.stage import Job, Need, Stage, batches_of
from pipeline.cooccurrence import EXTRACTOR, cooccurrence_evidence
from pipeline.tables import EVIDENCE

__all__ = ["STAGES"]


def cooccurrence(job: Job) -> None:
    """Pairs of concepts that sentences of live papers name together more often than by chance, each with some of the sentences.

    Counted over all batches, so that one more paper may change it; empty unless the configuration says
    `extraction.cooccurrence: true`. The rows say nothing but that both are named together.
    """
    sink = job.writer.table("cooccurrence.parquet", EVIDENCE)
    settings = job.home.config.extraction
    pairs: set[tuple[str, str]] = set()
    if settings.cooccurrence:
        documents, mentions = (job.dataset(asset).paths_of(batches_of(job.home)) for asset in ("documents", "mentions"))
        live = job.dataset("live_documents").paths()
        for rows in cooccurrence_evidence(documents, mentions, live, minimum=settings.cooccurrence_minimum):
            sink.write(rows)
            pairs.update(zip(rows.column("subject").to_pylist(), rows.column("object").to_pylist(), strict=True))
    job.writer.summary["pairs"] = len(pairs)


def _inputs(home: Home, key: str) -> Mapping[str, str]:
    """Nothing where it is not asked for, so that a home without it never runs this stage twice."""
    return _COUNTED.inputs(home, key) if home.config.extraction.cooccurrence else {}


def _settings(home: Home) -> list[bool | int]:
    wanted = home.config.extraction
    return [wanted.cooccurrence, wanted.cooccurrence_minimum] if wanted.cooccurrence else []


_COUNTED = Stage(
    "cooccurrence",
    "extraction",
    cooccurrence,
    version=EXTRACTOR,
    needs=(Need("documents", "batch"), Need("mentions", "batch"), Need("live_documents")),
    settings=_settings,
    tables=(EVIDENCE,),
    kinds=("duckdb", "parquet"),
)
STAGES = [replace(_COUNTED, fingerprint=_inputs)]
