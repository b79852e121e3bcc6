"""Stages that train and judge models: embeddings of the graph, a language model of corpus and graph, and its evaluation."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from assets.home import Home
from assets.stage import Job, Need, Stage
from kg.tables import TRIPLES
from pipeline.errors import MateriaError
from pipeline.hashing import hash_json
from pipeline.storage import Dataset

if TYPE_CHECKING:
    from training.finetuning.fusion.sources import GraphSources
    from training.sources import Sources
    from training.trainer.reports import StepReport

__all__ = [
    "STAGES",
    "embedding_folders",
    "figures_of",
    "graph_sources",
    "kept_between_runs",
    "model_folder",
    "pretraining_sources",
]

_MODEL = "model"


def model_folder(home: Home) -> Path | None:
    """The folder of the pretrained model, as `AutoModel.from_pretrained` takes it; None where there is none."""
    return next(iter(home.dataset("pretrained_model").folders()), None)


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


def _of_entities(vocabulary: Dataset, triples: pa.Table, column: str) -> dict[str, str]:
    """What the vocabulary says in a column of the entities of the triples, by CURIE."""
    entities = pc.unique(pa.chunked_array([*triples["subject"].chunks, *triples["object"].chunks]))
    found: dict[str, str] = {}
    for batch in vocabulary.batches(columns=["curie", column]):
        kept = batch.filter(pc.is_in(batch["curie"], entities))
        found.update(zip(kept["curie"].to_pylist(), kept[column].to_pylist(), strict=True))
    return found


def _shards(home: Home, split: str) -> list[Any]:
    """Shards of a split, in the order of their names, with the hashes their manifests give."""
    from kg.corpus import SHARDS
    from training.data.shards import Shard

    entries = []
    for manifest in home.dataset(SHARDS).manifests().values():
        entries += [one for one in manifest.files if one.path.startswith(f"split={split}/") and one.rows]
    paths = home.dataset(SHARDS).fetch(entries)
    shards = (Shard(path, f"{SHARDS}/{one.path}", one.sha256) for one, path in zip(entries, paths, strict=True))
    return sorted(shards, key=lambda shard: shard.name)


def pretraining_sources(home: Home, shards: str | None = None) -> Sources:
    """What a home gives to pretrain on.

    Args:
        shards: a folder of shards to take in place of the home's; triples and names are the home's, where it has any.

    Raises:
        MateriaError: there are no shards.
    """
    from training.sources import Sources, shards_below

    if shards is not None:
        found = shards_below(Path(shards))
        if not found["train"]:
            raise MateriaError(
                "holds no shards: there is no Parquet file in a folder split=train",
                file=shards,
                remedy="Name the `data` folder that materia corpus export wrote",
            )
    else:
        if home.dataset("corpus").manifest() is None:
            raise MateriaError(
                "has no corpus yet", file=str(home.url), remedy="Run: materia build --until corpus, or name --shards"
            )
        found = {split: _shards(home, split) for split in ("train", "validation", "test")}
    built = shards is None or home.dataset("triples").manifests()
    triples = _triples(home) if built else TRIPLES.empty_table()
    stated = home.config.dataset
    return Sources(
        found["train"],
        found["validation"],
        triples,
        _of_entities(home.dataset("vocabulary"), triples, "name") if built else {},
        licences={"model": None, "corpus": stated.licence, **stated.licences},
        folders={f"kg_embeddings/{name}": folder for name, folder in embedding_folders(home).items()},
        test=found["test"],
    )


def embedding_folders(home: Home) -> dict[str, Path]:
    """The folders of the graph's embeddings, by the name of their scorer."""
    return {folder.name.rpartition("-")[0]: folder for folder in home.dataset("kg_embeddings").folders()}


def graph_sources(home: Home) -> GraphSources:
    """What a home gives to fuse its graph into a model that is fine-tuned: embeddings, names to find mentions by, triples."""
    from assets.extraction import name_index_folder
    from training.finetuning.fusion.sources import GraphSources

    named = home.dataset("name_index").manifest() is not None
    return GraphSources(
        {f"kg_embeddings/{name}": folder for name, folder in embedding_folders(home).items()},
        (name_index_folder(home),) if named else (),
        (lambda: _triples(home)) if home.dataset("triples").manifests() else None,
    )


