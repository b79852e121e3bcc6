"""The check of decontamination with what a home knows: its claims, names, vocabulary, and what its build took out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.corpus import SELECTED
from assets.home import Home
from assets.models import pretraining_sources
from assets.stage import batches_of

if TYPE_CHECKING:
    from training.decontamination_report import DecontaminationReport
    from training.finetuning.config import FinetuningConfig
    from training.sources import Sources
    from training.tasks.base import Example

__all__ = ["check_home_decontaminated", "check_tasks_decontaminated"]


def check_home_decontaminated(
    home: Home,
    tests: Iterable[str | Example[Any]] | None = None,
    *,
    model: Path | None = None,
    sources: Sources | None = None,
) -> DecontaminationReport:
    """Stop where the shards that a model is trained on hold what it is to be judged on.

    Args:
        tests: files of test documents, and examples to be judged on; those of `corpus.test_documents` where None.
        model: a pretrained folder: its shards are those that its record names, as far as the home still has them.
        sources: what a model is going to be trained on; the home's own where neither is given.

    Raises:
        ContaminatedError: names the first rows; it has the whole report.
        MateriaError: there is no corpus, or a shard or a file of tests cannot be read.
    """
    from training.decontamination import check_decontaminated, taken_out
    from training.manifest import shards_of_model

    known = sources or pretraining_sources(home)
    shards, unread = shards_of_model(model, home.url) if model else (known.train, [])
    corpus = home.config.corpus
    selected = home.dataset(SELECTED).paths_of()
    if not selected:
        unread = [*unread, f"what the build of the corpus had taken out, as the home has no {SELECTED}"]
    return check_decontaminated(
        shards,
        corpus.test_documents if tests is None else tests,
        known.triples,
        names=known.names,
        vocabulary=home.dataset("vocabulary").paths() if shards else (),
        documents=home.dataset("documents").paths_of(batches_of(home)),
        cleaning=corpus.cleaning,
        taken=taken_out(selected) if selected else None,
        unread=unread,
    )


def check_tasks_decontaminated(
    home: Home, model: Path, tasks: Iterable[FinetuningConfig], *, cross_validated: bool = False
) -> DecontaminationReport | None:
    """Stop where a pretrained model has read what it is to be judged on, or stopped early by.

    Args:
        model: its folder; where the home has no corpus, or none of the shards of its record, nothing can be looked at.
        tasks: what it is fine-tuned for.
        cross_validated: whether all training examples are judged on.

    Returns:
        what was looked at; None where the home has no corpus.

    Raises:
        ContaminatedError: names the first rows; it has the whole report.
        MateriaError: the files of a task cannot be read.
    """
    from training.finetuning.examples import read_parts
    from training.tasks.table import TASKS

    if home.dataset("corpus").manifest() is None:
        return None
    judged: list[Example[Any]] = []
    for config in tasks:
        parts = read_parts(TASKS[config.task], config.data)
        judged += parts.labelled if cross_validated else [*parts.validation, *parts.test]
    return check_home_decontaminated(home, judged, model=model)
