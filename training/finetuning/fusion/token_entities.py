"""Which entity each token of a task's features mentions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from training.finetuning.fusion.mention_linking import LinkedMention

__all__ = ["token_entities"]


def token_entities(
    offsets: Sequence[Any],
    texts: Sequence[Any],
    mentions: Sequence[Sequence[LinkedMention]],
    numbers: Mapping[str, int],
) -> list[Any]:
    """The number of the entity that each token mentions, 0 for none.

    A token mentions an entity that any of its characters are part of the name of.

    Args:
        offsets, texts: as `Features` has them: of the tokens of a row, or a list of such for each option.
        mentions: of each text of the example.
        numbers: of entities, by CURIE; a mention of another one counts for nothing.
    """
    if texts and not isinstance(texts[0], int | np.integer):
        return [
            token_entities(some, of, mentions, numbers) for some, of in zip(offsets, texts, strict=True)
        ]  # of each option
    found = np.zeros(len(texts), dtype=np.int64)
    text_of, spans = np.asarray(texts, dtype=np.int64), np.asarray(offsets, dtype=np.int64).reshape(-1, 2)
    for number, linked in enumerate(mentions):
        known = [(m.start, m.end, numbers[m.curie]) for m in linked if m.curie in numbers]
        here = np.flatnonzero((text_of == number) & (spans[:, 1] > spans[:, 0]))
        if not known or not len(here):
            continue
        starts, ends, entities = np.array(known, dtype=np.int64).T
        # Mentions lie apart, so the last one to begin before the token's end is the only one that it can touch first.
        last = np.searchsorted(starts, spans[here, 1], side="left") - 1
        touches = (last >= 0) & (ends[last] > spans[here, 0])
        found[here[touches]] = entities[last[touches]]
    return [int(value) for value in found]
