"""A stage: one function from tables to tables, with what the wiring must know about it.

The same description serves the Dagster UI, the command line and `status`: name, documentation, partitions, inputs,
settings, code version. A stage is refreshed partition by partition: where the skip key (a hash of inputs, settings, code and
table versions) equals the one in the partition's manifest there is nothing to do, whoever asks. Correctness rests on
these keys alone, so a lost event or a missed tick is caught up by the next build.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import pyarrow as pa

from assets.home import Home
from assets.launch import Launch, plainly
from assets.lineage_events import lineage_events
from assets.memory import Memory, Remember, remember_configuration
from pipeline.errors import DiskFullError, MateriaError, StoppedError, UnreachableError
from pipeline.hashing import hash_json
from pipeline.manifest import STATE
from pipeline.storage import WHOLE, Dataset, FileEntry, Manifest, PartitionWriter
from pipeline.tables import table_version

__all__ = ["Check", "Job", "Need", "Refreshed", "Stage", "batches_of", "checks_together", "refresh", "run_told"]

#: Examples of what a check found that are kept of all partitions.
_EXAMPLES = 5

T = TypeVar("T")
Partitions = Literal["none", "batch", "bucket"]
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Need:
    """An input: an asset, and which of its partitions: the one with the `same` key, or every one of the kind it has."""

    asset: str
    partitions: Literal["same"] | Partitions = "none"


@dataclass(frozen=True)
class Check:
    """A check that a stage makes of its own output. A failed blocking check stops everything after it."""

    name: str
    description: str
    blocking: bool = True


@dataclass
class Job:
    """One partition of one stage being computed: where to read, where to write, what to share.

    Attributes:
        key: the partition; `all` for an asset without partitions.
        keys: every partition that this run computes, for what is cheaper to do for all of them at once (`once`).
        standing: what the partitions of this run hold, those that were made by the same code and settings and are sound: a
            stage may bring them up to date by what changed since, as long as the bytes are those of a whole computation.
        previous: what this partition holds, if it is one of these. Else None.
        writer: takes the output; committed by `refresh` when the function returns.
        workers: processes the stage may use.
        progress: told of what is being done, for a person.
        launch: runs a command in a process of its own.
        cache: a folder of this machine for what it may reuse, where that of the home is shared with others.
        inputs: data version of every input, as the manifest will have them.
        rules: hash of all that the output depends on beside these.
    """

    home: Home
    key: str
    writer: PartitionWriter
    workers: int
    progress: Progress
    _shared: dict[str, Any]
    _stack: ExitStack
    keys: tuple[str, ...] = ()
    standing: Mapping[str, Manifest] = field(default_factory=dict)
    previous: Manifest | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    rules: str = ""
    launch: Launch = field(default_factory=lambda: plainly(lambda line: None))
    cache: Path | None = None
    checks: dict[str, dict[str, Any]] = field(default_factory=dict)

    def dataset(self, asset: str) -> Dataset:
        """The partitions of an asset in this home."""
        return self.home.dataset(asset)

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """Something costly that all partitions of this run share (a pool, an index); entered if it is a context manager."""
        if name not in self._shared:
            made = make()
            self._shared[name] = self._stack.enter_context(made) if hasattr(made, "__exit__") else made
        return self._shared[name]

    def state_files(self) -> dict[str, FileEntry]:
        """The state tables (`PartitionWriter.state`) of what the partition holds, by the names they were given; all of them are sound."""
        prefix = f"{STATE}{self.key}/"
        entries = [entry for entry in self.previous.files if entry.path.startswith(prefix)] if self.previous else []
        return {entry.path.removeprefix(prefix).rpartition("-")[0]: entry for entry in entries}

    def changed_inputs(self) -> set[str]:
        """Names (`asset/partition`) of inputs that came, went or have another data version than `previous` was made from."""
        before = self.previous.inputs if self.previous else {}
        return {name for name in before.keys() | self.inputs.keys() if before.get(name) != self.inputs.get(name)}

    def check(self, name: str, passed: bool, **figures: Any) -> None:
        """Record the result of one of the stage's checks."""
        self.checks[name] = {"passed": passed, **figures}


