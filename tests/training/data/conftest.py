"""Tokenizers of every family trained on the small corpus, its graph, and one window of its passages."""

import pytest

from kg.embeddings.encode import encode_triples
from training.data.builder import RowBuilder
from training.data.config import DataConfig, TokenizerConfig
from training.data.graph import GraphIndex
from training.data.order import Order
from training.data.shards import read_texts
from training.data.tokenizers import TOKENIZERS, train_tokenizer

LANGUAGES = {"bert": "masked", "gpt2": "causal", "llama": "causal", "xlnet": "permutation"}
PREDICATES = ["biolink:causes", "biolink:treats"]


@pytest.fixture(scope="session")
def tokenizers(corpus):
    config = TokenizerConfig(vocabulary=400, alphabet=100)
    return {
        family: train_tokenizer(family, lambda: read_texts(corpus.train), config, max_length=64)
        for family in TOKENIZERS
    }


@pytest.fixture(scope="session")
def graph(corpus):
    return GraphIndex(encode_triples(corpus.triples))


@pytest.fixture(scope="session")
def passages(corpus):
    """60 passages, as a table."""
    return Order(corpus.train[:1], size=60, seed=1).read(0)


@pytest.fixture(scope="session", name="builder")
def _builder(tokenizers, graph):
    """Makes a builder for a family, with settings of one's own."""

    def make(family="bert", *, has_next=None, with_graph=True, **settings):
        return RowBuilder(
            tokenizers[family],
            DataConfig(**{"max_length": 64, "rows": 8, "window": 60, "workers": 0} | settings),
            language=LANGUAGES[family],
            classes=PREDICATES,
            graph=graph if with_graph else None,
            has_next=family == "bert" if has_next is None else has_next,
        )

    return make
