"""The characters that a tokenizer keeps: the most frequent, ties by code point, so that the same text gives the same ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from pipeline.errors import MateriaError

__all__ = ["count_characters"]


def count_characters(
    texts: Iterable[str], normalize: Callable[[str], str], *, alphabet: int, vocabulary: int, reserved: int, forms: int
) -> list[str]:
    """The characters of the texts, sorted; blanks are none.

    Args:
        texts: what is counted.
        normalize: what the tokenizer makes of a text before it cuts it.
        alphabet: characters kept at most.
        vocabulary: entries of the tokenizer at most.
        reserved: entries that are taken already.
        forms: entries that each character takes.

    Raises:
        MateriaError: where the texts hold no character, or the vocabulary no room for them.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(normalize(text))
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    characters = sorted(c for c, _ in ranked[:alphabet] if not c.isspace())
    if not characters:
        raise MateriaError(
            "the corpus holds no text to train a tokenizer on", remedy="Build the corpus again with more literature"
        )
    if reserved + forms * len(characters) > vocabulary:
        raise MateriaError(
            f"a vocabulary of {vocabulary} cannot hold an alphabet of {len(characters)} characters",
            remedy=f"Set tokenizer.vocabulary to more than {reserved + forms * len(characters)}, or tokenizer.alphabet to less",
        )
    return characters