def kg_embeddings(job: Job) -> None:
    """Vectors of entities and relations: TransE, DistMult, RotatE and ComplEx on the graph's training triples.

    Judged by filtered mean reciprocal rank on held-out triples, ties at the mean. The maps show the entities in two dimensions. A
    run that was stopped or killed goes on from its last checkpoint (`cache/embeddings`).
    """
    from kg.embeddings.plot import plot_embeddings
    from kg.embeddings.train import train_embeddings

    triples, vocabulary = _triples(job.home), job.dataset("vocabulary")
    categories, names = _of_entities(vocabulary, triples, "category"), _of_entities(vocabulary, triples, "name")
    kept = kept_between_runs(job, "embeddings")
    kept.mkdir(parents=True, exist_ok=True)
    report = {}
    for config in job.home.config.embeddings:
        job.progress(f"kg_embeddings {config.model}")
        made = train_embeddings(triples, config=config, checkpoint=kept / f"{config.model}.safetensors")
        folder = job.writer.folder(config.model)
        made.save(folder)
        plot_embeddings(made, categories, folder / "map.png", names=names)
        report[config.model] = made.report()
        for split, figures in made.metrics.items():
            job.writer.summary[f"{config.model} {split} mrr"] = round(figures["mrr"], 4)
        job.writer.summary[f"plot of {config.model}"] = inline_plot(folder / "map.png")
    job.writer.file("embeddings.json").write_text(json.dumps(report, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    shutil.rmtree(kept)


def kept_between_runs(job: Job, name: str) -> Path:
    """A folder of the cache for what a stopped run goes on from: one for each set of inputs and settings, and no older one."""
    folder = job.home.path / "cache" / name / hash_json([job.rules, dict(job.inputs)])[:16]
    for other in folder.parent.glob("*") if folder.parent.is_dir() else ():
        if not other.name.startswith(folder.name):
            shutil.rmtree(other, ignore_errors=True)
            other.unlink(missing_ok=True)
    return folder


def pretrained_model(job: Job) -> None:
    """A language model that reads the corpus and learns the graph in one loss: words, sentences, links, relations.

    The folder loads with `AutoModel` and `AutoTokenizer`, and holds a model card and the record of every shard it read. A run that
    was stopped or killed goes on from its last checkpoint (`cache/pretraining`); TensorBoard's event files are there too.
    """
    from training.pretrain import pretrain

    home, config = job.home, job.home.config.pretraining
    run = kept_between_runs(job, "pretraining").with_suffix(".run")
    out = job.writer.folder(_MODEL)
    if config.trainer.processes > 1:
        report = _in_processes(job, run, out)
    else:
        report = pretrain(
            pretraining_sources(home),
            config,
            out=out,
            run=run,
            resume=True,
            on_step=lambda step: _tell(job, step),
            progress=lambda text: job.progress(f"pretrained_model {text}"),
        )
    job.writer.summary["losses"] = report["losses"]
    job.writer.summary["figures"] = {key: report[key] for key in ("steps", "rows", "tokens", "parameters")}
    job.writer.summary["plot_of_losses"] = inline_plot(out / "losses.png")
    job.writer.summary["model_card"] = (out / "README.md").read_text(encoding="utf-8")


def _in_processes(job: Job, run: Path, out: Path) -> dict[str, Any]:
    """Train by `materia pretrain`, which starts torchrun; its folder becomes the output."""
    made = run.with_suffix("")
    shutil.rmtree(made, ignore_errors=True)
    settings = run.with_suffix(".json")
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(job.home.config.pretraining.model_dump_json(), encoding="utf-8")
    words = ["pretrain", "--home", str(job.home.url), "--config", str(settings), "--out", str(made)]
    job.launch([*words, "--resume"])
    for path in made.iterdir():
        shutil.move(path, out / path.name)
    made.rmdir()
    return dict(json.loads((run / "report.json").read_text(encoding="utf-8")))


def _tell(job: Job, step: StepReport) -> None:
    if step.step % 10 == 0 or step.step == step.steps:
        losses = ", ".join(f"{name} {loss:.2f}" for name, loss in step.losses.items())
        job.progress(f"pretrained_model step {step.step}/{step.steps}, {losses}")


def inline_plot(plot: Path) -> str:
    """A plot as Markdown that holds the picture itself, which the UI shows without a file server."""
    return f"![plot](data:image/png;base64,{base64.b64encode(plot.read_bytes()).decode()})"


def evaluation(job: Job) -> None:
    """How well the model does on what it never read: held-out losses, link prediction, relation classification, embeddings."""
    from training.evaluation.objectives import evaluate

    home = job.home
    folder = model_folder(home)
    assert folder is not None
    embeddings = {name: report["metrics"] for name, report in figures_of(home, "kg_embeddings", "embeddings").items()}
    sources = pretraining_sources(home)
    figures = evaluate(
        folder,
        {split: _shards(home, split) for split in ("validation", "test")},
        sources.triples,
        sources.names,
        home.config.pretraining,
        embeddings=embeddings,
    )
    job.writer.file("evaluation.json").write_text(
        json.dumps(figures, indent=1, sort_keys=True) + "\n", encoding="utf-8"
    )
    job.writer.summary["figures"] = figures


_READ = (Need("corpus"), Need("triples", "bucket"), Need("vocabulary"))


def _settings_of_pretraining(home: Home) -> Any:
    """Settings, and the content of the models they name."""
    from training.sources import model_hashes

    config = home.config.pretraining
    named = (
        config if not _uses_embeddings(home) else config.model_copy(update={"objectives": type(config.objectives)()})
    )
    return [config.model_dump(mode="json"), model_hashes(named), home.config.corpus.minimum_belief]


def _uses_embeddings(home: Home) -> bool:
    """Whether pretraining starts from the embeddings that the home makes."""
    return (home.config.pretraining.objectives.link_prediction_table.embeddings or "").startswith("kg_embeddings/")


def _inputs_of_pretraining(home: Home, key: str) -> dict[str, str]:
    """Versions of what it reads; of embeddings only where settings ask for them, so that others train no model again."""
    needs = (*_READ, *([Need("kg_embeddings")] if _uses_embeddings(home) else []))
    return Stage("pretrained_model", "models", pretrained_model, needs=needs).inputs(home, key)


STAGES = [
    Stage(
        "kg_embeddings",
        "models",
        kg_embeddings,
        needs=(Need("triples", "bucket"), Need("vocabulary")),
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
        needs=(*_READ, Need("kg_embeddings")),
        settings=_settings_of_pretraining,
        fingerprint=_inputs_of_pretraining,
        version="2",
        kinds=("pytorch", "huggingface"),
    ),
    Stage(
        "evaluation",
        "models",
        evaluation,
        needs=(Need("pretrained_model"), Need("kg_embeddings"), Need("corpus"), Need("vocabulary")),
        settings=lambda home: home.config.pretraining.model_dump(mode="json"),
        kinds=("pytorch", "json"),
    ),
]
