"""Pretraining as a whole: losses fall, runs repeat to the bit, the folder loads without this project, bad input is told."""

import json

import numpy as np
import pyarrow as pa
import pytest
import torch
from pydantic import ValidationError
from transformers import AutoModel, AutoTokenizer

from pipeline.errors import MateriaError
from training.config import BackboneConfig, ObjectiveWeights, PretrainingConfig
from training.evaluate import evaluate, macro_f1
from training.loss_log import LossLog
from training.model import load_model
from training.pretrain import pretrain


def run(corpus, config, out, **changes):
    values = {"train": corpus.train, "validation": corpus.validation, "triples": corpus.triples, "names": corpus.names}
    values |= changes
    return pretrain(*values.values(), config, out=out)


@pytest.fixture(scope="module")
def trained(corpus, small, tmp_path_factory):
    out = tmp_path_factory.mktemp("model")
    config = small.model_copy(update={"steps": 80})
    return config, out, run(corpus, config, out)


def test_every_loss_falls(trained):
    _, _, report = trained
    assert set(report["losses"]) == {"total", *ObjectiveWeights.model_fields}
    for name, ends in report["losses"].items():
        assert ends["last"] < ends["first"], name
    assert report["passages"] == 80 * 8 and report["tokens"] > 0
    assert report["validation"]["relation_classification"]["macro_f1"] > 0.5


def test_the_folder_loads_without_this_project(trained):
    _, out, _ = trained
    model, tokenizer = AutoModel.from_pretrained(out), AutoTokenizer.from_pretrained(out)
    states = model(**tokenizer("metformin treats pain", return_tensors="pt")).last_hidden_state
    ours, _ = load_model(out)
    torch.testing.assert_close(
        model.embeddings.word_embeddings.weight, ours.backbone.bert.embeddings.word_embeddings.weight
    )
    assert states.shape[-1] == 48 and torch.isfinite(states).all()


