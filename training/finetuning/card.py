"""The README.md of a fine-tuned model: what for, from what, how well, and how it is loaded. No clock and no path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import yaml

from kg.markdown import as_it_is, code, table

if TYPE_CHECKING:
    from training.finetuning.folder import Finetuned

__all__ = ["task_card"]

_LIMITS = (
    "It repeats what the examples of its task have in common, their errors and gaps too. The figures are of the test examples above, "
    "and say nothing of other texts. What it says is no medical advice, and must not be used as such."
)


def task_card(finetuned: Finetuned[Any], record: Mapping[str, Any]) -> str:
    """The card.

    Args:
        finetuned: the model.
        record: what `finetune` writes to materia_task.json.
    """
    settings, labels = record["settings"], finetuned.task.labels
    head = {"library_name": "transformers", "tags": ["materia", "biomedical", settings["task"].replace("_", "-")]}
    parts = [
        f"---\n{yaml.safe_dump(head, sort_keys=True)}---",
        f"# {settings['task'].replace('_', ' ').capitalize()}, fine-tuned",
        f"From the encoder {code(record['encoder']['name'])} (SHA-256 of its files {code(record['encoder']['sha256'][:16])}), "
        f"for the task {code(finetuned.task.name)}. `materia_task.json` beside this card is the record it is made from.",
        *([f"Labels: {', '.join(map(as_it_is, labels))}."] if labels else []),
        f"```python\nfrom transformers import AutoTokenizer, {type(finetuned.model).__name__}\n\n"
        f"model = {type(finetuned.model).__name__}.from_pretrained(FOLDER)\n"
        "tokenizer = AutoTokenizer.from_pretrained(FOLDER)\n```",
        *(["Without Materia it reads no graph: its graph vectors are then left out."] if finetuned.fusion else []),
        *(
            ["Without Materia it has no linear model beside its encoder: its scores are then the encoder's alone."]
            if finetuned.wide
            else []
        ),
        "## Data\n\nNo document and no text is in two parts.",
        table(
            ("part", "examples", "documents"),
            [(name, n["examples"], n["documents"]) for name, n in record["examples"].items()],
            text=1,
        ),
        table(
            ("file", "part", "SHA-256, first 16"),
            [(file["name"], part, file["sha256"][:16]) for part, files in record["data"].items() for file in files],
            text=3,
        ),
        *(f"{number:,} rows were set aside: {reason}." for reason, number in record["set_aside"].items()),
        *(
            f"{number:,} of what they mark is not learned as it stands: {reason}."
            for reason, number in record["unlearned"].items()
        ),
        "## Figures",
        table(
            ("figure", *record["metrics"]),
            [
                (name, *(_figure(figures.get(name)) for figures in record["metrics"].values()))
                for name in dict.fromkeys(name for figures in record["metrics"].values() for name in figures)
            ],
            text=1,
        ),
        "## How it was trained",
        table(("setting", "value"), [(name, _cell(settings[name])) for name in _SETTINGS], text=2),
        f"{record['training']['steps']:,} steps; the weights are those after epoch {record['training']['best']}.",
        f"## Limitations\n\n{_LIMITS}",
    ]
    return "\n\n".join(parts) + "\n"


_SETTINGS = (
    "max_length", "epochs", "batch", "learning_rate", "warmup", "weight_decay", "class_weights", "wide", "patience",
    "adapters", "graph", "seed",
)  # fmt: skip


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_cell(below)}" for name, below in value.items())
    if isinstance(value, list):
        return " ".join(map(str, value))
    return "none" if value is None else str(value)
