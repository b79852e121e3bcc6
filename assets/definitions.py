"""What Dagster loads: assets, sensors, jobs, a schedule, one executor. `dagster dev` and `materia ui` both come here."""

from __future__ import annotations

import dagster as dg

from assets.dagster_assets import make_assets
from assets.home import open_home
from assets.jobs import build_changes, daily_build, daily_schedule, first_build
from assets.sensors import automation, reconciliation, source_folders

__all__ = ["defs"]

# Steps run one after another in the run's process: starting a process a step costs about six seconds each, and the stages
# that have much to do start workers of their own.
defs = dg.Definitions(
    assets=make_assets(open_home()),
    sensors=[automation, source_folders, reconciliation],
    jobs=[first_build, build_changes, daily_build],
    schedules=[daily_schedule],
    executor=dg.in_process_executor,
)
