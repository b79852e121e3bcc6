"""A suite: one file that says what models are judged by, so that all are judged by the same.

    seeds: [13, 14, 15]
    probing: {phrasings: 2}
    link_probe: {}
    perplexity: null                     # left out
    bootstrap: {draws: 2000}
    tasks:
      transcriptions:                    # a name of yours; below it what `materia finetune` takes
        task: record_classification
        data: {train: [mtsamples.csv.gz], text: transcription, label: medical_specialty}
        epochs: 4

Files are named relative to the suite's own, or by a path or URL.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from upath import UPath

from pipeline.errors import MateriaError
from pipeline.settings import parse_settings
from pipeline.sources import reaching, text_of
from pipeline.yaml_file import parse_yaml
from training.evaluation.config import SuiteConfig

__all__ = ["load_suite", "suite_as_written"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_PARTS = ("train", "validation", "test")


def load_suite(path: str) -> SuiteConfig:
    """The suite in a YAML or JSON file, with its files found.

    Raises:
        MateriaError: there is no such file, a setting is wrong, a task has no files, nothing to be judged on, or is called what no
            file could be, or one of its files does not exist.
    """
    values = parse_yaml(text_of(path), path)
    suite = parse_settings(SuiteConfig, values, path, remedy="Correct the suite; docs/evaluation.md lists its keys")
    if not (suite.probing or suite.link_probe or suite.perplexity or suite.tasks):
        raise MateriaError("asks for nothing", file=path, remedy="Name a section that is not null, or tasks")
    if repeated := sorted({seed for seed in suite.seeds if suite.seeds.count(seed) > 1}):
        raise MateriaError(f"seeds: {repeated[0]} stands there twice", file=path, remedy="Name each seed once")
    tasks = {}
    for name, task in suite.tasks.items():
        if not _NAME.fullmatch(name):
            raise MateriaError(
                f"tasks.{name}: no name for a task", file=path, remedy="Use letters, digits, - and _ in names of tasks"
            )
        if not task.data.train:
            raise MateriaError(
                f"tasks.{name}.data.train: no files to learn from", file=path, remedy="Name the files of the task"
            )
        if not task.data.test and not task.data.test_share:
            raise MateriaError(
                f"tasks.{name}.data: no test files and a test_share of 0 leave nothing to judge on",
                file=path,
                remedy="Name test files, or a share of the training documents",
            )
        placed: dict[str, Any] = {part: _placed(getattr(task.data, part), path, name) for part in _PARTS}
        tasks[name] = task.model_copy(update={"data": task.data.model_copy(update=placed)})
    return suite.model_copy(update={"tasks": tasks})


def suite_as_written(suite: SuiteConfig) -> dict[str, Any]:
    """The settings of a suite whole, with the names of files and without where they lie on this machine."""
    values = suite.model_dump(mode="json")
    for task in values["tasks"].values():
        task["data"] |= {part: [UPath(file).name for file in task["data"][part]] for part in _PARTS}
    return values


def _placed(files: tuple[str, ...], suite: str, task: str) -> tuple[str, ...]:
    """Files as they are found from here."""
    found = []
    for file in files:
        place = UPath(file)
        if "://" not in file and not Path(file).is_absolute():
            place = UPath(suite).parent / file
        with reaching(file):
            if not place.is_file():
                raise MateriaError(
                    f"tasks.{task}: there is no file {file}",
                    file=suite,
                    remedy="Name files relative to the suite's own",
                )
        found.append(str(place))
    return tuple(found)
