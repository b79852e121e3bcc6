"""Stages that train and judge models: embeddings of the graph, a language model of corpus and graph, and its evaluation."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assets.home import Home
from assets.stage import Job, Need, Stage
from pipeline.storage import Dataset

__all__ = ["STAGES", "figures_of", "model_folder"]

_MODEL = "model"


def model_folder(home: Home) -> Path | None:
    """The folder of the pretrained model, as `AutoModel.from_pretrained` takes it; None where there is none."""
    manifest = home.dataset("pretrained_model").manifest()
    names = {entry.path.split("/")[0] for entry in manifest.files} if manifest else set()
    return home.path / "pretrained_model" / names.pop() if names else None


def figures_of(home: Home, asset: str, name: str) -> dict[str, Any]:
    """A report that a stage wrote as JSON."""
    paths = map(Path, home.dataset(asset).paths(suffix=".json"))
    path = next(path for path in paths if path.name.startswith(f"{name}-"))
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _triples(home: Home) -> pa.Table:
    """Every triple that the evidence supports more than it contradicts, sorted by id."""
    dataset = home.dataset("triples")
    columns = ["triple_id", "subject", "predicate", "object", "belief", "split"]
    table = pa.concat_tables([dataset.read(key, columns) for key in home.buckets])
    threshold = home.config.corpus.minimum_belief
    return table.filter(pc.greater_equal(table["belief"], threshold)).sort_by("triple_id")


def _names(vocabulary: Dataset) -> Mapping[str, str]:
    table = vocabulary.read(columns=["curie", "name"])
    return dict(zip(table["curie"].to_pylist(), table["name"].to_pylist(), strict=True))


def _shards(home: Home, split: str) -> list[Any]:
    """Shards of a split, in the order of their names, with the hashes their manifests give."""
    from kg.corpus import SHARDS
    from training.data.shards import Shard

    shards = []
    for manifest in home.dataset(SHARDS).manifests().values():
        for entry in manifest.files:
            if entry.path.startswith(f"split={split}/") and entry.rows:
                name = f"{SHARDS}/{entry.path}"
                shards.append(Shard(str(home.url / name), name, entry.sha256))
    return sorted(shards, key=lambda shard: shard.name)


def kg_embeddings(job: Job) -> None:
    """Vectors of entities and relations: TransE, DistMult and RotatE on the graph's training triples.

    Judged by filtered mean reciprocal rank on held-out triples, ties at the mean.
    """
    from kg.embeddings.train import train_embeddings

    triples = _triples(job.home)
    report = {}
    for config in job.home.config.embeddings:
        job.progress(f"kg_embeddings {config.model}")
        made = train_embeddings(triples, config=config)
        made.save(job.writer.folder(config.model))
        report[config.model] = made.report()
        for split, figures in made.metrics.items():
            job.writer.summary[f"{config.model} {split} mrr"] = round(figures["mrr"], 4)
    job.writer.file("embeddings.json").write_text(json.dumps(report, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def pretrained_model(job: Job) -> None:
    """A language model that reads the corpus and learns the graph in one loss: masked words, next sentences, links, relations.

    A BERT from the configuration with a tokenizer trained on the corpus. The folder loads with `AutoModel` and `AutoTokenizer`
    and holds the record of every shard it read.
    """
    from training.pretrain import pretrain

    def on_step(step: int, steps: int, losses: Mapping[str, float]) -> None:
        if step % 10 == 0 or step == steps:
            job.progress(
                f"pretrained_model step {step}/{steps}, " + ", ".join(f"{k} {v:.2f}" for k, v in losses.items())
            )

    home = job.home
    out = job.writer.folder(_MODEL)
    report = pretrain(
        _shards(home, "train"),
        _shards(home, "validation"),
        _triples(home),
        _names(job.dataset("vocabulary")),
        home.config.pretraining,
        out=out,
        on_step=on_step,
    )
    job.writer.summary["losses"] = report["losses"]
    job.writer.summary["figures"] = {
        key: report[key] for key in ("steps", "passages", "tokens", "parameters") if key in report
    }
    job.writer.summary["plot_of_losses"] = _inline(out / "losses.png")


def _inline(plot: Path) -> str:
    """A plot as Markdown that holds the picture itself, which the UI shows without a file server."""
    return f"![losses](data:image/png;base64,{base64.b64encode(plot.read_bytes()).decode()})"


def evaluation(job: Job) -> None:
    """How well the model does on what it never read: held-out losses, link prediction, relation classification, embeddings."""
    from training.evaluate import evaluate

    home = job.home
    folder = model_folder(home)
    assert folder is not None
    embeddings = {name: report["metrics"] for name, report in figures_of(home, "kg_embeddings", "embeddings").items()}
    figures = evaluate(
        folder,
        {split: _shards(home, split) for split in ("validation", "test")},
        _triples(home),
        _names(job.dataset("vocabulary")),
        home.config.pretraining,
        embeddings=embeddings,
    )
    job.writer.file("evaluation.json").write_text(
        json.dumps(figures, indent=1, sort_keys=True) + "\n", encoding="utf-8"
    )
    job.writer.summary["figures"] = figures


STAGES = [
    Stage(
        "kg_embeddings",
        "models",
        kg_embeddings,
        needs=(Need("triples", "bucket"),),
        settings=lambda home: [
            [config.model_dump() for config in home.config.embeddings],
            home.config.corpus.minimum_belief,
        ],
        kinds=("pytorch",),
    ),
    Stage(
        "pretrained_model",
        "models",
        pretrained_model,
        needs=(Need("corpus"), Need("triples", "bucket"), Need("vocabulary")),
        settings=lambda home: [home.config.pretraining.model_dump(), home.config.corpus.minimum_belief],
        kinds=("pytorch", "huggingface"),
    ),
    Stage(
        "evaluation",
        "models",
        evaluation,
        needs=(Need("pretrained_model"), Need("kg_embeddings"), Need("corpus"), Need("vocabulary")),
        settings=lambda home: home.config.pretraining.model_dump(),
        kinds=("pytorch", "json"),
    ),
]
