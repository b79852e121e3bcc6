"""Look at the corpus, count it, or write it as a folder that others can open.

preview shows rows with what is behind them: entities in the colour of their class, claims, belief, evidence, papers. stats counts what
was taken and what was not. export writes a Hugging Face dataset with a data card and Croissant metadata.

Examples:
  materia corpus preview
  materia corpus preview --kind verbalized --predicate treats --entity metformin --rows 3
  materia corpus preview corpus_shards/split=train/bucket=03 --seed 7
  materia corpus stats --json
  materia corpus export published/my-corpus
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from assets.home import Home, open_home
from pipeline.errors import MateriaError

if TYPE_CHECKING:
    from kg.corpus_statistics import CorpusStatistics


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of `materia corpus`."""
    below = parser.add_subparsers(dest="what", metavar="preview|stats|export", required=True)
    preview = below.add_parser("preview", help="rows with what is behind them")
    preview.add_argument("shard", nargs="?", metavar="SHARD", help="only rows of this shard, by name or path")
    preview.add_argument("--split", choices=["train", "validation", "test"], help="only rows of this split")
    preview.add_argument("--kind", choices=["literature", "verbalized"], help="only rows of this kind")
    preview.add_argument("--language", metavar="CODE", help="only rows in this language: en, zh")
    preview.add_argument("--form", metavar="FORM", help="only rows that tell so: fact, paragraph, chain ...")
    preview.add_argument("--predicate", metavar="P", help="only rows that state it (biolink:treats, or treats)")
    preview.add_argument("--entity", metavar="E", help="only rows that name it (a CURIE or a name)")
    preview.add_argument("-n", "--rows", type=int, default=5, metavar="N", help="how many rows (default: 5)")
    preview.add_argument("--seed", type=int, default=0, metavar="N", help="another number shows other rows")
    stats = below.add_parser("stats", help="passages and tokens by split, kind and language; what was left out")
    export = below.add_parser("export", help="the corpus as a folder that leaves the house")
    export.add_argument("out", metavar="DIR", help="folder to write; must not exist, or be an export (--force)")
    export.add_argument("--force", action="store_true", help="replace an export that is there")
    for sub in (preview, stats, export):
        sub.add_argument("--json", action="store_true", help="print as JSON")
        # Also accepted before the word; what stands after it wins.
        sub.add_argument("--home", default=argparse.SUPPRESS, metavar="DIR", help=argparse.SUPPRESS)


def run(options: argparse.Namespace) -> int:
    """Do what was asked for, and print it."""
    home = open_home(options.home)
    {"preview": _preview, "stats": _stats, "export": _export}[options.what](home, options)
    return 0


def _preview(home: Home, options: argparse.Namespace) -> None:
    from rich.padding import Padding
    from rich.text import Text

    from kg.claim_search import find_concept, find_predicate
    from kg.corpus_preview import PreviewFilter, preview
    from kg.preview_text import legend, preview_lines

    if options.rows < 1:
        raise MateriaError("--rows is less than 1", remedy="Give the number of rows to show")
    buckets = home.config.buckets
    predicate = find_predicate(options.predicate) if options.predicate else None
    entity = find_concept(home.url, options.entity, "subject", buckets).curie if options.entity else None
    wanted = PreviewFilter(options.split, options.kind, options.language, options.form, predicate, entity)
    rows = preview(home.url, options.rows, shard=options.shard, wanted=wanted, seed=options.seed, buckets=buckets)
    if not rows:
        raise MateriaError(
            "no passage fits", file=options.shard or str(home.url), remedy="Leave out one of the conditions"
        )
    if options.json:
        chains = [{"target": row.target, "passage": row.passage, "chain": asdict(row.chain)} for row in rows]
        print(json.dumps(chains, indent=1, ensure_ascii=False))
        return
    console = _console()
    if console.is_terminal:
        console.print(legend(rows))
    for row in rows:
        console.print()
        for indent, line in preview_lines(row):
            if console.is_terminal:
                console.print(Padding(line, (0, 0, 0, indent)))
            else:
                console.print(Text(" " * indent) + line, soft_wrap=True)


def _stats(home: Home, options: argparse.Namespace) -> None:
    from kg.corpus_statistics import corpus_statistics
    from kg.corpus_views import open_corpus

    with open_corpus(home.url) as connection:
        statistics = corpus_statistics(home.url, connection)
    if options.json:
        shown = asdict(statistics) | {"withheld_share": round(statistics.withheld_share, 6)}
        print(json.dumps(shown, indent=1, ensure_ascii=False))
        return
    _print(statistics)


def _print(statistics: CorpusStatistics) -> None:
    console = _console()
    parts = _table("split", "kind", "language", "passages", "sentences", "rows", "tokens", left=3)
    for part in statistics.parts:
        counts = (f"{count:,}" for count in (part.passages, part.sentences, part.rows, part.tokens))
        parts.add_row(part.split, part.kind, part.language, *counts)
    totals = (f"{statistics.total(field):,}" for field in ("passages", "sentences", "rows", "tokens"))
    parts.add_row("all", "", "", *totals, style="bold")
    console.print(parts)
    console.print(
        f"{statistics.triples:,} triples told, {statistics.entities:,} entities named, "
        f"{statistics.documents:,} documents behind it."
    )
    console.print(
        f"Withheld: {statistics.withheld_sentences:,} sentences of training papers ({statistics.withheld_share:.2%}), "
        "as they give a held-out claim away.",
        soft_wrap=True,
    )
    if statistics.forms:
        forms = ", ".join(f"{form} {count:,}" for form, count in statistics.forms)
        console.print(f"Told passages by form: {forms}.", soft_wrap=True)
    predicates = _table("predicate", "literature", "verbalized", left=1)
    for predicate in statistics.predicates:
        name = predicate.predicate.removeprefix("biolink:")
        predicates.add_row(name, f"{predicate.literature:,}", f"{predicate.verbalized:,}")
    classes = _table("class", "entities", "mentions", left=1)
    for named in statistics.classes:
        classes.add_row(named.category.removeprefix("biolink:"), f"{named.entities:,}", f"{named.mentions:,}")
    told = _table("triples", "how many", left=1)
    for how, count in statistics.told.items():
        told.add_row(how, f"{count:,}")
    rejected = _table("not taken because", "kind", "passages", "tokens", left=2)
    for one in statistics.rejected:
        rejected.add_row(one.reason, one.kind, f"{one.passages:,}", f"{one.tokens:,}")
    console.print(f"{statistics.candidates:,} candidates, {statistics.total('passages'):,} taken.")
    for table in (predicates, classes, told, *([rejected] if statistics.rejected else [])):
        console.print()
        console.print(table)


def _export(home: Home, options: argparse.Namespace) -> None:
    from rich.console import Console
    from rich.progress import track

    from kg.corpus_export import export_corpus

    def shown(files: list[Any]) -> Any:
        return track(files, "writing", console=Console(stderr=True), transient=True, disable=options.json)

    report = export_corpus(home.url, options.out, force=options.force, progress=shown)
    if options.json:
        print(json.dumps(report, indent=1, ensure_ascii=False))
        return
    print(f"{options.out}: {report['files']:,} files, {report['bytes']:,} bytes, {report['rows']:,} passages")
    if report["not_stated"]:
        wanted = ", ".join(report["not_stated"])
        print(f"Before you publish it, state under `dataset` in the configuration: {wanted}.")
    print(f"Open it: datasets.load_dataset({options.out!r})")


def _table(*headings: str, left: int) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="left" if place < left else "right", overflow="fold")
    return table


def _console() -> Any:
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 160, highlight=False)
