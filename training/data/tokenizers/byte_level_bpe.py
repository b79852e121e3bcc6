"""Byte-level byte-pair encoding (Radford et al., 2019), for the GPT-2 and Llama families: it has no unknown word.

The alphabet is the 256 bytes, so the library's trainer gives the same merges each time. Llama's is that of Llama 3, which is byte-level;
that of Llama 2 (characters with a byte fallback) is read from a folder, but not trained.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from pipeline.errors import MateriaError

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    from training.data.config import TokenizerConfig

__all__ = ["train_gpt2", "train_llama"]

_END_OF_TEXT = "<|endoftext|>"
_LLAMA = ("<|begin_of_text|>", "<|end_of_text|>", "<|finetune_right_pad_id|>")


def train_gpt2(
    texts: Callable[[], Iterable[str]], config: TokenizerConfig, *, max_length: int
) -> PreTrainedTokenizerFast:
    """Train GPT-2's tokenizer, whose one special token begins and ends a text: see `train_tokenizer`."""
    from transformers import GPT2TokenizerFast

    model = json.loads(_trained(texts, config, (_END_OF_TEXT,)).to_str())["model"]
    merges = [tuple(merge) for merge in model["merges"]]
    return GPT2TokenizerFast(vocab=model["vocab"], merges=merges, model_max_length=max_length)


def train_llama(
    texts: Callable[[], Iterable[str]], config: TokenizerConfig, *, max_length: int
) -> PreTrainedTokenizerFast:
    """Train the tokenizer of Llama 3: see `train_tokenizer`."""
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    begin, end, pad = _LLAMA
    trained = _trained(texts, config, _LLAMA)
    trained.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A", pair=f"{begin} $A {begin} $B", special_tokens=[(begin, trained.token_to_id(begin))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=trained, bos_token=begin, eos_token=end, pad_token=pad, model_max_length=max_length
    )


def _trained(texts: Callable[[], Iterable[str]], config: TokenizerConfig, special: tuple[str, ...]) -> Tokenizer:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    if config.vocabulary < len(alphabet) + len(special):
        raise MateriaError(
            f"a vocabulary of {config.vocabulary} cannot hold the {len(alphabet)} bytes",
            remedy=f"Set tokenizer.vocabulary to {len(alphabet) + len(special)} or more",
        )
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=config.vocabulary, special_tokens=list(special), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(iter(texts()), trainer)
    if not json.loads(tokenizer.to_str())["model"]["merges"] and not any(text.strip() for text in texts()):
        raise MateriaError(
            "the corpus holds no text to train a tokenizer on", remedy="Build the corpus again with more literature"
        )
    return tokenizer
