"""Fine-tuning as a whole: what a plain script gives, the best epoch, adapters, class weights, a folder with its record and card."""

import json
import tempfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
)

from pipeline.content import folder_hash
from pipeline.errors import MateriaError
from pipeline.storage import file_sha256
from training.backbones.config import BackboneConfig
from training.backbones.table import make_backbone
from training.finetuning.config import FinetuningConfig
from training.finetuning.cross_validation import cross_validate, spread
from training.finetuning.examples import read_parts
from training.finetuning.finetune import finetune, train
from training.finetuning.folder import load_finetuned
from training.tasks.table import TASKS


def changed(config, **values):
    data = config.data.model_copy(update=values.pop("data", {}))
    return type(config).model_validate({**config.model_dump(), **values, "data": data.model_dump()})


@pytest.fixture(scope="module")
def written(tiny_config, tiny_encoder, tmp_path_factory):
    out = tmp_path_factory.mktemp("written") / "model"
    return finetune(tiny_config, model=tiny_encoder, out=out), out


def test_weights_are_those_of_a_plain_transformers_script(tiny_config, tiny_encoder, tmp_path):
    config = changed(tiny_config, data={"validation_share": 0.0})
    finetune(config, model=tiny_encoder, out=tmp_path / "ours")

    parts = read_parts(TASKS[config.task], config.data)
    labels = sorted({label for example in parts.train for label in example.target})
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    rows = [
        {**tokenizer(e.texts[0], truncation=True, max_length=64), "label": labels.index(*e.target)} for e in parts.train
    ]
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(config.seed)
    model = AutoModelForSequenceClassification.from_pretrained(tiny_encoder, num_labels=len(labels))
    arguments = TrainingArguments(
        output_dir=tmp_path / "plain",
        num_train_epochs=config.epochs,
        per_device_train_batch_size=config.batch,
        learning_rate=config.learning_rate,
        warmup_steps=config.warmup,
        weight_decay=config.weight_decay,
        seed=config.seed,
        save_strategy="no",
        dataloader_pin_memory=False,
    )
    Trainer(model, arguments, train_dataset=rows, data_collator=DataCollatorWithPadding(tokenizer)).train()
    torch.set_num_threads(before)
    ours = load_file(tmp_path / "ours" / "model.safetensors")
    for name, tensor in model.state_dict().items():
        if name in ours:
            assert torch.equal(tensor.cpu(), ours[name]), name
    assert {"classifier.weight", "bert.encoder.layer.0.attention.self.query.weight"} <= ours.keys()


