"""What a family needs of its tokenizer, and what is said where it lacks it."""

import pickle

import pytest
from transformers import PreTrainedTokenizerFast

from pipeline.errors import MateriaError
from training.data.special_tokens import special_tokens, text_tokenizer


def without(tokenizer, *roles):
    kept = {r: getattr(tokenizer, r) for r in ("cls_token", "sep_token", "mask_token", "pad_token", "eos_token")}
    kept = {role: token for role, token in kept.items() if token and role not in roles}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend_tokenizer, **kept)


def test_layouts(tokenizers):
    bert, gpt2, xlnet = (tokenizers[f] for f in ("bert", "gpt2", "xlnet"))
    assert special_tokens(bert, "masked") == (bert.cls_token_id, bert.sep_token_id, None, 0, bert.mask_token_id)
    # GPT-2 has one token for everything; what stands in the padding is never attended to.
    assert special_tokens(gpt2, "causal") == (gpt2.eos_token_id, gpt2.eos_token_id, None, gpt2.eos_token_id, None)
    assert special_tokens(xlnet, "permutation").last == xlnet.cls_token_id
    assert [special_tokens(bert, "masked").around(parts) for parts in (1, 2)] == [2, 3]


@pytest.mark.parametrize(
    ("family", "language", "role"),
    [("bert", "masked", "mask_token"), ("bert", "masked", "cls_token"), ("xlnet", "permutation", "sep_token"),
     ("gpt2", "causal", "eos_token")],
)  # fmt: skip
def test_what_is_lacking_is_named(tokenizers, family, language, role):
    with pytest.raises(MateriaError, match=f"has no {role}, which {language} language modelling needs"):
        special_tokens(without(tokenizers[family], role), language)


def test_the_original_stays_as_it_was(tokenizers):
    tokenizer = tokenizers["bert"]
    before = tokenizer("metformin [SEP]", truncation=True, padding="max_length", max_length=9)["input_ids"]
    # As a worker gets it where processes are spawned.
    plain = pickle.loads(pickle.dumps(text_tokenizer(tokenizer)))
    assert tokenizer.sep_token_id not in plain.encode("metformin [SEP]").ids and len(plain.encode("a " * 99)) == 99
    again = tokenizer("metformin [SEP]", truncation=True, padding="max_length", max_length=9)["input_ids"]
    assert again == before and before.count(tokenizer.sep_token_id) == 2
