"""What a changed file asks for in Dagster, and what a tick costs: by default with 1,000 batches and 256 buckets.

  python benchmarks/dagster_ticks.py
  python benchmarks/dagster_ticks.py --batches 50 --buckets 16

Builds a home from so many files of one paper each (those of the bundled sample, under other identifiers), tells Dagster's
records, and changes one file. Then it does what the daemon does: ticks of the sensors; ticks of the automation, each
followed by the runs that were asked for, until nothing more is asked for. Of every tick it prints seconds of wall and
processor time, and which partitions were requested; at the end how many buckets were requested, and of how many the data changed.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg

from assets.build import build
from assets.config import Config
from assets.dagster_graph import AUTOMATED
from assets.home import SAMPLE, Home, open_home
from assets.recording import Recorder
from assets.records import dagster_environment
from assets.stage import refresh
from assets.stages import STAGES

warnings.filterwarnings("ignore", category=Warning, module="dagster.*")


def write_papers(folder: Path, count: int) -> None:
    """So many files, each with one paper of the sample under an identifier of its own."""
    papers = [json.loads(line) for line in (SAMPLE / "literature" / "notes.jsonl").read_text().splitlines() if line]
    folder.mkdir()
    old = time.time() - 3600
    for number in range(count):
        paper = dict(papers[number % len(papers)], id=f"PMID:{70_000_000 + number}")
        path = folder / f"paper{number:04}.jsonl"
        path.write_text(json.dumps(paper) + "\n")
        os.utime(path, (old, old))


def timed(name: str, work: Any) -> Any:
    """Do it, and print what it cost."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    print(
        f"{name}: {time.perf_counter() - wall:.2f} s, {time.process_time() - cpu:.2f} s of processor time", flush=True
    )
    return result


def tick(defs: dg.Definitions, instance: dg.DagsterInstance, cursor: Any) -> tuple[dict[str, list[str]], Any]:
    """One evaluation of all automation conditions: what is requested, by asset, and the cursor for the next."""
    result = dg.evaluate_automation_conditions(defs, instance, asset_selection=dg.AssetSelection.all(), cursor=cursor)
    wanted = {name: sorted(map(str, result.get_requested_partitions(dg.AssetKey(name)))) for name in sorted(AUTOMATED)}
    return {name: keys for name, keys in wanted.items() if keys}, result.cursor


def run(home: Home, wanted: dict[str, list[str]]) -> None:
    """What the runs would do that were requested."""
    for stage in STAGES:
        if keys := wanted.get(stage.name):
            list(refresh(stage, home, ["all"] if keys == ["None"] else keys))


def main(batches: int, buckets: int, folder: Path) -> None:
    """Build, change, tick."""
    write_papers(folder / "papers", batches)
    home = open_home(str(folder / "home")).configure(
        [str(folder / "papers")], [str(SAMPLE / "vocabulary")], Config(buckets=buckets, small_file_groups=1)
    )
    os.environ |= dagster_environment(home)
    timed(f"build of {batches} batches and {buckets} buckets", lambda: build(home, ["corpus", "graph_index"]))
    import assets.definitions
    from assets.sensors import reconciliation, source_folders

    defs = assets.definitions.defs
    with dg.DagsterInstance.get() as instance:

        def look(sensor: Any, cursor: str | None) -> Any:
            return sensor(dg.build_sensor_context(instance=instance, cursor=cursor))

        recorder = Recorder(home, instance)
        timed("telling all of it to Dagster's records", recorder.record)
        print(f"  {recorder.events} events")
        timed("a look by which nothing is new", Recorder(home, instance).record)
        seen = timed("sensor of folders, first tick", lambda: look(source_folders, None)).cursor
        timed("sensor of folders, nothing changed", lambda: look(source_folders, seen))
        caught = timed("reconciliation, first tick", lambda: look(reconciliation, None)).cursor
        caught = timed("reconciliation, looks for what is stale", lambda: look(reconciliation, caught)).cursor
        timed("reconciliation, nothing changed", lambda: look(reconciliation, caught))
        _, cursor = timed("automation, first tick", lambda: tick(defs, instance, None))
        wanted, cursor = timed("automation, nothing changed", lambda: tick(defs, instance, cursor))
        print(f"  requested {wanted or 'nothing'}")
        before = versions(home)
        path = folder / "papers" / "paper0007.jsonl"
        paper = json.loads(path.read_text())
        path.write_text(
            json.dumps(paper | {"abstract": f"{paper.get('abstract', '')} Metformin treats type 2 diabetes."})
        )
        os.utime(path, (0, time.time() - 60))
        timed("sensor of folders, one file changed", lambda: look(source_folders, seen))
        run(home, {"literature_inventory": ["None"]})
        timed("telling what the inventory found", Recorder(home, instance).record)
        requested: dict[str, set[str]] = {}
        wanted, cursor = timed("automation", lambda: tick(defs, instance, cursor))
        while wanted:
            for name, keys in wanted.items():
                requested.setdefault(name, set()).update(keys)
                print(f"  {name}: {', '.join(keys[:6]) if keys != ['None'] else 'all of it'}", f"({len(keys)})")
            run(home, wanted)
            Recorder(home, instance).record()
            wanted, cursor = timed("automation", partial(tick, defs, instance, cursor))
    changed = {name for name, version in versions(home).items() if before.get(name) != version}
    for stage in STAGES:
        if stage.partitions != "none" and stage.name in AUTOMATED:
            of = sum(name.startswith(f"{stage.name}/") for name in changed)
            print(f"{stage.name}: {len(requested.get(stage.name, ()))} requested, the data of {of} changed")
    print(f"a build finds nothing left to do: {build(home, ['corpus', 'graph_index']) == {}}")


def versions(home: Home) -> dict[str, str]:
    """Data version of every partition."""
    return {
        f"{stage.name}/{key}": manifest.data_version
        for stage in STAGES
        for key, manifest in home.dataset(stage.name).manifests().items()
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=1000)
    parser.add_argument("--buckets", type=int, default=256)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="materia-ticks-") as folder:
        main(options.batches, options.buckets, Path(folder))
