"""Kills builds at random moments, and compares what the next build makes with what a clean one makes.

  python benchmarks/kills.py --kills 200 --seed 1

The literature of a home (the bundled sample) goes at random from one state to another: files that come, go, change, a paper
that is retracted. A build begins, in a process group of its own, and gets SIGKILL at a random moment of the time that such
a build takes; one time in four the build after it is killed as well. Then a build runs to its end, and every file (tables,
N-Quads, manifests, the state of the index) is compared with those of a clean build of the same state in a fresh home.
Processes are forked from one that has imported everything, so that the moments fall into the work.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import replace
from pathlib import Path

from assets.build import build
from assets.config import Config
from assets.home import OUTSIDE_THE_LAW, SAMPLE, Home, open_home
from assets.recovery import trouble
from kg.generations import current_generation

UNTIL = ["corpus", "graph_index"]
#: Files of the sample that are never taken out, and one that is changed.
ALWAYS = ("pubmed26n0001.xml",)
CHANGED = "notes.jsonl"


def write_state(number: int, literature: Path) -> tuple[str, ...]:
    """Make the literature folder be the state of that number; the documents that are retracted in it."""
    choose = random.Random(number)
    literature.mkdir(exist_ok=True)
    for source in sorted((SAMPLE / "literature").iterdir()):
        target = literature / source.name
        if source.is_file() and (source.name in ALWAYS or choose.random() < 0.7):
            content = source.read_bytes()
            if source.name == CHANGED:
                lines = content.splitlines(keepends=True)
                content = b"".join(choose.sample(lines, len(lines) // 2))
            if not target.exists() or target.read_bytes() != content:
                target.write_bytes(content)
        else:
            target.unlink(missing_ok=True)
    return ("PMID:90000001",) if number % 2 else ()


def run(home: Home, retracted: tuple[str, ...]) -> int:
    """Build in a forked process, leader of its own group; its id. It ends with status 0 where the build did."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        os.setsid()
        changed = replace(open_home(str(home.url)), retracted=retracted)
        changed._store()
        build(changed, UNTIL)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def finish(process: int) -> None:
    if os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) != 0:
        raise SystemExit("a build that nobody killed failed")


def kill_after(process: int, seconds: float) -> bool:
    """Kill a build and all its processes after a time; False where it was done before."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if os.waitpid(process, os.WNOHANG)[0]:
            return False
        time.sleep(0.002)
    try:
        os.killpg(process, signal.SIGKILL)
    except ProcessLookupError:  # not yet the leader of its group
        os.kill(process, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == -signal.SIGKILL


def hashes(home: Home) -> dict[str, str]:
    """SHA-256 of every file that is under the law, by path; of the index, the N-Quads that it was made from."""
    found = {}
    for path in sorted(home.path.rglob("*")):
        name = str(path.relative_to(home.path))
        if path.is_file() and not name.startswith(OUTSIDE_THE_LAW):
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    if state := current_generation(home.path / "graph_index" / "store"):
        found |= {f"index/{p.name}": hashlib.sha256(p.read_bytes()).hexdigest() for p in state.nquads}
    return found


def main(kills: int, seed: int, states: int, folder: Path) -> int:
    """Kill so many builds; returns how many times the bytes were wrong."""
    import pipeline.components  # noqa: F401 - imported before the first fork: spaCy takes seconds

    choose = random.Random(seed)
    clean: dict[int, dict[str, str]] = {}
    literature = folder / "literature"

    def new_home(name: str) -> Home:
        return open_home(str(folder / name)).configure(
            [str(literature)], [str(SAMPLE / "vocabulary")], Config(buckets=4, small_file_groups=1, workers=1)
        )

    took = 1.0
    for state in range(states):
        retracted = write_state(state, literature)
        home = new_home(f"clean-{state}")
        start = time.monotonic()
        finish(run(home, retracted))
        took = time.monotonic() - start
        clean[state] = hashes(home)
        shutil.rmtree(home.path)
    home = new_home("home")
    done = right = compared = 0
    state = 0
    while done < kills:
        state = choose.choice([other for other in range(states) if other != state])
        retracted = write_state(state, literature)
        for _ in range(1 if choose.random() < 0.75 else 2):
            start = time.monotonic()
            if kill_after(run(home, retracted), choose.random() * took):
                done += 1
            else:  # it took less than expected: so will the next
                took = time.monotonic() - start
        start = time.monotonic()
        finish(run(home, retracted))
        took = max(took * 0.8, time.monotonic() - start)
        now = hashes(home)
        wrong = {name for name in clean[state].keys() | now.keys() if clean[state].get(name) != now.get(name)}
        found = trouble(home)
        compared += 1
        right += not wrong and not found
        if compared % 20 == 0:
            print(f"  {done} kills, {right} of {compared} right", file=sys.stderr, flush=True)
        if wrong or found:
            print(f"after {done} kills, state {state}: {sorted(wrong)[:5]} {found}", flush=True)
            shutil.rmtree(home.path)
            home = new_home("home")
    print(f"{done} kills, {compared} builds after them: {right} times the bytes of a clean build (seed {seed})")
    return compared - right


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--states", type=int, default=6, help="states of the literature; each is built once from nothing"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="materia-kills-") as folder:
        sys.exit(1 if main(options.kills, options.seed, options.states, Path(folder)) else 0)
