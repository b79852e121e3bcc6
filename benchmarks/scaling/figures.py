"""What a build of some size cost, as it is kept beside the home (`scale.json`): by stage, from the history that the home keeps."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from assets.home import open_home
from assets.usage import history
from pipeline.storage import Dataset

__all__ = ["FILE", "Figures", "StageCost", "figures_of", "kept_figures", "table"]

FILE = "scale.json"


@dataclass
class StageCost:
    """What a stage cost over all runs of a build: seconds, processor seconds with its workers', MiB at most."""

    seconds: float = 0.0
    processor_seconds: float = 0.0
    peak_mib: int = 0


@dataclass
class Figures:
    """What a clean build cost, and what one more paper costs there.

    Attributes:
        documents: live ones.
        buckets: of the home.
        disk_mib: what the home takes.
        stages: costs by stage, in the order of the build.
        built: processor seconds, seconds and MiB of the build as a process; none where it was made in several.
        added: processor seconds, seconds and MiB of a build that adds one paper; `nothing` likewise of one with nothing to do.
    """

    documents: int
    buckets: int
    disk_mib: int
    stages: dict[str, StageCost]
    built: dict[str, float] = field(default_factory=dict)
    added: dict[str, float] = field(default_factory=dict)
    nothing: dict[str, float] = field(default_factory=dict)

    @property
    def processor_seconds(self) -> float:
        """Of the build as a process where that is known, else of all stages."""
        return self.built.get("cpu", 0.0) or sum(cost.processor_seconds for cost in self.stages.values())

    @property
    def seconds(self) -> float:
        """Of all stages."""
        return sum(cost.seconds for cost in self.stages.values())

    def keep(self, folder: Path) -> None:
        """Write them beside the home."""
        (folder / FILE).write_text(json.dumps(asdict(self), indent=1) + "\n")


def kept_figures(folder: Path) -> Figures | None:
    """The figures beside a home; None where it was not measured to its end."""
    path = folder / FILE
    if not path.exists():
        return None
    kept = json.loads(path.read_text())
    return Figures(**kept | {"stages": {name: StageCost(**cost) for name, cost in kept["stages"].items()}})


def figures_of(home: Path) -> Figures:
    """The figures of a home that was built to its end just now, in one run or in several."""
    stages: dict[str, StageCost] = {}
    for line in history(open_home(str(home))):
        cost = stages.setdefault(line["stage"], StageCost())
        cost.seconds += line["seconds"]
        cost.processor_seconds += line.get("processor_seconds", 0.0)  # homes of earlier versions have none
        cost.peak_mib = max(cost.peak_mib, line["peak_mib"])
    live = (pq.read_metadata(path).num_rows for path in Dataset(home, "live_documents").paths())
    disk = sum(path.stat().st_blocks * 512 for path in home.rglob("*") if path.is_file())
    return Figures(sum(live), open_home(str(home)).config.buckets, disk >> 20, stages)


def table(found: Figures, beside: Figures | None) -> str:
    """The figures as Markdown; time per document over that of another build, where one is given."""
    lines = ["| stage | processor s | s | peak MiB |", "|---|---:|---:|---:|"]
    lines += [
        f"| {name} | {cost.processor_seconds:,.1f} | {cost.seconds:,.1f} | {cost.peak_mib:,} |"
        for name, cost in found.stages.items()
    ]
    worst = max(cost.peak_mib for cost in found.stages.values())
    lines.append(f"| all | {found.processor_seconds:,.0f} | {found.seconds:,.0f} | {worst:,} |")
    a_document = found.processor_seconds / found.documents
    lines.append(
        f"\n{found.documents:,} documents in {found.buckets} buckets: {1000 * a_document:.2f} ms of processor time a document, "
        f"{found.disk_mib:,} MiB on disk"
    )
    if beside is not None:
        ratio = a_document / (beside.processor_seconds / beside.documents)
        lines.append(f"time per document: {ratio:.2f} times that of {beside.documents:,} documents")
    if found.added:
        lines.append(
            f"one paper more: {found.added['wall']:.1f} s, {found.added['cpu']:.1f} processor s, {found.added['mib']:,.0f} MiB; "
            f"nothing changed: {found.nothing['wall']:.1f} s, {found.nothing['cpu']:.1f} processor s"
        )
    return "\n".join(lines)