@dataclass(frozen=True)
class Stage:
    """A named function from tables to tables, and what it depends on.

    Attributes:
        compute: reads its inputs through the job, writes the output to `job.writer`.
        needs: assets it reads.
        settings: the part of the configuration it reads; enters the skip key.
        version: of its code; raise it when the same inputs give another output.
        tables: schemas of the output; the first one is shown in the UI.
        fingerprint: replaces `needs` in the skip key where only a part of an input matters.
        shuffled: the bucketed asset that this unpartitioned stage writes, if any.
        remember: looks at partitions that are about to be replaced, and returns what notes the difference in the home's history
            (`pipeline.history`) once the new ones are in force. Nothing that a build makes depends on it.
        present: whether output that stands outside the manifest (an index that is no table) is still there.
    """

    name: str
    group: str
    compute: Callable[[Job], None]
    needs: tuple[Need, ...] = ()
    partitions: Partitions = "none"
    settings: Callable[[Home], Any] = lambda home: None
    version: str = "1"
    tables: tuple[pa.Schema, ...] = ()
    kinds: tuple[str, ...] = ("python",)
    fingerprint: Callable[[Home, str], Mapping[str, str]] | None = None
    checks: tuple[Check, ...] = ()
    shuffled: str | None = None
    present: Callable[[Home], bool] = lambda home: True
    remember: Remember | None = None

    @property
    def description(self) -> str:
        """The docstring of the function: what the UI shows."""
        return inspect.cleandoc(self.compute.__doc__ or "")

    @property
    def code_version(self) -> str:
        """Version of the code and of the tables it writes."""
        return ".".join([self.version, *map(table_version, self.tables)])

    def keys(self, home: Home) -> list[str]:
        """The partitions that should exist."""
        return keys_of(home, self.partitions)

    def inputs(self, home: Home, key: str) -> dict[str, str]:
        """Data version of every input partition. Raises MateriaError where one was never built."""
        if self.fingerprint is not None:
            return dict(self.fingerprint(home, key))
        found: dict[str, str] = {}
        for need in self.needs:
            dataset = home.dataset(need.asset)
            if need.partitions == "same":
                found[f"{need.asset}/{key}"] = _version(dataset.manifest(key), need.asset, key)
            else:
                wanted = keys_of(home, need.partitions)
                found |= {f"{need.asset}/{k}": _version(dataset.manifest(k), need.asset, k) for k in wanted}
        return found

    def rules(self, home: Home) -> str:
        """Hash of all that the output depends on beside its inputs."""
        return hash_json([self.name, self.code_version, self.settings(home)])

    def stale(self, home: Home) -> list[str]:
        """Partitions that must be computed, in order."""
        dataset, rules = home.dataset(self.name), self.rules(home)
        return [key for key in self.keys(home) if not _is_fresh(self, home, key, dataset.manifest(key), rules)]


@dataclass(frozen=True)
class Refreshed:
    """What became of one partition: its manifest now, whether its data changed, whether it had to be computed."""

    key: str
    manifest: Manifest
    changed: bool
    computed: bool


def keys_of(home: Home, partitions: Partitions) -> list[str]:
    """The partition keys of a kind of partitioning, in this home."""
    if partitions == "none":
        return [WHOLE]
    return home.buckets if partitions == "bucket" else batches_of(home)


def batches_of(home: Home) -> list[str]:
    """The batches the inventory lists, sorted; none before there is an inventory."""
    manifest = home.dataset("literature_inventory").manifest()
    return list(manifest.summary["batches"]) if manifest else []


def checks_together(manifests: Iterable[Manifest]) -> dict[str, dict[str, Any]]:
    """The results of a stage's checks over its partitions: passed where all passed, numbers added, some of the examples."""
    done: dict[str, dict[str, Any]] = {}
    for manifest in manifests:
        for name, result in manifest.summary.get("checks", {}).items():
            done[name] = _together(done[name], result) if name in done else result
    return done


def _together(one: Any, other: Any) -> Any:
    """Two figures as one: both true, numbers added, tables joined, the first few of lists, the first of texts."""
    if isinstance(one, bool):
        return one and other
    if isinstance(one, dict):
        return {**other, **{k: _together(v, other[k]) if k in other else v for k, v in one.items()}}
    if isinstance(one, list):
        return [*one, *other][:_EXAMPLES]
    return one + other if isinstance(one, int | float) else one


def _version(manifest: Manifest | None, asset: str, key: str) -> str:
    if manifest is None:
        place = asset if key == WHOLE else f"{asset}, partition {key},"
        raise MateriaError(
            f"{place} has not been built yet", remedy=f"Materialize {asset} first, or run: materia build"
        )
    return manifest.data_version


def _is_sound(stage: Stage, home: Home, manifest: Manifest) -> bool:
    """Whether a partition's output is complete and no blocking check found fault with it."""
    results = manifest.summary.get("checks", {})
    if not all(results.get(check.name, {"passed": True})["passed"] for check in stage.checks if check.blocking):
        return False
    # Else a build was killed among the buckets: some are of an input that may be gone again.
    return not stage.shuffled or manifest.summary.get("buckets") == _bucket_versions(home, stage.shuffled)


