"""Everything a user may set about a home, in one typed file. Unknown keys are errors that name the key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError
from upath import UPath

from assets.engines.config import EngineConfig
from kg.config import CorpusConfig, FusionConfig, GraphConfig, SplitConfig
from kg.dataset_config import DatasetConfig
from kg.embeddings.config import EmbeddingConfig
from pipeline.curies import PREFIX_ORDER
from pipeline.errors import MateriaError
from pipeline.extraction_config import ExtractionConfig
from pipeline.inventory import list_files
from pipeline.settings import parse_settings
from pipeline.sources import text_of
from pipeline.yaml_file import parse_yaml
from training.ablation.config import AblationConfig
from training.config import PretrainingConfig
from training.finetuning.config import FinetuningConfig

__all__ = ["Config", "VocabularyConfig", "load_config", "parse_config"]


class VocabularyConfig(BaseModel):
    """How vocabularies become one: the categories of concepts, and which concepts are merged under which name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    categories: str | None = Field(
        None,
        description="YAML file of category rules that go before the shipped ones; relative to the configuration file",
    )
    tables: tuple[str, ...] = Field(
        (),
        description="YAML files that say what the columns of tables mean (see Tables in docs/vocabularies.md); "
        "relative to the configuration file",
    )
    prefix_order: tuple[str, ...] = Field(
        PREFIX_ORDER,
        description="prefixes in the order in which they name merged concepts; others follow by the alphabet",
    )
    merge_cross_references: bool = Field(
        True, description="whether a one-to-one cross-reference merges two concepts, as exact matches always do"
    )


class Config(BaseModel):
    """The configuration of a home. Each stage's skip key holds only the part that the stage reads."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    buckets: int = Field(64, ge=1, le=4096, description="partitions of graph and corpora; fixed once a home is made")
    small_file_groups: int = Field(16, ge=1, description="batches that a folder of small files is grouped into")
    workers: int | None = Field(None, ge=1, description="processes for extraction; all cores where not set")
    deidentify: bool = Field(True, description="take what identifies a person out of the inputs given with --records")
    cache_mib: int = Field(
        1024,
        ge=0,
        description="most MiB of the cache of what was read in texts, for those that move or come back; 0 for none",
    )
    engine: EngineConfig = EngineConfig()
    vocabulary: VocabularyConfig = VocabularyConfig()
    extraction: ExtractionConfig = ExtractionConfig()
    fusion: FusionConfig = FusionConfig()
    splits: SplitConfig = SplitConfig()
    graph: GraphConfig = GraphConfig()
    corpus: CorpusConfig = CorpusConfig()
    dataset: DatasetConfig = DatasetConfig()
    embeddings: tuple[EmbeddingConfig, ...] = Field(
        tuple(EmbeddingConfig(model=model) for model in ("transe", "distmult", "rotate", "complex")),
        description="embeddings to train, one each",
    )
    pretraining: PretrainingConfig = PretrainingConfig()
    finetuning: dict[str, FinetuningConfig] = Field(
        {},
        description="tasks that the pretrained model is fine-tuned for, by a name of yours; files relative to the configuration file",
    )
    ablation: AblationConfig | None = Field(None, description="does the graph help? none: it is not asked")

    @field_validator("finetuning")
    @classmethod
    def _names_are_of_folders(cls, finetuning: dict[str, FinetuningConfig]) -> dict[str, FinetuningConfig]:
        """A name is that of a folder."""
        for name in finetuning:
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
                raise PydanticCustomError(
                    "name", "{name} is no name of a model: use letters, digits, - and _", {"name": repr(name)}
                )
        return finetuning

    @field_validator("embeddings")
    @classmethod
    def _each_scorer_once(cls, embeddings: tuple[EmbeddingConfig, ...]) -> tuple[EmbeddingConfig, ...]:
        """An embedding is named by its scorer: its folder, its checkpoint, and `materia neighbours --model`."""
        names = [config.model for config in embeddings]
        for name in names:
            if names.count(name) > 1:
                raise PydanticCustomError(
                    "twice", "{model} is listed twice, and each model may be once", {"model": name}
                )
        return embeddings


def parse_config(values: Any, file: str) -> Config:
    """A Config from parsed YAML or JSON; every mistake is named in one sentence."""
    return parse_settings(Config, values, file, remedy="Correct these keys; docs/configuration.md lists all of them")


def load_config(path: str) -> Config:
    """Read a YAML configuration file. Paths in it are relative to it.

    Raises:
        MateriaError: a key or value is wrong, or a file of templates, or there is no such language, model, stage or file of tests.
    """
    config = parse_config(parse_yaml(text_of(path), path) or {}, path)
    folder = UPath(path).absolute().parent

    def whole(name: str) -> str:
        if not name.strip():  # would be the folder of the configuration itself
            raise MateriaError("a path is empty", file=path, remedy="Name a file or folder, or leave the key out")
        return name if "://" in name else str(folder / Path(name).expanduser())

    update: dict[str, object] = {"extraction": config.extraction.with_folders(whole)}
    if config.fusion.reliabilities is not None:
        reliabilities = whole(config.fusion.reliabilities)
        update["fusion"] = config.fusion.model_copy(update={"reliabilities": reliabilities})
    vocabulary: dict[str, object] = {"tables": tuple(whole(name) for name in config.vocabulary.tables)}
    if config.vocabulary.categories is not None:
        vocabulary["categories"] = whole(config.vocabulary.categories)
    update["vocabulary"] = config.vocabulary.model_copy(update=vocabulary)
    update["corpus"] = config.corpus.with_paths(whole)
    update["finetuning"] = {name: task.with_paths(whole) for name, task in config.finetuning.items()}
    if config.ablation is not None and config.ablation.suite is not None:
        update["ablation"] = config.ablation.model_copy(update={"suite": whole(config.ablation.suite)})
    config = config.model_copy(update=update)
    if config.engine.stages:
        from assets.stages import STAGES

        names = [stage.name for stage in STAGES]
        if unknown := [name for name in config.engine.stages if name not in names]:
            raise MateriaError(
                f"engine.stages: there is no stage {unknown[0]!r}",
                file=path,
                remedy=f"Choose one of {', '.join(names)}",
            )
    if config.corpus.templates or config.corpus.languages != CorpusConfig().languages:
        from kg.verbalize import languages_of

        languages_of(config.corpus)  # so that a mistake in them is told before anything is built
    for tests in config.corpus.test_documents:
        list_files([tests])  # likewise
    for task in config.finetuning.values():
        list_files(task.files())  # likewise
    if config.ablation is not None and config.ablation.suite is not None:
        text_of(config.ablation.suite)  # likewise
    if config.corpus.rewriting is not None:
        config.corpus.rewriting.folder()  # likewise
    return config
