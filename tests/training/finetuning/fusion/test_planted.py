"""A task that only the graph can solve: the label of a drug is in its vector, and the test asks of drugs that training never saw."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from transformers import AutoModelForSequenceClassification

from pipeline.errors import MateriaError
from training.finetuning.config import FinetuningConfig
from training.finetuning.finetune import finetune
from training.finetuning.folder import load_finetuned
from training.tasks.base import Example

TOLD = ("{} was given.", "Patients received {}.", "No other events were seen after {}.", "We measured {}.")
VECTORS = "kg_embeddings/planted"


@pytest.fixture(scope="module")
def planted(graph, corpus, embeddings_of, tmp_path_factory):
    """Files of training and test over different drugs, and sources whose vectors tell the label by a direction."""
    folder = tmp_path_factory.mktemp("planted")
    drugs = sorted(name for name in corpus.names.values() if " " not in name)
    label_of = {name: ("safe", "toxic")[place * 7 % 5 % 2] for place, name in enumerate(drugs)}
    for part, names in (("train", drugs[::2]), ("test", drugs[1::2])):
        with (folder / f"{part}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "label"])
            writer.writerows([text.format(name), label_of[name]] for name in names for text in TOLD)
    made = embeddings_of(corpus.triples, dim=32)
    vectors, direction = made.entity_vectors * 0.3, np.random.default_rng(8).normal(size=32)
    for name, label in label_of.items():
        vectors[made.entities.index("T:" + name)] += direction if label == "toxic" else -direction
    replace(made, entity_vectors=vectors).save(folder / "planted")
    return folder, replace(graph, folders={VECTORS: folder / "planted"})


def config(folder, **settings):
    data = {"train": [str(folder / "train.csv")], "test": [str(folder / "test.csv")], "validation_share": 0}
    values = {"epochs": 16, "batch": 8, "learning_rate": 5e-3, "max_length": 32, "data": data, **settings}
    return FinetuningConfig(**values)


def accuracy(report):
    return report["test"]["accuracy"]


@pytest.fixture(scope="module")
def made(planted, tiny_encoder, tmp_path_factory):
    folder, sources = planted
    out = tmp_path_factory.mktemp("made") / "gated"
    report = finetune(config(folder, graph={"embeddings": VECTORS}), model=tiny_encoder, out=out, graph=sources)
    return report, out


def test_only_the_vectors_tell_and_shuffled_ones_do_not(made, planted, tiny_encoder):
    folder, sources = planted
    attention = {"embeddings": VECTORS, "how": "attention", "neighbours": 2}
    figures = {"gated": accuracy(made[0])}
    for name, graph in (
        ("none", None),
        ("attention", attention),
        ("shuffled", {"embeddings": VECTORS, "shuffled": True}),
        ("adapted", {"embeddings": VECTORS}),
    ):
        settings = {"graph": graph, "adapters": {"rank": 4} if name == "adapted" else None}
        report = finetune(config(folder, **settings), model=tiny_encoder, out=None, graph=sources)
        figures[name] = accuracy(report)
    assert min(figures["gated"], figures["attention"], figures["adapted"]) > 0.9, figures
    assert max(figures["none"], figures["shuffled"]) < 0.75, figures


def test_the_report_says_how_much_the_graph_reaches(made):
    graph = made[0]["graph"]
    assert graph["examples"] == 1.0 and 0 < graph["tokens"] < 1 and graph["entities"] == 10


def test_the_folder_predicts_on_new_text_once_the_vocabulary_is_given(made, planted):
    _, out = made
    folder, sources = planted
    examples = [
        Example(f"t:{n}", f"t:{n}", (row["text"].replace("given", "seen"),), frozenset([row["label"]]))
        for n, row in enumerate(csv.DictReader((folder / "test.csv").open()))
    ]
    loaded = load_finetuned(out, sources.vocabulary)
    right = [said == example.target for said, example in zip(loaded.predict(examples), examples, strict=True)]
    assert sum(right) / len(right) > 0.9
    with pytest.raises(MateriaError, match="finds mentions by a vocabulary that must be given: names.parquet"):
        load_finetuned(out)
    # Without Materia it is an ordinary classifier, which then reads the text alone.
    _, told = AutoModelForSequenceClassification.from_pretrained(out, output_loading_info=True)
    assert not told["missing_keys"] and not told["unexpected_keys"]


def test_the_same_seed_writes_the_same_bytes(made, planted, tiny_encoder, tmp_path):
    folder, sources = planted
    again = tmp_path / "again"
    finetune(config(folder, graph={"embeddings": VECTORS}), model=tiny_encoder, out=again, graph=sources)
    for file in sorted(path.name for path in again.iterdir()):
        assert (again / file).read_bytes() == (made[1] / file).read_bytes(), file
    record = json.loads((again / "graph_fusion.json").read_text())
    assert record["config"]["how"] == "gated" and str(folder) not in (again / "graph_fusion.json").read_text()
