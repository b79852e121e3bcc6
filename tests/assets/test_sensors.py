"""What the sensors of the UI notice: files that come, change, go or are still being written, settings, and what was missed."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from assets.build import build
from assets.config import Config
from assets.home import SAMPLE, Home, open_home
from assets.sensors import reconciliation, source_folders, stale_assets

OLD = time.time() - 600


def put(path: Path, text: str, changed_at: float = OLD) -> None:
    path.write_text(text)
    os.utime(path, (changed_at, changed_at))


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    folder = tmp_path / "papers"
    folder.mkdir()
    put(folder / "first.jsonl", '{"id": "PMID:1", "title": "T.", "abstract": "Metformin treats diabetes mellitus."}\n')
    return folder


@pytest.fixture
def home(tmp_path: Path, papers: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = open_home(str(tmp_path / "home")).configure(
        [str(papers)], [str(SAMPLE / "vocabulary")], Config(buckets=2, workers=1)
    )
    monkeypatch.setenv("MATERIA_HOME", str(made.url))
    return made


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


def look(sensor: dg.SensorDefinition, instance: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorResult:
    """One tick, with what it asks of the partitions done, as the daemon does."""
    result = sensor(dg.build_sensor_context(instance=instance, cursor=cursor))
    if isinstance(result, dg.SkipReason):
        return dg.SensorResult(skip_reason=result, cursor=cursor)
    for request in result.dynamic_partitions_requests or ():
        if isinstance(request, dg.AddDynamicPartitionsRequest):
            instance.add_dynamic_partitions("batches", list(request.partition_keys))
        else:
            for key in request.partition_keys:
                instance.delete_dynamic_partition("batches", key)
    return result


@pytest.mark.slow
def test_files_that_come_change_and_go(home: Home, instance: dg.DagsterInstance, papers: Path) -> None:
    first = look(source_folders, instance)
    assert (first.run_requests, len(instance.get_dynamic_partitions("batches"))) == ([], 1)  # no first build by itself
    build(home, "corpus")
    assert look(source_folders, instance, first.cursor).skip_reason
    put(papers / "second.jsonl", '{"id": "PMID:2", "title": "T.", "abstract": "Aspirin treats pain."}\n')
    second = look(source_folders, instance, first.cursor)
    assert (len(second.run_requests), len(instance.get_dynamic_partitions("batches"))) == (1, 2)
    build(home, "corpus")
    assert look(source_folders, instance, second.cursor).skip_reason
    put(papers / "second.jsonl", '{"id": "PMID:2", "title": "T.", "abstract": "Aspirin treats fever."}\n')
    third = look(source_folders, instance, second.cursor)
    assert (len(third.run_requests), third.dynamic_partitions_requests) == (1, [])
    (papers / "second.jsonl").unlink()
    fourth = look(source_folders, instance, third.cursor)
    assert (len(fourth.run_requests), len(instance.get_dynamic_partitions("batches"))) == (1, 1)
    replace(home, retracted=("PMID:1",))._store()
    assert len(look(source_folders, instance, fourth.cursor).run_requests) == 1


def test_a_file_that_is_still_being_written_is_waited_for_but_not_for_ever(
    home: Home, instance: dg.DagsterInstance, papers: Path
) -> None:
    put(papers / "second.jsonl", '{"id": "PM', time.time())
    waiting = look(source_folders, instance)
    assert "second.jsonl" in str(
        waiting.skip_reason.skip_message if hasattr(waiting.skip_reason, "skip_message") else waiting.skip_reason
    )
    assert list(instance.get_dynamic_partitions("batches")) == []
    long_ago = json.dumps({"waiting_since": time.time() - 3600})
    look(source_folders, instance, long_ago)
    assert len(instance.get_dynamic_partitions("batches")) == 2


def test_a_source_that_is_gone_is_said_and_nothing_is_asked_for(
    home: Home, instance: dg.DagsterInstance, papers: Path
) -> None:
    shutil.rmtree(papers)
    assert "does not exist" in str(look(source_folders, instance).skip_reason)


@pytest.mark.slow
def test_what_nobody_asked_for_is_asked_for_once(home: Home, instance: dg.DagsterInstance, papers: Path) -> None:
    assert "first_build" in str(look(reconciliation, instance).skip_reason)
    build(home, "corpus")
    build(home, "graph_index")
    first = look(reconciliation, instance)
    second = look(reconciliation, instance, first.cursor)
    assert (stale_assets(home), second.run_requests or []) == ([], [])
    put(papers / "first.jsonl", '{"id": "PMID:1", "title": "T.", "abstract": "Aspirin treats pain."}\n')
    build(home, "evidence")  # and whoever should have gone on from here was killed
    third = look(reconciliation, instance, second.cursor)
    assert (third.run_requests or []) == []  # perhaps somebody is about to ask
    fourth = look(reconciliation, instance, third.cursor)
    (request,) = fourth.run_requests
    assert "evidence_shuffle" in request.tags["materia/stale"]
    assert not look(reconciliation, instance, fourth.cursor).run_requests


@pytest.mark.slow
def test_nothing_is_told_while_somebody_builds(home: Home, instance: dg.DagsterInstance) -> None:
    from assets.lock import hold

    build(home, "vocabulary")
    import subprocess
    import sys

    code = f"import time; from assets.home import open_home\nwith open_home({str(home.path)!r}).lock(): print(1, flush=True); time.sleep(60)"
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": root}
    )
    assert process.stdout is not None
    process.stdout.readline()
    try:
        assert f"process {process.pid}" in str(look(reconciliation, instance).skip_reason)
        assert instance.get_latest_materialization_event(dg.AssetKey("vocabulary")) is None
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    with hold(home.path, 0):
        pass
    look(reconciliation, instance)
    assert instance.get_latest_materialization_event(dg.AssetKey("vocabulary")) is not None
