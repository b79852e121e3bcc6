"""What a change costs beside a clean build, on the real build; and that it gives the bytes of a clean build.

python benchmarks/incremental.py FOLDER [--copies 10] [--buckets 64] [--only NAME ...] [--law]

`real_build.py` says what is built and what FOLDER takes; where a home is there already it is used. The floor is a build with nothing
to do and the import of spaCy. `--copies 10` reads every paper ten times over, with a quarter of the words changed. `--law` goes
through one more script of changes and compares all files with those of a clean build of what is there in the end.
"""

from __future__ import annotations

import argparse
import gzip
import json
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from real_build import (
    ADDED,
    DATA,
    LARGE,
    MATERIA,
    NEW,
    ROOT,
    UNTIL,
    VOCABULARIES,
    Cost,
    RealBuild,
    hashes,
    measured,
    together,
    write_rows,
)

#: A synonym that papers use, of a disease that many claims name, and of the one that most of all name.
SYNONYMS = {"osteoporosis": "low bone mass", "hypertension": "elevated blood pressure"}


class Bench(RealBuild):
    """The real build, and the changes to what it reads."""

    def revise(self) -> None:
        """The added paper says something else."""
        paper = self.papers[-ADDED]
        write_rows(self.lit / NEW, [paper | {"abstract": paper["abstract"] + " Aspirin causes gastric ulcer."}])

    def revise_inside(self) -> None:
        """One of the papers in the large file says something else."""
        rows = list(self.kept)
        rows[5000] = rows[5000] | {"abstract": (rows[5000]["abstract"] or "") + " Aspirin causes gastric ulcer."}
        self.write_large(rows)

    def restore(self) -> None:
        """What was there at first."""
        self.take_back()
        self.write_large(self.kept)
        shutil.copy(DATA / "vocabulary" / VOCABULARIES[0], self.voc)
        (self.voc / VOCABULARIES[0]).chmod(0o644)
        self.retract("--undo")

    def retract(self, *words: str) -> None:
        """Retract a paper of the large file, or take that back."""
        home = json.loads((self.home / "home.json").read_text())
        known = home["retracted"]
        paper = self.papers[100]["id"]
        if ("--undo" in words) == (paper in known):
            measured([*MATERIA, "retract", "--home", str(self.home), *words, paper])

    def synonym(self, name: str) -> None:
        """One more synonym of a disease."""
        path = self.voc / VOCABULARIES[0]
        text, line = gzip.decompress(path.read_bytes()).decode(), f"name: {name}\n"
        assert line in text
        text = text.replace(line, f'{line}synonym: "{SYNONYMS[name]}" EXACT []\n', 1)
        path.write_bytes(gzip.compress(text.encode(), mtime=0))

    def changes(self) -> dict[str, Any]:
        """Each change by its name."""
        return {
            "one paper added": lambda: self.add(1),
            "one paper revised": self.revise,
            "one paper retracted": self.retract,
            "one paper revised in the large file": self.revise_inside,
            "1% of the papers added": lambda: self.add(ADDED - 1),
            "a synonym of osteoporosis added": lambda: self.synonym("osteoporosis"),
            "a synonym of hypertension added": lambda: self.synonym("hypertension"),
        }


def law(bench: Bench) -> None:
    """A script of changes, each followed by a build or not; then all files beside those of a clean build."""
    script = [
        ("a paper comes", lambda: bench.add(1), True),
        ("it is revised", bench.revise, True),
        ("a paper of the large file is retracted", bench.retract, False),
        ("one of the large file is revised", bench.revise_inside, True),
        ("112 more papers come", lambda: bench.add(ADDED - 1), True),
        ("a synonym is added", lambda: bench.synonym("hypertension"), True),
        ("the retraction is undone", lambda: bench.retract("--undo"), True),
        ("the large file is as before, all but 50 of the new papers go", lambda: _part(bench), True),
        ("another is retracted again", bench.retract, True),
    ]
    for name, change, build in script:
        change()
        cost = f"{bench.build().cpu:.1f} s" if build else "not built"
        print(f"  {name}: {cost}", flush=True)
    clean = bench.folder / "clean"
    shutil.rmtree(clean, ignore_errors=True)
    clean.mkdir()
    # The retraction list is an input like any other.
    shutil.copy(bench.home / "home.json", clean)
    bench.build(clean)
    ours, theirs = hashes(bench.home), hashes(clean)
    differ = [name for name in sorted(ours.keys() | theirs.keys()) if ours.get(name) != theirs.get(name)]
    print(f"  {len(ours)} files after the script   {together(ours)}")
    print(f"  {len(theirs)} files of a clean build   {together(theirs)}")
    print(f"  differ: {len(differ)} {differ[:10]}")
    shutil.rmtree(clean)


