"""Tokenizers trained on the corpus, the same bytes each time, and those of others.

To add a family: one file that trains it, one line here; the contract test finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, Protocol

from pipeline.errors import MateriaError
from training.data.tokenizers.byte_level_bpe import train_gpt2, train_llama
from training.data.tokenizers.unigram import train_unigram
from training.data.tokenizers.wordpiece import train_wordpiece

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from training.data.config import TokenizerConfig

__all__ = ["TOKENIZERS", "load_tokenizer", "train_tokenizer"]


class _Trains(Protocol):
    def __call__(
        self, texts: Callable[[], Iterable[str]], config: TokenizerConfig, *, max_length: int
    ) -> PreTrainedTokenizerFast: ...


#: How the tokenizer of each family of backbones is trained.
TOKENIZERS: Final[dict[str, _Trains]] = {
    "bert": train_wordpiece,
    "gpt2": train_gpt2,
    "llama": train_llama,
    "xlnet": train_unigram,
}


def train_tokenizer(
    family: str, texts: Callable[[], Iterable[str]], config: TokenizerConfig, *, max_length: int
) -> PreTrainedTokenizerFast:
    """Train a tokenizer of the kind that a family of backbones has, with its special tokens.

    Args:
        family: one of TOKENIZERS.
        texts: gives the texts; called more than once. They stream; memory is the distinct words.
        config: entries and characters at most.
        max_length: tokens of a sequence, as the tokenizer's `model_max_length`.

    Returns:
        A tokenizer that `save_pretrained` writes and `AutoTokenizer.from_pretrained` reads.

    Raises:
        MateriaError: where the texts hold no character, or the vocabulary has no room for the alphabet.
    """
    return TOKENIZERS[family](texts, config, max_length=max_length)


def load_tokenizer(name: str) -> PreTrainedTokenizerFast:
    """The tokenizer of a name or folder.

    Raises:
        MateriaError: where there is none, or it cannot be read.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer: PreTrainedTokenizerFast = AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
        raise MateriaError(
            f"holds no tokenizer that can be read ({str(error).splitlines()[0].rstrip('. ')})",
            file=name,
            remedy="Name a folder that save_pretrained wrote, or leave tokenizer.pretrained out to train one on the corpus",
        ) from error
    return tokenizer
