"""What the tests of tasks share."""

import json
from types import SimpleNamespace

import pytest

from pipeline.errors import SetAside
from training.data.tokenizers import load_tokenizer
from training.finetuning.predictions import logits_of
from training.tasks.config import TaskDataConfig


@pytest.fixture(scope="session")
def read_as(tmp_path_factory):
    """Reads JSON or text as a task's file: its examples, and what was set aside."""

    def read(task, data, name="a.json", **settings):
        file = tmp_path_factory.mktemp("task") / name
        file.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
        items = list(task.read([str(file)], TaskDataConfig(**settings)))
        aside = [item for item in items if isinstance(item, SetAside)]
        return SimpleNamespace(examples=[item for item in items if item not in aside], aside=aside)

    return read


@pytest.fixture(scope="session")
def tiny_tokenizer(tiny_encoder):
    return load_tokenizer(str(tiny_encoder))


@pytest.fixture(scope="session")
def predict(tiny_tokenizer):
    """What a model says of examples, by way of features and logits."""

    def said(task, model, examples, max_length=64):
        features = task.features(examples, tiny_tokenizer, max_length)
        return task.predict(examples, features, logits_of(model, tiny_tokenizer, features))

    return said
