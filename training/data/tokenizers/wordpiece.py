"""A WordPiece tokenizer trained on the corpus (Schuster and Nakajima, ICASSP 2012), the same bytes each time.

The trainer of the `tokenizers` library numbers the pieces "##c" of single characters in the order of a hash map with a
random seed, and breaks ties between merges by those numbers: two runs over the same text give two vocabularies. So the
alphabet is counted here, and each character is handed to the trainer beforehand, plain and as "##c"; then nothing is
left to the order of the map (a test trains in two processes). The finished vocabulary goes into a fresh tokenizer, in
which they are no special tokens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from pipeline.errors import MateriaError

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from tokenizers.models import Model
    from transformers import PreTrainedTokenizerFast

__all__ = ["SPECIAL_TOKENS", "train_tokenizer"]

#: Padding first, so that its number is 0, as BERT's configuration expects.
SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def train_tokenizer(
    texts: Callable[[], Iterable[str]], *, vocabulary: int, alphabet: int, max_length: int
) -> PreTrainedTokenizerFast:
    """Train a lower-casing WordPiece tokenizer.

    Args:
        texts: gives the texts; called twice, once to count characters, once to train. They stream; memory is the
            distinct words.
        vocabulary: entries at most, special tokens and alphabet included.
        alphabet: characters kept at most: the most frequent, ties by code point. Words with others read as [UNK].
        max_length: tokens of a sequence, as the tokenizer's `model_max_length`.

    Returns:
        A tokenizer that `save_pretrained` writes and `AutoTokenizer.from_pretrained` reads, with BERT's [CLS] A [SEP] B
        [SEP].

    Raises:
        MateriaError: where the texts hold no character, or the alphabet leaves no room for pieces.
    """
    from tokenizers import models, trainers
    from transformers import BertTokenizerFast

    trained = _blank(models.WordPiece(unk_token=SPECIAL_TOKENS[1]))
    counts: Counter[str] = Counter()
    for text in texts():
        counts.update(trained.normalizer.normalize_str(text))
    characters = sorted(
        c for c, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:alphabet] if not c.isspace()
    )
    if not characters:
        raise MateriaError(
            "the corpus holds no text to train a tokenizer on", remedy="Build the corpus again with more literature"
        )
    given = [*SPECIAL_TOKENS, *characters, *(f"##{c}" for c in characters)]
    if len(given) > vocabulary:
        raise MateriaError(
            f"a vocabulary of {vocabulary} cannot hold an alphabet of {len(characters)} characters",
            remedy=f"Set vocabulary to more than {len(given)}, or alphabet to less",
        )
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary,
        special_tokens=given,
        initial_alphabet=characters,
        limit_alphabet=len(characters),
        show_progress=False,
    )
    trained.train_from_iterator(iter(texts()), trainer)
    pieces = sorted(trained.get_vocab().items(), key=lambda item: item[1])
    return BertTokenizerFast(
        vocab={piece: number for number, (piece, _) in enumerate(pieces)},
        do_lower_case=True,
        model_max_length=max_length,
    )


def _blank(model: Model) -> Tokenizer:
    from tokenizers import Tokenizer, normalizers, pre_tokenizers

    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer
