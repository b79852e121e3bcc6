"""The model: one backbone that all objectives share, their heads, and the schedule that mixes them.

On disk the backbone is a plain `save_pretrained` folder, so `AutoModel.from_pretrained` loads it without this project;
the heads lie beside it:

    heads.safetensors      parameters of objectives and schedule
    heads.json             what they mean: settings, relations, classes
    graph_entities.parquet CURIE of each row of the table of vectors; only where an objective has one
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.torch import load_file, save_file
from torch import nn

from kg.embeddings.encode import EncodedTriples
from pipeline.errors import MateriaError
from pipeline.tables import table_schema
from training.backbones.base import Backbone
from training.backbones.table import load_backbone, make_backbone
from training.combination import check_combination
from training.data.batches import LinkBatch, TextBatch
from training.objectives.base import HeadSpec, Objective, Outcome, Step
from training.objectives.config import LINK_OBJECTIVES, ObjectivesConfig
from training.objectives.link_prediction_table import LinkPredictionTable, with_embeddings
from training.objectives.table import OBJECTIVES
from training.schedules.config import ScheduleConfig
from training.schedules.schedule import Schedule

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from training.config import PretrainingConfig

__all__ = ["GRAPH_ENTITIES", "PretrainingModel", "load_model", "make_model", "save_model"]

GRAPH_ENTITIES = table_schema(
    "graph_entities", 1, {"curie": (pa.string(), "CURIE of the entity; row i is that of vector i, sorted")}
)
_HEADS, _MEANING, _ENTITIES = "heads.safetensors", "heads.json", "graph_entities.parquet"
_SCHEMA: Final = "materia.heads.v2"


class PretrainingModel(nn.Module):
    """A backbone, the heads of its objectives, and their schedule.

    Args:
        backbone: the language model.
        objectives: by name, in the order of `OBJECTIVES`.
        schedule: which are served when, and what they weigh.
        spec: what the heads were made for.
    """

    def __init__(
        self, backbone: Backbone, objectives: Mapping[str, Objective], schedule: Schedule, spec: HeadSpec
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.objectives = nn.ModuleDict(objectives)
        self.schedule = schedule
        self.spec = spec

    def objective(self, name: str) -> Objective:
        """An objective by its name."""
        module = self.objectives[name]
        assert isinstance(module, Objective)
        return module

    def outcomes(self, text: TextBatch, links: LinkBatch | None, active: Collection[str]) -> dict[str, Outcome]:
        """The outcome of each active objective: one pass over the text for all, one short pass over names where one reads them.

        Args:
            text: sequences and what is asked about them.
            links: triples; None where there are none, and then objectives over triples have no examples.
            active: names of objectives; those that the model lacks are passed over.
        """
        served = {name: self.objective(name) for name in self.objectives if name in active}
        encoded = name_states = None
        if any(objective.reads_text for objective in served.values()):
            asked = any(objective.asks_targets for objective in served.values())
            encoded = self.backbone.encode(text, targets=asked)
        if links is not None and links.names is not None and any(o.reads_names for o in served.values()):
            name_states = self.backbone.encode_names(*links.names)
        step = Step(text, encoded, links, name_states)
        return {name: objective.outcome(self.backbone, step) for name, objective in served.items()}


def make_model(
    config: PretrainingConfig,
    tokenizer: PreTrainedTokenizerFast,
    *,
    triples: EncodedTriples | None = None,
    classes: Sequence[str] = (),
    passages: int = 1,
) -> PretrainingModel:
    """The model that a configuration asks for. New weights come from torch's global seed.

    Args:
        config: sections backbone, objectives, schedule, data and trainer.
        tokenizer: what turns texts into numbers.
        triples: the graph; None where there is none.
        classes: of relation classification; the first is "no relation".
        passages: of the train split, for schedules that draw by size.

    Raises:
        MateriaError: the settings make no sense together, the backbone does not exist or does not fit, or an objective lacks
            what it learns from.
    """
    weights = check_combination(config)
    _check_material(weights, triples, classes, no_relation=config.data.no_relation)
    backbone = make_backbone(config.backbone, tokenizer, config.data.max_length)
    relations, entities = (tuple(triples.relations), tuple(triples.entities)) if triples is not None else ((), ())
    spec = HeadSpec(backbone.hidden, relations, tuple(classes), entities)
    table, embeddings = config.objectives.link_prediction_table, None
    if "link_prediction_table" in weights:
        table, embeddings = with_embeddings(table)
    settings = config.objectives.model_copy(update={"link_prediction_table": table})
    sizes = {name: float(passages) for name in weights}
    if triples is not None:
        sizes |= {name: float(len(triples.train)) for name in weights if name in LINK_OBJECTIVES}
    schedule = Schedule(config.schedule, weights, sizes=sizes, seed=config.seed, steps=config.trainer.steps)
    model = PretrainingModel(backbone, _objectives(settings, weights, spec), schedule, spec)
    if embeddings is not None:
        own = model.objective("link_prediction_table")
        assert isinstance(own, LinkPredictionTable)
        own.load(embeddings)
    return model


def _objectives(settings: ObjectivesConfig, names: Collection[str], spec: HeadSpec) -> dict[str, Objective]:
    return {name: member(settings.section(name), spec) for name, member in OBJECTIVES.items() if name in names}


def _check_material(
    weights: Mapping[str, float], triples: EncodedTriples | None, classes: Sequence[str], *, no_relation: float
) -> None:
    """Refuse objectives that have nothing to learn from."""
    for name in LINK_OBJECTIVES:
        if name in weights and (triples is None or not len(triples.train)):
            raise MateriaError(
                f"{name} learns from triples, and there are none of the train split",
                remedy=f"Add literature that makes claims, or set objectives.{name}.weight to 0",
            )
    found = list(classes[1:])
    if "relation_classification" in weights and (not found or (len(found) == 1 and not no_relation)):
        stated = "no relation" if not found else f"only the relation {found[0]}, and data.no_relation is 0"
        raise MateriaError(
            f"the train passages state {stated}, so there is nothing to classify",
            remedy="Add literature that makes claims, or set objectives.relation_classification.weight to 0",
        )


def save_model(model: PretrainingModel, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write the backbone, the tokenizer and the heads into a folder."""
    model.backbone.save(folder)
    tokenizer.save_pretrained(folder)
    parts = nn.ModuleDict({"objectives": model.objectives, "schedule": model.schedule})
    heads = {name: tensor.detach().cpu().contiguous() for name, tensor in parts.state_dict().items()}
    save_file(heads, str(folder / _HEADS))
    schedule = model.schedule
    described = {
        "schema": _SCHEMA,
        # Vectors that were read from somewhere are among the heads now.
        "objectives": {
            name: model.objective(name).config.model_dump(exclude={"embeddings"}) for name in model.objectives
        },
        "schedule": schedule.config.model_dump() | {"steps": schedule.steps, "seed": schedule.seed},
        "weights": schedule.weighting.weights,
        "sizes": schedule.sizes,
        "relations": list(model.spec.relations),
        "classes": list(model.spec.classes),
    }
    text = json.dumps(described, indent=1, sort_keys=True, ensure_ascii=False)
    (folder / _MEANING).write_text(text + "\n", encoding="utf-8")
    if "link_prediction_table" in model.objectives:
        entities = pa.table([pa.array(model.spec.entities, pa.string())], schema=GRAPH_ENTITIES)
        pq.write_table(entities, folder / _ENTITIES, compression="zstd")
    for tensors in folder.glob("*.safetensors"):
        shutil.copymode(folder / _MEANING, tensors)  # safetensors shuts out every other user