def test_the_folder_holds_the_record_of_what_it_read(trained, corpus):
    config, out, _ = trained
    manifest = json.loads((out / "materia_manifest.json").read_text())
    assert manifest["shards"][0] == {"name": corpus.train[0].name, "sha256": corpus.train[0].sha256, "split": "train"}
    assert [s["split"] for s in manifest["shards"]] == ["train"] * 4 + ["validation"]
    assert PretrainingConfig(**json.loads((out / "training_config.json").read_text())) == config
    written = b"".join(p.read_bytes() for p in out.iterdir() if p.suffix in {".json", ".csv"})
    assert str(corpus.folder).encode() not in written and str(out).encode() not in written
    assert (out / "losses.csv").read_text().splitlines()[0].startswith("step,total,masked_lm")
    assert (out / "losses.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(corpus, small, tmp_path):
    config = small.model_copy(update={"steps": 6, "backbone": small.backbone.model_copy(update={"dropout": 0.1})})
    torch.manual_seed(1)
    run(corpus, config, tmp_path / "a")
    torch.manual_seed(2)
    run(corpus, config, tmp_path / "b")
    run(corpus, config.model_copy(update={"seed": 14}), tmp_path / "c")
    names = sorted(p.name for p in (tmp_path / "a").iterdir())
    assert {n for n in names if (tmp_path / "a" / n).read_bytes() != (tmp_path / "b" / n).read_bytes()} == set()
    assert (tmp_path / "a" / "losses.csv").read_bytes() != (tmp_path / "c" / "losses.csv").read_bytes()


def test_training_leaves_torchs_state_as_it_was(corpus, small, tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    run(corpus, small.model_copy(update={"steps": 1}), tmp_path)
    assert torch.equal(torch.rand(3), expected) and torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()


def test_evaluation_gives_the_figures_of_every_objective(trained, corpus):
    config, out, report = trained
    shards = {"validation": corpus.validation, "test": []}
    passed = {"transe": {"test": {"mrr": 0.5}}}
    figures = evaluate(out, shards, corpus.triples, corpus.names, config, embeddings=passed)
    assert figures["embeddings"] == passed
    assert figures["validation"] == report["validation"]
    assert set(figures["validation"]) == set(ObjectiveWeights.model_fields)
    assert figures["validation"]["masked_lm"]["perplexity"] == pytest.approx(
        np.exp(figures["validation"]["masked_lm"]["loss"])
    )
    assert set(figures["test"]) == {"link_prediction"}
    assert figures["test"]["link_prediction"]["candidates"] == 36
    few = evaluate(out, shards, corpus.triples, corpus.names, config.model_copy(update={"evaluation_entities": 5}))
    assert few["test"]["link_prediction"]["candidates"] == 5


def test_a_relation_the_model_never_learned_takes_the_worst_rank(trained, corpus):
    config, out, _ = trained
    row = {"subject": ["T:new"], "predicate": ["biolink:unheard_of"], "object": ["T:newer"], "split": ["test"]}
    triples = pa.concat_tables(
        [corpus.triples.filter(pa.compute.equal(corpus.triples["split"], "train")), pa.table(row)]
    )
    figures = evaluate(out, {"test": []}, triples, corpus.names, config)["test"]["link_prediction"]
    assert figures["mrr"] == pytest.approx(1 / figures["candidates"]) and figures["examples"] == 1


@pytest.mark.parametrize("name", list(ObjectiveWeights.model_fields))
def test_each_objective_trains_alone(corpus, small, tmp_path, name):
    weights = ObjectiveWeights(**{other: float(other == name) for other in ObjectiveWeights.model_fields})
    config = small.model_copy(update={"steps": 2, "weights": weights})
    triples = corpus.triples if name == "link_prediction" else corpus.triples.slice(0, 0)
    assert set(run(corpus, config, tmp_path, triples=triples)["losses"]) == {"total", name}
    assert set(load_model(tmp_path)[0].objectives) == {name}


def test_one_relation_and_one_passage_are_enough(corpus, small, tmp_path, write_shard):
    row = {
        "passage_id": "p", "kind": "literature", "language": "en", "text": "aspirin treats pain.", "split": "train",
        "sentences": [{"start": 0, "end": 20}], "triple_ids": [], "evidence_ids": [], "doc_ids": [], "belief": None,
        "spans": [{"start": 0, "end": 7, "curie": "T:a", "category": "biolink:Drug"},
                  {"start": 15, "end": 19, "curie": "T:p", "category": "biolink:Disease"}],
        "relations": [{"subject": 0, "predicate": "biolink:treats", "object": 1, "source": "e"}],
    }  # fmt: skip
    triples = pa.table({"subject": ["T:a"], "predicate": ["biolink:treats"], "object": ["T:p"], "split": ["train"]})
    shard = write_shard(tmp_path, "one.parquet", [row])
    report = run(corpus, small.model_copy(update={"steps": 2}), tmp_path / "m", train=[shard], triples=triples)
    assert report["losses"]["next_sentence"] == {"first": None, "last": None}
    assert report["losses"]["masked_lm"]["last"] is not None


def test_bad_input_is_one_clear_sentence(corpus, small, tmp_path, write_shard):
    empty = write_shard(tmp_path, "empty.parquet", [])
    no_weights = ObjectiveWeights(**dict.fromkeys(ObjectiveWeights.model_fields, 0.0))
    text_only = ObjectiveWeights(link_prediction=0, relation_classification=0)
    cases = [
        ({"triples": corpus.triples.slice(0, 0)}, {}, r"no training triples.*weights\.link_prediction to 0"),
        ({"train": [empty]}, {}, "no relation.*nothing to classify"),
        ({"train": [empty]}, {"weights": text_only}, "no text to train a tokenizer on"),
        ({}, {"weights": no_weights}, "every objective has weight 0"),
        ({}, {"learning_rate": 1e30, "steps": 8, "clip": 1e30}, "is no number. Lower learning_rate"),
    ]
    for changes, settings, problem in cases:
        with pytest.raises(MateriaError, match=problem):
            run(corpus, small.model_copy(update=settings), tmp_path / "m", **changes)


def test_a_tokenizer_that_does_not_fit_and_a_broken_folder_are_told(trained, tmp_path):
    _, out, _ = trained
    for name in ("missing", "other"):
        (tmp_path / name).mkdir()
    with pytest.raises(MateriaError, match="missing: holds no complete pretrained model"):
        load_model(tmp_path / "missing")
    for path in out.iterdir():
        (tmp_path / "other" / path.name).write_bytes(path.read_bytes())
    tokenizer = AutoTokenizer.from_pretrained(out)
    tokenizer.add_tokens(["metabolome", "proteome"])
    tokenizer.save_pretrained(tmp_path / "other")
    with pytest.raises(MateriaError, match=r"other: the tokenizer has \d+ tokens but the model only"):
        load_model(tmp_path / "other")


def test_configuration_refuses_unknown_keys_and_impossible_sizes():
    for values in ({"step": 3}, {"backbone": {"layer": 1}}, {"backbone": {"hidden": 10, "heads": 3}}):
        with pytest.raises(ValidationError):
            PretrainingConfig(**values)
    assert BackboneConfig(hidden=12, heads=3).heads == 3


def test_the_log_means_over_windows_and_leaves_gaps_empty(tmp_path):
    log = LossLog(["a", "b"])
    for step in range(1, 5):
        log.add(step, {"a": float(step), "b": None}, 1.0, 0.1, 2.0)
    log.write_csv(tmp_path / "l.csv", 2)
    assert (tmp_path / "l.csv").read_text() == (
        "step,total,a,b,learning_rate,gradient_norm\n2,1,1.5,,0.1,2\n4,1,3.5,,0.1,2\n"
    )
    assert log.ends()["a"] == {"first": 1.0, "last": 4.0} and log.ends()["b"] == {"first": None, "last": None}


def test_macro_f1_counts_classes_that_occur():
    assert macro_f1(np.array([0, 1, 1]), np.array([0, 1, 2]), 5) == pytest.approx((1 + 2 / 3 + 0) / 3)
