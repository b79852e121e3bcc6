"""`materia ui` in headless Chromium: a file dropped in the watched folder, the shards it touches, a shard's papers, a retraction.

`MATERIA_PICTURES=docs python -m pytest tests/cli/test_ui.py` keeps pictures of what it sees (docs/make_lineage_pictures.py).
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from assets.build import build
from assets.config import Config
from assets.home import SAMPLE, Home, open_home
from cli.main import COMMANDS, main

ROOT = Path(__file__).parents[2]
SENTENCE = "Colchicine treats gout in our last patient."
PAPER = {"id": "PMID:4711", "title": "A last patient.", "abstract": SENTENCE, "year": 2024}
PATIENCE_S = 240


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home of its own folder of papers, built without Dagster."""
    folder = tmp_path_factory.mktemp("ui")
    (folder / "papers").mkdir()
    shutil.copy(SAMPLE / "literature" / "notes.jsonl", folder / "papers")
    made = open_home(str(folder / "home")).configure(
        [str(folder / "papers")], [str(SAMPLE / "vocabulary")], Config(buckets=8, workers=1)
    )
    build(made, ["data_card", "graph_index"])
    return made


class Ui:
    """The running interface: its address, and questions to its GraphQL."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"

    def ask(self, query: str) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.address}/graphql", json.dumps({"query": query}).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            answer = json.load(reply)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def shards(self, keys: list[str]) -> dict[str, tuple[float, bool]]:
        """Of every shard partition the time of its latest materialization, and whether the UI calls it stale."""
        wanted = json.dumps(keys)
        node = self.ask(
            f'{{assetNodeOrError(assetKey: {{path: ["corpus_shards"]}}) {{... on AssetNode {{'
            f"staleStatusByPartition(partitions: {wanted})"
            f"latestMaterializationByPartition(partitions: {wanted}) {{timestamp partition}}}}}}}}"
        )["assetNodeOrError"]
        made = {
            event["partition"]: float(event["timestamp"]) for event in node["latestMaterializationByPartition"] if event
        }
        return {
            key: (made.get(key, 0.0), stale == "STALE")
            for key, stale in zip(keys, node["staleStatusByPartition"], strict=True)
        }

    def table(self, key: str, label: str) -> str:
        """The records of a table among the metadata of a shard's latest materialization."""
        node = self.ask(
            f'{{assetNodeOrError(assetKey: {{path: ["corpus_shards"]}}) {{... on AssetNode {{'
            f"latestMaterializationByPartition(partitions: {json.dumps([key])}) "
            f"{{metadataEntries {{label ... on TableMetadataEntry {{table {{records}}}}}}}}}}}}}}"
        )["assetNodeOrError"]
        (event,) = node["latestMaterializationByPartition"]
        (entry,) = [entry for entry in event["metadataEntries"] if entry["label"] == label]
        return str(entry["table"]["records"])

    def unfinished_runs(self) -> int:
        runs = self.ask("{runsOrError {... on Runs {results {status}}}}")["runsOrError"]["results"]
        assert not [run for run in runs if run["status"] == "FAILURE"]
        return sum(run["status"] != "SUCCESS" for run in runs)


