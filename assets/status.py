"""The figures of a home, added up from manifests (a few kilobytes each), never from the tables themselves."""

from __future__ import annotations

from collections import Counter
from typing import Any

from assets.home import Home
from assets.lock import holder
from assets.stage import checks_together
from assets.stages import STAGES
from assets.usage import history
from pipeline.errors import MateriaError
from pipeline.storage import Manifest

__all__ = ["status"]


def status(home: Home) -> dict[str, Any]:
    """Counts of everything, records set aside and passages not taken by reason, checks that failed, cost of each stage.

    The cost of a stage is that of its last run with work.

    Raises:
        MateriaError: nothing was ever built there.
    """
    manifests = {stage.name: list(home.dataset(stage.name).manifests().values()) for stage in STAGES}
    if not any(manifests.values()):
        raise MateriaError("holds no build yet", file=str(home.url), remedy="Run: materia build")
    set_aside: Counter[str] = Counter()
    for found in manifests.values():
        for manifest in found:
            set_aside.update(manifest.set_aside)
    stages = {
        line["stage"]: {"seconds": line["seconds"], "peak_mib": line["peak_mib"]}
        for line in history(home)
        if line.get("partitions")
    }
    who = holder(home.url)
    return {
        "being_built_by": str(who) if who else None,
        "documents": _rows(manifests["documents"]),
        "live_documents": _sum(manifests["live_documents"], "live"),
        "mentions": _rows(manifests["mentions"]),
        "linked_mentions": _sum(manifests["mentions"], "linked"),
        "evidence": _rows(manifests["evidence"]),
        "cooccurrence": _rows(manifests["cooccurrence"]),
        "graph_evidence": _rows(manifests["graph_evidence"]),
        "triples": _rows(manifests["triples"]),
        "quads": _sum(manifests["graph_index"], "quads"),
        "passages": _rows(manifests["corpus_shards"]),
        "tokens": _sum(manifests["corpus_shards"], "tokens"),
        "beliefs": _first(manifests["belief_calibration"], "beliefs"),
        "set_aside": dict(sorted(set_aside.items())),
        "not_taken": next((dict(one.summary["rejected"]) for one in manifests["corpus_selection"]), {}),
        "failed_checks": _failed_checks(manifests),
        "stages": {stage.name: stages[stage.name] for stage in STAGES if stage.name in stages},
    }


def _failed_checks(manifests: dict[str, list[Manifest]]) -> dict[str, dict[str, Any]]:
    """What each check that failed asks for, and its figures; those that stop nothing would go unseen otherwise."""
    failed: dict[str, dict[str, Any]] = {}
    for stage in STAGES:
        results = checks_together(manifests[stage.name])
        for check in stage.checks:
            if not results.get(check.name, {"passed": True})["passed"]:
                failed[check.name] = {"asks": check.description, **results[check.name]}
    return failed


def _first(manifests: list[Manifest], figure: str) -> str | None:
    return next((str(manifest.summary[figure]) for manifest in manifests if figure in manifest.summary), None)


def _rows(manifests: list[Manifest]) -> int:
    return sum(manifest.rows for manifest in manifests)


def _sum(manifests: list[Manifest], figure: str) -> int:
    return sum(int(manifest.summary.get(figure, 0)) for manifest in manifests)
