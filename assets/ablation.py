"""The stage of the ablation: whether the graph helps, on this graph and this corpus."""

from __future__ import annotations

import re
import shutil
from typing import Any

from assets.decontamination import check_home_decontaminated
from assets.home import Home
from assets.models import inline_plot, pretraining_sources
from assets.stage import Job, Need, Stage

__all__ = ["STAGES"]

_HOW = "No ablation is asked for. Write `ablation: {}` into the configuration (with `minutes`, say), or run materia ablate."
_PICTURE = re.compile(r"!\[[^\]]*\]\(([^)]+)\)")


def ablation(job: Job) -> None:
    """Does the graph help? Arms that differ in one thing each, trained and judged alike, and one page of result.

    Its folder is that of `materia ablate` (`models/ablation` in the home): what either has trained, the other does not train
    again, and a run that was stopped goes on. What the models read is looked at first for what they are judged on: that stops it.
    """
    config = job.home.config.ablation
    if config is None:
        job.writer.summary["how"] = _HOW
        return
    from training.ablation.run import Ablation, held

    out, sources = job.home.path / "models" / "ablation", pretraining_sources(job.home)
    with held(out):
        study = Ablation(sources, config, out, progress=lambda text: job.progress(f"ablation {text}"))
        job.progress("ablation decontamination")
        clean = check_home_decontaminated(job.home, study.judged_on(), sources=study.read())
        plan = study.plan()
        job.progress(f"ablation {plan.sentence()}")
        trainings = study.pretrain(plan, lambda step: _tell(job, step, plan.steps))
        runs = study.judge(trainings, lambda step: job.progress(f"ablation {step[0]} {step[1]} is judged"))
        results = study.write_results(plan, trainings, runs, clean.sentence())
        page = (out / "results.md").read_text(encoding="utf-8")
        for name in ("results.md", "results.json", *_PICTURE.findall(page)):
            shutil.copyfile(out / name, job.writer.file(name))
        job.writer.summary["table_of_results"] = _PICTURE.sub(lambda match: inline_plot(out / match[1]), page)
    job.writer.summary["summary"] = results["summary"]
    job.writer.summary["verdicts"] = results["verdicts"]


def _tell(job: Job, step: tuple[str, int, int], steps: int) -> None:
    arm, seed, number = step
    if number % 50 == 0 or number == steps:
        job.progress(f"ablation {arm} {seed} step {number}/{steps}")


def _settings(home: Home) -> Any:
    """Settings; the tasks of the suite with their files by content, and what it may not depend on left out."""
    from training.evaluation.suite import load_suite

    config = home.config.ablation
    if config is None:
        return None
    values = config.model_dump(mode="json", exclude={"workers", "suite"})
    if config.suite is not None:
        suite = load_suite(config.suite)
        tasks = {name: task.identity() for name, task in sorted(suite.tasks.items())}
        values["suite"] = suite.model_dump(mode="json", exclude={"tasks"}) | {"tasks": tasks}
    return [values, home.config.corpus.minimum_belief]


def _inputs(home: Home, key: str) -> dict[str, str]:
    return {} if home.config.ablation is None else _WITHOUT_FINGERPRINT.inputs(home, key)


_NEEDS = (Need("corpus"), Need("triples", "bucket"), Need("vocabulary"))
_WITHOUT_FINGERPRINT = Stage("ablation", "models", ablation, needs=_NEEDS)
STAGES = [
    Stage(
        "ablation",
        "models",
        ablation,
        needs=_NEEDS,
        settings=_settings,
        fingerprint=_inputs,
        kinds=("pytorch", "json"),
    )
]
