"""Every task reads graph vectors: each with its own class of model, one epoch on its tiny data, where long words are entities."""

import importlib
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.tables import VOCABULARY
from training.finetuning.config import FinetuningConfig
from training.finetuning.examples import read_parts
from training.finetuning.finetune import finetune
from training.finetuning.folder import load_finetuned
from training.finetuning.fusion.sources import GraphSources
from training.tasks.table import TASKS


def long_words(parts):
    texts = [text for example in (*parts.train, *parts.test) for text in example.texts]
    return sorted({word for text in texts for word in re.findall(r"\b[a-z]{6,}\b", text)})


def graph_of(words, folder, embeddings_of):
    """A vocabulary with the words as names, and vectors of a graph that joins each to the next."""
    curies = [f"T:{word}" for word in words]
    rows = [
        {"curie": curie, "name": word, "category": "biolink:Drug", "synonyms": [], "parents": [], "xrefs": [],
         "sources": ["v"], "translations": [], "matches": []}
        for curie, word in zip(curies, words, strict=True)
    ]  # fmt: skip
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist(rows, VOCABULARY), folder / "words.parquet")
    columns = {"subject": curies, "predicate": ["r:next"] * len(curies), "object": np.roll(curies, 1).tolist()}
    triples = pa.table(columns | {"split": ["train"] * len(curies)})
    embeddings_of(triples).save(folder / "vectors")
    return GraphSources({}, (str(folder / "words.parquet"),), lambda: triples)


@pytest.mark.parametrize("name", TASKS)
def test_a_fused_model_of_the_task_trains_and_says_the_same_from_its_folder(
    name, tiny_encoder, embeddings_of, tmp_path
):
    tiny = importlib.import_module(f"tests.training.tasks.tiny_{name}")
    values = {"task": name, "data": tiny.write(tmp_path), "max_length": 64, **tiny.SETTINGS, "epochs": 1}
    graph = {"how": "attention", "neighbours": 2, "embeddings": str(tmp_path / "graph" / "vectors")}
    config = FinetuningConfig.model_validate(values | {"graph": graph})
    parts = read_parts(TASKS[name], config.data)
    sources = graph_of(long_words(parts), tmp_path / "graph", embeddings_of)
    report = finetune(config, model=tiny_encoder, out=tmp_path / "out", graph=sources)
    assert report["graph"]["examples"] > 0.5 and report["graph"]["tokens"] > 0.05
    loaded = load_finetuned(tmp_path / "out", sources.vocabulary)
    assert loaded.figures(parts.test) == report["test"]
    layer = loaded.fusion.layer
    assert layer.linear.weight.abs().sum() > 0 and layer.relations.abs().sum() > 0
