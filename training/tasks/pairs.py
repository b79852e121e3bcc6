"""Two texts as one row of tokens, of which one is never cut: a question beside its context, an option beside its question.

What is kept and does not fit is refused, by name: a model that reads half a question answers another one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from pipeline.errors import MateriaError
from training.tasks.base import Example, Features

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["check_room", "encode_pairs", "named"]


def check_room(
    kept: Sequence[str],
    examples: Sequence[Example[Any]],
    tokenizer: PreTrainedTokenizerFast,
    max_length: int,
    *,
    what: str,
) -> None:
    """Refuse texts that leave no room for a token of the other.

    Args:
        kept: what is never cut, one for each of the examples.
        what: it is called: "question".

    Raises:
        MateriaError: names the examples.
    """
    if not kept:
        return
    room = max_length - tokenizer.num_special_tokens_to_add(pair=True)
    lengths = [len(ids) for ids in tokenizer(list(kept), add_special_tokens=False, verbose=False)["input_ids"]]
    long = [example for example, length in zip(examples, lengths, strict=True) if length >= room]
    if long:
        raise MateriaError(
            f"the {what} fills rows of {max_length} tokens (max_length) and is never cut: {named(long)}",
            remedy=f"Raise max_length (the longest has {max(lengths)} tokens), or take these out",
        )


def encode_pairs(
    tokenizer: PreTrainedTokenizerFast,
    first: Sequence[str],
    second: Sequence[str],
    *,
    cut: Literal["only_first", "only_second"],
    side: Literal["left", "right"],
    max_length: int,
    overlap: int | None = None,
) -> list[Features]:
    """Rows of pairs of texts, in their order; `example` is the pair's number, and labels are left open.

    Args:
        cut: which text is cut where a pair is too long.
        side: where it is cut: at its beginning or its end.
        overlap: in place of a cut text, windows over it that share so many tokens.
    """
    if not first:
        return []
    windows = {} if overlap is None else {"return_overflowing_tokens": True, "stride": overlap}
    with _cutting(tokenizer, side):
        encoded = tokenizer(list(first), list(second), truncation=cut, max_length=max_length, verbose=False, **windows)
    names = [name for name in tokenizer.model_input_names if name in encoded]
    pair = encoded["overflow_to_sample_mapping"] if overlap is not None else range(len(first))
    return [
        Features(
            example=pair[row],
            inputs={name: encoded[name][row] for name in names},
            labels=None,
            offsets=encoding.offsets,
            text=[-1 if place is None else place for place in encoding.sequence_ids],
        )
        for row, encoding in enumerate(encoded.encodings)
    ]


def named(examples: Sequence[Example[Any]]) -> str:
    """The first five by name, and how many there are.

    >>> named([Example(f"a.csv, line {n}", "", (), None) for n in range(7)])
    'a.csv, line 0; a.csv, line 1; a.csv, line 2; a.csv, line 3; a.csv, line 4 and 2 more'
    """
    said = "; ".join(example.id for example in examples[:5])
    return said + (f" and {len(examples) - 5} more" if len(examples) > 5 else "")


@contextmanager
def _cutting(tokenizer: PreTrainedTokenizerFast, side: Literal["left", "right"]) -> Iterator[None]:
    """The tokenizer as it is, but for the side on which it cuts."""
    before = tokenizer.truncation_side
    tokenizer.truncation_side = side
    try:
        yield
    finally:
        tokenizer.truncation_side = before
