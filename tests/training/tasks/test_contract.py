"""What holds for every task: features, a training that learns, predictions, outcomes, a folder that gives the same again, refusals.

To add a task: write `tiny_<task>.py` beside this file with

    SETTINGS   of FinetuningConfig, beside the task and its files, with which a tiny encoder learns the tiny data in a few seconds
    AT_LEAST   the metric on the test examples that it then reaches
    write(folder) -> {"train": (file,), "test": (file,)}, and other settings of data where the files need them
    mistakes(folder) -> {name: (settings of data, words of the message)}: files that are refused
"""

import importlib
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import transformers
from transformers import AutoTokenizer

from pipeline.errors import MateriaError, SetAside
from training.finetuning.config import AdapterConfig, FinetuningConfig
from training.finetuning.examples import read_parts
from training.finetuning.finetune import finetune, train
from training.finetuning.folder import load_finetuned
from training.tasks.table import TASKS


@pytest.fixture(scope="module", params=list(TASKS))
def case(request, tmp_path_factory):
    """A task, its tiny data, and the settings to learn it with."""
    tiny = importlib.import_module(f"tests.training.tasks.tiny_{request.param}")
    folder = tmp_path_factory.mktemp(request.param)
    settings = {"task": request.param, "data": tiny.write(folder), "max_length": 64, "epochs": 2, **tiny.SETTINGS}
    config = FinetuningConfig.model_validate(settings)
    task = TASKS[request.param]
    return SimpleNamespace(tiny=tiny, folder=folder, config=config, task=task, parts=read_parts(task, config.data))


@pytest.fixture(scope="module")
def trained(case, tiny_encoder):
    """The report of a training, and the model from its folder."""
    out = case.folder / "out"
    return finetune(case.config, model=tiny_encoder, out=out), load_finetuned(out)


def test_features_are_rows_of_tokens_that_know_their_place(case, tiny_encoder):
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    task = case.task.learn(case.parts.labelled)
    features = task.features(case.parts.train, tokenizer, 64)
    assert {feature.example for feature in features} == set(range(len(case.parts.train)))
    assert [feature.example for feature in features] == sorted(feature.example for feature in features)
    for feature in features:
        texts = case.parts.train[feature.example].texts
        options = isinstance(feature.inputs["input_ids"][0], list)
        rows = zip(*feature.inputs.values(), strict=True) if options else [tuple(feature.inputs.values())]
        offsets, of = (feature.offsets, feature.text) if options else ([feature.offsets], [feature.text])
        for row, places, numbers in zip(rows, offsets, of, strict=True):
            assert {len(values) for values in (*row, places, numbers)} == {len(row[0])}
            assert len(row[0]) <= 64
            for (start, end), number in zip(places, numbers, strict=True):
                assert 0 <= start <= end <= (len(texts[number]) if number >= 0 else 0)


def test_a_training_learns(case, trained):
    report, finetuned = trained
    assert report["test"][report["metric"]] >= case.tiny.AT_LEAST
    assert report["losses"][-1] < report["losses"][0]
    assert report["test"] == finetuned.figures(case.parts.test)
    assert report["examples"]["train"]["examples"] == len(case.parts.train)


def test_right_answers_are_all_right_and_others_are_not(case, trained):
    task, test = trained[1].task, case.parts.test
    gold = [example.target for example in test]
    assert task.outcomes(test, gold).value() == 1
    assert task.figures(test, gold)[task.metric] == 1
    assert task.outcomes(test, gold).units == tuple(sorted({example.document for example in test}))
    wrong = gold[1:] + gold[:1]
    assert task.outcomes(test, wrong).value() < 1


def test_the_metric_is_the_figure_of_the_outcomes(case, trained):
    finetuned = trained[1]
    outcomes = finetuned.outcomes(case.parts.test)
    assert outcomes.value() == pytest.approx(trained[0]["test"][finetuned.task.metric])
    assert outcomes.values(np.ones((1, len(outcomes.units))))[0] == pytest.approx(outcomes.value())


def test_predictions_do_not_look_at_what_is_right(case, trained):
    finetuned, test = trained[1], case.parts.test
    said = finetuned.predict(test)
    assert len(said) == len(test)
    targets = [example.target for example in test]
    others = [replace(e, target=t) for e, t in zip(test, targets[1:] + targets[:1], strict=True)]
    assert finetuned.predict(others) == said


def test_one_example_alone_gets_what_it_gets_among_others(case, trained):
    finetuned, test = trained[1], case.parts.test
    assert [finetuned.predict([example])[0] for example in test[:3]] == finetuned.predict(test)[:3]
    assert finetuned.predict([]) == []


def test_the_folder_loads_as_the_model_it_names(case, trained):
    assert trained[1].task.labels == case.task.learn(case.parts.labelled).labels
    out = case.folder / "out"
    named = transformers.AutoConfig.from_pretrained(out).architectures[0]
    model_class = getattr(transformers, named, None)
    if model_class is None:
        pytest.skip(f"{named} is of this project")
    _, loading = model_class.from_pretrained(out, output_loading_info=True)
    assert not loading["missing_keys"] and not loading["unexpected_keys"]


def test_the_same_seed_gives_the_same_bytes(case, tiny_encoder, tmp_path):
    config = case.config.model_copy(update={"epochs": 1})
    for name in ("a", "b"):
        finetune(config, model=tiny_encoder, out=tmp_path / name)
    first, second = ({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("a", "b"))
    assert first == second


def test_adapters_and_weights_of_classes_serve_every_task(case, tiny_encoder, tmp_path):
    config = case.config.model_copy(update={"epochs": 1, "adapters": AdapterConfig(rank=2)})
    balanced = config.model_copy(update={"class_weights": "balanced"})
    task, tokenizer = case.task.learn(case.parts.labelled), AutoTokenizer.from_pretrained(tiny_encoder)
    if task.labels and not isinstance(task.features(case.parts.train[:1], tokenizer, 64)[0].labels, dict):
        config = balanced
    else:
        with pytest.raises(MateriaError, match="no classes to weigh"):
            train(balanced, case.parts, model=tiny_encoder)
    report = finetune(config, model=tiny_encoder, out=tmp_path / "out")
    assert load_finetuned(tmp_path / "out").figures(case.parts.test) == report["test"]


def test_reading_again_gives_the_same_examples(case):
    files = case.config.data.train
    first, second = (list(case.task.read(files, case.config.data)) for _ in range(2))
    assert first == second
    assert len({example.id for example in first if not isinstance(example, SetAside)}) == len(case.parts.labelled)


def test_mistakes_in_the_files_are_refused_and_named(case, tiny_encoder, tmp_path):
    mistakes = case.tiny.mistakes(tmp_path)
    assert "overlap" in mistakes
    for name, (data, words) in mistakes.items():
        config = case.config.model_copy(update={"data": case.config.data.model_copy(update=data)})
        with pytest.raises(MateriaError) as refused:
            train(config, read_parts(case.task, config.data), model=tiny_encoder)
        for word in words:
            assert word in str(refused.value), name
