"""Scores: of the home's models on held-out data, of any model by a suite, or of extraction against gold annotations.

Gold files may be PubTator or BioC; for relations also DDI XML and sentences with marked pairs. A paper that stands in both the
training and the gold files is not learned from. `evaluate model` writes figures with intervals, tables and a plot; stopped, it goes on.

Examples:
  materia evaluate
  materia evaluate model models/pretrained
  materia evaluate model models/pretrained --suite suite.yaml --out results/pretrained --json
  materia evaluate mentions --gold dev.pubtator --vocabulary medic.txt mesh_names.tsv --json
  materia evaluate linking --gold dev.pubtator --vocabulary medic.txt mesh_names.tsv --train train.pubtator
  materia evaluate ner --train train.pubtator --gold dev.pubtator
  materia evaluate ner --gold cmeee.json --first 500 --vocabulary disease.csv hp-zh.babelon.tsv
  materia evaluate relations --train train.pubtator --gold dev.pubtator --entities gold
  materia evaluate relations --train ddi.zip --folds 5
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from assets.home import open_home
from pipeline.errors import MateriaError

#: What can be judged, and what it says.
SUBJECTS = {
    "models": "held-out losses and ranks of the home's trained model and embeddings (built first where need be)",
    "model": "the model in a folder, by a suite: probing, links, perplexity, fine-tuned tasks (docs/evaluation.md)",
    "mentions": "extraction end to end: span and identifier both right",
    "linking": "gold spans linked to a vocabulary: recall at 1, 5 and 30",
    "ner": "exact spans and types of a recogniser trained on --train, or on what --first leaves of --gold",
    "relations": "relations between entities of a document, by a classifier trained on --train",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of `materia evaluate`."""
    what = "; ".join(f"{name}: {text}" for name, text in SUBJECTS.items())
    parser.add_argument("what", nargs="?", choices=list(SUBJECTS), default="models", help=f"{what} (default: models)")
    parser.add_argument("folder", nargs="?", metavar="DIR", help="of model: folder of a Hugging Face model")
    parser.add_argument("--suite", metavar="FILE", help="of model: what it is judged by (default: all but tasks)")
    parser.add_argument("--out", metavar="DIR", help="of model: folder of figures (default: DIR.evaluation)")
    parser.add_argument("--gold", nargs="+", action="extend", metavar="FILE", help="files with annotations to judge on")
    parser.add_argument(
        "--train", nargs="+", action="extend", metavar="FILE", help="files with annotations to learn from"
    )
    parser.add_argument("--vocabulary", nargs="+", action="extend", metavar="PATH", help="vocabulary files")
    parser.add_argument(
        "--entities", choices=["gold", "predicted"], default="gold", help="of relations: whose mentions (default: gold)"
    )
    parser.add_argument(
        "--folds", type=int, metavar="N", help="of relations: judge on the training files, N folds by document"
    )
    parser.add_argument(
        "--first", type=int, metavar="N", help="of ner: judge on the first N documents of --gold, learn from its others"
    )
    parser.add_argument(
        "--tier",
        choices=["classifier", "patterns"],
        default="classifier",
        help="of relations: which tier (default: classifier)",
    )
    parser.add_argument(
        "--encoder", metavar="DIR", help="of linking: a Hugging Face encoder that re-ranks what the linker is unsure of"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of training (default: 0)")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")


def run(options: argparse.Namespace) -> int:
    """Print the figures as a table, or as JSON."""
    if options.folder is not None and options.what != "model":
        raise MateriaError(f"evaluate {options.what} takes no folder", remedy="Say: materia evaluate model DIR")
    figures = _EVALUATIONS[options.what](options)
    if options.json:
        print(json.dumps(figures, indent=1))
        return 0
    from rich.console import Console
    from rich.table import Table

    table = Table("figure", "value", box=None)
    table.columns[1].justify = "right"
    for name, value in _flat(figures):
        table.add_row(name, f"{value:.4f}" if isinstance(value, float) else str(value))
    Console().print(table)
    return 0


