"""What happens by itself in the UI: new files are read, builds by others are shown, what nobody asked for is asked for.

- `source_folders` looks at the folders of literature, vocabulary and graphs and at the home's settings (configuration, retraction
  list). Where they changed it makes new batches known and asks for one build of what that makes stale.
- `automation` is Dagster's own, with the conditions of `assets.dagster_graph`: whoever materializes a partition by hand need not ask
  for what rests on it.
- `reconciliation` needs no events. It tells Dagster's records what manifests say (`assets.recording`), and where skip keys show a stage
  to be stale that nobody has asked for since the last look (a tick that was missed, an event that was lost, a run that was killed),
  asks for one build.

A tick costs a listing, not a hash of every file; the runs it asks for compare hashes.
"""

import json
import time
from collections.abc import Iterable
from typing import Any

import dagster as dg

from assets.dagster_assets import BATCHES
from assets.dagster_graph import AUTOMATED
from assets.home import Home, open_home
from assets.jobs import build_changes
from assets.lock import HomeBusyError
from assets.recording import Recorder, manifests_state
from assets.stage import batches_of
from assets.stages import STAGES
from pipeline.errors import MateriaError
from pipeline.hashing import hash_json
from pipeline.inventory import LiteratureFile, inventory_row, list_files
from pipeline.small_files import read_text

__all__ = ["automation", "reconciliation", "source_folders"]

#: A file whose last write is younger is still being written, as far as anybody can tell.
_SETTLED_S = 5.0
#: But a folder in which something is always being written is read all the same after this time.
_LONGEST_WAIT_S = 600.0
_MOST_EVENTS = 2000
_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

automation = dg.AutomationConditionSensorDefinition(
    "automation",
    target=dg.AssetSelection.assets(*sorted(AUTOMATED)),
    use_user_code_server=True,  # a condition of our own looks at the lock of the home
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    description="Asks for every partition up to the corpus whose inputs have other data than it was made from.",
)


@dg.sensor(
    job=build_changes,
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Looks for new, changed and removed files and for changed settings; asks for a build of what that makes stale.",
)
def source_folders(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Make the batches of new files known, and ask for a build where anything changed."""
    home = open_home()
    seen: dict[str, Any] = json.loads(context.cursor) if context.cursor else {}
    try:
        literature = home.literature_files()
        files = [*literature, *list_files(home.vocabulary), *list_files(home.graphs)]
    except MateriaError as error:
        return dg.SkipReason(str(error))
    now = hash_json([_listing(files), _settings(home)])
    if seen.get("state") == now:
        return dg.SkipReason("Folders and settings are as they were at the last look.")
    writing = [file.name for file in files if _is_being_written(file)]
    waiting = seen.get("waiting_since") or time.time()
    if writing and time.time() - waiting < _LONGEST_WAIT_S:
        cursor = json.dumps(seen | {"waiting_since": waiting})
        return dg.SensorResult(
            skip_reason=f"Still being written: {', '.join(writing[:3])} ({len(writing)} in all).", cursor=cursor
        )
    new, gone = _batches(home, literature)
    requests: list[Any] = []
    known = set(context.instance.get_dynamic_partitions("batches"))
    if new - known:
        requests.append(BATCHES.build_add_request(sorted(new - known)))
    if gone & known:
        requests.append(BATCHES.build_delete_request(sorted(gone & known)))
    # No run key: the same state may come again, after another. Before there is a corpus the first build is for a person to ask.
    runs = [] if home.dataset("corpus").manifest() is None else [dg.RunRequest()]
    cursor = json.dumps({"state": now})
    return dg.SensorResult(run_requests=runs, dynamic_partitions_requests=requests, cursor=cursor)


@dg.sensor(
    job=build_changes,
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Shows what was built elsewhere; asks for a build where something is stale that nobody asked for.",
)
def reconciliation(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Tell Dagster's records what manifests say; then ask for what is stale, was so at the last look, and is not being built."""
    home = open_home()
    if context.instance.get_runs_count(dg.RunsFilter(statuses=_UNFINISHED)):
        return dg.SkipReason("Runs are under way: they tell their own events.")
    try:
        with home.lock(timeout_s=0):  # so that what is told together is seen together by the automation
            told = Recorder(home, context.instance, most=_MOST_EVENTS).record()
    except HomeBusyError as error:
        return dg.SkipReason(str(error))
    seen: dict[str, str] = json.loads(context.cursor) if context.cursor else {}
    state = hash_json([*(manifests_state(home, stage.name) for stage in STAGES), _settings(home)])
    if home.dataset("corpus").manifest() is None:
        return dg.SkipReason("No corpus yet: run the job first_build.")
    if seen.get("settled") == state:
        return dg.SkipReason(f"Told {told} events. Nothing is stale that was not at the last look.")
    if seen.get("looked") != state:
        return dg.SensorResult(
            skip_reason=f"Told {told} events. Something changed: what is stale at the next look is asked for.",
            cursor=json.dumps(seen | {"looked": state}),
        )
    stale = stale_assets(home)
    cursor = json.dumps({"settled": state})
    if not stale:
        return dg.SensorResult(skip_reason="All that was built is up to date.", cursor=cursor)
    run = dg.RunRequest(run_key=f"reconciliation@{state}", tags={"materia/stale": " ".join(stale)[:250]})
    return dg.SensorResult(run_requests=[run], cursor=cursor)


def stale_assets(home: Home) -> list[str]:
    """The assets up to the corpus of which a partition is stale by its skip key. Folders are not looked at: that is a sensor of its own."""
    watched = ("literature_inventory", "vocabulary", "graph_evidence")
    return [s.name for s in STAGES if s.name in AUTOMATED and s.name not in watched and s.stale(home)]


def _settings(home: Home) -> str:
    try:
        return read_text(home.url, "home.json")
    except OSError:
        return ""


def _listing(files: Iterable[LiteratureFile]) -> str:
    return hash_json([[file.name, file.bytes, file.records, file.format, _changed_at(file)] for file in files])


def _changed_at(file: LiteratureFile) -> float:
    return 0.0 if file.problem else float(getattr(file.path.stat(), "st_mtime", 0.0) or 0.0)


def _is_being_written(file: LiteratureFile) -> bool:
    return 0 <= time.time() - _changed_at(file) < _SETTLED_S


def _batches(home: Home, files: list[LiteratureFile]) -> tuple[set[str], set[str]]:
    """Batches of files that the inventory does not know yet, and batches none of whose files is there any more.

    Reads the new files, and no others. The inventory's own run finds the same, and what became of changed files.
    """
    manifest = home.dataset("literature_inventory").manifest()
    rows = home.dataset("literature_inventory").read(columns=["file", "batch"]).to_pylist() if manifest else []
    batch_of = {row["file"]: row["batch"] for row in rows}
    groups = home.config.small_file_groups
    found = (inventory_row(file, groups) for file in files if file.name not in batch_of)
    new = {str(row["batch"]) for row in found if isinstance(row, dict)}
    present = {batch_of[file.name] for file in files if file.name in batch_of} | new
    return new, set(batches_of(home)) - present
