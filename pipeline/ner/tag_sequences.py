"""Sequences of tags: which may follow which, the likeliest of those that may stand, and the spans that they make.

Tags are O, or a place and a type (`B-Disease`): B begins a span, I goes on, E and L end one of several, S and U are one of a single
token, and a bare type goes on or begins. So IOB1, IOB2, BIOES and BILOU are all read, after Ratinov and Roth 2009
(https://aclanthology.org/W09-1119). The likeliest sequence is found by Viterbi's algorithm over those that are valid. Rejected: the
likeliest tag of each token, repaired afterwards, which has to guess what "O I-Disease" was meant to be.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["TagSequences"]


class TagSequences:
    """What the tags of a model mean in a row.

    Args:
        tags: by number.
        strict: I never begins a span (IOB2). Else it does, where no tag of its type is an end: IOB1 is written so.
    """

    def __init__(self, tags: Sequence[str], *, strict: bool) -> None:
        parsed = [_parsed(tag) for tag in tags]
        self._kinds = [kind for _, kind in parsed]
        ended = {kind for place, kind in parsed if place in "EL"}
        self._opens = [
            place in "BSU" or place == "" or (place == "I" and not strict and kind not in ended)
            for place, kind in parsed
        ]
        self._goes_on = [place in ("", "I", "E", "L") for place, _ in parsed]
        self._stays_open = [place in ("", "B", "I") for place, _ in parsed]
        may_stop = [not (stays and kind in ended) for stays, kind in zip(self._stays_open, self._kinds, strict=True)]
        begins = np.array([place == "O" or opens for (place, _), opens in zip(parsed, self._opens, strict=True)])
        numbers = range(len(parsed))
        goes_on = np.array([[self._continues(a, b) for b in numbers] for a in numbers], dtype=bool)
        self._first = np.where(begins, 0.0, -np.inf)
        self._follows = np.where(goes_on | (np.array(may_stop)[:, None] & begins), 0.0, -np.inf)
        self._last = np.where(may_stop, 0.0, -np.inf)

    def _continues(self, before: int, after: int) -> bool:
        same = self._kinds[before] == self._kinds[after]
        return same and self._stays_open[before] and self._goes_on[after]

    def likeliest(self, logits: NDArray[Any]) -> list[int]:
        """The valid sequence with the greatest sum of log-probabilities; of equal ones that of the lower numbers.

        Args:
            logits: (tokens, tags).
        """
        if not len(logits):
            return []
        scores = np.log(probabilities(logits))
        best = scores[0] + self._first
        back = np.zeros(scores.shape, dtype=np.intp)
        for place in range(1, len(scores)):
            through = best[:, None] + self._follows
            back[place] = through.argmax(axis=0)
            best = through.max(axis=0) + scores[place]
        path = [int((best + self._last).argmax())]
        for place in range(len(scores) - 1, 0, -1):
            path.append(int(back[place, path[-1]]))
        return path[::-1]

    def spans(self, sequence: Sequence[int]) -> list[tuple[int, int, str]]:
        """First and last token, and type, of each span of any sequence; a tag that neither begins nor goes on with one gives none."""
        found: list[tuple[int, int, str]] = []
        before: int | None = None
        for place, tag in enumerate(sequence):
            if before is not None and self._continues(before, tag):
                found[-1] = (found[-1][0], place, self._kinds[tag])
            elif self._opens[tag]:
                found.append((place, place, self._kinds[tag]))
            else:
                before = None
                continue
            before = tag
        return found


def probabilities(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Softmax over the last axis, in double precision; nothing is 0, so that a logarithm can be taken."""
    scores = np.asarray(logits, dtype=np.float64)
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(np.maximum(raised / raised.sum(axis=-1, keepdims=True), 1e-300))


def _parsed(tag: str) -> tuple[str, str]:
    """Place and type: ("O", "") for none, ("", type) of a bare one."""
    place, _, kind = tag.partition("-")
    if tag == "O":
        return "O", ""
    return (place, kind) if kind and place in ("B", "I", "E", "S", "L", "U") else ("", tag)
