"""The real build that benchmarks measure: public papers and vocabularies laid out in a folder, and built.

MATERIA_DATA names the data sets. The folder takes literature (`lit`), vocabularies (`voc`), configuration and home. The last
papers of the large file are kept out, to come as what is added. One copy is 11,000 documents; each more reads the papers of the
large file again, under other identifiers and with a quarter of their longer words changed, so that no two are near duplicates.
A build is a process of its own, and costs its processor seconds with those of its workers.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from assets.home import OUTSIDE_THE_LAW

__all__ = [
    "ADDED",
    "DATA",
    "LARGE",
    "MATERIA",
    "NEW",
    "ROOT",
    "UNTIL",
    "VOCABULARIES",
    "Cost",
    "RealBuild",
    "hashes",
    "measured",
    "together",
    "write_rows",
]

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("MATERIA_DATA", ROOT.parent / "shared" / "data"))
MATERIA = [sys.executable, "-c", "import sys; from cli.main import main; sys.exit(main(sys.argv[1:]))"]
UNTIL = ["graph_index", "corpus"]
#: Papers that are kept out at first.
ADDED = 114
LARGE = "cohen2006.jsonl.gz"
NEW = "new.jsonl"
VOCABULARIES = ["doid_2016-03-04.obo.gz", "hp_2013-11-30.obo.gz", "medic_2012-07-06.txt.gz", "mesh_names.tsv.gz"]


class Cost(NamedTuple):
    """What a process cost: processor seconds with its children's, seconds, MiB at most."""

    cpu: float
    wall: float
    mib: float


def measured(words: list[str], quiet: bool = True) -> Cost:
    """Run a process to its end, and say what it cost."""
    start = time.perf_counter()
    process = subprocess.Popen(
        words, cwd=ROOT, stdout=subprocess.DEVNULL if quiet else None, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(words[3:])}\n{said}")
    return Cost(usage.ru_utime + usage.ru_stime, time.perf_counter() - start, usage.ru_maxrss / 1024)


class RealBuild:
    """A folder with literature and vocabularies, and a home to build of them.

    Args:
        folder: where it is; laid out where it holds no literature yet.
        copies: how often the papers of the large file are read.
        buckets: of the home.
        papers: read only so many papers of the large file, and no others: for builds smaller than the real one.
    """

    def __init__(self, folder: Path, copies: int = 1, buckets: int = 64, papers: int | None = None) -> None:
        self.folder, self.copies = folder, copies
        self.lit, self.voc, self.home = folder / "lit", folder / "voc", folder / "home"
        with gzip.open(DATA / "literature" / LARGE, "rt", encoding="utf-8") as lines:
            self.papers = [json.loads(line) for line in lines]
        self.config = folder / "materia.yaml"
        if not self.config.exists():
            shutil.rmtree(self.lit, ignore_errors=True)
            shutil.rmtree(self.voc, ignore_errors=True)
            self._lay_out(papers)
            self.config.write_text(f"buckets: {buckets}\n")

    @property
    def kept(self) -> list[dict[str, Any]]:
        """The papers of the large file less those that are kept out."""
        return self.papers[:-ADDED]

    def _lay_out(self, papers: int | None) -> None:
        self.lit.mkdir(parents=True)
        self.voc.mkdir()
        for name in VOCABULARIES:
            shutil.copy(DATA / "vocabulary" / name, self.voc)
        if papers is None:
            shutil.copytree(DATA / "literature" / "pubmed", self.lit / "pubmed")
            shutil.copy(DATA / "annotated" / "bc5cdr" / "dev.pubtator", self.lit)
        for path in self.folder.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        self.write_large(self.kept[:papers])
        for copy in range(1, self.copies):
            rows = (varied(paper, copy) for paper in self.kept)
            write_rows(self.lit / f"copy{copy:02d}.jsonl.gz", rows)

    def write_large(self, papers: Iterable[dict[str, Any]]) -> None:
        """The large file."""
        write_rows(self.lit / LARGE, papers)

    def words(self, home: Path | str | None = None, config: Path | None = None) -> list[str]:
        """The command that brings a home up to date."""
        sources = ["--literature", str(self.lit), "--vocabulary", str(self.voc), "--config", str(config or self.config)]
        return [*MATERIA, "build", "--home", str(home or self.home), *sources, "--until", *UNTIL]

    def build(self, home: Path | str | None = None, config: Path | None = None) -> Cost:
        """Bring a home up to date in a process of its own."""
        return measured(self.words(home, config))

    def add(self, number: int) -> None:
        """The first so many of the papers that were kept out, in a file of their own."""
        write_rows(self.lit / NEW, islice(self.papers[-ADDED:], number))

    def take_back(self) -> None:
        """No added papers."""
        (self.lit / NEW).unlink(missing_ok=True)


def write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """JSON lines, gzipped where the name says so; the same bytes for the same rows."""
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(text, 6, mtime=0) if path.suffix == ".gz" else text)


def varied(paper: dict[str, Any], copy: int) -> dict[str, Any]:
    """The paper under another identifier, with a quarter of its longer words changed."""

    def word(text: str, place: int) -> str:
        draw = hashlib.sha256(f"{copy}/{paper['id']}/{place}".encode()).digest()[0]
        return text if draw >= 64 or not text.isalpha() or len(text) < 5 else text[::-1].lower()

    number = int(paper["id"].partition(":")[2]) + copy * 100_000_000
    texts = {
        name: " ".join(word(text, place) for place, text in enumerate((paper[name] or "").split(" ")))
        for name in ("title", "abstract")
    }
    return paper | texts | {"id": f"PMID:{number}"}


def hashes(home: Path) -> dict[str, str]:
    """SHA-256 of every file the law is about."""
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.rglob("*"))
        if path.is_file() and not str(path.relative_to(home)).startswith(OUTSIDE_THE_LAW)
    }


def together(found: dict[str, str]) -> str:
    """One hash of all files."""
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()
