import os
import signal
import subprocess
import sys
import time

import pytest

from training.ablation.processes import run_jobs

PROGRAM = """
import os, time
from pathlib import Path
from training.ablation.processes import run_jobs

def work(job, tell):
    Path(job).write_text(str(os.getpid()))
    tell(job)
    time.sleep({seconds})

if __name__ == "__main__":
    run_jobs(work, {jobs!r}, at_once=2, told=print)
"""


def _square(job, tell):
    tell((job, os.getpid()))
    if job < 0:
        raise ValueError(f"job {job}")


def test_each_job_is_done_once_and_heard():
    heard = []
    run_jobs(_square, [1, 2, 3], at_once=1, told=heard.append)
    assert heard == [(job, os.getpid()) for job in (1, 2, 3)]


def test_what_a_job_raises_comes_through_and_those_after_it_are_not_begun():
    heard = []
    with pytest.raises(ValueError, match="job -1"):
        run_jobs(_square, [1, -1, 2], at_once=1, told=heard.append)
    assert [job for job, _ in heard] == [1, -1]


def test_processes_end_with_the_one_that_began_them_even_if_it_was_killed(tmp_path):
    jobs = [str(tmp_path / name) for name in "ab"]
    script = tmp_path / "program.py"
    script.write_text(PROGRAM.format(jobs=jobs, seconds=600))
    parent = subprocess.Popen([sys.executable, str(script)], env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
    children = [_pid(job) for job in jobs]
    assert len({*children, parent.pid}) == 3  # beside each other
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 60
    while any(map(_is_there, children)):
        assert time.monotonic() < deadline
        time.sleep(0.2)


def _pid(job):
    """What a job wrote, once it has."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            return int(open(job).read())
        except (OSError, ValueError):
            time.sleep(0.1)
    raise AssertionError(f"{job} was never begun")


def _is_there(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as file:  # a zombie that nobody waits for is gone too
        return file.read().rpartition(")")[2].split()[0] != "Z"