def _part(bench: Bench) -> None:
    bench.write_large(bench.kept)
    bench.add(50)


def imported(bench: Bench) -> list[str]:
    """Which of the heavy packages a build with nothing to do imports."""
    words = [sys.executable, "-X", "importtime", *MATERIA[1:], "build", "--home", str(bench.home), "--until", *UNTIL]
    said = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stderr
    names = {line.rpartition("|")[2].strip() for line in said.splitlines() if line.startswith("import time:")}
    return sorted(names & {"spacy", "torch", "dagster", "duckdb", "transformers"})


def questions(bench: Bench) -> None:
    """Seconds and memory of asking where a row comes from and what rests on a paper, after start-up."""
    start = measured([*MATERIA, "trace", "--help"])
    shard = "corpus_shards/split=train/bucket=00"
    asked = {
        "trace SHARD:ROW": ["trace", f"{shard}:0"],
        "trace SHARD": ["trace", shard],
        "affected DOC": ["affected", bench.papers[100]["id"]],
        "affected FILE": ["affected", f"lit/{LARGE}"],
        "affected CONCEPT": ["affected", "MESH:D006973"],
        "history SHARD": ["history", shard],
    }
    for name, words in asked.items():
        cost = measured([*MATERIA, *words, "--home", str(bench.home)])
        print(f"| {name} | {cost.wall - start.wall:.2f} | {cost.mib:.0f} |")


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("--copies", type=int, default=1)
    options.add_argument("--buckets", type=int, default=64)
    options.add_argument("--only", nargs="*", default=[])
    options.add_argument("--law", action="store_true")
    given = options.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    bench = Bench(given.folder.resolve(), given.copies, given.buckets)
    there = bench.home.exists()
    if there:
        bench.restore()
    first = bench.build()
    record = given.folder / "clean.json"
    if not there:
        record.write_text(json.dumps(first))
    clean = Cost(*json.loads(record.read_text()))
    nothing = bench.build()
    spacy = measured([sys.executable, "-c", "import spacy"])
    floor = nothing.cpu + spacy.cpu
    print("| build | processor s | above the floor | of a clean build | wall s | peak MiB |\n|---|---|---|---|---|---|")
    print(f"| clean | {clean.cpu:.1f} | | | {clean.wall:.1f} | {clean.mib:.0f} |")
    heavy = ", ".join(imported(bench)) or "none of spaCy, torch, Dagster, DuckDB imported"
    print(f"| nothing changed ({heavy}) | {nothing.cpu:.2f} | | | {nothing.wall:.2f} | {nothing.mib:.0f} |")
    print(f"| floor: the same and spaCy's import ({spacy.cpu:.2f}) | {floor:.2f} | | | | |", flush=True)
    for name, change in bench.changes().items():
        if given.only and not any(word in name for word in given.only):
            continue
        change()
        cost = bench.build()
        above = cost.cpu - floor
        print(
            f"| {name} | {cost.cpu:.2f} | {above:.2f} | {above / clean.cpu:.1%} | {cost.wall:.2f} | {cost.mib:.0f} |",
            flush=True,
        )
        if name == "one paper added":
            continue  # it is what is revised next
        bench.restore()
        bench.build()
    print("\n| question | s after start-up | peak MiB |\n|---|---|---|")
    questions(bench)
    if given.law:
        print("\nThe law, on this build:")
        law(bench)
    print(f"\nthis process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
