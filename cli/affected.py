"""What rests on a paper, a file or a concept: claims, rows and shards of the corpus, N-Quads files, models. Numbers first.

A paper by any of its names (PMID, PMC, DOI), a file of literature, vocabulary or graphs by its name, a concept by CURIE or name.

Examples:
  materia affected PMID:9570492
  materia affected pubmed26n0001.xml.gz
  materia affected metformin --all
  materia affected MESH:D008687 --json
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from assets.home import open_home


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of `materia affected`."""
    parser.add_argument("what", metavar="DOC|FILE|CONCEPT", help="a paper, a file, or a concept")
    parser.add_argument(
        "--all", action="store_true", help="every claim, row, shard and file, not the first five of each"
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def run(options: argparse.Namespace) -> int:
    """Print what rests on it as text, or as JSON."""
    from kg.affected import affected
    from kg.affected_target import saying_damaged
    from kg.affected_text import format_affected
    from kg.claim_search import names_of

    home = open_home(options.home)
    most = None if options.all or options.json else 5
    found = affected(home.url, options.what, limit=most)
    if options.json:
        print(json.dumps(asdict(found), indent=1, ensure_ascii=False))
        return 0
    ends = {str(triple[end]) for triple in found.some_triples for end in ("subject", "object")}
    with saying_damaged(home.url):
        names = names_of(home.url, ends)
    print(format_affected(found, names, most=most), end="")
    return 0
