"""A unigram tokenizer (Kudo, ACL 2018), for the XLNet family: a word is cut in the most probable way.

The pieces are those of byte-pair encoding, the probabilities are learned by counting: cut every word in the best way, count, twice over.
Rejected: the library's own trainer, which goes over a hash map with a random seed and gives other pieces, and other bytes, in every
process; it takes twice as long. Ours is the same each time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from math import log
from typing import TYPE_CHECKING

import numpy as np

from training.data.tokenizers.alphabet import count_characters

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    from training.data.config import TokenizerConfig

__all__ = ["SPECIAL_TOKENS", "train_unigram"]

#: In the order of the published vocabulary.
SPECIAL_TOKENS = ("<unk>", "<s>", "</s>", "<cls>", "<sep>", "<pad>", "<mask>", "<eod>", "<eop>")
_ROUNDS = 2


def train_unigram(
    texts: Callable[[], Iterable[str]], config: TokenizerConfig, *, max_length: int
) -> PreTrainedTokenizerFast:
    """Train XLNet's tokenizer: see `train_tokenizer`."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import XLNetTokenizerFast

    # Normalizes and splits as the finished one will.
    blank = XLNetTokenizerFast().backend_tokenizer
    characters = count_characters(
        (f"▁{text}" for text in texts()),
        blank.normalizer.normalize_str,
        alphabet=config.alphabet,
        vocabulary=config.vocabulary,
        reserved=len(SPECIAL_TOKENS),
        forms=1,
    )
    merged = Tokenizer(models.BPE())
    merged.normalizer = blank.normalizer
    # A piece holds letters or punctuation and not both, as in the published vocabulary, so that an entity ends where a piece does.
    merged.pre_tokenizer = pre_tokenizers.Sequence([blank.pre_tokenizer, pre_tokenizers.Punctuation()])
    trainer = trainers.BpeTrainer(
        vocab_size=config.vocabulary - len(SPECIAL_TOKENS),
        initial_alphabet=characters,
        limit_alphabet=len(characters),
        show_progress=False,
    )
    merged.train_from_iterator(iter(texts()), trainer)
    pieces = [piece for piece, _ in sorted(merged.get_vocab().items(), key=lambda item: item[1])]
    words: Counter[str] = Counter()
    for text in texts():
        words.update(blank.normalizer.normalize_str(text).split())
    # A piece that no word is cut into counts once, so that every word can still be cut.
    counted = _cut(merged, words)
    for _ in range(_ROUNDS):
        tokenizer = _finished({piece: 1 + counted[piece] for piece in pieces}, max_length)
        counted = _cut(tokenizer.backend_tokenizer, words)
    return _finished({piece: 1 + counted[piece] for piece in pieces}, max_length)


def _cut(tokenizer: Tokenizer, words: Mapping[str, int]) -> Counter[str]:
    """How often each piece is used in the words, as often as they occur."""
    encodings = tokenizer.encode_batch(list(words), add_special_tokens=False)
    times = np.fromiter(words.values(), np.int64, len(words))
    sizes = np.fromiter(map(len, encodings), np.int64, len(words))
    ids = np.fromiter(chain.from_iterable(encoding.ids for encoding in encodings), np.int64)
    totals = np.bincount(ids, np.repeat(times, sizes), tokenizer.get_vocab_size()).astype(np.int64)
    return Counter({piece: int(totals[number]) for piece, number in tokenizer.get_vocab().items()})


def _finished(counts: Mapping[str, int], max_length: int) -> PreTrainedTokenizerFast:
    """XLNet's tokenizer with pieces as probable as they are frequent."""
    from transformers import XLNetTokenizerFast

    total = sum(counts.values())
    scored = [(piece, log(count / total)) for piece, count in counts.items()]
    return XLNetTokenizerFast(
        vocab=[*((token, 0.0) for token in SPECIAL_TOKENS), *scored], unk_id=0, model_max_length=max_length
    )
