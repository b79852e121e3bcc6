"""Learn how reliable each extractor is, and judge whether the graph's beliefs mean what they say.

--train learns, --gold judges. The file of --out goes into a configuration as fusion.reliabilities; with extraction.relations the
folder of `materia train relations` over the same --train files and seed (or --keep-classifier) names the classifier it speaks of.

Examples:
  materia calibrate --train train.pubtator --gold dev.pubtator --out reliabilities.json --plot curve.png
  materia calibrate --train train.pubtator --gold dev.pubtator --keep-classifier models/cid --out reliabilities.json
  materia calibrate --train more.pubtator --gold dev.pubtator --classifier models/cid --json
  materia calibrate --train train.pubtator --gold dev.pubtator --entities predicted --vocabulary medic.txt mesh_names.tsv
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from pipeline.errors import MateriaError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of `materia calibrate`."""
    for name, text in (("train", "to learn from"), ("gold", "to judge on")):
        parser.add_argument(
            f"--{name}",
            nargs="+",
            action="extend",
            metavar="FILE",
            required=True,
            help=f"files with annotated relations {text}",
        )
    parser.add_argument(
        "--entities", choices=["gold", "predicted"], default="gold", help="whose mentions are judged (default: gold)"
    )
    parser.add_argument(
        "--vocabulary", nargs="+", action="extend", metavar="PATH", help="vocabulary files, for predicted entities"
    )
    parser.add_argument(
        "--classifier",
        metavar="DIR",
        help="folder of `materia train relations` to judge, in place of one trained on --train; "
        "--train must then be documents that it has not seen",
    )
    parser.add_argument("--keep-classifier", metavar="DIR", help="folder to write the classifier trained on --train to")
    parser.add_argument("--out", metavar="FILE", help="write the reliabilities as JSON, for fusion.reliabilities")
    parser.add_argument("--plot", metavar="FILE", help="write the reliability curve as PNG")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of training (default: 0)")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")


def run(options: argparse.Namespace) -> int:
    """Learn, judge, write what was asked for, and print the figures."""
    if options.plot and Path(options.plot).suffix.lower() != ".png":
        raise MateriaError("a plot is written as PNG", file=options.plot, remedy="Name a file that ends in .png")
    from rich.console import Console

    from kg.calibrate import calibrate
    from kg.reliability import save_reliabilities

    errors = Console(stderr=True, highlight=False, markup=False)
    with errors.status("reading") as status:
        reliabilities, report = calibrate(
            options.train,
            options.gold,
            entities=options.entities,
            vocabulary=options.vocabulary or (),
            classifier=options.classifier,
            keep_classifier=options.keep_classifier,
            seed=options.seed,
            progress=status.update,
        )
    if options.out:
        save_reliabilities(reliabilities, options.out)
    if options.plot and reliabilities.judged_on:
        from kg.calibration_plot import reliability_diagram
        from kg.plots import write_png

        write_png(reliability_diagram(reliabilities.judged_on.bins, _title(report)), Path(options.plot))
    for warning in report["warnings"]:
        errors.print(f"Note: {warning}", soft_wrap=True)
    if options.json:
        print(json.dumps(report, indent=1))
    else:
        _print(report)
        _next(options, errors)
    return 0


def _title(report: dict[str, Any]) -> str:
    return f"{report['n']:,} claims, ECE {report['ece']:.3f}, Brier skill {report['brier_skill']:.2f}"


def _print(report: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    figures = Table("figure", "value", "uncalibrated", box=None)
    bins = Table("belief", "claims", "mean belief", "share true", box=None)
    extractors = Table("extractor", "claims", "systematic error", "ECE", "uncalibrated", box=None)
    extractors.columns[0].overflow = "fold"
    for table in (figures, bins, extractors):
        for column in table.columns[1:]:
            column.justify = "right"
    for name in ("n", "base_rate", "ece", "ece_by_chance", "ece_equal_mass", "brier", "brier_skill", "auc"):
        figures.add_row(name, _text(report[name]), _text(report["uncalibrated"].get(name, "")))
    for one in report["bins"]:
        figures_of_bin = (_text(one[key]) for key in ("n", "mean_belief", "share_true"))
        bins.add_row(f"{one['least']:.1f} to {one['most']:.1f}", *figures_of_bin)
    for name, one in report["extractors"].items():
        row = (one["n"], one["systematic_error"], one.get("ece"), one["uncalibrated_ece"])
        extractors.add_row(name, *map(_text, row))
    for table in (figures, bins, extractors):
        console.print(table)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _next(options: argparse.Namespace, errors: Any) -> None:
    if options.out:
        errors.print(
            f"Wrote {options.out}. Next: a configuration with  fusion: {{reliabilities: {options.out}}}", soft_wrap=True
        )
