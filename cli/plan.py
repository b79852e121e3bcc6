"""How long a build would take, how much memory and disk, and how many workers, before one starts.

Sizes are read, and a sample of the documents is built in a temporary folder: about half a minute on a quiet machine, however much
literature there is. A home that was built already tells its own costs instead. Training is not planned: it lasts as its
configuration says.

Examples:
  materia plan --literature pubmed/ --vocabulary doid.obo mesh.tsv
  materia plan --literature s3://bucket/pubmed/ --vocabulary mesh.tsv --engine ray --workers 20
  materia plan --literature pubmed/ --vocabulary mesh.tsv --engine ray --within 8h --json
  materia plan --home work
"""

from __future__ import annotations

import argparse
import json
import re
from typing import TYPE_CHECKING, Any

from pipeline.errors import MateriaError

if TYPE_CHECKING:
    from rich.console import Console

    from assets.plan.plan import Plan

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of `materia plan`."""
    parser.add_argument(
        "--literature", nargs="+", action="extend", metavar="PATH", help="files, folders or URLs of papers"
    )
    parser.add_argument("--vocabulary", nargs="+", action="extend", metavar="PATH", help="files or folders of concepts")
    parser.add_argument("--config", metavar="FILE", help="YAML file of settings, as the build would be given")
    parser.add_argument(
        "--until", nargs="+", metavar="ASSET", help="plan as far as these assets (default: graph_index corpus)"
    )
    parser.add_argument("--engine", choices=("local", "ray"), help="plan for this engine (default: what --config says)")
    parser.add_argument(
        "--workers", type=int, metavar="N", help="processes here, or cores of the cluster (default: this machine's)"
    )
    parser.add_argument("--within", metavar="TIME", help="how many workers a build within this time needs: 8h, 90min")
    parser.add_argument("--json", action="store_true", help="print the plan as JSON")


def run(options: argparse.Namespace) -> int:
    """Sample with a progress bar, and print the plan."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from assets.config import load_config
    from assets.home import open_home
    from assets.plan.plan import UNTIL, make_plan
    from assets.stages import until as stages_until

    within = _seconds(options.within) if options.within else None
    home = open_home(options.home)
    config = load_config(options.config) if options.config else home.config if home.recorded else None
    total = 2 * len(stages_until(options.until or UNTIL)) - 2  # vocabulary and its index are made once
    console = Console(stderr=True, highlight=False, markup=False)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        bar = bars.add_task("reading sizes", total=total)
        plan = make_plan(
            options.literature or home.literature,
            options.vocabulary or home.vocabulary,
            config,
            home=home if options.home or not options.literature else None,
            until=options.until,
            engine=options.engine,
            workers=options.workers,
            within_s=within,
            progress=lambda text: bars.update(bar, description=text),
            on_stage=lambda name: bars.update(bar, advance=1, description=f"building a sample: {name}"),
        )
    if options.json:
        print(json.dumps(_json(plan), indent=1))
    else:
        _show(plan, options.within, Console(highlight=False, markup=False))
    return 0


def _seconds(text: str) -> float:
    """Seconds of `8h`, `90min`, `2d`.

    Raises:
        MateriaError: it is no such time.
    """
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?(s|m|min|h|d)", text.strip())
    if found is None or not float(found[1]):
        raise MateriaError(f"{text!r} is no time", remedy="Write 8h, 90min or 2d")
    return float(found[1]) * _UNITS[found[2]]


def _show(plan: Plan, within: str | None, console: Console) -> None:
    from rich.table import Table

    table = Table("stage", "processor s", "seconds", "peak MiB", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, one in plan.stages.items():
        table.add_row(name, f"{one.cpu:,.1f}", f"{one.seconds:,.1f}", f"{one.mib:,}")
    console.print(table)

    def say(text: str) -> None:
        console.print(text, soft_wrap=True)

    spread = f" ({plan.documents_low:,} to {plan.documents_high:,})" if plan.documents_low < plan.documents_high else ""
    say(f"\n{plan.documents:,} documents{spread} in {plan.files:,} files of {plan.literature_bytes / 2**20:,.1f} MiB")
    who = "one process" if plan.workers == 1 else f"{plan.workers} processes"
    if plan.engine == "ray":
        who = f"Ray and {plan.workers} worker{'s' if plan.workers > 1 else ''} of one core"
    low, high = _time(plan.seconds / plan.factor), _time(plan.seconds * plan.factor)
    say(f"time    {_time(plan.seconds)} ({low} to {high}) with {who}; {_time(plan.cpu)} of processor time")
    share = plan.stages[plan.longest].seconds / plan.seconds
    say(f"        {plan.longest} takes most of it: {share:.0%}")
    say(f"memory  {plan.mib / 1024:,.1f} GiB at most{' for a task' if plan.engine == 'ray' else ''}")
    say(f"disk    {plan.home_bytes / 2**30:,.2f} GiB for the home, in {plan.buckets} buckets")
    if plan.needed is not None:
        if plan.needed:
            workers = f"{plan.needed} worker{'s' if plan.needed > 1 else ''}"
            say(f"within  {within}: {workers} of one core {'do' if plan.needed > 1 else 'does'}")
        else:
            say(f"within  {within}: no number of workers does: what only one can do takes longer")
    if plan.slowdown > 1.3:
        say(f"This machine is busy: as it is now, the time is {_time(plan.seconds * plan.slowdown)}.")
    say(f"Rests on {'; '.join(plan.rests_on)}.")


def _json(plan: Plan) -> dict[str, Any]:
    """Everything of a plan, as values of JSON."""
    return {
        "documents": plan.documents,
        "documents_range": [plan.documents_low, plan.documents_high],
        "files": plan.files,
        "literature_bytes": plan.literature_bytes,
        "engine": plan.engine,
        "workers": plan.workers,
        "buckets": plan.buckets,
        "seconds": round(plan.seconds, 1),
        "seconds_range": [round(plan.seconds / plan.factor, 1), round(plan.seconds * plan.factor, 1)],
        "processor_seconds": round(plan.cpu, 1),
        "peak_mib": plan.mib,
        "home_bytes": plan.home_bytes,
        "longest_stage": plan.longest,
        "stages": {
            name: {
                "processor_seconds": round(one.cpu, 2),
                "seconds": round(one.seconds, 2),
                "peak_mib": one.mib,
            }
            for name, one in plan.stages.items()
        },
        "workers_needed": plan.needed,
        "slowdown": round(plan.slowdown, 2),
        "rests_on": list(plan.rests_on),
    }


def _time(seconds: float) -> str:
    """In the unit that people would say."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
