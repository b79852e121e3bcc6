"""The wiring: definitions load, a change then a build equals a clean build, automation asks for what changed and no more."""

import hashlib
import shutil
from pathlib import Path

import dagster as dg
import pytest
from upath import UPath

from assets.build import build
from assets.config import Config
from assets.dagster_assets import make_assets, told_to_dagster
from assets.dagster_graph import FILES, needs_in_dagster
from assets.home import SAMPLE, Home, open_home
from assets.lock import HomeBusyError
from assets.metadata import partition_metadata
from assets.recording import Recorder
from assets.stage import refresh
from assets.stages import SHUFFLED, STAGES
from assets.status import status
from pipeline.errors import MateriaError, UnreachableError


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
    assert keys == {stage.name for stage in STAGES} | set(SHUFFLED.values()) | {FILES}
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
    (papers / "pubmed26n0002.xml.gz").unlink()
    computed = build(home, "corpus")
    assert computed["documents"] == 1  # what changed is read, for what went nothing
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
    inventory = home.dataset("literature_inventory").manifest()
    assert inventory is not None
    aside = {row["reason"] for row in home.dataset("literature_inventory").set_aside().to_pylist()}
    (batch,) = [key for key in home.dataset("documents").manifests() if "notes" in key]
    rows = home.dataset("documents").set_aside(batch).to_pylist()
    assert len(aside) == 2
    assert {row["record"] for row in rows} == {"line 2", "line 3"} or len(rows) == 2
    assert all(row["file"].endswith("notes.jsonl") and row["detail"] for row in rows)
    metadata = partition_metadata(
        next(stage for stage in STAGES if stage.name == "literature_inventory"), home, "all", inventory
    )
    assert metadata["set_aside"] == 2
    assert "set_aside_records" in metadata


@pytest.mark.slow
def test_automation_asks_for_what_changed_and_no_more(
    tmp_path: Path, papers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(SAMPLE / "literature" / "notes.jsonl", papers)
    home = open_home(str(tmp_path / "home")).configure(
        [str(papers)], [str(SAMPLE / "vocabulary")], Config(buckets=8, workers=1)
    )
    monkeypatch.setenv("MATERIA_HOME", str(home.url))
    build(home, ["corpus", "graph_index"])
    defs = dg.Definitions(assets=make_assets(home))
    requested: dict[str, set[str]] = {}
    with dg.DagsterInstance.ephemeral() as instance:  # in memory: on disk, half of the time is SQLite's
        Recorder(home, instance).record()

        def tick(cursor: object = None) -> tuple[dict[str, list[str]], object]:
            result = dg.evaluate_automation_conditions(
                defs, instance, asset_selection=dg.AssetSelection.all(), cursor=cursor
            )
            keys = {stage.name: result.get_requested_partitions(dg.AssetKey(stage.name)) for stage in STAGES}
            return {name: sorted(key or "all" for key in of) for name, of in keys.items() if of}, result.cursor

        first, cursor = tick()
        assert first == {}
        (papers / "new.jsonl").write_text('{"id": "PMID:7", "title": "T.", "abstract": "Metformin treats obesity."}\n')
        before = versions(home)
        list(refresh(STAGES[0], home, ["all"]))
        Recorder(home, instance).record()
        with home.lock():
            assert tick(cursor)[0] == {}  # whoever builds makes it
        for _ in range(12):
            Recorder(home, instance).record()
            wanted, cursor = tick(cursor)
            if not wanted:
                break
            for stage in STAGES:
                if stage.name in wanted:
                    requested.setdefault(stage.name, set()).update(wanted[stage.name])
                    list(refresh(stage, home, wanted[stage.name]))
    assert build(home, ["corpus", "graph_index"]) == {}
    changed = {name for name, version in versions(home).items() if before.get(name) != version}
    for name in ("documents", "mentions", "evidence", "triples", "knowledge_graph", "corpus_shards"):
        assert requested[name] >= {key.partition("/")[2] for key in changed if key.startswith(f"{name}/")}
        assert len(requested[name]) <= (1 if name in ("documents", "mentions", "evidence") else 4), requested[name]


def versions(home: Home) -> dict[str, str]:
    return {
        f"{stage.name}/{key}": manifest.data_version
        for stage in STAGES
        for key, manifest in home.dataset(stage.name).manifests().items()
    }


def test_staleness_is_seen_past_a_hundred_partitions_through_what_has_none() -> None:
    stages = {stage.name: stage for stage in STAGES}
    few, many = (Home(UPath("nowhere"), config=Config(buckets=buckets)) for buckets in (8, 256))
    for home in (few, many):
        assert "literature_inventory" in needs_in_dagster(stages["live_documents"], home)[1]
        assert {"literature_inventory", "name_index"} <= set(needs_in_dagster(stages["evidence_shuffle"], home)[1])
    assert needs_in_dagster(stages["graph_index"], few)[1] == []
    assert "evidence_shuffle" in needs_in_dagster(stages["graph_index"], many)[1]
    assert "withholding" in needs_in_dagster(stages["triple_context_shuffle"], few)[1]  # one run takes them in order


@pytest.mark.parametrize(
    ("error", "taken_for"),
    [
        (MateriaError("is no vocabulary", remedy="Name another"), dg.Failure),
        (HomeBusyError("is being built", remedy="Wait"), dg.RetryRequested),
        (OSError(28, "No space left on device"), dg.RetryRequested),
        (UnreachableError("does not answer", remedy="Wait"), dg.RetryRequested),
    ],
)
def test_what_may_pass_is_tried_again_and_what_the_data_cause_is_not(
    error: Exception, taken_for: type[Exception]
) -> None:
    with pytest.raises(taken_for), told_to_dagster():
        raise error


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
