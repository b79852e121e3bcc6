"""OpenLineage events of a build: complete, valid, sent where OpenLineage's own variables say; and no build fails for them."""

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlparse

import pytest

from assets.build import build
from assets.home import SAMPLE, Home, open_home
from assets.lineage_events import _Run
from assets.stages import STAGES
from pipeline.errors import MateriaError
from pipeline.hashing import hash_json
from pipeline.tables import EVIDENCE

pytest.importorskip("openlineage.client", reason='no OpenLineage client: pip install "materia[openlineage]"')


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home with one file of literature, whose first stages take no second."""
    for name in [name for name in os.environ if name.startswith("OPENLINEAGE")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(_Run, "unreachable", False)
    (tmp_path / "papers").mkdir()
    shutil.copy(SAMPLE / "literature" / "notes.jsonl", tmp_path / "papers")
    return open_home(str(tmp_path / "home")).configure([str(tmp_path / "papers")], [str(SAMPLE / "vocabulary")])


@pytest.fixture
def server() -> Iterator[tuple[str, list[tuple[str, dict[str, Any]]]]]:
    """A server that keeps what it is sent: its URL, and path and body of each request."""
    kept: list[tuple[str, dict[str, Any]]] = []

    class Keep(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.append((self.path, json.loads(body)))
            self.send_response(201)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Keep) as listening:
        Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}", kept
        listening.shutdown()


def valid(event: dict[str, Any]) -> None:
    """What https://openlineage.io/spec/2-0-2/OpenLineage.json requires of a RunEvent, and of every facet in it."""
    assert event["eventType"] in ("START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER")
    assert datetime.fromisoformat(event["eventTime"]).tzinfo
    uuid.UUID(event["run"]["runId"])
    assert urlparse(event["producer"]).scheme
    assert urlparse(event["schemaURL"]).fragment == "/$defs/RunEvent"
    holders = [event["run"], event["job"], *event["inputs"], *event["outputs"]]
    for dataset in (event["job"], *event["inputs"], *event["outputs"]):
        assert dataset["namespace"]
        assert dataset["name"]
    for holder in holders:
        for kind in ("facets", "inputFacets", "outputFacets"):
            for facet in holder.get(kind, {}).values():
                assert urlparse(facet["_producer"]).scheme
                assert urlparse(facet["_schemaURL"]).netloc == "openlineage.io"


