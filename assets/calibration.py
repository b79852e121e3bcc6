"""The stage that tells what the beliefs of a build are worth: the reliability curve behind them, and how they spread."""

from __future__ import annotations

import json
from typing import Any

from assets.home import Home
from assets.stage import Check, Job, Need, Stage
from pipeline.hashing import hash_json

__all__ = ["STAGES"]

_BINS = 20
_LEARN = "materia calibrate --train FILE --gold FILE --out FILE, then fusion.reliabilities in the configuration"


def belief_calibration(job: Job) -> None:
    """What beliefs are worth: the reliability curve of the file that the configuration names, and a histogram of the triples' beliefs.

    Beliefs are uncalibrated where no file is named; extractors that it does not name keep their own probabilities.
    """
    from kg.calibration_plot import belief_histogram, reliability_diagram
    from kg.plots import as_markdown, write_png
    from kg.triple_beliefs import belief_counts, extractors_of

    paths = job.dataset("triples").paths_of(job.home.buckets)
    counts, extractors = belief_counts(paths, _BINS), extractors_of(paths)
    found = job.home.config.fusion.learned()
    known = set(found.extractors) if found else set()
    figures: dict[str, Any] = {
        "triples_by_belief": counts,
        "uncalibrated_extractors": sorted(set(extractors) - known),
    }
    summary = job.writer.summary
    if found is None:
        summary["beliefs"] = f"uncalibrated; to learn what they are worth: {_LEARN}"
    elif found.judged_on is None:
        summary["beliefs"] = "calibrated; not judged on other documents"
    else:
        judged = found.judged_on
        figures |= judged.model_dump(include={"n", "ece", "brier", "brier_skill", "auc", "base_rate"})
        summary["beliefs"] = f"calibrated; calibration error {judged.ece:.3f} over {judged.n:,} claims judged"
        curve = reliability_diagram(judged.bins, f"{judged.n:,} claims judged, ECE {judged.ece:.3f}")
        write_png(curve, job.writer.file("reliability.png"))
        summary["plot_of_reliability"] = as_markdown(curve, "share true by belief")
    histogram = belief_histogram(counts, f"{sum(counts):,} triples")
    write_png(histogram, job.writer.file("beliefs.png"))
    summary["plot_of_beliefs"] = as_markdown(histogram, "triples by belief")
    summary["figures"] = figures
    job.writer.file("calibration.json").write_text(
        json.dumps(figures, indent=1, sort_keys=True) + "\n", encoding="utf-8"
    )
    unused = sorted(known - set(extractors))
    job.check("reliabilities_used", not unused, unused=", ".join(unused))


def _settings(home: Home) -> Any:
    found = home.config.fusion.learned()
    return hash_json(found.model_dump()) if found else None


STAGES = [
    Stage(
        "belief_calibration",
        "graph",
        belief_calibration,
        needs=(Need("triples", "bucket"),),
        settings=_settings,
        kinds=("matplotlib",),
        checks=(
            Check(
                "reliabilities_used",
                "Each extractor that the file of reliabilities names should be one whose evidence is in the graph: "
                "another training of a classifier is another extractor.",
                blocking=False,
            ),
        ),
    )
]