@pytest.fixture(scope="module")
def ui(home: Home) -> Iterator[Ui]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = "import sys; from cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "ui", "--home", str(home.path), "--port", str(port)]
    log = home.path.parent / "ui.log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            command, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=stream, stderr=stream, cwd=home.path.parent
        )
    made = Ui(port)

    def is_up() -> bool:
        assert process.poll() is None, log.read_text()[-2000:]
        with suppress(OSError):
            return bool(made.ask("{version}"))
        return False

    try:
        until(is_up)
        yield made
    finally:
        below = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
        assert not [p for p in below if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture
def page(ui: Ui) -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_api.sync_playwright() as playwright:
        executable = found or playwright.chromium.executable_path
        if not Path(executable).exists():
            pytest.skip("no Chromium: install it, or run: playwright install chromium")
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": 1500, "height": 950})
        opened.set_default_timeout(PATIENCE_S * 1000)
        yield opened
        browser.close()


def until(happened: Callable[[], Any], every_s: float = 0.3) -> Any:
    """Ask until it happened, and return what it then says."""
    deadline = time.monotonic() + PATIENCE_S
    while not (said := happened()):
        assert time.monotonic() < deadline, f"waited {PATIENCE_S} s"
        time.sleep(every_s)
    return said


def settled(ui: Ui, keys: list[str]) -> dict[str, tuple[float, bool]] | None:
    """The shards, once all are made and none is stale."""
    now = ui.shards(keys)
    return now if all(made and not stale for made, stale in now.values()) else None


def picture(page: Any, name: str) -> None:
    if folder := os.environ.get("MATERIA_PICTURES"):
        page.screenshot(path=str(Path(folder) / f"lineage-{name}.png"))


def passages(home: Home) -> dict[str, list[str]]:
    """The texts of each shard that holds any."""
    shards = home.dataset("corpus_shards")
    return {key: shards.read(key, columns=["text"])["text"].to_pylist() for key in home.buckets if shards.paths(key)}


def retract(home: Home, document: str) -> None:
    if "retract" in COMMANDS:
        assert main(["retract", "--home", str(home.path), document]) == 0
    else:
        replace(home, retracted=(document,))._store()


@pytest.mark.browser
@pytest.mark.slow
def test_from_a_dropped_file_to_its_shards_and_back(home: Home, ui: Ui, page: Any) -> None:
    keys = home.buckets
    before = until(lambda: settled(ui, keys))  # built without Dagster, and known all the same

    # A new file: the sensor makes its partition known.
    page.goto(f"{ui.address}/assets/documents?view=partitions")
    page.wait_for_selector("text=papers-notes.jsonl")
    (home.path.parent / "papers" / "new.jsonl").write_text(json.dumps(PAPER) + "\n")
    until(
        lambda: (
            len(
                ui.ask('{assetNodeOrError(assetKey: {path: ["documents"]}) {... on AssetNode {partitionKeys}}}')[
                    "assetNodeOrError"
                ]["partitionKeys"]
            )
            == 2
        )
    )
    page.reload()
    page.wait_for_selector("text=papers-new.jsonl")
    picture(page, "new-partition")

    # Only the shards that it touches become stale, and are built again.
    seen_stale: set[str] = set()

    def built() -> bool:
        now = ui.shards(keys)
        seen_stale.update(key for key, (_, stale) in now.items() if stale)
        return any(SENTENCE in texts for texts in passages(home).values()) and not ui.unfinished_runs()

    until(built)
    after = until(lambda: settled(ui, keys))
    rebuilt = {key for key in keys if after[key][0] > before[key][0]}
    assert seen_stale
    assert seen_stale <= rebuilt < set(keys)
    (shard,) = [key for key, texts in passages(home).items() if SENTENCE in texts]
    assert shard in rebuilt

    # A shard names the papers behind it.
    page.goto(f"{ui.address}/assets/corpus_shards?view=partitions&partition={shard}")
    page.wait_for_selector("text=corpus_shards")
    metadata = "papers_behind" if "retract" in COMMANDS else "sample"
    page.wait_for_selector(f"text={metadata}")
    page.wait_for_selector(f"text={PAPER['id']}" if metadata == "papers_behind" else "text=passage_id")
    page.locator(f"text={metadata}").first.scroll_into_view_if_needed()
    assert PAPER["id"] in ui.table(shard, metadata)
    picture(page, "shard")

    # The paper is taken back: its sentence goes, and with it what the shard says of it.
    retract(home, str(PAPER["id"]))
    until(lambda: not any(SENTENCE in texts for texts in passages(home).values()) and not ui.unfinished_runs())
    until(lambda: ui.shards(keys)[shard][0] > after[shard][0])
    page.reload()
    page.wait_for_selector(f"text={metadata}")
    assert PAPER["id"] not in ui.table(shard, metadata)
    picture(page, "retracted")
