"""OpenLineage events of a build, for catalogues that collect lineage from many systems: one run a stage, told when it begins and ends.

Where they go is said by OpenLineage's own variables: `OPENLINEAGE_URL` (a server), `OPENLINEAGE__TRANSPORT__TYPE=file` with
`OPENLINEAGE__TRANSPORT__LOG_FILE_PATH`, or a file named by `OPENLINEAGE_CONFIG`; `OPENLINEAGE_NAMESPACE` names the jobs. Without any of
them nothing is imported and nothing is sent. An event that cannot be sent is said once and fails no build.

The events are made by the official client (`pip install "materia[openlineage]"`). Rejected: writing the JSON ourselves, which would
save 0.4 s of import and leave us to follow the specification's versions.

Specification: https://openlineage.io/docs/spec/object-model, datasets named as https://openlineage.io/docs/spec/naming says.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from assets.home import Home
from pipeline.storage import Manifest
from pipeline.tables import describe

if TYPE_CHECKING:
    from assets.stage import Stage

__all__ = ["lineage_events"]

_PRODUCER = "https://w3id.org/materia"
_logger = logging.getLogger(__name__)


@contextmanager
def lineage_events(home: Home, stage: Stage, partitions: int) -> Iterator[list[Manifest]]:
    """Tell that a stage begins, and when the block ends that it is done or failed.

    Yields:
        a list to which the caller adds the manifest of each partition that was computed.
    """
    made: list[Manifest] = []
    if not partitions or not _is_asked_for():
        yield made
        return
    run = _Run(home, stage)
    run.tell("START", made)
    try:
        yield made
    except BaseException as error:
        run.tell("FAIL", made, error)
        raise
    run.tell("COMPLETE", made)


def _is_asked_for() -> bool:
    if os.environ.get("OPENLINEAGE_DISABLED", "").lower().strip() == "true":
        return False
    return any(name in os.environ for name in ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG", "OPENLINEAGE__TRANSPORT__TYPE"))


class _Run:
    """One run of a stage."""

    #: Whether an event could not be sent: a server that is down must not be waited for again at each stage.
    unreachable = False

    def __init__(self, home: Home, stage: Stage) -> None:
        self._home, self._stage = home, stage
        self._id = ""

    def tell(self, state: str, made: list[Manifest], error: BaseException | None = None) -> None:
        """Send one event. Whatever goes wrong is said, once, and raised nowhere."""
        if _Run.unreachable:
            return
        try:
            self._tell(state, made, error)
        except Exception as problem:  # of a library, a network or a disk: an event is worth no build
            _Run.unreachable = True
            missing = isinstance(problem, ModuleNotFoundError)
            why = 'the client is missing: pip install "materia[openlineage]"' if missing else problem
            _logger.warning("materia: lineage events cannot be sent (%s); the build goes on without them.", why)

    def _tell(self, state: str, made: list[Manifest], error: BaseException | None) -> None:
        from openlineage.client import OpenLineageClient
        from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
        from openlineage.client.facet_v2 import documentation_job, error_message_run, job_type_job, test_run
        from openlineage.client.uuid import generate_new_uuid

        self._id = self._id or str(generate_new_uuid())
        facets: dict[str, Any] = {}
        if error is not None:
            facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(str(error) or repr(error), "PYTHON")
        if tests := self._checks(made):
            facets["test"] = test_run.TestRunFacet([test_run.TestExecution(*test) for test in tests])
        job = Job(
            os.environ.get("OPENLINEAGE_NAMESPACE", "materia"),
            self._stage.name,
            {
                "documentation": documentation_job.DocumentationJobFacet(self._stage.description),
                "jobType": job_type_job.JobTypeJobFacet("BATCH", "MATERIA", "TASK"),
            },
        )
        event = RunEvent(
            eventType=RunState[state],
            eventTime=datetime.now(UTC).isoformat(),
            run=Run(self._id, facets),
            job=job,
            producer=_PRODUCER,
            inputs=self._inputs(),
            outputs=[self._output(made)],
        )
        client = OpenLineageClient()
        client.emit(event)
        client.close()

    def _name(self, asset: str) -> tuple[str, str]:
        """Namespace and name of an asset as a dataset: its folder."""
        url = self._home.url / asset
        local = url.protocol in ("", "file", "local")
        return ("file", str(url.path)) if local else (f"{url.protocol}://{url.path.partition('/')[0]}", url.path)

    def _inputs(self) -> list[Any]:
        from openlineage.client.event_v2 import InputDataset

        inputs = [InputDataset(*self._name(need.asset)) for need in self._stage.needs]
        if self._stage.name == "literature_inventory":
            inputs += [InputDataset("file", source) for source in (*self._home.literature, *self._home.records)]
        if self._stage.name == "vocabulary":
            inputs += [InputDataset("file", source) for source in self._home.vocabulary]
        if self._stage.name == "graph_evidence":
            inputs += [InputDataset("file", source) for source in self._home.graphs]
        return inputs

    def _output(self, made: list[Manifest]) -> Any:
        """The asset: its columns, what was written of it, and its data version where it is one partition."""
        from openlineage.client.event_v2 import OutputDataset
        from openlineage.client.facet_v2 import (
            dataset_version_dataset,
            output_statistics_output_dataset,
            schema_dataset,
        )

        facets: dict[str, Any] = {}
        if self._stage.tables:
            columns = [schema_dataset.SchemaDatasetFacetFields(*column) for column in describe(self._stage.tables[0])]
            facets["schema"] = schema_dataset.SchemaDatasetFacet(columns)
        if len(made) == 1:
            facets["version"] = dataset_version_dataset.DatasetVersionDatasetFacet(made[0].data_version)
        output: dict[str, Any] = {}
        if made:
            files = [entry for manifest in made for entry in manifest.files]
            output["outputStatistics"] = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
                sum(manifest.rows for manifest in made), sum(entry.bytes for entry in files), len(files)
            )
        return OutputDataset(*self._name(self._stage.name), facets=facets, outputFacets=output)

    def _checks(self, made: list[Manifest]) -> list[tuple[str, str, str]]:
        """Each check: its name, whether it passed on every partition, and whether a failure stops what follows."""
        found = _together(made)
        return [
            (check.name, "pass" if found[check.name]["passed"] else "fail", "error" if check.blocking else "warn")
            for check in self._stage.checks
            if check.name in found
        ]


def _together(made: list[Manifest]) -> dict[str, dict[str, Any]]:
    """The results of checks over partitions: passed where all passed."""
    found: dict[str, dict[str, Any]] = {}
    for manifest in made:
        for name, result in manifest.summary.get("checks", {}).items():
            found[name] = {"passed": result["passed"] and found.get(name, result)["passed"]}
    return found