def _need(options: argparse.Namespace, *names: str) -> None:
    missing = [name for name in names if not getattr(options, name)]
    if missing:
        words = " ".join(f"--{name} FILE ..." for name in missing)
        raise MateriaError(
            f"evaluate {options.what} lacks {words}", remedy=f"Give {words}; see materia evaluate --help"
        )


def _mentions(options: argparse.Namespace) -> dict[str, Any]:
    _need(options, "gold", "vocabulary")
    from pipeline.mention_evaluation import evaluate_mentions
    from pipeline.parallel import cpu_count

    return evaluate_mentions(options.gold, options.vocabulary, train=options.train or (), workers=cpu_count())


def _linking(options: argparse.Namespace) -> dict[str, Any]:
    _need(options, "gold", "vocabulary")
    from pipeline.linking.evaluation import evaluate_linking

    return evaluate_linking(options.gold, options.vocabulary, train=options.train or (), encoder=options.encoder)


def _ner(options: argparse.Namespace) -> dict[str, Any]:
    _need(options, *(("gold",) if options.first is not None else ("train", "gold")))
    from pipeline.ner.evaluation import evaluate_ner

    return evaluate_ner(
        options.train or (),
        options.gold,
        vocabulary=options.vocabulary or (),
        first=options.first,
        seed=options.seed,
    )


def _relations(options: argparse.Namespace) -> dict[str, Any]:
    _need(options, *(("gold",) if options.tier == "patterns" else ("train",) if options.folds else ("train", "gold")))
    from pipeline.relations.evaluation import evaluate_relations

    return evaluate_relations(
        options.train or (),
        options.gold or (),
        entities=options.entities,
        vocabulary=options.vocabulary or (),
        folds=options.folds,
        tier=options.tier,
        seed=options.seed,
    )


def _models(options: argparse.Namespace) -> dict[str, Any]:
    from assets.build import build
    from assets.models import figures_of

    home = open_home(options.home)
    build(home, "evaluation")
    return figures_of(home, "evaluation", "evaluation")


def _model(options: argparse.Namespace) -> dict[str, Any]:
    if options.folder is None:
        raise MateriaError("evaluate model lacks a folder", remedy="Say: materia evaluate model DIR")
    from assets.decontamination import check_tasks_decontaminated
    from assets.models import graph_sources, pretraining_sources
    from training.evaluation.config import SuiteConfig
    from training.evaluation.run import evaluate_model
    from training.evaluation.suite import load_suite

    suite = load_suite(options.suite) if options.suite else SuiteConfig()
    home = open_home(options.home)
    folder = Path(options.folder)
    out = Path(options.out) if options.out else folder.with_name(f"{folder.name}.evaluation")
    reads_home = suite.probing or suite.link_probe or suite.perplexity
    sources = pretraining_sources(home) if reads_home else None
    graph = graph_sources(home) if any(task.graph for task in suite.tasks.values()) else None
    if report := check_tasks_decontaminated(home, folder, suite.tasks.values()):
        _say(report.sentence())
    figures = evaluate_model(folder, suite, sources, out, graph=graph, progress=_say)
    if not options.json:
        _say(f"Wrote {out}; next: read {out / 'evaluation.md'}")
        return {
            name: f"{found['value']:.4f} ({found['low']:.4f} to {found['high']:.4f})"
            for name, found in figures["figures"].items()
        }
    return figures


def _say(text: str) -> None:
    print(text, file=sys.stderr)


_EVALUATIONS = {
    "models": _models,
    "model": _model,
    "mentions": _mentions,
    "linking": _linking,
    "ner": _ner,
    "relations": _relations,
}


def _flat(figures: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in figures.items():
        rows += _flat(value, f"{before}{name} ") if isinstance(value, dict) else [(f"{before}{name}", value)]
    return rows
