"""Judge one model by a suite: what it knows, what its encodings hold, how well it reads, and what it can be fine-tuned to do.

    OUT/figures.json      every figure with its interval, and comparisons with controls
    OUT/evaluation.md     the same as tables
    OUT/evaluation.png    the same as points with intervals
    OUT/outcomes/         counts by document of each part, from which all of this is computed again

A part (a section of the suite; of a task, one seed) lies in a file named by the hash of the model, of the settings of that part, of
the data it reads, and of the versions of the libraries that read it: two releases of tokenizers read the first window of a long
text alone. So a run that was stopped goes on, a suite that grows computes what is new, and new numbers of draws compute nothing.
Several seeds of fine-tuning are several runs of one figure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.content import folder_hash, model_folder
from pipeline.errors import MateriaError
from pipeline.storage import write_atomically
from training.evaluation.config import SuiteConfig
from training.evaluation.figures import figures_of
from training.evaluation.page import as_page
from training.evaluation.parts import parts_of
from training.evaluation.plot import plot_figures
from training.evaluation.suite import suite_as_written
from training.library_versions import library_versions
from training.sources import Sources
from training.statistics.outcome_files import read_outcomes, write_outcomes
from training.statistics.outcomes import Outcomes

if TYPE_CHECKING:
    from training.finetuning.fusion.sources import GraphSources

__all__ = ["evaluate_model", "measure"]

_KEPT = "outcomes"


def evaluate_model(
    folder: Path,
    suite: SuiteConfig,
    sources: Sources | None,
    out: Path,
    *,
    graph: GraphSources | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Judge a model, and write figures, tables, a plot and outcomes.

    Args:
        folder: a model as `materia pretrain` or `save_pretrained` writes it.
        suite: what it is judged by.
        sources: triples, names and test shards; None where the suite asks for tasks alone.
        graph: what is fused into the encoder, where a task of the suite asks for that.
        out: folder to write into; parts that are there already are not measured again.
        progress: told what is being done.

    Returns:
        what figures.json holds; see `training.evaluation.figures`.

    Raises:
        MateriaError: the folder holds no such model, the data of a part cannot be used, or `out` is another folder.
    """
    _check_out(out)
    runs = measure(folder, suite, sources, out / _KEPT, graph=graph, progress=progress)
    model = folder_hash(model_folder(str(folder)))
    figures = {"model": model, "suite": suite_as_written(suite), "versions": library_versions()}
    figures |= figures_of(runs, suite.bootstrap)
    write_atomically(out / "figures.json", json.dumps(figures, indent=1, sort_keys=True) + "\n")
    write_atomically(out / "evaluation.md", as_page(figures))
    plot_figures(figures, out / "evaluation.png")
    return figures


def measure(
    folder: Path,
    suite: SuiteConfig,
    sources: Sources | None,
    kept: Path,
    *,
    graph: GraphSources | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, list[Outcomes]]:
    """The outcomes of a model on every part of a suite.

    Args:
        kept: folder of outcomes; those of this model and suite are read from it, new ones are written to it, others deleted.
        graph: as `evaluate_model`.

    Returns:
        by name of the figure (probing.mrr, link_probe.random.mrr, perplexity.per_word, tasks.NAME.METRIC): outcomes, one for each seed
        of a task, else a single one.

    Raises:
        MateriaError: as `evaluate_model`.
    """
    runs: dict[str, list[Outcomes]] = {}
    parts = parts_of(folder, suite, sources, graph)
    for part in parts:
        if not (kept / part.file).exists():
            part.check()  # before hours are spent on others
    for part in parts:
        file = kept / part.file
        if file.exists():
            found: Mapping[str, Outcomes] = read_outcomes(file)
        else:
            progress(part.name)
            found = part.compute()
            write_outcomes(file, found)
        for name, outcomes in found.items():
            runs.setdefault(name, []).append(outcomes)
    for old in set(kept.glob("*.parquet")) - {kept / part.file for part in parts}:
        old.unlink()
    return runs


def _check_out(out: Path) -> None:
    """Refuse to write among files of something else."""
    if out.exists() and not out.is_dir():
        raise MateriaError("is no folder", file=str(out), remedy="Name another --out")
    if out.is_dir() and any(out.iterdir()) and not (out / _KEPT).is_dir():
        raise MateriaError("is there already, and holds no evaluation", file=str(out), remedy="Name another --out")
