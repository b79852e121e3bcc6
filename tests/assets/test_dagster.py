"""The wiring: definitions load, the sensor sees files come and go, a change then a build equals a clean build."""

import hashlib
import json
import shutil
from pathlib import Path

import dagster as dg
import pytest

from assets.build import build
from assets.config import Config
from assets.home import SAMPLE, Home, open_home
from assets.stages import SHUFFLED, STAGES
from assets.status import status


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    """A literature folder of our own with one file of the sample."""
    folder = tmp_path / "papers"
    folder.mkdir()
    shutil.copy(SAMPLE / "literature" / "pubmed26n0001.xml", folder)
    return folder


def configured(home: Path, papers: Path) -> Home:
    return open_home(str(home)).configure([str(papers)], [str(SAMPLE / "vocabulary")], Config(buckets=4))


def outputs(home: Home) -> dict[str, str]:
    assets = [stage.name for stage in STAGES if stage.group != "models" and stage.name != "graph_index"]
    assets += sorted(SHUFFLED.values())
    return {
        str(path.relative_to(home.path)): hashlib.sha256(path.read_bytes()).hexdigest()
        for asset in assets
        for path in sorted((home.path / asset).rglob("*"))
        if path.is_file()
    }


def test_the_definitions_load_with_every_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATERIA_HOME", str(tmp_path))
    import assets.definitions

    keys = {key.to_user_string() for key in assets.definitions.defs.resolve_all_asset_keys()}
    assert keys == {stage.name for stage in STAGES} | set(SHUFFLED.values())
    dg.Definitions.validate_loadable(assets.definitions.defs)


@pytest.mark.slow
def test_papers_that_come_change_and_go_leave_what_a_clean_build_makes(tmp_path: Path, papers: Path) -> None:
    home = configured(tmp_path / "home", papers)
    build(home, "corpus")
    shutil.copy(SAMPLE / "literature" / "notes.jsonl", papers)
    shutil.copy(SAMPLE / "literature" / "pubmed26n0002.xml.gz", papers)
    computed = build(home, "corpus")
    assert computed["documents"] == 2  # the first file is not read again
    (papers / "notes.jsonl").write_text("".join((papers / "notes.jsonl").read_text().splitlines(keepends=True)[:20]))
    build(home, "corpus")
    (papers / "pubmed26n0002.xml.gz").unlink()
    computed = build(home, "corpus")
    assert "documents" not in computed
    clean = configured(tmp_path / "clean", papers)
    build(clean, "corpus")
    assert outputs(home) == outputs(clean)
    assert build(home, "corpus") == {}


def test_a_gap_in_a_release_is_shown_and_stops_nothing(tmp_path: Path, papers: Path) -> None:
    shutil.copy(SAMPLE / "literature" / "pubmed26n0002.xml.gz", papers / "pubmed26n0003.xml.gz")
    home = configured(tmp_path / "home", papers)
    build(home, "live_documents")
    (result,) = status(home)["failed_checks"].values()
    assert result["missing"] == {"2026": [2]}
    (papers / "pubmed26n0003.xml.gz").unlink()
    build(home, "live_documents")
    assert status(home)["failed_checks"] == {}


@pytest.mark.slow
def test_bad_records_are_set_aside_counted_and_shown(tmp_path: Path, papers: Path) -> None:
    (papers / "notes.jsonl").write_text('{"id": "PMID:1", "title": "Aspirin treats pain."}\nno json\n{"title": ""}\n')
    (papers / "empty.xml").write_text("")
    (papers / "gone.xml").symlink_to(tmp_path / "nowhere.xml")
    home = configured(tmp_path / "home", papers)
    build(home, "live_documents")
    aside = {row["reason"] for row in home.dataset("literature_inventory").set_aside().to_pylist()}
    (batch,) = [key for key in home.dataset("documents").manifests() if "notes" in key]
    rows = home.dataset("documents").set_aside(batch).to_pylist()
    assert len(aside) == 2
    assert {row["record"] for row in rows} == {"line 2", "line 3"} or len(rows) == 2
    assert all(row["file"].endswith("notes.jsonl") and row["detail"] for row in rows)
    instance = dg.DagsterInstance.get()
    event = instance.get_latest_materialization_event(dg.AssetKey("literature_inventory"))
    assert event is not None
    metadata = event.asset_materialization.metadata
    assert metadata["set_aside"].value == 2
    assert "set_aside_records" in metadata


def test_the_sensor_adds_and_removes_partitions(tmp_path: Path, papers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from assets.sensors import literature_sensor

    home = configured(tmp_path / "home", papers)
    monkeypatch.setenv("MATERIA_HOME", str(home.url))
    with dg.instance_for_test() as instance:
        first = literature_sensor(dg.build_sensor_context(instance=instance))
        assert isinstance(first, dg.SensorResult)
        (added,) = first.dynamic_partitions_requests
        assert len(added.partition_keys) == 1
        assert [run.partition_key for run in first.run_requests][1:] == list(added.partition_keys)
        instance.add_dynamic_partitions("batches", list(added.partition_keys))
        again = literature_sensor(dg.build_sensor_context(instance=instance, cursor=first.cursor))
        assert isinstance(again, dg.SkipReason)
        shutil.copy(SAMPLE / "literature" / "notes.jsonl", papers)
        (papers / "pubmed26n0001.xml").unlink()
        later = literature_sensor(dg.build_sensor_context(instance=instance, cursor=first.cursor))
        assert isinstance(later, dg.SensorResult)
        assert len(later.dynamic_partitions_requests) == 2
        assert json.loads(later.cursor or "")["listing"] != json.loads(first.cursor or "")["listing"]


@pytest.mark.slow
def test_a_baseline_that_leaves_out_many_papers_is_asked_about_and_stops_nothing(tmp_path: Path, papers: Path) -> None:
    from assets.status import status

    shutil.copy(papers / "pubmed26n0001.xml", papers / "pubmed27n0001.xml")
    home = configured(tmp_path / "home", papers)
    build(home, "live_documents")
    assert "baseline_keeps_most" not in status(home)["failed_checks"]
    (papers / "pubmed27n0001.xml").write_text(
        "<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>1</PMID><Article><ArticleTitle>One</ArticleTitle></Article>"
        "</MedlineCitation></PubmedArticle></PubmedArticleSet>"
    )
    build(home, "live_documents")
    figures = status(home)
    assert figures["failed_checks"]["baseline_keeps_most"]["left_out"] == 30
    assert figures["live_documents"] == 1
    assert build(home, "live_documents") == {}
