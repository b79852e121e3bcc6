"""The mutation run: every reader of papers, vocabularies and graphs on thousands of spoiled files.

    python benchmarks/mutations.py [--files 10000] [--seed 1] [--family readers] [--keep FOLDER]

Seeds are the fixtures of the contract tests and, where MATERIA_DATA names the real data sets, the first 200 kB of real files.
File number N of a seed is the same on every machine (`mutators.py`); `--only N` makes it again, reads it in this process and
lets a traceback through. Each file is read on the way of a build (recognition, inventory, documents; or vocabulary
sources), and once more by the reader that its seed is of, as `--format` would, where recognition sends it elsewhere.

A worker process reads one file after another with 1 GiB of address space beyond what it starts with. A file is a crash
when: it raises anything but the two errors that readers may raise; needs more than 5 s of processor time or 1 GiB of resident
memory; ends the process; gives a document whose sections do not lie in its text, an identifier that is no CURIE, a problem
that is no sentence; or gives out the text of a file that its entities point to. Crashing files are kept. A file that unfolds
to more than 2.5 MiB, as a gzip bomb may until it is stopped, has 2 s for each MiB: a million bad lines are a million records
to set aside.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import multiprocessing
import os
import random
import re
import resource
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import psutil
from mutators import Material, mutate
from upath import UPath

from pipeline.curies import is_curie
from pipeline.documents import read_documents
from pipeline.errors import MateriaError, SetAside
from pipeline.graphs import GRAPHS, Edge
from pipeline.graphs.files import GraphFile, edges_of, nodes_of, open_graphs
from pipeline.graphs.mapping import load_mapping
from pipeline.inventory import list_files, take_inventory
from pipeline.readers import recognise as reader_of
from pipeline.readers.streams import BrokenStreamError, open_stream, read_head
from pipeline.storage import check_key
from pipeline.vocabularies.registry import LOADERS
from pipeline.vocabularies.registry import recognise as loader_of
from pipeline.vocabularies.sources import read_concepts

SECRET = "the text of a file that nobody may read"
SECONDS, SECONDS_A_MIB, WALL_SECONDS, BYTES = 5.0, 2.0, 300.0, 1 << 30
LONGEST = 20.0  # no file here unfolds to so much that it may take longer
REAL_BYTES, REAL_FILES = 200_000, 3  # of each real file, and how many for each reader
_TESTS = Path(__file__).parents[1] / "tests" / "pipeline"
_KEBAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class FlawError(Exception):
    """An output that is not what the contract says."""


@dataclass
class Report:
    """What came of one file."""

    asides: Counter[str] = field(default_factory=Counter)
    records: int = 0
    refused: str = ""
    crash: str = ""
    seconds: float = 0.0
    peak: int = 0


def sentence(text: str) -> None:
    """A problem is one line that ends in a full stop and keeps secrets."""
    if not text.endswith(".") or "\n" in text or len(text) > 5_000:
        raise FlawError(f"no sentence: {text[:200]!r}")
    if SECRET in text:
        raise FlawError("a problem gives out a secret")


def noted(report: Report, file: str) -> Callable[[SetAside], None]:
    """A receiver of set-aside records that looks at each."""

    def note(problem: SetAside) -> None:
        sentence(problem.detail)
        if (
            problem.file != file
            or not problem.record
            or not _KEBAB.fullmatch(problem.reason)
            or SECRET in problem.record
        ):
            raise FlawError(f"no whole SetAside: {str(problem)[:300]}")
        report.asides[problem.reason] += 1

    return note


def read_literature(path: UPath, name: str, report: Report) -> None:
    """Inventory and documents, and documents once more by the reader called `name` if it was not chosen."""
    note = noted(report, path.name)
    (file,) = list_files([path])
    formats: list[tuple[str, str]] = []
    try:
        for row in take_inventory([file], set_aside=note).to_pylist():
            check_key(row["batch"])
            formats.append((row["position"], row["format"]))
    except MateriaError as error:
        sentence(str(error))
        report.refused = "not recognised" if "unknown-format" in str(error) else "refused"
    if name not in [format_ for _, format_ in formats]:
        formats.append(("1/forced", name))
    for position, format_ in formats:
        for batch in read_documents([(file, position, format_)], note):
            batch.validate(full=True)
            report.records += batch.num_rows
            for row in batch.to_pylist():
                whole(row)


def whole(row: Mapping[str, Any]) -> None:
    """A document whose sections are its text and whose annotations lie in it."""
    text, sections = row["text"], row["sections"]
    if row["status"] != "deleted":
        if "\n".join(text[s["start"] : s["end"]] for s in sections) != text or sections[0]["start"] != 0:
            raise FlawError(f"sections are not the text of {row['doc_id']}")
        for annotation in row["annotations"]:
            for span in annotation["spans"]:
                if not 0 <= span["start"] < span["end"] <= len(text):
                    raise FlawError(f"an annotation leaves the text of {row['doc_id']}")
    if not all(map(is_curie, (row["doc_id"], *row["aliases"], *row["retracts"]))):
        raise FlawError(f"an identifier is no CURIE: {row['doc_id']!r}, {row['aliases']!r}, {row['retracts']!r}")
    if SECRET in repr(row):
        raise FlawError("a document gives out a secret")


def read_vocabulary(path: UPath, name: str, report: Report) -> None:
    """Concepts by the loader that recognises the file, or by the one called `name` if none does."""
    note = noted(report, path.name)

    def forced() -> Iterator[Any]:
        with open_stream(path) as stream:
            yield from LOADERS[name].load(stream, path.name, note)

    head, _ = read_head(path)
    found = loader_of(head, path.name)
    for concepts in (
        (lambda: read_concepts(path, note), forced)
        if found is None or found.name != name
        else (lambda: read_concepts(path, note),)
    ):
        try:
            for concept in concepts():
                report.records += 1
                shown = repr(concept)
                shown.encode()  # no lone surrogates
                if SECRET in shown:
                    raise FlawError("a concept gives out a secret")
                if not all(map(is_curie, (concept.curie, *concept.parents, *concept.xrefs, *concept.alternatives))):
                    raise FlawError(f"an identifier is no CURIE: {shown[:300]}")
        except (MateriaError, BrokenStreamError) as error:
            if isinstance(error, MateriaError):
                sentence(str(error))
            report.refused = "not recognised" if "no vocabulary format" in str(error) else "refused"


def read_graph(path: UPath, name: str, report: Report) -> None:
    """The edges and nodes that a build takes from a file."""
    note = noted(report, path.name)
    try:
        graphs = open_graphs(list_files([str(path)]), note)
    except MateriaError as error:
        sentence(str(error))
        report.refused = "not recognised" if "unknown-format" in str(error) else "refused"
        graphs = [GraphFile(path.name, path, GRAPHS[name], "materia:graph-0")]
    for graph in graphs:
        for item in (*nodes_of(graph), *edges_of(graph, load_mapping(None))):
            if isinstance(item, SetAside):
                note(item)
                continue
            report.records += 1
            repr(item).encode()  # no lone surrogates
            if SECRET in repr(item):
                raise FlawError("an edge gives out a secret")
            ends = (item.subject, item.predicate, item.object) if isinstance(item, Edge) else (item.curie,)
            if not all(map(is_curie, ends)):
                raise FlawError(f"an identifier is no CURIE: {repr(item)[:300]}")


Seed = tuple[str, str, bytes]  # name of the reader, of the file, and its bytes


def _module(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, _TESTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _real(recognise: Callable[[bytes, str], Any]) -> Iterator[Seed]:
    """The beginnings of real files, the smallest first, a few for each reader."""
    folder = os.environ.get("MATERIA_DATA")
    counts: Counter[str] = Counter()
    files = [p for p in Path(folder).rglob("*") if p.is_file() and p.suffix != ".md"] if folder else []
    for path in sorted(files, key=lambda p: (p.stat().st_size, p.name)):
        head, _ = read_head(UPath(path), REAL_BYTES)
        found = recognise(head[: 1 << 16], path.name)
        if found is not None and counts[found.name] < REAL_FILES:
            counts[found.name] += 1
            yield found.name, path.name.removesuffix(".gz"), head


def reader_seeds() -> list[Seed]:
    fixtures = _module("test_readers").FIXTURES.items()
    return [*((name, file, _bytes(content)) for name, (file, content, _) in fixtures), *_real(reader_of)]


def vocabulary_seeds() -> list[Seed]:
    samples = _module("test_vocabularies").SAMPLES.items()
    return [*((name, f"sample.{name}", _bytes(content)) for name, content in samples), *_real(loader_of)]


def graph_seeds() -> list[Seed]:
    fixtures = _module("test_graphs").FIXTURES.items()
    return [(reader, f"sample.{form.replace(' ', '_')}", _bytes(content)) for form, (reader, content, _) in fixtures]


#: For each family its seeds, and how a build reads a file.
FAMILIES: dict[str, tuple[Callable[[], list[Seed]], Callable[[UPath, str, Report], None]]] = {
    "readers": (reader_seeds, read_literature),
    "vocabularies": (vocabulary_seeds, read_vocabulary),
    "graphs": (graph_seeds, read_graph),
}


def make(seeds: list[Seed], seed: int, number: int, secret: Path) -> tuple[str, str, bytes, str]:
    """File `number`: name of its reader, of the file, its bytes, and what was done to it. Readers get equal shares."""
    rng = random.Random(f"{seed}-{number}")
    names = sorted({name for name, _, _ in seeds})
    mine = [one for one in seeds if one[0] == names[number % len(names)]]
    name, file, data = rng.choice(mine)
    other = rng.choice(mine if rng.random() < 0.5 else seeds)[2]
    data, done = mutate(data, rng, Material(other, secret.as_uri()))
    return name, file, data, done


def attempt(read: Callable[[UPath, str, Report], None], path: Path, name: str) -> Report:
    """Read one file and say what came of it; never raises."""
    report = Report()
    with contextlib.suppress(OSError):  # from here on the peak counts anew
        Path("/proc/self/clear_refs").write_text("5")
    limit = _limit(path)
    before, start = _memory("VmRSS"), time.process_time()
    try:
        read(UPath(path), name, report)
    except BaseException as error:
        frame = error.__traceback__
        while frame is not None and frame.tb_next is not None:
            frame = frame.tb_next
        place = f"{Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}" if frame else ""
        report.crash = f"{type(error).__name__} at {place}: {str(error)[:300]}"
    report.seconds = time.process_time() - start
    report.peak = max(0, _memory("VmHWM") - before)
    if not report.crash and report.seconds > limit:
        report.crash = f"took {report.seconds:.1f} s"
    if not report.crash and report.peak > BYTES:
        report.crash = f"took {report.peak >> 20} MiB"
    return report


def _limit(path: Path) -> float:
    """Seconds of processor time that a file may take."""
    size = 0
    with contextlib.suppress(BrokenStreamError), open_stream(UPath(path)) as stream:
        while piece := stream.read1(1 << 16):
            size += len(piece)
    return max(SECONDS, SECONDS_A_MIB * size / (1 << 20))


def _memory(field_: str) -> int:
    match = re.search(rf"{field_}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(match[1]) << 10 if match else 0


def _work(family: str, seed: int, folder: Path, pipe: Connection) -> None:
    seeds_of, read = FAMILIES[family]
    seeds, secret = seeds_of(), folder / "secret"
    mine = folder / str(os.getpid())
    mine.mkdir()
    for name, file, data in seeds:  # imports, first allocations
        (mine / file).write_bytes(data)
        with contextlib.suppress(Exception):
            read(UPath(mine / file), name, Report())
        (mine / file).unlink()
    limit = _memory("VmSize") + BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pipe.send(None)
    while (number := pipe.recv()) is not None:
        name, file, data, done = make(seeds, seed, number, secret)
        (mine / file).write_bytes(data)
        report = attempt(read, mine / file, name)
        (mine / file).unlink()
        pipe.send((number, name, done, report))


class Worker:
    """A process that reads files, started again when it dies or must be ended."""

    def __init__(self, family: str, seed: int, folder: Path) -> None:
        self.arguments = (family, seed, folder)
        self.number: int | None = None
        self.start()

    def start(self) -> None:
        """Start a process and wait until it has its imports."""
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(*self.arguments, theirs), daemon=True)
        self.process.start()
        theirs.close()
        self.pipe.recv()  # is ready

    def give(self, number: int) -> None:
        """Let it read a file; its report comes through the pipe."""
        self.number, self.wall = number, time.monotonic()
        self.cpu = sum(psutil.Process(self.process.pid).cpu_times()[:2])
        self.pipe.send(number)

    def overdue(self) -> bool:
        """Whether its file has cost more processor time than any report could excuse, or it waits for ever."""
        with contextlib.suppress(psutil.NoSuchProcess):
            spent = sum(psutil.Process(self.process.pid).cpu_times()[:2]) - self.cpu
            return spent > 2 * LONGEST or time.monotonic() - self.wall > WALL_SECONDS
        return False

    def end(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


def run(family: str, files: int, seed: int, workers: int, keep: Path) -> int:
    """Read that many files, print the table, and return the number of crashes."""
    seeds = FAMILIES[family][0]()
    results: dict[str, list[Report]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "secret").write_text(SECRET)

        def finish(number: int, report: Report) -> None:
            reader, file, data, done = make(seeds, seed, number, folder / "secret")
            results[reader].append(report)
            if report.crash:
                keep.mkdir(parents=True, exist_ok=True)
                (keep / f"{family}-{seed}-{number}-{file}").write_bytes(data)
                print(f"CRASH {reader} file {number} ({done}): {report.crash}", flush=True)

        crew = [Worker(family, seed, folder) for _ in range(workers)]
        waiting = iter(range(files))
        busy = {one.pipe: one for one in crew if _next(one, waiting)}
        while busy:
            for pipe in wait(list(busy), timeout=0.5):
                one = busy[pipe]  # type: ignore[index]
                try:
                    number, _, _, report = one.pipe.recv()
                    finish(number, report)
                except EOFError:
                    finish(one.number, Report(crash="ended the process"))
                    busy.pop(one.pipe)
                    one.end()
                    one.start()
                if _next(one, waiting):
                    busy[one.pipe] = one
                else:
                    busy.pop(one.pipe, None)
            for one in [one for one in busy.values() if one.overdue()]:
                finish(one.number, Report(crash=f"did not end within {2 * LONGEST:.0f} s"))
                busy.pop(one.pipe)
                one.end()
                one.start()
                if _next(one, waiting):
                    busy[one.pipe] = one
        for one in crew:
            one.end()
    return table(family, seeds, results)


def _next(worker: Worker, waiting: Iterator[int]) -> bool:
    number = next(waiting, None)
    if number is not None:
        worker.give(number)
    return number is not None


def table(family: str, seeds: list[Seed], results: Mapping[str, list[Report]]) -> int:
    """Print what came of the files of each reader; return the number of crashes."""
    print(f"\n{family}: {sum(map(len, results.values()))} files from {len(seeds)} seeds")
    heads = ("files", "whole", "aside", "refused", "crashes", "records", "slowest s", "peak MiB")
    print(f"{'reader':20}" + "".join(f"{head:>11}" for head in heads) + "  set aside most")
    crashes = 0
    for name, reports in sorted(results.items()):
        crashed = [r for r in reports if r.crash]
        fine = [r for r in reports if not r.crash]
        aside = [r for r in fine if r.asides]
        refused = [r for r in fine if r.refused and not r.asides]
        reasons = sum((r.asides for r in reports), Counter())
        top = ", ".join(
            f"{reason} {count}" for reason, count in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))[:4]
        )
        cells = (
            len(reports), len(fine) - len(aside) - len(refused), len(aside), len(refused), len(crashed), sum(r.records for r in reports),
            f"{max(r.seconds for r in reports):.2f}", max(r.peak for r in reports) >> 20,
        )  # fmt: skip
        print(f"{name:20}" + "".join(f"{cell:>11}" for cell in cells) + f"  {top}")
        crashes += len(crashed)
    return crashes


def again(family: str, seed: int, number: int) -> None:
    """Make one file again and read it here."""
    seeds_of, read = FAMILIES[family]
    with tempfile.TemporaryDirectory() as name:
        secret = Path(name, "secret")
        secret.write_text(SECRET)
        reader, file, data, done = make(seeds_of(), seed, number, secret)
        Path(name, file).write_bytes(data)
        report = Report()
        print(f"{reader}, {file}, {len(data)} bytes: {done}")
        read(UPath(name, file), reader, report)
        print(report)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000, help="for each family")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--family", choices=FAMILIES, action="append")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--keep", type=Path, default=Path("mutation-crashes"), help="folder for the files that crash")
    parser.add_argument("--only", type=int, help="read this one file again, in this process")
    arguments = parser.parse_args()
    families = arguments.family or list(FAMILIES)
    if arguments.only is not None:
        for family in families:
            again(family, arguments.seed, arguments.only)
        return
    crashes = sum(run(one, arguments.files, arguments.seed, arguments.workers, arguments.keep) for one in families)
    sys.exit(1 if crashes else 0)


if __name__ == "__main__":
    main()
