"""Does the graph help? Train arms that differ in one thing each, judge them alike, and write one page of result.

It says beforehand how long it will take, and with `minutes` in its settings takes as many steps as fit. It may be broken off at
any time: the same command goes on. Settings come from --config, else from the home (`ablation` in its configuration); --set
changes single ones.

Examples:
  materia ablate --config ablation.yaml --out ablation
  materia ablate --config ablation.yaml --dry-run
  materia ablate --config ablation.yaml --until pretraining
  materia ablate --set minutes=180 seeds=[1,2,3] --json
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.home import open_home
from pipeline.errors import StoppedError

if TYPE_CHECKING:
    from assets.home import Home
    from training.ablation.config import AblationConfig

#: What a shell makes of a program that SIGTERM ended.
_STOPPED = 143
#: Seconds between two lines of progress where there is no terminal.
_LINE_S = 30.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of `materia ablate`."""
    parser.add_argument("--config", metavar="FILE", help="YAML file of settings (`ablation` of docs/configuration.md)")
    parser.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help="single settings: minutes=180"
    )
    parser.add_argument(
        "--shards", metavar="DIR", help="shards to read in place of the home's, as `materia pretrain` does"
    )
    parser.add_argument(
        "--out", metavar="DIR", help="folder of all that is made (default: models/ablation in the home)"
    )
    parser.add_argument("--until", choices=("pretraining",), help="train the models and stop there")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done and how long it takes")
    parser.add_argument("--json", action="store_true", help="print plan, models and results as JSON")


def run(options: argparse.Namespace) -> int:
    """Run the ablation; say what it will do, and what came of it."""
    from assets.decontamination import check_home_decontaminated
    from assets.models import pretraining_sources
    from training.ablation.run import Ablation, held

    home = open_home(options.home)
    config = _config(options, home)
    out = Path(options.out) if options.out else home.path / "models" / "ablation"
    sources = pretraining_sources(home, options.shards)
    try:
        with held(out), _shown() as (line, bar):
            ablation = Ablation(sources, config, out, progress=line)
            line("looking for what models are judged on in what they read")
            clean = check_home_decontaminated(home, ablation.judged_on(), sources=ablation.read()).sentence()
            plan = ablation.plan(judged=options.until is None)
            line(plan.sentence())
            found: dict[str, Any] = {"plan": asdict(plan), "decontamination": clean}
            if not options.dry_run:
                with bar("pretraining", len(config.arms) * len(config.seeds), plan.steps) as told:
                    trainings = ablation.pretrain(plan, told)
                found["models"] = {f"{one.arm} {one.seed}": str(one.model) for one in trainings}
            if not options.dry_run and options.until is None:
                with bar("judging", len(trainings), 1) as told:
                    runs = ablation.judge(trainings, told)
                found |= ablation.write_results(plan, trainings, runs, clean)
    except StoppedError as stopped:
        print(f"materia: {stopped.problem}; the same command goes on", file=sys.stderr)
        return _STOPPED
    if options.json:
        print(json.dumps(found, indent=1))
    elif "summary" in found:
        print("\n".join([found["summary"], *found["verdicts"], f"Wrote {out / 'results.md'}"]))
    elif not options.dry_run:
        print(f"Wrote {len(found['models'])} models into {out / 'models'}")
    return 0


def _config(options: argparse.Namespace, home: Home) -> AblationConfig:
    """The settings that the words ask for."""
    from pipeline.settings import parse_settings, set_keys
    from pipeline.sources import text_of
    from pipeline.yaml_file import parse_yaml
    from training.ablation.config import AblationConfig

    own = home.config.ablation
    values: Any = own.model_dump(mode="json") if own is not None else {}
    if options.config:
        values = parse_yaml(text_of(options.config), options.config) or {}
        if isinstance(values, dict) and "ablation" in values:  # the configuration of a home
            values = values["ablation"]
    if isinstance(values, dict):
        values = set_keys(values, options.set)
    remedy = "Correct these settings; docs/configuration.md lists all of them under ablation"
    return parse_settings(AblationConfig, values, options.config or "ablation", remedy=remedy)


@contextmanager
def _shown() -> Iterator[tuple[Callable[[str], None], Any]]:
    """What is told of the whole, and of steps: a bar on a terminal, else a line for each training that is done."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True, highlight=False, markup=False)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )

    def line(text: str) -> None:
        console.print(text, soft_wrap=True)

    @contextmanager
    def bar(what: str, jobs: int, steps: int) -> Iterator[Callable[[tuple[str, int, int]], None]]:
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
            whole = bars.add_task(what, total=jobs * max(steps, 1))
            done: dict[tuple[str, int], int] = {}
            said = time.monotonic()

            def told(news: tuple[str, int, int]) -> None:
                nonlocal said
                arm, seed, step = news
                done[arm, seed] = step
                finished = sum(at >= steps for at in done.values())
                text = f"{what} {finished}/{jobs}, {arm} {seed}: step {step}"
                bars.update(whole, completed=sum(done.values()), description=text)
                if not console.is_terminal and (step >= steps or time.monotonic() > said + _LINE_S):
                    said = time.monotonic()
                    line(text)

            yield told

    yield line, bar
