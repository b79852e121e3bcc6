"""A linear model beside the encoder: what it gives training rows, what is added to logits, and a folder that gives the same again."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification

from pipeline.errors import MateriaError
from pipeline.linear_text import FILE
from tests.training.tasks import tiny_multiple_choice
from training.finetuning.config import FinetuningConfig
from training.finetuning.examples import read_parts
from training.finetuning.finetune import finetune
from training.finetuning.folder import load_finetuned
from training.finetuning.predictions import logits_of
from training.finetuning.wide import fit_wide
from training.tasks.base import Example
from training.tasks.record_classification import RecordClassification
from training.tasks.table import TASKS


@pytest.fixture(scope="module")
def written(tiny_config, tiny_encoder, tmp_path_factory):
    out = tmp_path_factory.mktemp("wide") / "model"
    config = tiny_config.model_copy(update={"wide": True})
    return finetune(config, model=tiny_encoder, out=out), out, read_parts(TASKS[config.task], config.data)


def test_logits_are_the_encoders_and_the_scores(written):
    _, out, parts = written
    finetuned = load_finetuned(out)
    plain = AutoModelForSequenceClassification.from_pretrained(out)  # as one without Materia loads it
    features = finetuned.task.features(parts.test, finetuned.tokenizer, finetuned.max_length)
    encoders = np.stack(logits_of(plain, finetuned.tokenizer, features))
    both = np.stack(logits_of(finetuned.model, finetuned.tokenizer, finetuned.features(parts.test)))
    assert np.array_equal(both, encoders + finetuned.wide_scores(parts.test))


def test_the_folder_says_what_the_trained_model_said(written, tiny_config, tiny_encoder, tmp_path):
    report, out, parts = written
    assert load_finetuned(out).figures(parts.test) == report["test"]
    assert report["wide"]["macro_f1"] > 0.8  # one word tells its label
    assert report["test"]["macro_f1"] >= 0.8
    record = json.loads((out / "materia_task.json").read_text())
    assert record["settings"]["wide"] is True
    assert record["metrics"]["wide alone, test"] == report["wide"]
    assert "Without Materia it has no linear model" in (out / "README.md").read_text()
    finetune(tiny_config.model_copy(update={"wide": True}), model=tiny_encoder, out=tmp_path / "again")
    assert {p.name: p.read_bytes() for p in out.iterdir()} == {
        p.name: p.read_bytes() for p in (tmp_path / "again").iterdir()
    }


def test_the_encoder_learns_another_thing_beside_it(written, tiny_config, tiny_encoder, tmp_path):
    finetune(tiny_config, model=tiny_encoder, out=tmp_path / "alone")
    assert not (tmp_path / "alone" / FILE).exists()
    name = "classifier.weight"
    beside, alone = (load_file(folder / "model.safetensors")[name] for folder in (written[1], tmp_path / "alone"))
    assert not torch.equal(beside, alone)


def test_training_rows_are_scored_by_models_that_did_not_see_them():
    """Names that say a label in one document only are learned by heart; what a row is given must not know them."""
    examples = [Example(f"e{n}", f"d{n}", (f"x{n} x{n} y{n}",), frozenset({"ab"[n % 2]})) for n in range(60)]
    wide, scores = fit_wide(RecordClassification.learn(examples), [*examples, *examples])  # each of the words twice
    assert np.abs(scores).max() < np.abs(wide.scores(RecordClassification(["a", "b"]).bags(examples))).max()
    assert np.allclose(scores, scores[0], atol=1.0)


def test_several_labels_are_scored_each(tiny_config):
    texts = {"pain": {"a"}, "edema": {"b"}, "pain edema": {"a", "b"}, "nothing": set()}
    examples = [
        Example(f"{n}", f"d{n}", (text,), frozenset(labels)) for n in range(20) for text, labels in texts.items()
    ]
    task = RecordClassification.learn(examples)
    _, scores = fit_wide(task, examples)
    said = [{label for label, score in zip(task.labels, row, strict=True) if score > 0} for row in scores]
    assert said == [set(example.target) for example in examples]


def test_a_task_without_labels_of_whole_examples_is_refused(tiny_encoder, tmp_path):
    data = tiny_multiple_choice.write(tmp_path)
    config = FinetuningConfig.model_validate({"task": "multiple_choice", "data": data, "max_length": 64, "wide": True})
    with pytest.raises(MateriaError, match="no labels to whole examples.* Set wide to false"):
        finetune(config, model=tiny_encoder, out=None)
