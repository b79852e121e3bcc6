"""The staging folder: there while anybody writes, and for as long as a crash has not been looked into."""

import subprocess
import sys
from pathlib import Path

import pytest
from upath import UPath

from pipeline.staging import STAGING, staging_folder


def test_the_last_who_writes_removes_it(tmp_path: Path) -> None:
    asset = UPath(tmp_path / "triples")
    with staging_folder(asset) as outer:
        with staging_folder(asset) as inner:
            assert inner == outer
            assert inner.parent == tmp_path / "triples" / STAGING
        assert outer.is_dir()
        (outer / "half").write_text("of a writer that failed")
    assert not outer.parent.exists()


def test_an_error_removes_it_too(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), staging_folder(UPath(tmp_path / "triples")):
        raise RuntimeError
    assert list((tmp_path / "triples").iterdir()) == []


def test_what_a_killed_build_left_stays_as_a_sign(tmp_path: Path) -> None:
    left = tmp_path / "triples" / STAGING / "4711-of-a-process-that-is-gone"
    left.mkdir(parents=True)
    for _ in range(2):
        with staging_folder(UPath(tmp_path / "triples")):
            pass
        assert left.is_dir()


def test_a_process_that_is_done_leaves_what_others_write(tmp_path: Path) -> None:
    asset = tmp_path / "triples"
    writes_and_ends = f"""
from upath import UPath
from pipeline.staging import staging_folder
with staging_folder(UPath({str(asset)!r})) as folder:
    (folder / "half").write_text("of another process")
"""
    with staging_folder(UPath(asset)) as folder:
        (folder / "half").write_text("of this one")
        subprocess.run([sys.executable, "-c", writes_and_ends], check=True)
        assert [path.read_text() for path in asset.rglob("half")] == ["of this one"]
    assert [*asset.iterdir()] == []


def test_beside_an_object_store_it_is_a_temporary_folder() -> None:
    with staging_folder(UPath("memory://home/triples")) as one, staging_folder(UPath("memory://home/texts")) as other:
        assert one.is_dir() and other.is_dir() and one != other
    assert not one.exists() and not other.exists()
