"""From a line of a corpus shard back to everything behind it: triples, evidence, sentences, papers, files and their hashes.

SHARD is a path, or a name inside the home. Without a row: which papers and files the whole shard rests on. Instead of a shard
and a row, the id of a passage, or its first digits.

Examples:
  materia trace corpus_shards/split=train/bucket=3:0
  materia trace corpus_shards/split=train/bucket=3
  materia trace 04e9d7b1a2c3f455
  materia trace --json materia-home/corpus_shards/split=train/bucket=3/passages-0123456789abcdef.parquet:7
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from assets.home import open_home


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of `materia trace`."""
    parser.add_argument(
        "shard", metavar="SHARD[:ROW]", help="a shard of the corpus, and a row of it, counted from 0; or a passage's id"
    )
    parser.add_argument("--json", action="store_true", help="print the chain as JSON")


def run(options: argparse.Namespace) -> int:
    """Print the chain as text, or as JSON."""
    from kg.passage_search import find_passage, is_passage_id
    from kg.shard_summary import summarise
    from kg.shards import split_target
    from kg.trace import trace
    from kg.trace_text import format_summary, format_trace

    home = open_home(options.home)
    shard, row = find_passage(home.url, options.shard) if is_passage_id(options.shard) else split_target(options.shard)
    if row is None:
        summary = summarise(home.url, shard)
        print(json.dumps(asdict(summary), indent=1, ensure_ascii=False) if options.json else format_summary(summary))
    else:
        chain = trace(home.url, shard, row, buckets=home.config.buckets)
        print(json.dumps(asdict(chain), indent=1, ensure_ascii=False) if options.json else format_trace(chain))
    return 0
