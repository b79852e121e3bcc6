"""Dagster's records are told from manifests: builds it knew nothing of, once each, and only what changed."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from assets.build import build
from assets.config import Config
from assets.dagster_assets import BATCHES, make_assets
from assets.dagster_graph import FILES
from assets.home import SAMPLE, Home, open_home
from assets.jobs import first_build
from assets.recording import Recorder

UNTIL = ["triples"]


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    folder = tmp_path / "papers"
    folder.mkdir()
    shutil.copy(SAMPLE / "literature" / "notes.jsonl", folder)
    return folder


def configured(folder: Path, papers: Path) -> Home:
    return open_home(str(folder)).configure([str(papers)], [str(SAMPLE / "vocabulary")], Config(buckets=4, workers=1))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a home that was built; tests have a copy each."""
    folder = tmp_path_factory.mktemp("built")
    (folder / "papers").mkdir()
    shutil.copy(SAMPLE / "literature" / "notes.jsonl", folder / "papers")
    build(configured(folder / "home", folder / "papers"), UNTIL)
    return folder / "home"


@pytest.fixture
def home(built: Path, tmp_path: Path, papers: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home whose build knew nothing of Dagster."""
    shutil.copytree(built, tmp_path / "home")
    made = configured(tmp_path / "home", papers)
    assert build(made, UNTIL) == {}
    monkeypatch.setenv("MATERIA_HOME", str(made.url))
    return made


@pytest.fixture
def empty_home(tmp_path: Path, papers: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = configured(tmp_path / "home", papers)
    monkeypatch.setenv("MATERIA_HOME", str(made.url))
    return made


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


def recorded(instance: dg.DagsterInstance, asset: str) -> dict[str | None, str]:
    """The latest data version of every partition of an asset, as Dagster has it."""
    found = instance.fetch_materializations(dg.AssetKey(asset), limit=1000, ascending=True).records
    return {r.partition_key: r.asset_materialization.tags["dagster/data_version"] for r in found}


def held(home: Home, asset: str) -> dict[str, str]:
    return {key: manifest.data_version for key, manifest in home.dataset(asset).manifests().items()}


def test_a_build_that_knew_nothing_of_dagster_is_shown(home: Home, instance: dg.DagsterInstance) -> None:
    assert Recorder(home, instance).record() > 0
    assert recorded(instance, "triples") == held(home, "triples")
    assert recorded(instance, "vocabulary") == {None: held(home, "vocabulary")["all"]}
    (batch,) = instance.get_dynamic_partitions("batches")
    assert set(recorded(instance, FILES)) == {batch}
    event = instance.get_latest_materialization_event(dg.AssetKey("triples"))
    assert event is not None
    assert "sample" in event.asset_materialization.metadata
    evaluations = instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(dg.AssetKey("vocabulary"), "some_concept"), limit=5
    )
    assert len(evaluations) == 1
    assert Recorder(home, instance).record() == 0


def test_only_what_changed_is_told_and_gone_batches_go(home: Home, instance: dg.DagsterInstance, papers: Path) -> None:
    Recorder(home, instance).record()
    before = recorded(instance, "triples")
    (papers / "new.jsonl").write_text('{"id": "PMID:7", "title": "T.", "abstract": "Metformin treats obesity."}\n')
    build(home, UNTIL)
    Recorder(home, instance).record()
    after = recorded(instance, "triples")
    changed = {key for key, version in after.items() if before[key] != version}
    assert 0 < len(changed) < len(after) == 4
    events = instance.fetch_materializations(dg.AssetKey("triples"), limit=100).records
    assert len(events) == len(before) + len(changed)
    assert len(instance.get_dynamic_partitions("batches")) == 2
    (papers / "new.jsonl").unlink()
    build(home, UNTIL)
    Recorder(home, instance).record()
    assert len(instance.get_dynamic_partitions("batches")) == 1
    assert recorded(instance, "triples") == before == held(home, "triples")


def test_lost_events_lost_notes_and_lost_records_cost_nothing(home: Home, instance: dg.DagsterInstance) -> None:
    assert Recorder(home, instance, most=5).record() == 5  # cut short, as a killed process is
    rest = Recorder(home, instance).record()
    (home.path / "dagster" / "recorded.json").unlink()
    assert Recorder(home, instance).record() <= 10  # checks are told again, partitions are found in the records
    with dg.instance_for_test() as fresh:
        assert Recorder(home, fresh).record() >= 5 + rest - 10
        assert recorded(fresh, "triples") == held(home, "triples")


def test_what_a_partition_was_made_from_is_told_so_that_staleness_goes_by_content(
    home: Home, instance: dg.DagsterInstance
) -> None:
    Recorder(home, instance).record()
    (record,) = instance.fetch_materializations(
        dg.AssetRecordsFilter(dg.AssetKey("triples"), asset_partitions=["0"]), limit=1
    ).records
    tags = record.asset_materialization.tags
    (source,) = instance.fetch_materializations(dg.AssetKey("evidence_by_bucket"), limit=1).records
    assert tags["dagster/input_event_pointer/evidence_by_bucket"] == str(source.storage_id)
    (index,) = instance.fetch_materializations(dg.AssetKey("name_index"), limit=1).records
    told = index.asset_materialization.tags["dagster/input_data_version/vocabulary"]
    assert told == held(home, "vocabulary")["all"]


@pytest.mark.slow
def test_a_run_in_the_ui_tells_its_own_events_and_the_recorder_nothing_more(
    empty_home: Home, instance: dg.DagsterInstance
) -> None:
    home = empty_home
    until = {"ops": {"build_home": {"config": {"until": UNTIL}}}}
    assert first_build.execute_in_process(instance=instance, run_config=until).success
    assert recorded(instance, "triples") == held(home, "triples")
    assert Recorder(home, instance).record() == 0
    assets = make_assets(home)
    (batch,) = instance.get_dynamic_partitions(str(BATCHES.name))
    chosen = ["documents", "mentions", "evidence"]
    done = dg.materialize(assets, selection=chosen, partition_key=batch, instance=instance)
    assert done.success
    assert recorded(instance, "evidence") == held(home, "evidence")
    assert Recorder(home, instance).record() == 0
