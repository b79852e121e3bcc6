"""Pseudo-perplexity: the same words for every tokenizer, on literature alone, by document."""

import math

import pytest
import torch
from transformers import BertConfig, BertForMaskedLM

from pipeline.errors import MateriaError
from training.evaluation.config import PerplexityConfig
from training.evaluation.perplexity import _passages, _rows, pseudo_perplexity


def row(number, text, kind="literature", document=None):
    return {
        "passage_id": f"{number:064x}", "kind": kind, "language": "en", "text": text, "sentences": [], "spans": [], "relations": [],
        "triple_ids": [], "evidence_ids": [], "doc_ids": [document or f"PMID:{number}"], "belief": None, "split": "test", "form": "text",
    }  # fmt: skip


@pytest.fixture(scope="module")
def shards(tmp_path_factory, write_shard):
    texts = [f"Drug {n} treats renal pain in {n + 3} patients, and nasal edema." * (1 + n % 3) for n in range(20)]
    rows = [row(n, text, document=f"PMID:{n // 2}") for n, text in enumerate(texts)]
    told = [row(100 + n, "Lisipril treats renal failure.", "verbalized") for n in range(5)]
    return [write_shard(tmp_path_factory.mktemp("s"), "split=test/p.parquet", [*rows, *told])]


def uniform(tokenizer, folder):
    """A model that holds every token to be as likely as any other."""
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    model = BertForMaskedLM(BertConfig(vocab_size=len(tokenizer), pad_token_id=0, max_position_embeddings=128, **sizes))
    torch.nn.init.zeros_(model.get_output_embeddings().weight)
    torch.nn.init.zeros_(model.cls.predictions.bias)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_model_that_knows_nothing_has_the_size_of_its_vocabulary(shards, make_tokenizer, tmp_path):
    """Whole words: one piece each, so that the perplexity of a word is that of a token."""
    tokenizer = make_tokenizer([f"w{n}" for n in range(93)])
    found = pseudo_perplexity(uniform(tokenizer, tmp_path), shards, PerplexityConfig())["per_word"]
    assert found.value() == pytest.approx(100, rel=1e-4)
    assert set(found.units) <= {f"PMID:{n}" for n in range(10)}


def test_words_of_more_pieces_cost_more_and_are_the_same_words(shards, make_tokenizer, tiny_encoder, tmp_path):
    from transformers import AutoTokenizer

    whole = pseudo_perplexity(uniform(make_tokenizer(), tmp_path / "w"), shards, PerplexityConfig())["per_word"]
    small = AutoTokenizer.from_pretrained(tiny_encoder)
    pieces = pseudo_perplexity(uniform(small, tmp_path / "p"), shards, PerplexityConfig())["per_word"]
    assert whole.units == pieces.units
    assert (whole.counts[:, 0, 1] == pieces.counts[:, 0, 1]).all()
    assert math.log(pieces.value()) > math.log(len(small))


def test_verbalized_passages_are_left_out_and_a_limit_takes_the_same_first_ones(shards):
    kept = _passages(shards, PerplexityConfig(passages=7))
    assert kept == sorted(_passages(shards, PerplexityConfig()))[:7]
    assert not any(text.startswith("Lisipril") for _, _, text in kept)


def test_about_the_share_of_words_is_asked_and_a_row_does_not_change_which():
    text = " ".join(f"word{n}" for n in range(2000))
    for words in (50, 64):
        rows = list(_rows("p", "d", text, PerplexityConfig(words=words)))
        asked = {row.words[place].strip() for row in rows for place in row.asked}
        assert 230 < len(asked) < 370
        if words == 50:
            first = asked
    assert asked == first


def test_no_literature_is_refused(models, shards):
    with pytest.raises(MateriaError, match="no literature in the test split"):
        pseudo_perplexity(models.told, [], PerplexityConfig())