def load_model(folder: Path) -> tuple[PretrainingModel, PreTrainedTokenizerFast]:
    """The model and tokenizer that `save_model` wrote.

    Raises:
        MateriaError: where the folder holds no such model, or the tokenizer does not fit it.
    """
    from transformers import AutoTokenizer

    try:
        described = json.loads((folder / _MEANING).read_text(encoding="utf-8"))
        if described["schema"] != _SCHEMA:
            raise _incomplete(folder, "its heads are of another version")
        backbone = load_backbone(folder)
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        entities: tuple[str, ...] = ()
        if "link_prediction_table" in described["objectives"]:
            entities = tuple(pq.read_table(folder / _ENTITIES)["curie"].to_pylist())
        spec = HeadSpec(backbone.hidden, tuple(described["relations"]), tuple(described["classes"]), entities)
        settings = ObjectivesConfig.model_validate(described["objectives"])
        when = described["schedule"]
        steps, seed = when.pop("steps"), when.pop("seed")
        schedule = Schedule(
            ScheduleConfig.model_validate(when),
            {name: described["weights"][name] for name in OBJECTIVES if name in described["weights"]},
            sizes=described["sizes"],
            seed=seed,
            steps=steps,
        )
        model = PretrainingModel(backbone, _objectives(settings, described["objectives"], spec), schedule, spec)
        parts = nn.ModuleDict({"objectives": model.objectives, "schedule": model.schedule})
        parts.load_state_dict(load_file(str(folder / _HEADS)))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, pa.ArrowException) as error:
        raise _incomplete(folder, str(error).splitlines()[0]) from error
    backbone.check_tokenizer(tokenizer, 0, folder.name)
    return model, tokenizer


def _incomplete(folder: Path, why: str) -> MateriaError:
    return MateriaError(f"holds no complete pretrained model ({why})", file=folder.name, remedy="Pretrain it again")
