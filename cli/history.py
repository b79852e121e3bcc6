"""Every version of a shard of the corpus that builds of this home made: rows added, removed and changed, and why.

SHARD is a name as `materia trace` takes it, or a bucket. The past is kept in HOME/history, from the first build that changes a shard on.

Examples:
  materia history corpus_shards/split=train/bucket=03
  materia history 03 --all
  materia history corpus_shards/split=train/bucket=03 --json
"""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import asdict

from assets.home import Home, open_home
from pipeline.errors import MateriaError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of `materia history`."""
    parser.add_argument("shard", metavar="SHARD", help="a shard of the corpus, or a bucket")
    parser.add_argument("--all", action="store_true", help="every row, not the first ten of each kind")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def run(options: argparse.Namespace) -> int:
    """Print the versions, the oldest first."""
    from kg.history_reasons import shard_versions
    from kg.history_text import format_history

    home = open_home(options.home)
    key, split = _shard(home, options.shard)
    versions = shard_versions(home.url, key, split)
    if not versions:
        raise MateriaError(
            "has no history yet", file=options.shard, remedy="It begins with the next build that changes the shard"
        )
    if options.json:
        print(json.dumps([asdict(version) for version in versions], indent=1, ensure_ascii=False))
    else:
        print(format_history(options.shard, versions, most=None if options.all else 10), end="")
    return 0


def _shard(home: Home, words: str) -> tuple[str, str | None]:
    """Bucket and split of a shard's name, or of the path of its file."""
    from kg.corpus import SHARDS, SPLITS

    found = re.search(rf"(?:bucket=|{SHARDS}/|^)(\d+)(?:/|$)", words.strip())
    keys = home.dataset(SHARDS).manifests()
    if not keys:
        raise MateriaError("holds no corpus", file=str(home.url), remedy="Run: materia build --until corpus")
    split = re.search(r"split=([^/]*)", words)
    if found is None or found[1] not in keys or (split and split[1] not in SPLITS):
        remedy = f"Name a shard such as {SHARDS}/split=train/bucket={next(iter(keys))}"
        raise MateriaError(f"no such shard: {words}", file=str(home.url), remedy=remedy)
    return found[1], split[1] if split else None