def _is_fresh(stage: Stage, home: Home, key: str, manifest: Manifest | None, rules: str) -> bool:
    if manifest is None or manifest.rules != rules or not _is_sound(stage, home, manifest):
        return False
    try:
        return stage.present(home) and manifest.skip_key == _skip_key(rules, stage.inputs(home, key))
    except MateriaError:
        return False


def _skip_key(rules: str, inputs: Mapping[str, str]) -> str:
    """Hash of all that an output depends on."""
    return hash_json([rules, dict(inputs)])


def _bucket_versions(home: Home, asset: str) -> dict[str, str]:
    return {key: manifest.data_version for key, manifest in home.dataset(asset).manifests().items()}


@contextmanager
def run_told(stage: Stage, home: Home, stale: Sequence[str]) -> Iterator[list[Manifest]]:
    """A run of a stage over partitions: the configuration is remembered, and catalogues are told when it begins and ends.

    Yields:
        a list to which the caller adds the manifest of each partition that was computed.
    """
    if stale:
        remember_configuration(home)
    with lineage_events(home, stage, len(stale)) as made:
        yield made


def refresh(
    stage: Stage,
    home: Home,
    keys: list[str],
    *,
    workers: int = 1,
    progress: Progress = lambda _: None,
    launch: Launch | None = None,
    cache: Path | None = None,
    part: bool = False,
) -> Iterator[Refreshed]:
    """Bring partitions of a stage up to date, one after another.

    Args:
        launch: how a command is run in a process of its own; plainly where not given.
        cache: see `Job`.
        part: whether this is a part of a run that the caller tells (`run_told`).

    Yields:
        what became of each, in the order of `keys`, as soon as it is in force.

    Raises:
        MateriaError: an input is missing, or a blocking check failed (the output is kept to be looked at, but counts as stale).
    """
    dataset = home.dataset(stage.name)
    shared: dict[str, Any] = {}
    rules = stage.rules(home)
    manifests = {key: dataset.manifest(key) for key in keys}
    stale = tuple(key for key in keys if not _is_fresh(stage, home, key, manifests[key], rules))
    wanted = set(stale)
    standing = {
        key: manifest
        for key in stale
        if (manifest := manifests[key]) is not None
        and manifest.rules == rules
        and _is_sound(stage, home, manifest)
        and dataset.is_whole(manifest)
    }

    def compute(key: str, inputs: dict[str, str]) -> tuple[Job, Manifest]:
        with dataset.writer(key) as writer:
            job = Job(
                home, key, writer, workers, progress, shared, stack,
                keys=stale, standing=standing, previous=standing.get(key), inputs=inputs, rules=rules,
                launch=launch or plainly(progress), cache=cache,
            )  # fmt: skip
            stage.compute(job)
            if job.checks:
                writer.summary["checks"] = job.checks
            return job, writer.commit(
                skip_key=_skip_key(rules, inputs), code_version=stage.code_version, inputs=inputs, rules=rules
            )

    with ExitStack() as outer, ExitStack() as stack:
        made: list[Manifest] = [] if part else outer.enter_context(run_told(stage, home, stale))
        if stale:
            outer.enter_context(dataset.staging())
        memory = Memory(home, stage.remember, stale)
        outer.callback(memory.tell)
        for key in keys:
            previous = manifests[key]
            if previous is not None and key not in wanted:
                yield Refreshed(key, previous, changed=False, computed=False)
                continue
            inputs = stage.inputs(home, key)
            progress(stage.name if key == WHOLE else f"{stage.name} {key}")
            memory.look()
            try:
                job, manifest = compute(key, inputs)
            except (DiskFullError, StoppedError, UnreachableError):
                raise
            except Exception:
                if not standing:
                    raise
                # What was kept of the last build may be damaged, in whatever way. All that it is for is to save work.
                progress(f"{stage.name}: what the last build kept cannot be used; made anew as a whole")
                stack.close()
                shared.clear()
                standing.clear()
                job, manifest = compute(key, inputs)
            made.append(manifest)
            memory.made(manifest)
            yield Refreshed(
                key, manifest, previous is None or previous.data_version != manifest.data_version, computed=True
            )
            for check in stage.checks:
                result = job.checks.get(check.name, {"passed": True})
                if check.blocking and not result["passed"]:
                    told = {k: v for k, v in result.items() if k != "passed" and isinstance(v, int | float | str)}
                    figures = ", ".join(f"{k}: {v}" for k, v in told.items())
                    raise MateriaError(
                        f"{stage.name}: the check {check.name} failed ({figures})",
                        remedy=f"{check.description} Mend the cause and build again",
                    )
