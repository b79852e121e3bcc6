"""The loop: what is stopped, killed, lost or broken, and what is left afterwards."""

import json
import math
import os
import signal
from itertools import pairwise

import pytest
import torch

from pipeline.errors import DiskFullError, MateriaError, StoppedError
from training.trainer import checkpoint as checkpoints
from training.trainer.checkpoint import last_checkpoint
from training.trainer.config import TrainerConfig
from training.trainer.learning_rates import LEARNING_RATES, learning_rate
from training.trainer.trace import ends, windows, write_plot, write_windows


def weights(trainer):
    return {name: tensor.clone() for name, tensor in trainer.model.named_parameters()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


class KilledError(Exception):
    pass


def killed_after(step):
    """A callback that ends the run in the middle, as a kill would: nothing after it is run."""

    def on_step(report):
        if report.step == step:
            raise KilledError

    return on_step


@pytest.mark.parametrize("at", [1, 4, 5, 11])
def test_a_killed_run_goes_on_to_the_same_losses_and_weights(make_trainer, fit, at):
    whole = make_trainer("whole")
    fit(whole)
    with pytest.raises(KilledError):
        fit(make_trainer("killed", on_step=killed_after(at)))
    resumed = make_trainer("killed")
    fitted = fit(resumed, resume=True)
    assert fitted.state == whole.state
    assert (resumed.run / "trace.csv").read_bytes() == (whole.run / "trace.csv").read_bytes()
    assert same(weights(resumed), weights(whole))
    again = make_trainer("again", seed=6)
    fit(again)
    assert not same(weights(again), weights(whole))


def test_a_signal_saves_and_stops_and_the_next_run_goes_on(make_trainer, fit):
    whole = make_trainer("whole", checkpoint_every=0)
    fit(whole)
    before = signal.getsignal(signal.SIGTERM)
    told = make_trainer("told", checkpoint_every=0, on_step=lambda r: r.step == 7 and os.kill(os.getpid(), 15))
    with pytest.raises(StoppedError, match="after step 8 of 12; all of it is saved. Go on with --resume"):
        fit(told)
    assert signal.getsignal(signal.SIGTERM) == before
    resumed = make_trainer("told", checkpoint_every=0)
    fit(resumed, resume=True)
    assert same(weights(resumed), weights(whole))
    assert (resumed.run / "trace.csv").read_bytes() == (whole.run / "trace.csv").read_bytes()


def test_parts_of_a_step_average_their_gradients(make_trainer, fit):
    parts = make_trainer("parts", accumulation=2, steps=6, checkpoint_every=4)
    fitted = fit(parts)
    assert fitted.state.position.row == 12 and fitted.state.rows == 12 * 4
    with pytest.raises(KilledError):
        fit(make_trainer("killed", accumulation=2, steps=6, checkpoint_every=2, on_step=killed_after(5)))
    resumed = make_trainer("killed", accumulation=2, steps=6, checkpoint_every=4)
    fit(resumed, resume=True)
    assert same(weights(resumed), weights(parts))


def test_only_the_last_checkpoints_stay_and_none_is_a_pickle(make_trainer, fit):
    trainer = make_trainer(keep_checkpoints=2)
    fit(trainer)
    assert sorted(p.name for p in trainer.run.glob("*step*")) == ["step-00000008", "step-00000012"]
    assert {p.name for p in last_checkpoint(trainer.run).iterdir()} == {
        "weights.safetensors", "optimizer.safetensors", "state.json"
    }  # fmt: skip


def test_a_checkpoint_of_another_configuration_is_refused_by_name(make_trainer, fit):
    made_from = {"config": {"trainer": {"learning_rate": 1.0, "checkpoint_every": 3}}, "shards": "a"}
    fit(make_trainer(made_from=made_from))
    other = {"config": {"trainer": {"learning_rate": 2.0, "checkpoint_every": 9}}, "shards": "b"}
    with pytest.raises(MateriaError) as error:
        fit(make_trainer(made_from=other), resume=True)
    said = "is a checkpoint of another configuration: config.trainer.learning_rate is 2.0 and was 1.0; shards"
    assert said in str(error.value) and "checkpoint_every" not in str(error.value)
    fit(make_trainer(made_from=made_from | {"config": {"trainer": {"learning_rate": 1.0}}}), resume=True)


def test_a_damaged_checkpoint_is_told_and_an_earlier_one_serves(make_trainer, fit):
    whole = make_trainer("whole")
    fit(whole)
    trainer = make_trainer(keep_checkpoints=3)
    fit(trainer)
    newest = last_checkpoint(trainer.run)
    (newest / "weights.safetensors").write_bytes(b"\0" * 100)
    with pytest.raises(MateriaError, match="is no sound checkpoint: weights.safetensors is not as it was written"):
        fit(make_trainer(), resume=True)
    (newest / "state.json").write_text("{")
    with pytest.raises(MateriaError, match="state.json cannot be read. Delete this folder"):
        fit(make_trainer(), resume=True)
    for path in newest.iterdir():
        path.unlink()
    newest.rmdir()
    resumed = make_trainer(keep_checkpoints=3)
    fit(resumed, resume=True)
    assert same(weights(resumed), weights(whole))


@pytest.mark.parametrize("change", [lambda _: [1], lambda s: s | {"position": [0, 0, 0, 0]}, lambda s: s | {"more": 1}])
def test_a_state_of_another_form_is_a_damaged_checkpoint(make_trainer, fit, change):
    with pytest.raises(KilledError):
        fit(make_trainer("run", on_step=killed_after(9)))
    trainer = make_trainer("run")
    file = last_checkpoint(trainer.run) / "state.json"
    file.write_text(json.dumps(change(json.loads(file.read_text()))))
    with pytest.raises(MateriaError, match="is no sound checkpoint: state.json cannot be read. Delete this folder"):
        fit(trainer, resume=True)


def test_a_trace_that_lacks_steps_is_not_filled_with_nothing(make_trainer, fit):
    trainer = make_trainer("run", checkpoint_every=4)
    with pytest.raises(KilledError):
        fit(make_trainer("run", checkpoint_every=4, on_step=killed_after(6)))
    (trainer.run / "trace.csv").write_text("")
    with pytest.raises(MateriaError, match="trace.csv: lacks steps that were done before the last checkpoint"):
        fit(make_trainer("run", checkpoint_every=4), resume=True)
    assert last_checkpoint(trainer.run) is not None


def test_a_full_disk_keeps_the_last_checkpoint(make_trainer, fit, monkeypatch):
    trainer = make_trainer()
    real = checkpoints.save_file

    def full(tensors, path):
        if "step-00000008" in path:
            raise OSError(28, "No space left on device")
        real(tensors, path)

    monkeypatch.setattr(checkpoints, "save_file", full)
    with pytest.raises(DiskFullError) as error:
        fit(trainer)
    assert "no space left for the checkpoint of step 8; the checkpoint of step 4 is kept" in str(error.value)
    assert [p.name for p in trainer.run.glob("*step*")] == ["step-00000004"]
    monkeypatch.undo()
    whole, resumed = make_trainer("whole"), make_trainer()
    fit(whole)
    fit(resumed, resume=True)
    assert same(weights(resumed), weights(whole))


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_last_checkpoint(make_trainer, fit):
    trainer = make_trainer(learning_rate=1e30, clip=0, steps=40, checkpoint_every=1)
    with pytest.raises(
        MateriaError, match=r"the (loss|gradient) of step \d+ is no number; the checkpoint step-0.* is kept"
    ):
        fit(trainer)
    state = json.loads((last_checkpoint(trainer.run) / "state.json").read_text())
    assert all(math.isfinite(float(v)) for v in (trainer.run / "trace.csv").read_text().split()[-1].split(",") if v)
    assert state["step"] >= 1


def test_patience_ends_the_run_with_the_best_weights_also_after_a_kill(make_trainer, fit):
    losses = {2: 5.0, 4: 3.0, 6: 4.0, 8: 3.5, 10: 1.0}
    kept = {}

    def run(folder, resume=False, on_step=lambda _: None):
        trainer = make_trainer(folder, evaluate_every=2, patience=2, steps=40, on_step=on_step)

        def validate():
            kept[trainer.state.step] = weights(trainer)
            return losses[trainer.state.step]

        return trainer, fit(trainer, validate=validate, resume=resume)

    trainer, fitted = run("whole")
    assert fitted.stopped_early and fitted.state.step == 8 and fitted.state.best_step == 4
    assert same(weights(trainer), kept[4])
    with pytest.raises(KilledError):
        run("killed", on_step=killed_after(7))
    resumed, again = run("killed", resume=True)
    assert same(weights(resumed), kept[4]) and again.state == fitted.state


def test_event_files_hold_every_objective_and_no_manifest_does(make_trainer, fit):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    trainer = make_trainer(tensorboard=True, log_every=2)
    fit(trainer)
    events = EventAccumulator(str(trainer.run / "tensorboard"))
    events.Reload()
    assert {"loss/sum", "loss/odd", "loss/total", "gradient_norm", "speed/tokens_per_second"} <= set(
        events.Tags()["scalars"]
    )
    assert [e.step for e in events.Scalars("loss/sum")] == [2, 4, 6, 8, 10, 12]


def test_the_trace_means_over_windows_and_leaves_gaps_empty(make_trainer, fit, tmp_path):
    trainer = make_trainer(steps=5)
    fit(trainer)
    trace = trainer.run / "trace.csv"
    rows = trace.read_text().splitlines()
    assert rows[0] == "step,total,sum,odd,learning_rate,gradient_norm,tokens"
    assert rows[1].split(",")[3] == "" and rows[2].split(",")[3] != ""
    (first, *_, last) = windows(trace, 2)
    assert first["step"] == 2 and first["tokens"] == 48 and last["odd"] is None
    assert first["sum"] == (float(rows[1].split(",")[2]) + float(rows[2].split(",")[2])) / 2
    assert ends(trace)["odd"] == {"first": None, "last": None}
    write_windows(trace, tmp_path / "l.csv", 2)
    assert len((tmp_path / "l.csv").read_text().splitlines()) == 4
    write_plot(trace, tmp_path / "l.png", 2, [(2, 0.5), (4, 0.4)])
    assert (tmp_path / "l.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", list(LEARNING_RATES))
def test_learning_rates_rise_and_then_never_do(name):
    config = TrainerConfig(steps=50, warmup=0.2, learning_rate=2.0, learning_rate_schedule=name)
    rates = [learning_rate(config, step) for step in range(50)]
    assert rates[:10] == pytest.approx([0.2 * (n + 1) for n in range(10)])
    assert max(rates) == 2.0 and min(rates) > 0
    assert all(after <= before for before, after in pairwise(rates[9:]))


def test_matrices_decay_and_vectors_do_not(make_trainer):
    trainer = make_trainer(weight_decay=0.5)
    shapes = {group["weight_decay"]: {p.ndim for p in group["params"]} for group in trainer.optimizer.param_groups}
    assert shapes == {0.5: {2}, 0.0: {0, 1}}


def test_patience_without_looks_is_refused():
    with pytest.raises(ValueError, match="patience needs evaluate_every"):
        TrainerConfig(patience=1)
