"""Two machines and one home in a bucket of any store: the store lets one make a term of the lease, and the other is told who builds."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assets.lock import holder
from pipeline.object_store import ObjectStore

if TYPE_CHECKING:
    from tests.scale.conftest import Store

pytestmark = pytest.mark.scale
ROOT = Path(__file__).parents[2]


def started(code: str, cache: Path, *words: str) -> subprocess.Popen[str]:
    """A process on another machine: one that has other working copies."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MATERIA_CACHE": str(cache)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_the_second_machine_is_told_who_builds_and_takes_over_when_that_one_was_killed(
    store: "Store", tmp_path: Path
) -> None:
    home = store.url("home")
    holds = "import sys, time; from assets.home import open_home\nwith open_home(sys.argv[1]).lock(): print('held', flush=True); time.sleep(600)"
    builds = "import sys; from cli.main import main; sys.exit(main(sys.argv[1:]))"
    words = ("build", "--home", home, "--until", "literature_inventory")
    first = started(holds, tmp_path / "first", home)
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        who = holder(home)
        assert who is not None and who.pid == first.pid
        second = started(builds, tmp_path / "second", *words)
        said, _ = second.communicate(timeout=300)
        assert second.returncode == 1
        assert "Traceback" not in said
        assert f"{home}: is being built by process {first.pid} (-c {home}) since " in " ".join(said.split())
        first.send_signal(signal.SIGKILL)
        first.wait()
        third = started(builds, tmp_path / "second", *words)
        said, _ = third.communicate(timeout=300)
        assert third.returncode == 0, said
    finally:
        first.kill()
        first.wait()
    assert holder(home) is None
    # The first was of the killed; the second, while settings were recorded; the last stays, so that numbers never come again.
    assert [*ObjectStore(home).listing(".lock")] == ["000000000003"]