def test_the_record_says_what_the_model_was_made_from(written, tiny_config, tiny_encoder):
    report, out = written
    record = json.loads((out / "materia_task.json").read_text())
    assert (record["schema"], record["task"], record["max_length"]) == (
        "materia_task.v1",
        "record_classification.v1",
        64,
    )
    assert record["encoder"] == {"name": tiny_encoder.name, "sha256": folder_hash(tiny_encoder)}
    files = {
        part: [file_sha256(Path(file))]
        for part, (file,) in (("train", tiny_config.data.train), ("test", tiny_config.data.test))
    }
    assert {part: [file["sha256"] for file in some] for part, some in record["data"].items()} == files
    assert record["settings"] == json.loads(tiny_config.model_dump_json())
    assert record["metrics"] == {"validation": report["validation"], "test": report["test"]}
    assert {path.name for path in out.iterdir()} == {
        "README.md", "config.json", "materia_task.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip


def test_the_card_names_labels_files_and_figures(written):
    report, out = written
    card = (out / "README.md").read_text()
    for words in (
        "cause, neither, treatment",
        "train.csv",
        "| macro\\_f1 |".replace("\\", ""),
        f"{report['test']['macro_f1']:.4f}",
    ):
        assert words in card
    assert str(out.parent) not in card


def test_the_best_epoch_is_kept_and_no_more_are_waited_for(tiny_config, tiny_encoder, tmp_path):
    config = changed(tiny_config, epochs=12, patience=2, learning_rate=8e-3)
    report = finetune(config, model=tiny_encoder, out=tmp_path / "model")
    looks, best = report["looks"], report["best"]
    assert best == looks.index(max(looks)) + 1
    assert len(looks) == min(best + 2, 12)
    assert len(looks) < 12, "the test needs a figure that stops rising"
    assert report["validation"]["macro_f1"] == pytest.approx(
        max(looks)
    )  # its weights are those that were judged and written


def test_adapters_are_in_the_weights_at_the_end(tiny_config, tiny_encoder, written, tmp_path):
    config = changed(tiny_config, adapters={"rank": 4, "alpha": 8}, epochs=4, learning_rate=1e-2)
    report = finetune(config, model=tiny_encoder, out=tmp_path / "model")
    assert report["losses"][-1] < report["losses"][0]
    adapted, plain = (load_file(folder / "model.safetensors") for folder in (tmp_path / "model", written[1]))
    encoder = load_file(tiny_encoder / "model.safetensors")
    assert adapted.keys() == plain.keys()
    same = {name for name in adapted if name in encoder and torch.equal(adapted[name], encoder[name])}
    assert "bert.embeddings.word_embeddings.weight" in same
    assert "bert.encoder.layer.0.attention.self.query.weight" not in same
    parts = read_parts(TASKS[config.task], config.data)
    assert load_finetuned(tmp_path / "model").figures(parts.test) == report["test"]


def test_balanced_weights_change_the_training(tiny_config, tiny_encoder, written):
    report = finetune(changed(tiny_config, class_weights="balanced"), model=tiny_encoder, out=None)
    assert report["losses"] != written[0]["losses"]


def test_another_seed_gives_another_model(tiny_config, tiny_encoder, written):
    report = finetune(changed(tiny_config, seed=14), model=tiny_encoder, out=None)
    assert report["losses"] != written[0]["losses"]
    assert report["examples"] == written[0]["examples"]  # the parts are no matter of the seed


def test_steps_are_told_and_torch_and_the_disk_are_left_as_they_were(tiny_config, tiny_encoder, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    steps, threads = [], torch.get_num_threads()
    state = torch.random.get_rng_state()
    parts = read_parts(TASKS[tiny_config.task], tiny_config.data)
    _, fitted = train(tiny_config, parts, model=tiny_encoder, on_step=lambda step, of: steps.append((step, of)))
    per_epoch = -(-len(parts.train) // tiny_config.batch)
    assert steps == [(n, 2 * per_epoch) for n in range(1, 2 * per_epoch + 1)]
    assert fitted.steps == 2 * per_epoch
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not list(tmp_path.iterdir())  # so that a kill leaves nothing either


@pytest.mark.parametrize("family", ["gpt2", "llama", "xlnet"])
def test_an_encoder_of_any_family_does_padded_or_not(family, tiny_config, make_tokenizer, tmp_path):
    words = [*"abcdefghijklmnopqrstuvwxyz", "was", "is", "effective", "induced", "given", "against", "by", "and", "."]
    tokenizer = make_tokenizer(words)
    torch.manual_seed(2)
    sizes = BackboneConfig(family=family, layers=1, hidden=16, heads=2, feed_forward=32)
    make_backbone(sizes, tokenizer, 64).save(tmp_path / "encoder")
    if family == "gpt2":  # as its authors published it
        tokenizer = make_tokenizer(words, pad_token=None)
        settings = json.loads((tmp_path / "encoder" / "config.json").read_text())
        (tmp_path / "encoder" / "config.json").write_text(json.dumps(settings | {"pad_token_id": None}))
    tokenizer.padding_side = "left" if family == "xlnet" else "right"
    tokenizer.save_pretrained(tmp_path / "encoder")
    report = finetune(tiny_config, model=tmp_path / "encoder", out=tmp_path / "model")
    assert report["losses"][1] < report["losses"][0]
    parts = read_parts(TASKS[tiny_config.task], tiny_config.data)
    assert load_finetuned(tmp_path / "model").figures(parts.test) == report["test"]


def test_a_loss_that_is_no_number_ends_the_training(tiny_config, tiny_encoder, tmp_path):
    config = changed(tiny_config, learning_rate=1e38)
    with pytest.raises(MateriaError, match=r"the loss is no number after step \d+. Set a learning_rate below 1e\+38"):
        finetune(config, model=tiny_encoder, out=tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_predicting_leaves_the_model_in_its_mode(written, tiny_config):
    finetuned = load_finetuned(written[1])
    test = read_parts(TASKS[tiny_config.task], tiny_config.data).test
    for training in (True, False):
        finetuned.model.train(training)
        finetuned.predict(test)
        assert finetuned.model.training is training


def test_folds_judge_each_example_once(tiny_config, tiny_encoder):
    config = changed(tiny_config, data={"test": ()}, epochs=1)
    report = cross_validate(config, 2, model=tiny_encoder)
    assert len(report["folds"]) == 2
    assert report["examples"]["train"]["examples"] == 64
    assert 0 <= report["test"]["macro_f1"] <= 1
    mean, deviation = spread(report["folds"])["accuracy"]
    assert mean == pytest.approx(sum(fold["accuracy"] for fold in report["folds"]) / 2)
    assert deviation >= 0
    with pytest.raises(MateriaError, match="test files are named"):
        cross_validate(tiny_config, 3, model=tiny_encoder)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"max_length": 500}, ("positions for 128 tokens", "at most 128")),
        ({"graph": {"embeddings": "kg_embeddings/none"}}, ("graph",)),
    ],
)
def test_settings_that_do_not_fit_are_refused(values, words, tiny_config, tiny_encoder):
    with pytest.raises(MateriaError) as refused:
        finetune(changed(tiny_config, **values), model=tiny_encoder, out=None)
    for word in words:
        assert word in str(refused.value)


