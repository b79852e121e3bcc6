"""Why a claim is believed: all evidence for and against it, quoted, with its belief computed step by step.

Give CURIEs or names; a predicate in words or underscores, with or without biolink:. With * for one of them, or with the
object left out, the claims that fit are listed with their beliefs.

Examples:
  materia explain metformin treats "type 2 diabetes"
  materia explain MESH:D008687 biolink:treats MESH:D003924 --limit 20
  materia explain metformin
  materia explain "*" causes "lactic acidosis" --json
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Literal

from assets.home import Home, open_home
from pipeline.errors import MateriaError

if TYPE_CHECKING:
    from rich.console import Console

_ANY = "*"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of `materia explain`."""
    parser.add_argument("subject", metavar="SUBJECT", help="a CURIE or a name; * for any")
    parser.add_argument(
        "predicate", metavar="PREDICATE", nargs="?", default=_ANY, help="treats, biolink:treats; * for any"
    )
    parser.add_argument("object", metavar="OBJECT", nargs="?", default=_ANY, help="a CURIE or a name; * for any")
    parser.add_argument(
        "--limit",
        type=int,
        metavar="N",
        help="most documents, sentences and claims to print of each list (default: 5; 30 claims; with --json all)",
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def run(options: argparse.Namespace) -> int:
    """Print the explanation, or the claims that fit."""
    from kg.claim_search import find_predicate

    if options.limit is not None and options.limit < 1:
        raise MateriaError("is no number of documents", file=f"--limit {options.limit}", remedy="Give 1 or more")
    home = open_home(options.home)
    if len(home.dataset("triples").manifests()) < home.config.buckets:
        raise MateriaError("holds no graph", file=str(home.url), remedy="Run: materia build --until triples")
    predicate = None if options.predicate == _ANY else find_predicate(options.predicate)
    subject = _concept(home, options.subject, "subject", quiet=options.json)
    object_ = _concept(home, options.object, "object", quiet=options.json)
    if subject and predicate and object_:
        _explain(home, (subject, predicate, object_), options)
    else:
        _list(home, (subject, predicate, object_), options)
    return 0


def _concept(home: Home, words: str, role: Literal["subject", "object"], *, quiet: bool) -> str | None:
    """The CURIE that the words stand for; how it was found is said, so that nobody takes one thing for another."""
    from kg.claim_search import find_concept

    if words == _ANY:
        return None
    concept = find_concept(home.url, words, role, home.config.buckets)
    if concept.found_by != "identifier" and not quiet:
        others = f"; {', '.join(concept.others)} has no claims" if concept.others else ""
        print(f"{words} = {concept.curie} {concept.name} (by {concept.found_by}{others})")
    return concept.curie


def _console() -> Console:
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 160, highlight=False)


def _list(home: Home, claim: tuple[str | None, str | None, str | None], options: argparse.Namespace) -> None:
    from kg.claim_search import claims_like, names_of
    from kg.explain_text import claims_table

    limit = options.limit or (None if options.json else 30)
    found, total = claims_like(home.url, home.config.buckets, *claim, limit=limit)
    if options.json:
        print(json.dumps({"total": total, "claims": found.to_pylist()}, indent=1, ensure_ascii=False))
        return
    console = _console()
    names = names_of(home.url, {*found["subject"].to_pylist(), *found["object"].to_pylist()})
    if total:
        console.print(claims_table(found, names))
    more = f", of which {found.num_rows:,} are shown (--limit shows more)" if found.num_rows < total else ""
    console.print(f"{total:,} claims{more}", style="dim")


def _explain(home: Home, claim: tuple[str, str, str], options: argparse.Namespace) -> None:
    from rich.padding import Padding
    from rich.text import Text

    from kg.explain import explain
    from kg.explain_text import explanation_lines

    limit = options.limit or (None if options.json else 5)
    config = home.config
    explained = explain(
        home.url,
        claim,
        config.fusion,
        config.splits,
        buckets=config.buckets,
        reliabilities=config.fusion.learned(),
        limit=limit,
    )
    if explained.is_empty:
        remedy = f"See what is said of the two: materia explain {claim[0]} '*' {claim[2]}"
        raise MateriaError("nothing speaks for or against this claim", file=" ".join(claim), remedy=remedy)
    if options.json:
        print(json.dumps(asdict(explained), indent=1, ensure_ascii=False))
        return
    console = _console()
    for indent, line in explanation_lines(explained):
        if sys.stdout.isatty():
            console.print(Padding(line, (0, 0, 0, indent)))
        else:
            console.print(Text(" " * indent) + line, soft_wrap=True)
