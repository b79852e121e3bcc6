"""Negation and hedging of mentions: cue words, the side their scope lies on, and what ends it.

The algorithm is ConText's (Harkema et al. 2009, after NegEx, Chapman et al. 2001): a cue opens a scope to one side of it,
which runs to a terminator, a semicolon, another sentence, or a fixed number of words. Cues are the YAML lexicon
`cues.en.yaml`. Cost: one regular expression over a sentence that has mentions, 30 microseconds. Rejected: medspaCy's
ConText (a spaCy matcher over every token; it needs its own sentence splitter and tokenizer).
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice

from pipeline.lexicons import load_yaml

__all__ = ["Scopes", "context_of"]


@dataclass(frozen=True, slots=True)
class Scopes:
    """The scopes in one sentence, as offsets into it."""

    negated: tuple[tuple[int, int], ...]
    hedged: tuple[tuple[int, int], ...]

    def is_negated(self, start: int, end: int) -> bool:
        """Whether a span lies within the scope of a negation."""
        return any(a <= start and end <= b for a, b in self.negated)

    def is_hedged(self, start: int, end: int) -> bool:
        """Whether a span lies within the scope of a hedge."""
        return any(a <= start and end <= b for a, b in self.hedged)


_WORD = re.compile(r"\S+")
# No scope reaches back further than this, in characters: keeps the cost linear in the length of a sentence.
_LONGEST_BACKWARD = 200
_NOTHING = Scopes((), ())
_ROLES = {
    "nf": ("negation", "forward"), "nb": ("negation", "backward"), "hf": ("hedging", "forward"), "hb": ("hedging", "backward"),
}  # fmt: skip


@cache
def _cues() -> tuple[re.Pattern[str], re.Pattern[str], int]:
    lexicon = load_yaml("cues.en.yaml")
    # The longer alternative first, so that "no evidence of" is not read as "no".
    groups = [f"(?P<skip>{_alternatives(lexicon['not_a_cue'])})"]
    for role, (kind, side) in sorted(_ROLES.items(), key=lambda item: item[0][1]):
        groups.append(f"(?P<{role}>{_alternatives(lexicon[kind][side])})")
    ends = f"{_alternatives(lexicon['terminators'])}"
    return (
        re.compile(rf"\b(?:{'|'.join(groups)})\b", re.I),
        re.compile(rf"\b(?:{ends})\b|;|: |\.\s", re.I),
        int(lexicon["words"]),
    )


def _alternatives(expressions: Iterable[str]) -> str:
    return "|".join(sorted(expressions, key=lambda e: (-len(e), e)))


def context_of(sentence: str) -> Scopes:
    """The scopes of negation and of hedging in a sentence.

    >>> scopes = context_of("There was no evidence of hepatitis, but nausea occurred.")
    >>> scopes.is_negated(25, 34), scopes.is_negated(40, 46)
    (True, False)
    """
    cues, terminator, reach = _cues()
    found = [match for match in cues.finditer(sentence) if match.lastgroup != "skip"]
    if not found:
        return _NOTHING
    starts, stops = [], []
    for match in terminator.finditer(sentence):
        starts.append(match.start())
        stops.append(match.end())
    scopes: dict[str, list[tuple[int, int]]] = {"negation": [], "hedging": []}
    for match in found:
        kind, side = _ROLES[str(match.lastgroup)]
        if side == "forward":
            place = bisect_left(starts, match.end())
            limit = starts[place] if place < len(starts) else len(sentence)
            scopes[kind].append((match.end(), _forward(sentence, match.end(), limit, reach)))
        else:
            place = bisect_right(stops, match.start())
            limit = stops[place - 1] if place else 0
            scopes[kind].append((_backward(sentence, match.start(), limit, reach), match.start()))
    return Scopes(_merged(scopes["negation"]), _merged(scopes["hedging"]))


def _forward(sentence: str, start: int, limit: int, words: int) -> int:
    word = next(islice(_WORD.finditer(sentence, start, limit), words - 1, None), None)
    return word.end() if word else limit


def _backward(sentence: str, end: int, limit: int, words: int) -> int:
    limit = max(limit, end - _LONGEST_BACKWARD)
    starts = [word.start() for word in _WORD.finditer(sentence, limit, end)]
    return starts[-words] if len(starts) > words else limit


def _merged(spans: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    return tuple(sorted(set(spans)))
