"""The record of a home: where it is, and who may change it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from assets.config import Config
from assets.holder import HomeBusyError
from assets.home import Home, open_home
from assets.lock import hold
from pipeline.errors import MateriaError


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home(str(tmp_path / "home")).configure(config=Config(buckets=4))


@pytest.fixture
def builder(home: Home):
    """Another process that builds in the home."""
    code = f"import time; from assets.home import open_home\nwith open_home({str(home.url)!r}).lock(): print(1, flush=True); time.sleep(60)"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


@pytest.mark.parametrize("given", ["s3://", "s3:///home", "gs:/bucket/home", "az:"])
def test_a_url_without_a_bucket_makes_no_folder_of_its_name(given: str, tmp_path: Path, monkeypatch) -> None:
    """`--home s3://$BUCKET` in a shell without that variable."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MateriaError, match="names no bucket"):
        open_home(given)
    assert list(tmp_path.iterdir()) == []


def test_whoever_is_refused_since_another_builds_has_not_changed_what_is_built(
    home: Home, builder, monkeypatch
) -> None:
    """A second build with other settings: the first would go on by them, or end since its nodes do."""
    monkeypatch.setattr("assets.home.hold", lambda url, _: hold(url, 0))
    before = (Path(home.url) / "home.json").read_bytes()
    with pytest.raises(HomeBusyError, match=f"is being built by process {builder.pid}"):
        home.configure(config=Config(buckets=8))
    with pytest.raises(HomeBusyError):
        home.retract(["PMID:1"])
    assert (Path(home.url) / "home.json").read_bytes() == before


def test_of_two_who_change_the_record_at_once_neither_undoes_what_the_other_did(home: Home, tmp_path: Path) -> None:
    (tmp_path / "paper.txt").write_text("Aspirin.", encoding="utf-8")
    other = open_home(str(home.url))
    home.retract(["PMID:1"])
    other.retract(["PMID:2"])
    other.configure([str(tmp_path / "paper.txt")])
    home.configure(config=Config(buckets=16))
    found = open_home(str(home.url))
    assert (found.retracted, found.config.buckets) == (("PMID:1", "PMID:2"), 16)
    assert found.literature == (str(tmp_path / "paper.txt"),)
    found.unretract(["PMID:1"])
    assert open_home(str(home.url)).retracted == ("PMID:2",)
