"""The README.md of a trained model, written from its manifest: what it was made from, how, how well it does, what it is not for.

It follows the model cards of Mitchell et al. (FAT* 2019) in the form that the Hugging Face hub reads: a YAML head, then Markdown.
What nobody stated is said to be not stated, never guessed. No clock and no path, so that equal models have equal cards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml

from training.library_versions import as_sentence
from training.objectives.config import GRAPH_OBJECTIVES, LANGUAGE_OBJECTIVES, TEXT_OBJECTIVES

__all__ = ["model_card"]

#: Shards that the card names; all of them are in the manifest.
_SHARDS_SHOWN: Final = 20
_LANGUAGE: Final = {
    "masked": "masked words",
    "causal": "the next word",
    "permutation": "words in the order of a permutation",
}
_PIPELINE: Final = {"masked": "fill-mask", "causal": "text-generation", "permutation": "text-generation"}
_LIMITATIONS: Final = (
    "It learned from literature and from claims that were extracted from it by programs. Both hold errors, and claims that were "
    "later contradicted or retracted; beliefs are estimates.",
    "Names, topics and languages that are rare in the corpus are known badly, and what the corpus does not hold is not known.",
    "What it says of a drug, a gene or a disease is no medical advice, and must not be used as such.",
    "The figures are of this corpus' own held-out part. They say nothing of other texts.",
)


def model_card(manifest: Mapping[str, Any], report: Mapping[str, Any], licences: Mapping[str, str | None]) -> str:
    """The card.

    Args:
        manifest: materia_manifest.json of the model.
        report: steps, rows, tokens, parameters, losses, validation, as `pretrain` returns them.
        licences: what is known of them, by what they are of; None where it is not stated. `model` is the model's own.
    """
    family, language = manifest["backbone"]["family"], manifest["backbone"]["language"]
    head: dict[str, Any] = {
        "library_name": "transformers",
        "pipeline_tag": _PIPELINE[language],
        "tags": ["materia", "biomedical", "knowledge-graph", family],
    }
    if licences.get("model"):
        head["license"] = licences["model"]
    if manifest["backbone"]["pretrained"]:
        head["base_model"] = manifest["backbone"]["pretrained"]
    parts = [
        f"---\n{yaml.safe_dump(head, sort_keys=True)}---",
        "# " + f"{family.upper()} pretrained on medical literature and a knowledge graph together",
        _summary(manifest, report),
        "```python\nfrom transformers import AutoModel, AutoTokenizer\n\n"
        "model, tokenizer = AutoModel.from_pretrained(FOLDER), AutoTokenizer.from_pretrained(FOLDER)\n```",
        "## Data\n\nIt learned from the train split. The others are held out, to judge it by.\n",
        *_sources(manifest),
        "## How it was trained\n",
        *_training(manifest, report),
        "## Losses\n\nMeans of the first and of the last tenth of the steps; `losses.csv` has those of every "
        f"{manifest['config']['trainer']['log_every']} steps.\n",
        _table(("loss", "first", "last"), [(n, v["first"], v["last"]) for n, v in report["losses"].items()]),
        "![losses](losses.png)",
        *_validation(report["validation"]),
        "## Licences\n",
        _table(("of", "licence"), [(name, text or "not stated") for name, text in sorted(licences.items())]),
        "## Limitations\n",
        "\n".join(f"- {text}" for text in _LIMITATIONS),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _summary(manifest: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    start, language = manifest["backbone"]["pretrained"], manifest["backbone"]["language"]
    meanings = {LANGUAGE_OBJECTIVES[language]: f"{_LANGUAGE[language]} (`{LANGUAGE_OBJECTIVES[language]}`)"}
    learned = {
        where: ", ".join(meanings.get(name, f"`{name}`") for name in names if name in manifest["objectives"])
        for where, names in (("text", TEXT_OBJECTIVES), ("the graph", GRAPH_OBJECTIVES))
    }
    return (
        f"{report['parameters']:,} parameters, {'going on from ' + start if start else 'from new weights'}. It learned "
        + "; ".join(f"from {where}: {names}" for where, names in learned.items() if names)
        + ". Written by Materia; `materia_manifest.json` beside this card is the record it is made from."
    )


def _sources(manifest: Mapping[str, Any]) -> Iterator[str]:
    shards, triples = manifest["shards"], manifest["triples"]
    counts = [(split, sum(s["split"] == split for s in shards)) for split in ("train", "validation")]
    yield _table(
        ("what", "how much"),
        [
            *((f"shards of the {split} split", count) for split, count in counts),
            ("triples", triples["rows"]),
            *((f"triples of the {split} split", count) for split, count in sorted(triples["splits"].items())),
            ("entities", triples["entities"]),
            ("relations", len(manifest["relations"])),
        ],
    )
    yield f"Triples by hash: `{triples['sha256']}`. The shards:"
    shown = [(f"`{s['name']}`", s["split"], f"`{s['sha256'][:16]}`") for s in shards[:_SHARDS_SHOWN]]
    yield _table(("shard", "split", "SHA-256, first 16"), shown)
    if len(shards) > _SHARDS_SHOWN:
        yield f"and {len(shards) - _SHARDS_SHOWN:,} more, in `materia_manifest.json`."


def _training(manifest: Mapping[str, Any], report: Mapping[str, Any]) -> Iterator[str]:
    trainer, mixing = manifest["config"]["trainer"], manifest["config"]["schedule"]
    yield _table(
        ("what", "value"),
        [
            ("optimizer steps", report["steps"]),
            ("rows read", report["rows"]),
            ("tokens read", report["tokens"]),
            ("passes over the corpus", report["epochs"]),
            ("learning rate", f"{trainer['learning_rate']:g}, {trainer['learning_rate_schedule']}"),
            ("precision", trainer["precision"]),
            ("seed", manifest["config"]["seed"]),
            ("objectives", ", ".join(f"{n} ({v})" for n, v in sorted(manifest["objectives"].items()))),
            ("objectives' turns and weights", f"{mixing['turns']}, {mixing['weighting']}"),
            ("versions", as_sentence(manifest["versions"])),
        ],
    )
    yield "`training_config.json` has every setting."


def _validation(figures: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    if figures:
        yield "## On held-out passages and triples\n"
        rows = [
            (objective, name, value) for objective, values in sorted(figures.items()) for name, value in values.items()
        ]
        yield _table(("objective", "figure", "value"), rows)


def _table(heads: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    return "\n".join([*lines, *(f"| {' | '.join(map(_cell, row))} |" for row in rows)])


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}"
    return "" if value is None else str(value).replace("|", "\\|").replace("\n", " ")
