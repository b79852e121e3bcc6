"""A graph fused into a task's model: made from settings, put to work, written and read again.

    graph_fusion.safetensors   gate, map, and the vectors themselves: nothing else of the graph is needed afterwards
    graph_fusion.json          how, sizes, entities by CURIE, the hash of the embeddings, the vocabulary mentions are found by

The vocabulary is not copied into the folder (it is large, and its licence its owner's): who loads the model gives it again,
and it must be the same, or mentions would be found that training never saw.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pipeline.errors import MateriaError
from training.finetuning.config import GraphFusionConfig
from training.finetuning.fusion.attach import ENTITY_IDS, attach
from training.finetuning.fusion.graph_vectors import GraphVectors
from training.finetuning.fusion.mention_linking import MentionLinker, described
from training.finetuning.fusion.sources import GraphSources
from training.finetuning.fusion.table import FUSIONS
from training.finetuning.fusion.token_entities import token_entities
from training.tasks.base import Example, Features

if TYPE_CHECKING:
    from torch import nn

    from training.finetuning.fusion.base import FusionLayer

__all__ = ["RECORD", "GraphFusion", "load_fusion", "make_fusion"]

RECORD: Final = "graph_fusion.json"
_TENSORS: Final = "graph_fusion.safetensors"
_SCHEMA: Final = "materia.graph_fusion.v1"


@dataclass(frozen=True)
class GraphFusion:
    """A layer, the entities it knows, and what finds them in texts.

    Attributes:
        layer: it has the number of entity i at i + 1.
        config: what it was made from.
        curies: of the entities.
        relations: CURIEs of the relations that neighbours have.
        linker: finds mentions.
        hash: of the embeddings.
    """

    layer: FusionLayer
    config: GraphFusionConfig
    curies: tuple[str, ...]
    relations: tuple[str, ...]
    linker: MentionLinker
    hash: str

    def attach(self, model: nn.Module) -> None:
        """Put the layer to work in a model, see `training.finetuning.fusion.attach`."""
        attach(model, self.layer)

    def annotate(self, examples: Sequence[Example[Any]], features: Sequence[Features]) -> list[Features]:
        """The features with `entity_ids` among their inputs: of each token the entity it mentions, 0 for none."""
        numbers = {curie: place for place, curie in enumerate(self.curies, start=1)}
        used = dict.fromkeys(feature.example for feature in features)
        mentions = self.linker.mentions(chain.from_iterable(examples[place].texts for place in used))
        annotated = []
        for feature in features:
            linked = [mentions[text] for text in examples[feature.example].texts]
            entities = token_entities(feature.offsets, feature.text, linked, numbers)
            annotated.append(replace(feature, inputs={**feature.inputs, ENTITY_IDS: entities}))
        return annotated

    def save(self, folder: Path) -> None:
        """Write the files that the module names."""
        from safetensors.torch import save_file

        state = {name: tensor.detach().cpu().contiguous() for name, tensor in self.layer.state_dict().items()}
        save_file(state, folder / _TENSORS)
        record = {
            "schema": _SCHEMA,
            "layer": self.layer.name,
            "hidden": self.layer.linear.out_features,
            "dim": self.layer.linear.in_features,
            "config": self.config.model_dump(mode="json", exclude={"embeddings", "vocabulary"}),
            "embeddings": self.hash,
            "vocabulary": self.linker.record,
            "relations": self.relations,
            "entities": self.curies,
        }
        (folder / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def make_fusion(config: GraphFusionConfig, sources: GraphSources, *, hidden: int, seed: int) -> GraphFusion:
    """A new fusion, whose gate comes from torch's global seed.

    Args:
        hidden: numbers in a token's input embedding.
        seed: of the order of shuffled vectors.

    Raises:
        MateriaError: embeddings, vocabulary or triples that settings ask for are not there.
    """
    linker = MentionLinker(sources.names(config))
    graph = GraphVectors.read(sources.embeddings(config), sources.neighbours(config), neighbours=config.neighbours)
    if config.shuffled:
        graph = graph.shuffled(seed)
    layer = FUSIONS[config.how](graph, hidden, frozen=config.frozen)
    return GraphFusion(layer, config, graph.curies, graph.relations, linker, graph.hash)


def load_fusion(folder: Path, vocabulary: Sequence[str]) -> GraphFusion | None:
    """The fusion in a folder that `GraphFusion.save` wrote; None where there is none.

    Args:
        vocabulary: what mentions were found by in training, as `VocabularyIndex.open` takes it.

    Raises:
        MateriaError: the vocabulary is not given or another one, or the files are damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    file = folder / RECORD
    if not file.exists():
        return None
    record = _read(file)
    if not vocabulary:
        raise MateriaError(
            f"finds mentions by a vocabulary that must be given: {described(record['vocabulary'])}",
            file=str(folder),
            remedy="Give these files, or the home whose vocabulary it is",
        )
    linker = MentionLinker(vocabulary)
    linker.check(record["vocabulary"], str(folder))
    config = GraphFusionConfig(**record["config"], vocabulary=tuple(vocabulary))
    curies, relations = tuple(record["entities"]), tuple(record["relations"])
    around = np.zeros((len(curies), config.neighbours if relations else 0), dtype=np.int64)
    vectors = np.zeros((len(curies), record["dim"]), dtype=np.float32)
    graph = GraphVectors(
        curies, vectors, around, around, relations, np.zeros(len(curies), np.int64), record["embeddings"]
    )
    layer = FUSIONS[config.how](graph, record["hidden"], frozen=config.frozen)
    try:
        layer.load_state_dict(load_file(folder / _TENSORS))
    except (OSError, RuntimeError, SafetensorError) as error:
        raise _damaged(folder / _TENSORS) from error
    return GraphFusion(layer, config, curies, relations, linker, record["embeddings"])


def _read(file: Path) -> Mapping[str, Any]:
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        if record["schema"] == _SCHEMA and record["layer"] == FUSIONS[record["config"]["how"]].name:
            return dict(record)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(file) from error
    raise MateriaError("is of a version that cannot be read", file=str(file), remedy="Fine-tune the model again")


def _damaged(file: Path) -> MateriaError:
    return MateriaError("is missing or damaged", file=str(file), remedy="Fine-tune the model again")
