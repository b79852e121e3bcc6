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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from upath import UPath

from assets.home import Home
from pipeline.hashing import hash_json
from pipeline.storage import Dataset, Manifest
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
        #: Data versions of a shuffle's buckets when it began.
        self._before: dict[str, str] = {}

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
            outputs=self._outputs(made),
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

    def _outputs(self, made: list[Manifest]) -> list[Any]:
        """The stage's own asset; of a shuffle the bucketed one as well, of which those buckets were written that changed."""
        stage, dataset = self._stage, self._home.dataset(self._stage.name)
        version = None
        if made:
            version = made[0].data_version if stage.partitions == "none" else _version(dataset.manifests())
        outputs = [self._output(stage.name, describe(stage.tables[0]) if stage.tables else [], made, version)]
        if stage.shuffled:
            bucketed = self._home.dataset(stage.shuffled)
            standing = bucketed.manifests()
            if made:
                written = [one for key, one in standing.items() if self._before.get(key) != one.data_version]
                outputs.append(self._output(stage.shuffled, _columns(bucketed), written, _version(standing)))
            else:
                self._before = {key: manifest.data_version for key, manifest in standing.items()}
                outputs.append(self._output(stage.shuffled, [], [], None))
        return outputs

    def _output(
        self, asset: str, columns: list[tuple[str, str, str]], written: list[Manifest], version: str | None
    ) -> Any:
        """An asset that the stage makes: its columns, what was written of it, and its version once it is there."""
        from openlineage.client.event_v2 import OutputDataset
        from openlineage.client.facet_v2 import (
            dataset_version_dataset,
            output_statistics_output_dataset,
            schema_dataset,
        )

        facets: dict[str, Any] = {}
        if columns:
            fields = [schema_dataset.SchemaDatasetFacetFields(*column) for column in columns]
            facets["schema"] = schema_dataset.SchemaDatasetFacet(fields)
        output: dict[str, Any] = {}
        if version is not None:
            facets["version"] = dataset_version_dataset.DatasetVersionDatasetFacet(version)
            files = [entry for manifest in written for entry in manifest.files]
            output["outputStatistics"] = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
                sum(manifest.rows for manifest in written), sum(entry.bytes for entry in files), len(files)
            )
        return OutputDataset(*self._name(asset), facets=facets, outputFacets=output)

    def _checks(self, made: list[Manifest]) -> list[tuple[str, str, str]]:
        """Each check: its name, whether it passed on every partition, and whether a failure stops what follows."""
        found = _together(made)
        return [
            (check.name, "pass" if found[check.name]["passed"] else "fail", "error" if check.blocking else "warn")
            for check in self._stage.checks
            if check.name in found
        ]


def _version(partitions: Mapping[str, Manifest]) -> str:
    """One version of an asset with partitions: equal where the data of each is."""
    return hash_json({key: manifest.data_version for key, manifest in partitions.items()})


def _columns(dataset: Dataset) -> list[tuple[str, str, str]]:
    """The columns of an asset whose schema no stage names, as its first file has them."""
    import pyarrow.parquet as pq

    path = next((path for key in dataset.manifests() for path in dataset.paths(key)[:1]), None)
    if path is None:
        return []
    with UPath(path).open("rb") as source, pq.ParquetFile(source) as file:
        return describe(file.schema_arrow)


def _together(made: list[Manifest]) -> dict[str, dict[str, Any]]:
    """The results of checks over partitions: passed where all passed."""
    found: dict[str, dict[str, Any]] = {}
    for manifest in made:
        for name, result in manifest.summary.get("checks", {}).items():
            found[name] = {"passed": result["passed"] and found.get(name, result)["passed"]}
    return found
