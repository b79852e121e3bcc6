"""A graph of drugs and diseases with random vectors, a vocabulary that names them, and a tiny model that reads of them."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from kg.embeddings.config import EmbeddingConfig
from kg.embeddings.encode import encode_triples
from kg.embeddings.tables import Embeddings
from pipeline.tables import VOCABULARY
from training.finetuning.fusion.sources import GraphSources
from training.tasks.base import Example, Features

DIM = 6


def embeddings_of(triples, dim=DIM, seed=3):
    """As training gives them, with vectors drawn at random."""
    encoded, random = encode_triples(triples), np.random.default_rng(seed)

    def draw(count):
        return random.normal(size=(count, dim)).astype(np.float32)

    entities, relations = len(encoded.entities), len(encoded.relations)
    return Embeddings(
        EmbeddingConfig(model="distmult", dim=dim), "distmult.v1", encoded.entities, encoded.relations,
        draw(entities), draw(relations), draw(relations), encoded.degrees(), [], {}, None, {}, encoded.digests(),
    )  # fmt: skip


@pytest.fixture(scope="session", name="embeddings_of")
def _embeddings_of():
    return embeddings_of


@pytest.fixture(scope="session")
def graph(corpus, tmp_path_factory):
    """Sources of fusion as a home would give them."""
    folder = tmp_path_factory.mktemp("graph")
    embeddings_of(corpus.triples).save(folder / "distmult")
    rows = [
        {"curie": curie, "name": name, "category": "biolink:Drug" if " " not in name else "biolink:Disease",
         "synonyms": [], "parents": [], "xrefs": [], "sources": ["v"], "translations": [], "matches": []}
        for curie, name in sorted([*corpus.names.items(), ("T:placebo_pill", "placebo pill")])
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows, VOCABULARY), folder / "names.parquet")
    beliefs = pa.array(np.linspace(0.1, 0.9, corpus.triples.num_rows))
    return GraphSources(
        {"kg_embeddings/distmult": folder / "distmult"},
        (str(folder / "names.parquet"),),
        lambda: corpus.triples.append_column("belief", beliefs),
    )


@pytest.fixture(scope="session")
def tokenizer(tiny_encoder):
    return AutoTokenizer.from_pretrained(tiny_encoder)


@pytest.fixture
def make_model(tiny_encoder):
    """A classifier of two labels over the tiny encoder, always with the same weights."""

    def make():
        torch.manual_seed(4)
        return AutoModelForSequenceClassification.from_pretrained(tiny_encoder, num_labels=2).eval()

    return make


@pytest.fixture(scope="session")
def read(tokenizer):
    """Examples of texts, and their features: a row of each example."""

    def make(*examples):
        made, features = [], []
        for number, texts in enumerate(examples):
            texts = (texts,) if isinstance(texts, str) else texts
            made.append(Example(f"f:{number}", f"d{number}", texts, "yes"))
            encoded = tokenizer(*texts, return_offsets_mapping=True)
            of = [-1 if text is None else text for text in encoded.sequence_ids()]
            inputs = {name: encoded[name] for name in ("input_ids", "attention_mask", "token_type_ids")}
            features.append(Features(number, inputs, 1, encoded["offset_mapping"], of))
        return made, features

    return make


@pytest.fixture(scope="session")
def batch():
    """Features as tensors, padded with zeros."""

    def make(features):
        length = max(len(feature.inputs["input_ids"]) for feature in features)
        return {
            name: torch.tensor([f.inputs[name] + [0] * (length - len(f.inputs[name])) for f in features])
            for name in features[0].inputs
        }

    return make


@pytest.fixture
def told(read):
    """Four texts, the last of which mentions nothing that has a vector."""
    examples, features = read(
        "metfomin treats renal failure.",
        "lisipril causes nasal pain.",
        "We measured nasal edema before metfomin.",
        "The placebo pill was given.",
    )
    return SimpleNamespace(examples=examples, features=features)
