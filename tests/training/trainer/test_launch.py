"""Several processes: what one of them says is said once, in its own words; and they end when they should."""

import os
import signal
import subprocess
import sys
import time

import pytest

from pipeline.errors import MateriaError
from training.trainer.launch import in_processes

#: Two processes that wait, of which the one named ends in some way.
SCRIPT = """
import os, signal, sys, time
from pipeline.errors import MateriaError
from training.trainer.launch import is_orphaned, leaving_problems, rank
who, how = int(sys.argv[1]), sys.argv[2]
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with leaving_problems():
    if rank() == who and how == "problem":
        raise MateriaError("is broken", file="a.parquet", remedy="Build it again")
    if rank() == who and how == "bug":
        raise KeyError("unforeseen")
open(sys.argv[3] + str(rank()), "w").close()
while how == "wait" and not is_orphaned():
    time.sleep(0.05)
open(sys.argv[3] + str(rank()) + ".ended", "w").close()
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


@pytest.mark.parametrize("who", [0, 1])
def test_a_problem_in_any_process_is_the_problem(script, tmp_path, who):
    with pytest.raises(MateriaError) as error:
        in_processes([str(script), str(who), "problem", str(tmp_path / "p")], 2)
    assert str(error.value) == "a.parquet: is broken. Build it again."
    assert not [name for name in os.environ if name.startswith("MATERIA_L")]


def test_of_what_nobody_foresaw_the_last_line_is_said(script, tmp_path):
    with pytest.raises(MateriaError, match=r"process 1 of 2 ended with status 1 \(KeyError: 'unforeseen'\)"):
        in_processes([str(script), "1", "bug", str(tmp_path / "p")], 2)


def test_processes_end_when_their_launcher_is_gone(script, tmp_path):
    program = f"from training.trainer.launch import in_processes; in_processes([{str(script)!r}, '9', 'wait', {str(tmp_path / 'p')!r}], 2)"
    launcher = subprocess.Popen([sys.executable, "-c", program])
    deadline = time.monotonic() + 60

    def wait_for(suffix):
        while time.monotonic() < deadline and not all((tmp_path / f"p{n}{suffix}").exists() for n in (0, 1)):
            time.sleep(0.02)
        return all((tmp_path / f"p{n}{suffix}").exists() for n in (0, 1))

    assert wait_for("")
    launcher.send_signal(signal.SIGKILL)
    launcher.wait()
    assert wait_for(".ended")