def test_a_server_is_told_of_every_stage(
    home: Home, server: tuple[str, list[tuple[str, dict[str, Any]]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, kept = server
    monkeypatch.setenv("OPENLINEAGE_URL", url)
    monkeypatch.setenv("OPENLINEAGE_NAMESPACE", "ward")
    build(home, "live_documents")
    stages = ["literature_inventory", "documents", "live_documents"]
    assert {path for path, _ in kept} == {"/api/v1/lineage"}
    events = [event for _, event in kept]
    assert [(event["job"]["name"], event["eventType"]) for event in events] == [
        (stage, state) for stage in stages for state in ("START", "COMPLETE")
    ]
    for event in events:
        valid(event)
        assert event["job"]["namespace"] == "ward"
    by_stage = {event["job"]["name"]: event for event in events[1::2]}
    for stage, start, done in zip(stages, events[::2], events[1::2], strict=True):
        assert start["run"]["runId"] == done["run"]["runId"]
        (output,) = done["outputs"]
        assert (output["namespace"], output["name"]) == ("file", f"{home.url}/{stage}")
        manifests = home.dataset(stage).manifests().values()
        statistics = output["outputFacets"]["outputStatistics"]
        assert statistics["rowCount"] == sum(manifest.rows for manifest in manifests) > 0
        assert statistics["size"] == sum(entry.bytes for one in manifests for entry in one.files)
    live = by_stage["live_documents"]
    assert [one["name"] for one in live["inputs"]] == [f"{home.url}/documents"]
    columns = [field["name"] for field in live["outputs"][0]["facets"]["schema"]["fields"]]
    table = next(stage for stage in STAGES if stage.name == "live_documents").tables[0]
    assert columns == table.names
    manifest = home.dataset("live_documents").manifest()
    assert manifest
    assert live["outputs"][0]["facets"]["version"]["datasetVersion"] == manifest.data_version
    assert {"name": "some_document_lives", "status": "pass", "severity": "error"}.items() <= (
        live["run"]["facets"]["test"]["tests"][0].items()
    )
    kept.clear()
    build(home, "live_documents")
    assert kept == [], "nothing was built, so nothing is told"


def test_a_shuffle_tells_of_its_buckets_and_every_output_of_its_version(
    home: Home, tmp_path: Path, server: tuple[str, list[tuple[str, dict[str, Any]]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, kept = server
    monkeypatch.setenv("OPENLINEAGE_URL", url)

    def told(files: int) -> dict[str, dict[str, Any]]:
        """What each asset is told to be, once it is made: its name, and its output in the event."""
        kept.clear()
        build(home, "triples")
        found = {}
        for _, event in kept:
            valid(event)
            for output in event["outputs"] if event["eventType"] == "COMPLETE" else ():
                asset = output["name"].removeprefix(f"{home.url}/")
                manifests = home.dataset(asset).manifests()
                versions = {key: manifest.data_version for key, manifest in manifests.items()}
                expected = versions.get("all") or hash_json(versions)
                assert output["facets"]["version"]["datasetVersion"] == expected, asset
                found[asset] = output
        assert len(home.dataset("documents").manifests()) == files
        return found

    def rows(asset: str, but: dict[str, str]) -> int:
        manifests = home.dataset(asset).manifests()
        return sum(one.rows for key, one in manifests.items() if but.get(key) != one.data_version)

    first = told(1)
    assert {"evidence_shuffle", "evidence_by_bucket", "documents", "triples"} <= first.keys()
    buckets = first["evidence_by_bucket"]
    assert [field["name"] for field in buckets["facets"]["schema"]["fields"]] == EVIDENCE.names
    assert buckets["outputFacets"]["outputStatistics"]["rowCount"] == rows("evidence_by_bucket", {}) > 0
    before = {key: one.data_version for key, one in home.dataset("evidence_by_bucket").manifests().items()}
    note = {"id": "materia:new", "text": "Aspirin treats headache.", "title": "A new note"}
    (tmp_path / "papers" / "more.jsonl").write_text(json.dumps(note) + "\n")
    second = told(2)["evidence_by_bucket"]
    assert second["facets"]["version"] != buckets["facets"]["version"]
    assert second["outputFacets"]["outputStatistics"]["rowCount"] == rows("evidence_by_bucket", before) > 0
    assert rows("evidence_by_bucket", before) < rows("evidence_by_bucket", {})


def test_a_stage_that_fails_is_told_with_its_reason(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "events.jsonl"
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "file")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__LOG_FILE_PATH", str(log))
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__APPEND", "true")
    (tmp_path / "papers" / "notes.jsonl").write_text("{}\n")
    with pytest.raises(MateriaError, match="some_document_lives"):
        build(home, "live_documents")
    events = [json.loads(line) for line in log.read_text().splitlines()]
    for event in events:
        valid(event)
    assert events[-1]["eventType"] == "FAIL"
    assert "some_document_lives" in events[-1]["run"]["facets"]["errorMessage"]["message"]


def test_a_server_that_is_down_fails_no_build_and_is_said_once(
    home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as closed:
        port = closed.server_port
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "http")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__RETRY", '{"total": 0}')
    assert build(home, "live_documents").keys() == {"literature_inventory", "documents", "live_documents"}
    assert len([record for record in caplog.records if "cannot be sent" in record.message]) == 1


def test_nothing_is_imported_where_nobody_asked(home: Home) -> None:
    code = (
        "import sys; from assets.home import open_home; from assets.build import build;"
        f"build(open_home({str(home.url)!r}), 'documents'); sys.exit('openlineage' in sys.modules)"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENLINEAGE")}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
