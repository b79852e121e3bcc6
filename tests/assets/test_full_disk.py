"""A full disk: one sentence, the last good state, nothing half written, and the next build goes on. On a small disk in memory."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from assets.build import build
from assets.config import Config
from assets.home import SAMPLE, open_home
from assets.recovery import trouble
from pipeline.errors import DiskFullError, saying_disk_full


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if made.returncode:
        pytest.skip(f"no small disk can be mounted here (it takes root): {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path, leaving: int) -> Path:
    """A file that leaves so many bytes of the disk."""
    disk = os.statvfs(folder)
    ballast = folder / "ballast"
    with ballast.open("wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, disk.f_bavail * disk.f_frsize - leaving)
    return ballast


@pytest.mark.slow
def test_a_build_on_a_full_disk_keeps_the_last_good_state(small_disk: Path, tmp_path: Path) -> None:
    papers = tmp_path / "papers"
    papers.mkdir()
    (papers / "one.jsonl").write_text('{"id": "PMID:1", "title": "T.", "abstract": "Aspirin treats pain."}\n')
    home = open_home(str(small_disk / "home")).configure(
        [str(papers)], [str(SAMPLE / "vocabulary")], Config(buckets=2, workers=1)
    )
    build(home, ["triples"])
    before = {asset: home.dataset(asset).manifests() for asset in ("documents", "vocabulary", "triples")}
    ballast = fill(small_disk, leaving=80_000)
    notes = (SAMPLE / "literature" / "notes.jsonl").read_text()
    for number in range(12):  # more text than there is room for
        (papers / f"more{number}.jsonl").write_text(notes.replace("sample.note", f"sample.note{number}"))
    with pytest.raises(DiskFullError, match="no space left on its disk"):
        build(home, ["triples"])
    for asset, manifests in before.items():
        now = home.dataset(asset).manifests()
        assert manifests.keys() <= now.keys()
        assert asset == "documents" or now == manifests
    assert "damaged partitions" not in trouble(home, deep=True)
    ballast.unlink()
    build(home, ["triples"])
    assert trouble(home, deep=True) == {}
    clean = open_home(str(tmp_path / "clean")).configure(
        [str(papers)], [str(SAMPLE / "vocabulary")], Config(buckets=2, workers=1)
    )
    build(clean, ["triples"])
    assert home.dataset("triples").manifests() == clean.dataset("triples").manifests()


@pytest.mark.parametrize(
    "error",
    [OSError(28, "No space left on device"), RuntimeError("IO Error: Could not write: No space left on device")],
)
def test_every_librarys_error_of_a_full_disk_becomes_one_sentence(error: Exception) -> None:
    with (
        pytest.raises(DiskFullError, match="^home: there is no space left on its disk. Free some"),
        saying_disk_full("home"),
    ):
        raise error
    with pytest.raises(ValueError, match="another"), saying_disk_full("home"):
        raise ValueError("another")
