"""What a user may set about fine-tuning. This module imports no torch. Unknown keys are errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.inventory import list_files
from pipeline.storage import file_sha256
from training.tasks.config import TaskDataConfig, TaskName

__all__ = ["AdapterConfig", "FinetuningConfig", "GraphFusionConfig"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AdapterConfig(_Strict):
    """Low-rank adapters (Hu et al. 2022, arXiv:2106.09685), by peft: the encoder stays as it is."""

    rank: int = Field(8, ge=1, description="rank of an adapter")
    alpha: float = Field(16.0, gt=0, description="its scale, over the rank")
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout before it")


class GraphFusionConfig(_Strict):
    """Vectors of the graph in the encoder, at the mentions of linked entities."""

    how: Literal["gated", "attention"] = Field(
        "gated", description="gated: the entity's vector, added through a gate; attention: over it and its neighbours"
    )
    embeddings: str = Field(
        "kg_embeddings/distmult", description="folder of graph embeddings, or the name of the home's"
    )
    vocabulary: tuple[str, ...] = Field((), description="vocabulary files to link by; none: the home's vocabulary")
    neighbours: int = Field(8, ge=1, description="attention: neighbours of an entity that are looked at, at most")
    frozen: bool = Field(True, description="leave the graph's vectors as they are")
    shuffled: bool = Field(
        False, description="a control: give each entity the vector and neighbours of another with about as many triples"
    )


class FinetuningConfig(_Strict):
    """How a pretrained encoder is fine-tuned for one task."""

    task: TaskName = Field("record_classification", description="what is learned")
    data: TaskDataConfig = TaskDataConfig()
    max_length: int = Field(
        128, ge=16, description="tokens of a row, special tokens included; at most what the encoder has positions for"
    )
    epochs: int = Field(4, ge=1, description="passes over the training examples, at most")
    batch: int = Field(16, ge=1, description="rows of a step")
    learning_rate: float = Field(
        5e-4, gt=0, description="step size of AdamW at its peak; about 3e-5 for a large encoder"
    )
    warmup: float = Field(0.1, ge=0, lt=1, description="share of the steps in which the step size rises from 0")
    weight_decay: float = Field(0.01, ge=0, description="decay of matrices")
    class_weights: Literal["none", "balanced"] = Field("none", description="balanced: rare labels count more")
    wide: bool = Field(
        False, description="a linear model over words beside the encoder, for tasks that give labels to whole examples"
    )
    patience: int = Field(0, ge=0, description="stop after so many epochs without a better figure; 0: never")
    adapters: AdapterConfig | None = Field(None, description="train adapters and the head alone")
    graph: GraphFusionConfig | None = Field(None, description="fuse graph vectors into the encoder")
    seed: int = Field(13, ge=0, lt=2**32, description="seed of the head, of dropout and of the order")
    threads: int = Field(1, ge=0, description="threads of torch; 0 for one a core")

    def with_paths(self, whole: Callable[[str], str]) -> FinetuningConfig:
        """The same with paths written whole. Embeddings named as `kg_embeddings/...` are the home's."""
        update: dict[str, Any] = {"data": self.data.with_paths(whole)}
        if self.graph is not None:
            graph: dict[str, Any] = {"vocabulary": tuple(map(whole, self.graph.vocabulary))}
            if not self.graph.embeddings.startswith("kg_embeddings/"):
                graph["embeddings"] = whole(self.graph.embeddings)
            update["graph"] = self.graph.model_copy(update=graph)
        return self.model_copy(update=update)

    def files(self) -> list[str]:
        """Every file that is named, and the folder of embeddings where it is no name."""
        graph = self.graph
        named = [] if graph is None or graph.embeddings.startswith("kg_embeddings/") else [graph.embeddings]
        return [*self.data.train, *self.data.validation, *self.data.test, *(graph.vocabulary if graph else ()), *named]

    def identity(self) -> dict[str, Any]:
        """What a model depends on, for skip keys: files by their names and contents, not by their paths.

        Raises:
            MateriaError: a file does not exist.
        """
        hashes = {path: [[file.name, file_sha256(file.path)] for file in list_files([path])] for path in self.files()}

        def by_content(path: str) -> Any:
            return hashes.get(path, path)

        values = self.model_dump(mode="json")
        for part in ("train", "validation", "test"):
            values["data"][part] = [by_content(path) for path in values["data"][part]]
        if values["graph"]:
            values["graph"]["vocabulary"] = [by_content(path) for path in values["graph"]["vocabulary"]]
            values["graph"]["embeddings"] = by_content(values["graph"]["embeddings"])
        return values
