"""Perplexity: the same words for every tokenizer, on literature alone, by document."""

import math

import pytest
import torch
from transformers import BertConfig, BertForMaskedLM, GPT2Config, GPT2LMHeadModel, XLNetConfig, XLNetLMHeadModel

from pipeline.errors import MateriaError
from training.evaluation.causal import is_causal
from training.evaluation.config import PerplexityConfig
from training.evaluation.perplexity import _passages, _rows, perplexity


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
    found = perplexity(uniform(tokenizer, tmp_path), shards, PerplexityConfig())["per_word"]
    assert found.value() == pytest.approx(100, rel=1e-4)
    assert set(found.units) <= {f"PMID:{n}" for n in range(10)}


def test_words_of_more_pieces_cost_more_and_are_the_same_words(shards, make_tokenizer, tiny_encoder, tmp_path):
    from transformers import AutoTokenizer

    whole = perplexity(uniform(make_tokenizer(), tmp_path / "w"), shards, PerplexityConfig())["per_word"]
    small = AutoTokenizer.from_pretrained(tiny_encoder)
    pieces = perplexity(uniform(small, tmp_path / "p"), shards, PerplexityConfig())["per_word"]
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
        perplexity(models.told, [], PerplexityConfig())


def causal(tokenizer, folder, **changed):
    """A GPT-2 of one layer with new weights."""
    torch.manual_seed(3)
    sizes = {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 128, "initializer_range": 0.5}
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    model = GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer), **sizes | ends | changed)).eval()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model


def test_a_causal_model_is_asked_every_word_after_those_before_it(shards, make_tokenizer, tmp_path):
    """As the library's own loss has it, which asks all tokens of a row but the first."""
    words = ["Drug", "treats", "renal", "pain", "in", "patients", ",", "and", "nasal", "edema", "."]
    tokenizer = make_tokenizer([*words, *map(str, range(30))])
    model = causal(tokenizer, tmp_path)
    found = perplexity(tmp_path, shards, PerplexityConfig(words=1000))["per_word"]
    losses, number = [], 0
    for _, _, text in _passages(shards, PerplexityConfig()):
        ids = torch.tensor([[tokenizer.bos_token_id, *tokenizer(text, add_special_tokens=False).input_ids]])
        with torch.no_grad():
            losses.append(model(ids, labels=ids).loss.item() * (ids.shape[1] - 1))
        number += ids.shape[1] - 1
    assert found.value() == pytest.approx(math.exp(sum(losses) / number), rel=1e-4)


def test_words_that_a_causal_model_has_no_room_for_are_not_counted(shards, make_tokenizer, tmp_path):
    tokenizer = make_tokenizer()
    for room in (8, 12):
        causal(tokenizer, tmp_path / str(room), n_positions=room)
        found = perplexity(tmp_path / str(room), shards, PerplexityConfig(words=1000))["per_word"]
        assert found.counts[:, 0, 1].sum() == 20 * (room - 1)


@pytest.fixture(scope="module")
def xlnet(make_tokenizer, tmp_path_factory):
    """Folder of a model that learns in the order of a permutation."""
    folder = tmp_path_factory.mktemp("xlnet")
    tokenizer = make_tokenizer()
    sizes = {"d_model": 16, "n_layer": 1, "n_head": 2, "d_inner": 16}
    XLNetLMHeadModel(XLNetConfig(vocab_size=len(tokenizer), **sizes)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_which_models_are_causal(make_tokenizer, models, xlnet, tmp_path):
    causal(make_tokenizer(), tmp_path)
    assert is_causal(tmp_path)
    assert not any(map(is_causal, (models.told, xlnet)))


def test_a_model_that_reads_in_the_order_of_a_permutation_is_refused(shards, xlnet):
    with pytest.raises(MateriaError, match="xlnet"):
        perplexity(xlnet, shards, PerplexityConfig())
