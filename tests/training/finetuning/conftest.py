"""Tiny records to classify, and how a tiny encoder learns them."""

import pytest

from tests.training.tasks import tiny_record_classification as tiny
from training.finetuning.config import FinetuningConfig


@pytest.fixture(scope="session")
def records(tmp_path_factory):
    """Settings of data: a training and a test file."""
    return tiny.write(tmp_path_factory.mktemp("records"))


@pytest.fixture(scope="session")
def tiny_config(records):
    return FinetuningConfig.model_validate(
        {"task": "record_classification", "data": records, "max_length": 64, **tiny.SETTINGS, "epochs": 2}
    )
