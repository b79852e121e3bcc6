"""A command in a process of its own: its lines are progress, its problem is the problem; plainly and through Pipes."""

import dagster as dg
import pytest

from assets.launch import plainly, through_pipes
from pipeline.errors import MateriaError


def test_a_problem_of_the_command_is_the_problem(tmp_path):
    said = []
    with pytest.raises(MateriaError) as error:
        plainly(said.append)(["pretrain", "--home", str(tmp_path), "--set", "trainer.step=3"])
    assert "trainer.step: there is no such key; did you mean steps?" in str(error.value)
    assert said == []


def test_a_run_of_dagster_runs_it_through_pipes(tmp_path):
    @dg.asset
    def fine(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        through_pipes(context)(["pretrain", "--help"])
        return dg.MaterializeResult()

    @dg.asset
    def broken(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        with pytest.raises(MateriaError, match="the next run goes on from the last checkpoint"):
            through_pipes(context)(["pretrain", "--home", str(tmp_path), "--set", "trainer.step=3"])
        return dg.MaterializeResult()

    assert dg.materialize([fine, broken]).success
