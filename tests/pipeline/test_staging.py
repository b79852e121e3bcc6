"""The staging folder: there while anybody writes, and for as long as a crash has not been looked into."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.staging import STAGING, staging_folder


def test_the_last_who_writes_removes_it(tmp_path: Path) -> None:
    asset = tmp_path / "triples"
    with staging_folder(asset) as outer:
        with staging_folder(asset) as inner:
            assert inner == outer and outer.parent == asset / STAGING
        assert outer.is_dir()
        (outer / "half").write_text("of a writer that failed")
    assert not outer.parent.exists()


def test_an_error_removes_it_too(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), staging_folder(tmp_path / "triples"):
        raise RuntimeError
    assert list((tmp_path / "triples").iterdir()) == []


def test_what_a_killed_build_left_stays_as_a_sign(tmp_path: Path) -> None:
    left = tmp_path / "triples" / STAGING / "of another process"
    left.mkdir(parents=True)
    for _ in range(2):
        with staging_folder(tmp_path / "triples"):
            pass
        assert left.is_dir()


def test_processes_that_write_to_one_asset_do_not_see_each_other(tmp_path: Path) -> None:
    asset = tmp_path / "triples"
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as processes:
        assert all(processes.map(stage_files, [asset] * 40))
    assert list(asset.iterdir()) == []


def stage_files(asset: Path) -> bool:
    with staging_folder(asset) as folder:
        (folder / "rows").write_text("staged")
        return (folder / "rows").exists()


def test_what_goes_with_the_folder_is_entered_by_the_first_and_left_by_the_last(tmp_path: Path) -> None:
    seen: list[str] = []

    @contextmanager
    def writing() -> Iterator[None]:
        seen.append("begun")
        try:
            yield
            seen.append("finished")
        except RuntimeError:
            seen.append("failed")
            raise

    with staging_folder(tmp_path, writing), staging_folder(tmp_path, writing):
        assert seen == ["begun"]
    assert seen == ["begun", "finished"]
    with pytest.raises(RuntimeError), staging_folder(tmp_path, writing):
        raise RuntimeError
    assert seen[2:] == ["begun", "failed"]
