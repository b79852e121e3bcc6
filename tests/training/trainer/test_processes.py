"""Runs of `materia pretrain` in processes of their own, that are killed and go on: packing on, two workers, one process and two.

MATERIA_KILLS=N kills N times, at steps drawn anew, by each signal; without it once, at one step, by one. What is killed is a process
of its own. What is not runs here where it is one process: so the two are compared too, and the imports of a third are spared.
"""

import contextlib
import io
import json
import os
import random
import signal
import time

import pytest
from safetensors.numpy import load_file

from cli.main import main
from tests.training.pretraining_home import SMALL, arguments, command

KILLS = int(os.environ.get("MATERIA_KILLS", "0"))


def finish(process):
    out, err = process.communicate(timeout=240)
    return process.returncode, out, err


def at_step(run, step, process):
    """Wait until the trace says that a step is done."""
    trace = run / "trace.csv"
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if trace.exists() and trace.read_bytes().count(b"\n") > step:
            return
        time.sleep(0.005)


def kill(process, number):
    """The whole tree dies at once, as of a loss of power; or the command alone is told, as by a scheduler."""
    if number == signal.SIGKILL:
        import psutil

        for one in (*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)):
            if one.is_running():
                one.kill()
    else:
        process.send_signal(number)


def results(out):
    """What must be equal to the bit: losses step by step, and every weight."""
    weights = load_file(out / "model.safetensors") | load_file(out / "heads.safetensors")
    trace = (out.with_name(f"{out.name}.run") / "trace.csv").read_bytes()
    return trace, {name: tensor.tobytes() for name, tensor in weights.items()}


def whole(home, out, processes, *words):
    """The command to its end, in this process or in several; what it printed."""
    if processes > 1:
        status, shown, err = finish(command(home, out, "--processes", processes, *words))
        assert status == 0, err
        return shown
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        assert main(arguments(home, out, *words)) == 0
    return shown.getvalue()


@pytest.fixture(scope="module", params=[1, 2], ids=["one-process", "two-processes"])
def uninterrupted(request, home, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "model"
    whole(home, out, request.param)
    return request.param, results(out)


CASES = [(1, signal.SIGTERM), (2, signal.SIGKILL), *([(1, signal.SIGKILL), (2, signal.SIGTERM)] if KILLS else [])]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_killed_goes_on_to_the_same_losses_and_weights(home, uninterrupted, tmp_path, number):
    processes, expected = uninterrupted
    if (processes, number) not in CASES:
        pytest.skip("only where MATERIA_KILLS says how often")
    out, run = tmp_path / "model", tmp_path / "model.run"
    steps = [random.randrange(1, SMALL["trainer"]["steps"] - 1) for _ in range(KILLS)] or [13]
    for step in sorted(steps):
        process = command(home, out, "--processes", processes, "--resume")
        at_step(run, step, process)
        kill(process, number)
        status, _, err = finish(process)
        if number == signal.SIGTERM and not out.exists():
            assert status == 143
            assert "was told to stop and did, after step" in err
            assert "Traceback" not in err
    shown = whole(home, out, processes, "--resume", "--json")
    assert results(out) == expected, steps
    assert json.loads(shown)["steps"] == SMALL["trainer"]["steps"]
    assert not list(run.glob("step-*"))
