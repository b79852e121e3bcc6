"""Fine-tune a pretrained encoder for a task, judge it on test examples, and write a model that loads without Materia.

TASK is entity_recognition, relation_extraction, question_answering, multiple_choice, extractive_question_answering or
record_classification. Without test files a share of the training documents is kept to judge on, and without validation
files another to choose the epoch by; both by a hash of the document. Settings come from --config; --set changes single ones.
With --seeds N models are trained, into OUT/seed-...; with --folds the training files are cross-validated, and nothing is written.

Examples:
  materia finetune record_classification --model models/pretrained --train notes.csv --out models/notes
  materia finetune record_classification --model models/pretrained --train hoc.tgz --seeds 3 --set epochs=8 patience=2
  materia finetune record_classification --model models/pretrained --train abstracts.csv.gz --folds 5 --json
  materia finetune entity_recognition --model models/pretrained --train train.pubtator --test test.pubtator
  materia finetune relation_extraction --model models/pretrained --train train.xml --set class_weights=balanced
  materia finetune question_answering --model models/pretrained --train pubmedqa.json --set graph.how=gated
  materia finetune relation_extraction --model models/pretrained --train train.xml --set wide=true
  materia finetune record_classification --model bert-base --train notes.csv --set adapters.rank=8 learning_rate=3e-4
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.home import open_home
from pipeline.errors import MateriaError

if TYPE_CHECKING:
    from assets.home import Home
    from training.finetuning.config import FinetuningConfig

#: What a report says of the examples, and not of one training.
_SHARED = ("task", "labels", "examples", "set_aside", "set_aside_rows", "unlearned", "graph", "metric")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of `materia finetune`."""
    parser.add_argument("task", metavar="TASK", help="what is learned")
    parser.add_argument("--model", metavar="DIR", required=True, help="folder of the encoder and its tokenizer")
    for part, meaning in (("train", "learn from"), ("validation", "choose the epoch by"), ("test", "judge on")):
        parser.add_argument(f"--{part}", nargs="+", action="extend", metavar="FILE", help=f"files to {meaning}")
    parser.add_argument("--out", metavar="DIR", help="folder of the model, replaced (default: models/TASK in the home)")
    parser.add_argument("--config", metavar="FILE", help="YAML file of settings (docs/configuration.md, fine-tuning)")
    parser.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help="single settings: epochs=8"
    )
    several = parser.add_mutually_exclusive_group()
    several.add_argument("--seeds", type=int, default=1, metavar="N", help="how many seeds to train (default: 1)")
    several.add_argument("--folds", type=int, metavar="N", help="cross-validate by document; figures only")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")


def run(options: argparse.Namespace) -> int:
    """Train with a progress bar, and print the figures."""
    home = open_home(options.home)
    config = _config(options)
    if options.seeds < 1:
        raise MateriaError("--seeds is below 1", remedy="Give 1 or more")
    with _shown(hidden=options.json) as told:
        _check_decontaminated(options, config, home, told["progress"])
        train = _seeds if options.folds is None else _folds
        report = train(options, config, home, told)
    if options.json:
        print(json.dumps(report, indent=1))
    else:
        _print(report)
    return 0


def _check_decontaminated(
    options: argparse.Namespace, config: FinetuningConfig, home: Home, say: Callable[[str], None]
) -> None:
    """Stop where the encoder has read what it is to be judged on; only the home that it was pretrained in can tell."""
    model = Path(options.model)
    if not (model / "materia_manifest.json").exists():
        return
    from assets.decontamination import check_tasks_decontaminated

    say("looking for what is judged on in what the encoder has read")
    report = check_tasks_decontaminated(home, model, [config], cross_validated=options.folds is not None)
    nothing = "The home has no corpus, so it was not looked at whether the encoder has read what is judged on; name its --home."
    print(nothing if report is None else report.sentence(), file=sys.stderr)


def _seeds(
    options: argparse.Namespace, config: FinetuningConfig, home: Home, told: dict[str, Callable[..., None]]
) -> dict[str, Any]:
    from assets.models import graph_sources
    from training.finetuning.cross_validation import spread
    from training.finetuning.finetune import finetune

    out = Path(options.out) if options.out else home.path / "models" / config.task
    seeds = range(config.seed, config.seed + options.seeds)
    folders = [out] if options.seeds == 1 else [out / f"seed-{seed}" for seed in seeds]
    _check_out(out, folders)
    reports = []
    for seed, folder in zip(seeds, folders, strict=True):
        here = config.model_copy(update={"seed": seed})
        sources = graph_sources(home) if config.graph is not None else None
        reports.append({"seed": seed, **finetune(here, model=Path(options.model), out=folder, graph=sources, **told)})
    if len(reports) == 1:
        return {"out": str(out), **reports[0]}
    shared = [name for name in _SHARED if name in reports[0]]
    return {
        "out": str(out),
        **{name: reports[0][name] for name in shared},
        "seeds": [{name: value for name, value in one.items() if name not in shared} for one in reports],
        "test": _described(spread([one["test"] for one in reports])),
    }


