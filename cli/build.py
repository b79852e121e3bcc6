"""Read the literature and bring every table, graph, corpus and model of a home up to date.

The sources are recorded in the home: give them once, then a bare `materia build` looks at them again and does only what
changed. A new home without sources uses the bundled sample.

Examples:
  materia build
  materia build --home work --literature pubmed/ notes.jsonl --vocabulary doid.obo mesh.tsv --until corpus
  materia build --home ward --records notes.csv letters/ --vocabulary mesh.tsv
  materia build --home work --literature notes/ --format '*.txt=markdown'
  materia build --home work --config materia.yaml
  materia build --home work --graph kgx/ hetionet-v1.0-edges.sif.gz
"""

from __future__ import annotations

import argparse
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from assets.build import build
from assets.config import load_config
from assets.home import SAMPLE, open_home
from assets.stages import until as stages_until


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of `materia build`."""
    parser.add_argument(
        "--literature",
        nargs="*",
        action="extend",
        metavar="PATH",
        help="files, folders or URLs of papers; none to take them out",
    )
    parser.add_argument(
        "--records",
        nargs="*",
        action="extend",
        metavar="PATH",
        help="files, folders or URLs of clinical records; de-identified before anything is written; none to take them out",
    )
    parser.add_argument(
        "--format",
        nargs="*",
        action="extend",
        metavar="[PATTERN=]FORMAT",
        help="read files in this format, or those whose name fits PATTERN (*.txt=markdown); none to go by content again",
    )
    parser.add_argument("--vocabulary", nargs="+", action="extend", metavar="PATH", help="files or folders of concepts")
    parser.add_argument(
        "--graph",
        nargs="*",
        action="extend",
        metavar="PATH",
        help="files, folders or URLs of graphs to take as evidence (KGX, Hetionet's SIF, triples); none to take them out",
    )
    parser.add_argument(
        "--graph-mapping", metavar="FILE", help="YAML table: what the relations and nodes of the graphs mean"
    )
    parser.add_argument(
        "--until", nargs="+", metavar="ASSET", help="stop after these assets, for example: graph_index corpus"
    )
    parser.add_argument("--config", metavar="FILE", help="YAML file of settings; recorded in the home")


def _format(text: str) -> tuple[str, str]:
    """Pattern and format of a word of --format; without a pattern it is for every file."""
    pattern, equals, format_ = text.rpartition("=")
    return (pattern if equals else "*", format_)


def run(options: argparse.Namespace) -> int:
    """Build, with a progress bar; say what was done and where to look next."""
    config = load_config(options.config) if options.config else None
    stages = stages_until(options.until)
    home = open_home(options.home).configure(
        options.literature,
        options.vocabulary,
        config,
        records=options.records,
        formats=None if options.format is None else [_format(text) for text in options.format],
        graphs=options.graph,
        graph_mapping=options.graph_mapping,
    )
    console = Console(stderr=True, highlight=False, markup=False)
    if home.literature == (str(SAMPLE / "literature"),):
        console.print("Reading the bundled sample (give --literature and --vocabulary for your own).")
    start = time.perf_counter()
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        bar = bars.add_task("looking for changes", total=len(stages))

        def on_stage(name: str, partitions: int, seconds: float) -> None:
            done = next(i for i, stage in enumerate(stages) if stage.name == name) + 1
            bars.update(bar, completed=done)
            bars.console.print(
                f"  {name:<22}{partitions:>5} partition{'s' if partitions > 1 else ' '}  {seconds:>7.1f} s"
            )

        computed = build(
            home, options.until, progress=lambda text: bars.update(bar, description=text), on_stage=on_stage
        )
    seconds = time.perf_counter() - start
    if not computed:
        console.print(f"Nothing to do: {home.url} is up to date ({seconds:.1f} s).")
    else:
        console.print(f"Built {len(computed)} assets in {seconds:.0f} s into {home.url}")
    where = f" --home {options.home}" if options.home else ""
    shard = f"corpus_shards/split=train/bucket={home.buckets[0]}:0"
    console.print(
        f"Next: materia status{where}\n      materia trace{where} {shard}\n      materia ui{where}", soft_wrap=True
    )
    return 0
