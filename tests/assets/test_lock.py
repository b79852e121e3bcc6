"""One writer a home: the lock names its holder, goes when that dies, and counts a fresh note of another host."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from assets.lock import NOTE, HomeBusyError, hold, holder
from pipeline.errors import MateriaError

ROOT = Path(__file__).parents[2]


@contextmanager
def another_process(home: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the home until it is killed."""
    code = f"import time; from pathlib import Path; from assets.lock import hold\nwith hold(Path({str(home)!r}), 5): print('held', flush=True); time.sleep(60)"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def note(home: Path, host: str, age_s: float) -> None:
    (home / NOTE).write_text(json.dumps({"pid": 7, "host": host, "command": "materia build", "since": "today"}))
    os.utime(home / NOTE, (time.time() - age_s,) * 2)


def test_who_holds_a_home_is_told_by_process_command_and_time(tmp_path: Path) -> None:
    with another_process(tmp_path) as process:
        who = holder(tmp_path)
        assert who is not None
        assert (who.pid, who.host) == (process.pid, socket.gethostname())
        assert who.since[:4] == time.strftime("%Y")
        with pytest.raises(HomeBusyError, match=f"is being built by process {process.pid} "), hold(tmp_path, 0.1):
            pass


def test_the_lock_goes_when_its_holder_is_killed_and_its_note_hinders_nobody(tmp_path: Path) -> None:
    with another_process(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert (tmp_path / NOTE).exists()
        assert holder(tmp_path) is None
        with hold(tmp_path, 0):
            assert holder(tmp_path).pid == os.getpid()
    assert not (tmp_path / NOTE).exists()


def test_a_stage_takes_the_lock_that_its_build_holds(tmp_path: Path) -> None:
    with hold(tmp_path, 0):
        with hold(tmp_path, 0):
            assert holder(tmp_path) is not None
        assert holder(tmp_path) is not None  # the inner one leaves the note to the outer one
    assert holder(tmp_path) is None


def test_a_fresh_note_of_another_host_counts_where_its_lock_does_not_reach_us(tmp_path: Path) -> None:
    with hold(tmp_path, 0):
        pass
    note(tmp_path, "elsewhere.example", age_s=1)
    assert str(holder(tmp_path)).startswith("process 7 on elsewhere.example (materia build)")
    with pytest.raises(HomeBusyError, match="elsewhere"), hold(tmp_path, 0):
        pass
    assert (tmp_path / NOTE).exists()


@pytest.mark.parametrize(("host", "age_s"), [("elsewhere.example", 600), (socket.gethostname(), 1)])
def test_an_old_note_or_one_of_this_host_does_not(tmp_path: Path, host: str, age_s: float) -> None:
    note(tmp_path, host, age_s)
    with hold(tmp_path, 0):
        assert holder(tmp_path).pid == os.getpid()


@pytest.mark.parametrize(("home", "remedy"), [("{}/home", "--home"), ("memory://bucket/home", "MATERIA_CACHE")])
def test_a_volume_that_nobody_may_write_to_is_a_sentence(home: str, remedy: str, tmp_path: Path, monkeypatch) -> None:
    """A disk mounted for another user, or read-only; here a file in the place of a folder, which stops root too."""
    (tmp_path / "volume").write_text("", encoding="utf-8")
    monkeypatch.setenv("MATERIA_CACHE", str(tmp_path / "volume"))
    with pytest.raises(
        MateriaError, match=rf"volume/\w+: is no folder to write in \(Not a directory\).* with {remedy}"
    ):
        with hold(home.format(tmp_path / "volume"), 0):
            pass