def _folds(
    options: argparse.Namespace, config: FinetuningConfig, home: Home, told: dict[str, Callable[..., None]]
) -> dict[str, Any]:
    from assets.models import graph_sources
    from training.finetuning.cross_validation import cross_validate, spread

    if options.folds < 2:
        raise MateriaError("--folds is below 2", remedy="Give 2 or more")
    if options.out:
        raise MateriaError("--folds writes no model, and --out names a place for one", remedy="Leave one of them out")
    sources = graph_sources(home) if config.graph is not None else None
    report = cross_validate(config, options.folds, model=Path(options.model), graph=sources, **told)
    return {**report, "pooled": report["test"], "test": _described(spread(report["folds"]))}


def _described(spread: dict[str, tuple[float, float]]) -> dict[str, dict[str, float]]:
    return {name: {"mean": mean, "deviation": deviation} for name, (mean, deviation) in spread.items()}


def _check_out(out: Path, folders: Sequence[Path]) -> None:
    """Refuse to replace what is no fine-tuned model, and to write several models into one."""
    for folder in (out, *folders):
        if folder.is_symlink():
            problem = "is a link, and a model's folder is replaced as a whole"
            raise MateriaError(problem, file=str(folder), remedy="Name the folder itself as --out")
    if folders != [out] and _holds_model(out):
        problem = "is one fine-tuned model, and those of several seeds stand beside each other"
        raise MateriaError(problem, file=str(out), remedy="Name another --out")
    for folder in folders:
        ours = _holds_model(folder) or any(map(_holds_model, folder.glob("seed-*")))
        if folder.exists() and not ours and not (folder.is_dir() and not any(folder.iterdir())):
            raise MateriaError(
                "is there already, and is no fine-tuned model", file=str(folder), remedy="Name another --out"
            )


def _holds_model(folder: Path) -> bool:
    return (folder / "materia_task.json").exists()


def _config(options: argparse.Namespace) -> FinetuningConfig:
    """The settings that the words ask for."""
    from pipeline.settings import parse_settings, set_keys
    from pipeline.sources import text_of
    from pipeline.yaml_file import parse_yaml
    from training.finetuning.config import FinetuningConfig

    values: Any = parse_yaml(text_of(options.config), options.config) or {} if options.config else {}
    if isinstance(values, dict):
        values = set_keys(values, options.set)
        values["task"] = options.task.replace("-", "_")
        files = {part: tuple(given) for part in ("train", "validation", "test") if (given := getattr(options, part))}
        if isinstance(values.get("data", {}), dict):
            values["data"] = {**values.get("data", {}), **files}
    place = options.config or "materia finetune"
    return parse_settings(FinetuningConfig, values, place, remedy="Correct this; materia finetune --help has examples")


@contextmanager
def _shown(*, hidden: bool) -> Iterator[dict[str, Callable[..., None]]]:
    """What is told of steps, and of what goes on beside them: a progress bar on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, highlight=False, markup=False)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=hidden or not console.is_terminal) as bars:
        bar = bars.add_task("reading", total=None)
        yield {
            "on_step": lambda step, steps: bars.update(bar, completed=step, total=steps),
            "progress": lambda text: bars.update(bar, description=text),
        }


def _print(report: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False)
    if "folds" in report:
        columns = {f"fold {place}": figures for place, figures in enumerate(report["folds"], start=1)}
    elif "seeds" in report:
        columns = {f"seed {one['seed']}": one["test"] for one in report["seeds"]}
    else:
        columns = {part: report[part] for part in ("validation", "test")}
        if "wide" in report:
            columns["test, linear model alone"] = report["wide"]
    spread = report["test"] if "test" not in columns else {}
    table = Table("figure", *columns, *(("mean", "±") if spread else ()), box=None)
    for name in report["test"]:
        cells = [figures.get(name) for figures in columns.values()] + [*spread.get(name, {}).values()]
        table.add_row(name, *("" if cell is None else f"{cell:.4f}" for cell in cells))
    console.print(table)
    for line in _notes(report):
        console.print(line, soft_wrap=True)


def _notes(report: dict[str, Any]) -> Iterator[str]:
    """What else there is to know of a report, a line each."""
    counts = ", ".join(f"{n['examples']:,} {part}" for part, n in report["examples"].items() if n["examples"])
    yield f"{report['task']}: {counts} examples."
    for reason, number in report["set_aside"].items():
        rows = [row for row in report["set_aside_rows"] if row["reason"] == reason]
        yield f"{number:,} rows were set aside ({reason})" + (":" if len(rows) == number else "; the first:")
        yield from (f"  {row['file']}, {row['record']}: {row['detail']}" for row in rows)
    for reason, number in report.get("unlearned", {}).items():
        yield f"{number:,} targets of training examples could not be learned as they stand ({reason})."
    if reached := report.get("graph"):
        yield (
            f"Graph vectors at {reached['tokens']:.1%} of the tokens, in {reached['examples']:.1%} of the training examples, of "
            f"{reached['entities']:,} entities."
        )
    if "best" in report:
        yield f"{report['steps']:,} steps; the weights are those after epoch {report['best']}."
    if "out" in report:
        yield f"Wrote {report['out']}"
