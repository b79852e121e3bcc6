"""WordPiece (Schuster and Nakajima, ICASSP 2012), for the BERT family.

The trainer of the `tokenizers` library numbers the pieces "##c" of single characters in the order of a hash map with a
random seed, and breaks ties between merges by those numbers: two runs over the same text give two vocabularies. So the
alphabet is counted here, and each character is handed to the trainer beforehand, plain and as "##c"; then nothing is
left to the order of the map (a test trains in two processes). The finished vocabulary goes into a fresh tokenizer, in
which they are no special tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from training.data.tokenizers.alphabet import count_characters

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from training.data.config import TokenizerConfig

__all__ = ["SPECIAL_TOKENS", "train_wordpiece"]

#: Padding first, so that its number is 0, as BERT's configuration expects.
SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def train_wordpiece(
    texts: Callable[[], Iterable[str]], config: TokenizerConfig, *, max_length: int
) -> PreTrainedTokenizerFast:
    """Train BERT's tokenizer: see `train_tokenizer`."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
    from transformers import BertTokenizerFast

    trained = Tokenizer(models.WordPiece(unk_token=SPECIAL_TOKENS[1]))
    trained.normalizer = normalizers.BertNormalizer(lowercase=config.lower_case)
    trained.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    characters = count_characters(
        texts(),
        trained.normalizer.normalize_str,
        alphabet=config.alphabet,
        vocabulary=config.vocabulary,
        reserved=len(SPECIAL_TOKENS),
        forms=2,
    )
    trainer = trainers.WordPieceTrainer(
        vocab_size=config.vocabulary,
        special_tokens=[*SPECIAL_TOKENS, *characters, *(f"##{c}" for c in characters)],
        initial_alphabet=characters,
        limit_alphabet=len(characters),
        show_progress=False,
    )
    trained.train_from_iterator(iter(texts()), trainer)
    pieces = sorted(trained.get_vocab().items(), key=lambda item: item[1])
    return BertTokenizerFast(
        vocab={piece: number for number, (piece, _) in enumerate(pieces)},
        do_lower_case=config.lower_case,
        model_max_length=max_length,
    )
