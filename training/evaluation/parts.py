"""The parts of an evaluation, each with the name of the file of its outcomes: model, settings, data and libraries as one hash."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from upath import UPath

from pipeline.content import folder_hash, model_folder
from pipeline.errors import MateriaError
from pipeline.hashing import hash_json
from pipeline.storage import file_sha256
from training.evaluation.config import LinkProbeConfig, SuiteConfig
from training.library_versions import library_versions
from training.sources import Sources
from training.statistics.outcomes import Outcomes

if TYPE_CHECKING:
    from training.finetuning.config import FinetuningConfig, GraphFusionConfig
    from training.finetuning.examples import Parts
    from training.finetuning.fusion.sources import GraphSources

__all__ = ["Part", "parts_of"]

_Found = Mapping[str, Outcomes]
#: Enters the name of every part: raise it where what a part computes changes.
_VERSION: Final = 1
_FILES: Final = ("train", "validation", "test")


@dataclass(frozen=True)
class Part:
    """Something to measure.

    Attributes:
        name: for people: `probing`, `tasks transcriptions, seed 13`.
        file: name of the file of its outcomes.
        compute: measures it; outcomes by the full name of the figure.
        check: reads what it needs, and raises MateriaError where that cannot be used.
    """

    name: str
    file: str
    compute: Callable[[], _Found]
    check: Callable[[], object] = lambda: None


def parts_of(
    folder: Path, suite: SuiteConfig, sources: Sources | None, graph: GraphSources | None = None
) -> list[Part]:
    """What a suite asks of a model, in the order of its sections.

    Raises:
        MateriaError: there is no such model, or the suite asks for what needs a home and there is none.
    """
    parts = []
    model, libraries = folder_hash(model_folder(str(folder))), library_versions()

    def add(name: str, prefix: str, settings: Any, data: Any, compute: Callable[[], _Found], **more: Any) -> None:
        key = hash_json([_VERSION, libraries, name, model, settings, data])[:16]
        stem = name.replace(",", "").replace(" ", "-")
        parts.append(Part(name, f"{stem}-{key}.parquet", partial(_prefixed, prefix, compute), **more))

    if suite.probing or suite.link_probe:
        home = _needed(sources)
        claims = [home.triples_hash(), hash_json(sorted(home.names.items()))]
        if suite.probing:
            add("probing", "probing", suite.probing.model_dump(), claims, partial(_probing, folder, home, suite))
        if suite.link_probe:
            settings = suite.link_probe
            add("link probe", "link_probe", settings.model_dump(), claims, partial(_links, folder, home, settings))
    if suite.perplexity:
        home = _needed(sources)
        shards = [[shard.name, shard.sha256] for shard in home.test]
        compute = partial(_perplexity, folder, home, suite)
        add(
            "perplexity",
            "perplexity",
            suite.perplexity.model_dump(),
            shards,
            compute,
            check=partial(_literature, home, suite),
        )
    for name, config in suite.tasks.items():
        data = {part: [file_sha256(UPath(file)) for file in getattr(config.data, part)] for part in _FILES}
        written = config.model_dump(mode="json", exclude={"data": set(_FILES), "seed": True})
        given = [data, _graph_hashes(config.graph, graph)] if config.graph else data
        examples = cache(partial(_examples, config))  # read once for all seeds
        for seed in suite.seeds:
            seeded = config.model_copy(update={"seed": seed})
            compute = partial(_task, folder, seeded, graph, examples)
            add(f"tasks {name}, seed {seed}", f"tasks.{name}", written, given, compute, check=examples)
    return parts


def _needed(sources: Sources | None) -> Sources:
    if sources is None:
        raise MateriaError(
            "the suite asks for probing, link_probe or perplexity, which need a home",
            remedy="Name a home, or set these sections to null",
        )
    return sources


def _graph_hashes(config: GraphFusionConfig, graph: GraphSources | None) -> list[str]:
    """Of what a graph is fused from: embeddings, the names that mentions are found by, and neighbours where they are looked at."""
    from training.finetuning.fusion.sources import GraphSources

    found = graph or GraphSources()
    places = [found.embeddings(config), *map(Path, found.names(config))]
    triples = found.triples() if config.how == "attention" and found.triples else None
    hashes = [folder_hash(place) if place.is_dir() else file_sha256(place) for place in places]
    return hashes if triples is None else [*hashes, Sources((), (), triples).triples_hash()]


def _prefixed(prefix: str, compute: Callable[[], _Found]) -> _Found:
    return {f"{prefix}.{name}": found for name, found in compute().items()}


def _probing(folder: Path, sources: Sources, suite: SuiteConfig) -> _Found:
    from training.evaluation.probing import probe

    assert suite.probing is not None
    return probe(folder, sources.triples, sources.names, suite.probing)


def _links(folder: Path, sources: Sources, config: LinkProbeConfig) -> _Found:
    from training.evaluation.link_probe import CONTROLS, link_probe

    found = dict(link_probe(folder, sources.triples, sources.names, config))
    for control in CONTROLS:
        of_control = link_probe(folder, sources.triples, sources.names, config, control=control)
        found |= {f"{control}.{name}": outcomes for name, outcomes in of_control.items()}
    return found


def _literature(sources: Sources, suite: SuiteConfig) -> None:
    from training.evaluation.perplexity import rows_of

    assert suite.perplexity is not None
    rows_of(sources.test, suite.perplexity)


def _perplexity(folder: Path, sources: Sources, suite: SuiteConfig) -> _Found:
    from training.evaluation.perplexity import perplexity

    assert suite.perplexity is not None
    return perplexity(folder, sources.test, suite.perplexity)


def _examples(config: FinetuningConfig) -> Parts[Any]:
    """The examples of a task, with which it can be learned and judged."""
    from training.finetuning.examples import learn_task, read_parts
    from training.tasks.table import TASKS

    parts = read_parts(TASKS[config.task], config.data)
    learn_task(TASKS[config.task], parts)
    return parts


def _task(
    folder: Path, config: FinetuningConfig, graph: GraphSources | None, examples: Callable[[], Parts[Any]]
) -> _Found:
    """Fine-tune, and judge on the test examples; the fine-tuned model is not kept."""
    from training.finetuning.finetune import train
    from training.finetuning.fit import reproducible

    parts = examples()
    finetuned, _ = train(config, parts, model=folder, graph=graph)
    with reproducible(config):
        return {finetuned.task.metric: finetuned.outcomes(parts.test)}
