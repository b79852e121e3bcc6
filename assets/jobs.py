"""Jobs that build a home as `materia build` does: every stage in order, in one process.

Starting a run costs Dagster seconds. A new file goes through a dozen runs where each floor is asked for by itself (not done
after 195 s on two busy cores, on the sample), and through one here; so what the sensors notice, the first build and the daily
one are asked for in this way. Each stage is told to Dagster's records when it is done, as a run of its own would, so the UI
shows what became stale and what was made anew.

No `from __future__ import annotations` here: Dagster reads the type of `context` at run time.
"""

import dagster as dg

from assets.build import build
from assets.dagster_assets import told_to_dagster
from assets.home import open_home
from assets.recording import Recorder

__all__ = ["build_changes", "daily_build", "daily_schedule", "first_build"]

_WAIT_S = 60.0


@dg.op(config_schema={"until": dg.Field([str], default_value=["data_card", "graph_index", "provenance"])})
def build_home(context: dg.OpExecutionContext) -> None:
    """Bring all of a home up to date as far as the assets named, and report what was made."""
    home = open_home()
    recorder = Recorder(home, context.instance, report=context.log_event)

    def on_stage(name: str, partitions: int, seconds: float) -> None:
        context.log.info(f"{name}: {partitions} partition(s) in {seconds:.1f} s")
        recorder.record()

    with told_to_dagster():
        build(home, context.op_config["until"], progress=context.log.debug, on_stage=on_stage, wait_s=_WAIT_S)


@dg.job(executor_def=dg.in_process_executor)
def first_build() -> None:
    """The first build of a home, through the corpus, its data card and the index of the graph.

    Sensors and automation go on from there: what was never made is not asked for by itself.
    """
    build_home()


@dg.job(executor_def=dg.in_process_executor)
def build_changes() -> None:
    """Everything that is stale, in one run: what the sensors ask for when files or settings changed or something was missed."""
    build_home()


@dg.job(executor_def=dg.in_process_executor)
def daily_build() -> None:
    """Everything that is stale, in one run: what the schedule starts."""
    build_home()


daily_schedule = dg.ScheduleDefinition(
    name="daily_build_schedule",
    job=daily_build,
    cron_schedule="0 3 * * *",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="A build every night at three. Stopped until somebody starts it.",
)