def test_what_is_no_encoder_or_no_model_is_refused(tiny_config, tiny_encoder, written, tmp_path):
    with pytest.raises(MateriaError, match="no such folder"):
        finetune(tiny_config, model=tmp_path / "nothing", out=None)
    (tmp_path / "empty").mkdir()
    with pytest.raises(MateriaError, match="holds no tokenizer"):
        finetune(tiny_config, model=tmp_path / "empty", out=None)
    AutoTokenizer.from_pretrained(tiny_encoder).save_pretrained(tmp_path / "empty")
    with pytest.raises(MateriaError, match="holds no model that this task can start from"):
        finetune(tiny_config, model=tmp_path / "empty", out=None)
    with pytest.raises(MateriaError, match="holds no fine-tuned model"):
        load_finetuned(tiny_encoder)


@pytest.mark.parametrize("number", [2, 3])
def test_a_model_for_other_labels_is_no_encoder_to_start_from(number, tiny_config, written, tmp_path):
    """As many labels of other names are others too."""
    rows = "".join(f"Patient {n} is well.,{n % number}\n" for n in range(60))
    (tmp_path / "two.csv").write_text("text,label\n" + rows)
    config = changed(tiny_config, data={"train": (str(tmp_path / "two.csv"),), "test": ()})
    with pytest.raises(MateriaError, match="has a head for other labels than this task has. Give the encoder"):
        finetune(config, model=written[1], out=None)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda record: record | {"schema": "materia_task.v0"}, "of another version"),
        (lambda record: record | {"task": "record_classification.v0"}, "fine-tuned for record_classification.v0"),
        (lambda record: {k: v for k, v in record.items() if k != "labels"}, "labels"),
    ],
)
def test_a_record_of_another_version_is_refused(change, said, written, tmp_path):
    record = json.loads((written[1] / "materia_task.json").read_text())
    (tmp_path / "materia_task.json").write_text(json.dumps(change(record)))
    with pytest.raises(MateriaError, match=said):
        load_finetuned(tmp_path)


def test_a_training_that_fails_leaves_the_model_that_was_there(written, tiny_config, tiny_encoder, tmp_path):
    before = folder_hash(written[1])
    with pytest.raises(MateriaError):
        finetune(changed(tiny_config, max_length=500), model=tiny_encoder, out=written[1])
    assert folder_hash(written[1]) == before
    assert [path.name for path in written[1].parent.iterdir()] == ["model"]


def test_a_place_that_cannot_be_written_to_is_refused_before_training(tiny_config, tiny_encoder, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    steps = []
    with pytest.raises(MateriaError, match="cannot be written to"):
        finetune(
            tiny_config,
            model=tiny_encoder,
            out=tmp_path / "file" / "model",
            on_step=lambda step, _: steps.append(step),
        )
    assert not steps


def test_rows_too_long_to_judge_on_are_refused_before_training(tiny_encoder, tmp_path):
    from tests.training.tasks import tiny_question_answering as tiny

    data = tiny.write(tmp_path)
    long = {"90000000": {"QUESTION": "Does it help? " * 40, "CONTEXTS": ["It does."], "final_decision": "yes"}}
    data["test"] = tiny.written(tmp_path / "long.json", long)
    config = FinetuningConfig.model_validate({"task": "question_answering", "data": data, "max_length": 48})
    steps = []
    with pytest.raises(MateriaError, match="long.json, 90000000"):
        finetune(config, model=tiny_encoder, out=None, on_step=lambda step, _: steps.append(step))
    assert not steps
