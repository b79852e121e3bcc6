"""The stage of fine-tuned models: the pretrained encoder under a head for each task that the configuration names."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assets.decontamination import check_tasks_decontaminated
from assets.home import Home
from assets.models import graph_sources, kept_between_runs, model_folder
from assets.stage import Job, Need, Stage
from kg.markdown import table

__all__ = ["STAGES"]

_HOW = "Nothing is fine-tuned, as the configuration names no task. Name some under `finetuning`, each with its files."


def finetuned_models(job: Job) -> None:
    """The pretrained model, fine-tuned for each task under `finetuning`: a folder each, with its record and card.

    Before anything is trained, the shards that the model was pretrained on are looked at for the documents that the tasks
    are judged on, and for held-out claims: what is found stops the build, and is listed. A folder loads with
    `AutoModelFor...`, and serves `extraction.ner` or `extraction.relations`. A run that was stopped keeps the tasks that are done
    (`cache/finetuning`).
    """
    config = job.home.config.finetuning
    if not config:
        job.writer.summary["how"] = _HOW
        return
    model = model_folder(job.home)
    assert model is not None
    _check(job, model)
    kept = kept_between_runs(job, "finetuning")
    reports = {name: _finetuned(job, name, model, kept / name) for name in config}
    for name in config:
        folder = job.writer.folder(name)
        shutil.copytree(kept / name / "model", folder, dirs_exist_ok=True)
    text = json.dumps(reports, indent=1, sort_keys=True) + "\n"
    job.writer.file("finetuning.json").write_text(text, encoding="utf-8")
    rows = [
        [name, report["task"], report["metric"], *(_figure(report, part) for part in ("validation", "test"))]
        for name, report in reports.items()
    ]
    job.writer.summary["table_of_figures"] = table(["name", "task", "figure", "validation", "test"], rows, text=3)
    job.writer.summary["figures"] = {name: report["test"] for name, report in reports.items()}
    shutil.rmtree(kept)


def _check(job: Job, model: Path) -> None:
    """Stop where the model has read what the tasks are judged on."""
    job.progress("finetuned_models decontamination")
    report = check_tasks_decontaminated(job.home, model, job.home.config.finetuning.values())
    assert report is not None
    text = json.dumps(report.to_json(), indent=1, sort_keys=True) + "\n"
    job.writer.file("decontamination.json").write_text(text, encoding="utf-8")
    job.writer.summary["table_of_decontamination"] = report.markdown()


def _finetuned(job: Job, name: str, model: Path, kept: Path) -> dict[str, Any]:
    """The report of a task, whose model is in a folder that a stopped run may have left complete."""
    from training.finetuning.finetune import finetune

    record = kept / "report.json"
    if not record.exists():
        config = job.home.config.finetuning[name]
        kept.mkdir(parents=True, exist_ok=True)
        report = finetune(
            config,
            model=model,
            out=kept / "model",
            graph=graph_sources(job.home) if config.graph is not None else None,
            on_step=lambda step, steps: (
                job.progress(f"finetuned_models {name} step {step}/{steps}") if step % 10 == 0 else None
            ),
            progress=lambda text: job.progress(f"finetuned_models {name} {text}"),
        )
        record.write_text(json.dumps(report), encoding="utf-8")
    return dict(json.loads(record.read_text(encoding="utf-8")))


def _figure(report: Mapping[str, Any], part: str) -> str:
    figures = report[part]
    return f"{figures[report['metric']]:.4f}" if figures else "none"


def _inputs(home: Home, key: str) -> dict[str, str]:
    """Versions of what it reads: nothing where there is no task, of the graph only where a task asks for it."""
    tasks = home.config.finetuning.values()
    if not tasks:
        return {}
    fused = [config.graph for config in tasks if config.graph is not None]
    needs = [Need("pretrained_model"), Need("corpus"), Need("triples", "bucket"), Need("vocabulary")]
    if any(graph.embeddings.startswith("kg_embeddings/") for graph in fused):
        needs.append(Need("kg_embeddings"))
    return Stage("finetuned_models", "models", finetuned_models, needs=tuple(needs)).inputs(home, key)


STAGES = [
    Stage(
        "finetuned_models",
        "models",
        finetuned_models,
        needs=(
            Need("pretrained_model"),
            Need("kg_embeddings"),
            Need("corpus"),
            Need("triples", "bucket"),
            Need("vocabulary"),
        ),
        settings=lambda home: {name: config.identity() for name, config in sorted(home.config.finetuning.items())},
        fingerprint=_inputs,
        kinds=("pytorch", "huggingface"),
    )
]
