"""A linear model beside the encoder: how the two are weighed, what is added to logits, and a folder that gives the same again."""

import json
from dataclasses import replace

import numpy as np
import pytest
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
    both = np.stack(finetuned.logits(parts.test, features))
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


def test_the_encoder_is_the_one_that_it_would_be_without(written, tiny_config, tiny_encoder, tmp_path):
    finetune(tiny_config, model=tiny_encoder, out=tmp_path / "alone")
    assert not (tmp_path / "alone" / FILE).exists()
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        assert (written[1] / name).read_bytes() == (tmp_path / "alone" / name).read_bytes(), name


def examples_of(*texts):
    return [Example(f"{n}", f"d{n}", (text,), frozenset(labels)) for n in range(20) for text, labels in texts]


@pytest.mark.parametrize("right", [True, False])
def test_the_better_of_the_two_weighs_more(right):
    """An encoder that is right needs no linear model; one that says nothing of use is outvoted."""
    examples = examples_of(("pain", {"a"}), ("edema", {"b"}), ("rash", {"a"}), ("ache", {"b"}))
    examples += [
        replace(one, target=frozenset({"ab"["a" in one.target]})) for one in examples[:16]
    ]  # words do not tell all
    task = RecordClassification.learn(examples)
    said = [4.0 if "a" in one.target else -4.0 for one in examples]
    logits = [
        np.array([score, -score] if right else [3.0 * (n % 5 - 2), 0.0], np.float32) for n, score in enumerate(said)
    ]
    wide = fit_wide(task, examples, examples, logits).scores(task.bags(examples))
    both = task.predict(examples, [], [row + scores for row, scores in zip(logits, wide, strict=True)])
    alone = task.predict(examples, [], logits)
    value = [task.outcomes(examples, some).value() for some in (both, alone, task.predict(examples, [], list(wide)))]
    assert value[0] == (value[1] if right else value[2])
    assert value[1 if right else 2] > value[2 if right else 1]


def test_several_labels_are_scored_each():
    examples = examples_of(("pain", {"a"}), ("edema", {"b"}), ("pain edema", {"a", "b"}), ("nothing", set()))
    task = RecordClassification.learn(examples)
    nothing = [np.zeros(2, np.float32)] * len(examples)
    scores = fit_wide(task, examples, examples, nothing).scores(task.bags(examples))
    assert task.predict(examples, [], list(scores)) == [example.target for example in examples]


def test_a_task_without_labels_of_whole_examples_is_refused(tiny_encoder, tmp_path):
    data = tiny_multiple_choice.write(tmp_path)
    config = FinetuningConfig.model_validate({"task": "multiple_choice", "data": data, "max_length": 64, "wide": True})
    with pytest.raises(MateriaError, match="no labels to whole examples.* Set wide to false"):
        finetune(config, model=tiny_encoder, out=None)


def test_without_validation_examples_it_is_refused(tiny_config, tiny_encoder):
    data = tiny_config.data.model_copy(update={"validation_share": 0.0})
    config = tiny_config.model_copy(update={"wide": True, "data": data})
    with pytest.raises(MateriaError, match="weighed on validation examples, and there are none"):
        finetune(config, model=tiny_encoder, out=None)
