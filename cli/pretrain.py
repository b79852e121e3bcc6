"""Pretrain a language model on the corpus and the graph together.

Settings come from --config, else --preset, else those of the home (`pretraining` in its configuration); --set changes single
ones. Told to stop (SIGTERM, Ctrl-C) it saves first; with --resume it goes on from there, to the same weights as if it had never
stopped. --processes starts torchrun's launcher; on several machines start the command itself under torchrun or accelerate.

Examples:
  materia pretrain
  materia pretrain --steps 500 --set backbone.layers=4 data.max_length=256 --out models/small
  materia pretrain --preset one-gpu --out models/base --resume
  materia pretrain --config pretraining.yaml --processes 2 --json
  materia pretrain --shards exported/data --set objectives.link_prediction.weight=0
  torchrun --nproc-per-node 8 -m cli.main pretrain --preset cluster --out models/base
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.home import open_home
from pipeline.errors import MateriaError, StoppedError

if TYPE_CHECKING:
    from assets.home import Home
    from training.config import PretrainingConfig
    from training.trainer.config import TrainerConfig
    from training.trainer.reports import StepReport

#: What a shell makes of a program that SIGTERM ended.
_STOPPED = 143


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of `materia pretrain`."""
    parser.add_argument(
        "--config", metavar="FILE", help="YAML file of settings (`pretraining` of docs/configuration.md)"
    )
    parser.add_argument("--preset", metavar="NAME", help="where settings start: laptop, one-gpu or cluster")
    parser.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help="single settings: trainer.steps=500"
    )
    parser.add_argument("--steps", type=int, metavar="N", help="optimizer steps (short for trainer.steps)")
    parser.add_argument(
        "--processes", type=int, metavar="N", help="processes on this machine (short for trainer.processes)"
    )
    parser.add_argument(
        "--shards",
        metavar="DIR",
        help="shards to learn from, in folders split=train and split=validation (default: the home's)",
    )
    parser.add_argument(
        "--out", metavar="DIR", help="folder of the model, replaced as a whole (default: models/pretrained in the home)"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint beside --out")
    parser.add_argument("--json", action="store_true", help="print losses and figures as JSON")


def run(options: argparse.Namespace) -> int:
    """Train, with a progress bar in the first process; say how it went."""
    from training.trainer.launch import in_processes, is_launched, leaving_problems

    home = open_home(options.home)
    config = _config(options, home)
    out = Path(options.out) if options.out else home.path / "models" / "pretrained"
    if config.trainer.processes > 1 and not is_launched():
        return in_processes(["-m", "cli.main", *options.words], config.trainer.processes)
    with leaving_problems():
        return _train(options, home, config, out)


def _train(options: argparse.Namespace, home: Home, config: PretrainingConfig, out: Path) -> int:
    from assets.models import pretraining_sources
    from training.pretrain import pretrain
    from training.trainer.launch import rank

    _check_out(out)
    run_folder = out.with_name(f"{out.name}.run")
    sources = pretraining_sources(home, options.shards)
    try:
        with (
            _told_to_dagster() as tell,
            _shown(config.trainer, tell, hidden=rank() > 0) as (on_step, progress),
        ):
            words = {"run": run_folder, "resume": options.resume, "on_step": on_step, "progress": progress}
            report = pretrain(sources, config, out=out, **words)
            if rank() > 0:
                return 0
            tell(f"losses: {json.dumps(report['losses'])}")
    except StoppedError as stopped:
        print(f"materia: {stopped}", file=sys.stderr)
        return _STOPPED
    if options.json:
        print(json.dumps(report, indent=1))
    else:
        _print(report, out, run_folder)
    return 0


def _check_out(out: Path) -> None:
    """Refuse to replace what is no model."""
    if out.is_symlink():
        raise MateriaError(
            "is a link, and a model's folder is replaced as a whole",
            file=str(out),
            remedy="Name the folder itself as --out",
        )
    if out.exists() and not (out / "materia_manifest.json").exists() and not (out.is_dir() and not any(out.iterdir())):
        raise MateriaError("is there already, and is no model of Materia", file=str(out), remedy="Name another --out")


def _config(options: argparse.Namespace, home: Home) -> PretrainingConfig:
    """The settings that the words ask for."""
    from pipeline.settings import parse_settings, set_keys
    from pipeline.sources import text_of
    from pipeline.yaml_file import parse_yaml
    from training.config import PretrainingConfig

    short = {"preset": options.preset, "trainer.steps": options.steps, "trainer.processes": options.processes}
    given = [*options.set, *(f"{key}={value}" for key, value in short.items() if value is not None)]
    # The settings of the home are whole: over them a preset would change nothing.
    values: dict[str, Any] = {} if "preset" in set_keys({}, given) else home.config.pretraining.model_dump(mode="json")
    place = "pretraining"
    if options.config:
        values, place = parse_yaml(text_of(options.config), options.config) or {}, options.config
        if isinstance(values, dict) and "pretraining" in values:  # the configuration of a home
            values = values["pretraining"]
    if isinstance(values, dict):
        values = set_keys(values, given)
    remedy = "Correct these settings; docs/configuration.md lists all of them under pretraining"
    return parse_settings(PretrainingConfig, values, place, remedy=remedy)


@contextmanager
def _told_to_dagster() -> Iterator[Callable[[str], None]]:
    """A function that logs a line in the run of Dagster that started this command through Pipes, where one did."""
    from training.trainer.launch import rank

    if rank() > 0 or "DAGSTER_PIPES_CONTEXT" not in os.environ:
        yield lambda line: None
        return
    from dagster_pipes import open_dagster_pipes

    with open_dagster_pipes() as pipes:
        yield pipes.log.info


@contextmanager
def _shown(
    trainer: TrainerConfig, tell: Callable[[str], None], *, hidden: bool
) -> Iterator[tuple[Callable[[StepReport], None], Callable[[str], None]]]:
    """What is told of steps, and of what goes on beside them: a progress bar on a terminal, else lines now and then."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, highlight=False, markup=False, quiet=hidden)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        bar = bars.add_task("reading", total=trainer.steps)

        def line(text: str) -> None:
            console.print(text, soft_wrap=True)
            tell(text)

        def say(text: str) -> None:
            bars.update(bar, description=text)
            if not console.is_terminal:
                line(text)

        def on_step(step: StepReport) -> None:
            losses = "  ".join(f"{name.replace('_', ' ')} {loss:.3f}" for name, loss in step.losses.items())
            text = f"{losses}  {step.tokens_per_second:,.0f} tokens/s"
            bars.update(bar, completed=step.step, description=text)
            if not console.is_terminal and (step.step % trainer.log_every == 0 or step.step == step.steps):
                line(f"step {step.step}/{step.steps}  {text}")
            if step.validation is not None:
                line(f"step {step.step}: validation loss {step.validation:.4f}")

        yield on_step, say


def _print(report: dict[str, Any], out: Path, run_folder: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("loss", "first tenth", "last tenth", box=None)
    for name, values in report["losses"].items():
        table.add_row(name, *("" if v is None else f"{v:.4f}" for v in (values["first"], values["last"])))
    console = Console(highlight=False)
    console.print(table)
    early = " (stopped early: validation no longer fell)" if report["stopped_early"] else ""
    console.print(
        f"{report['steps']:,} steps{early}, {report['tokens']:,} tokens, {report['tokens_per_second']:,.0f} tokens/s, "
        f"{report['waiting']:.1%} of the time waiting for data."
    )
    console.print(f"Wrote {out}\nNext: read {out / 'README.md'}; tensorboard --logdir {run_folder}", soft_wrap=True)
