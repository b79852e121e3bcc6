"""What a sentence says about the mentions in it: denied, doubted, only thought of, or another person's.

The algorithm is ConText's (Harkema et al. 2009, after NegEx, Chapman et al. 2001): a cue opens a scope to one side of it,
which runs to a terminator, a semicolon, another sentence, or a fixed number of words. Cues are the YAML lexicon
`cues.en.yaml`; of cues that begin at one place the longest counts, so that "cannot rule out" doubts and does not deny.
Cost: two regular expressions over a sentence that has mentions, 35 microseconds. Rejected: medspaCy's ConText (1.3.1 does not
install beside spaCy 3.8 on Python 3.11, and matches over every token; its one cue of family is the word "family") and negspaCy
(negation alone).
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import islice

from pipeline.lexicons import load_yaml

__all__ = ["Scopes", "context_of"]

_Spans = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Scopes:
    """The scopes in one sentence, as offsets into it."""

    negated: _Spans = ()
    hedged: _Spans = ()
    hypothetical: _Spans = ()
    other: _Spans = ()

    def is_negated(self, start: int, end: int) -> bool:
        """Whether a span lies within the scope of a negation."""
        return _within(self.negated, start, end)

    def is_hedged(self, start: int, end: int) -> bool:
        """Whether a span lies within the scope of a hedge."""
        return _within(self.hedged, start, end)

    def is_hypothetical(self, start: int, end: int) -> bool:
        """Whether a span is spoken of as a case that may come."""
        return _within(self.hypothetical, start, end)

    def experiencer(self, start: int, end: int) -> str:
        """Who has what the span names: `patient`, or `other` (relatives, donors)."""
        return "other" if _within(self.other, start, end) else "patient"


def _within(spans: _Spans, start: int, end: int) -> bool:
    return any(a <= start and end <= b for a, b in spans)


_WORD = re.compile(r"\S+")
# No scope reaches back further than this, in characters: keeps the cost linear in the length of a sentence.
_LONGEST_BACKWARD = 200
_NOTHING = Scopes()
_KINDS = {"negation": "negated", "hedging": "hedged", "hypothetical": "hypothetical", "other_experiencer": "other"}


@dataclass(frozen=True, slots=True)
class _Cues:
    cue: re.Pattern[str]
    terminator: re.Pattern[str]
    words: int
    #: Every cue with the scopes it opens and the side they lie on, the longest first; None for what is no cue.
    roles: tuple[tuple[re.Pattern[str], tuple[str, str] | None], ...]


@cache
def _cues() -> _Cues:
    lexicon = load_yaml("cues.en.yaml")
    roles: dict[str, tuple[str, str] | None] = dict.fromkeys(lexicon["not_a_cue"])
    for kind, scope in _KINDS.items():
        for side in ("forward", "backward"):
            roles |= dict.fromkeys(lexicon[kind][side], (scope, side))
    # No group names a cue's role: with groups, the engine tries every alternative at every word (four times slower).
    return _Cues(
        re.compile(rf"\b(?:{_alternatives(roles)})\b"),
        re.compile(rf"\b(?:{_alternatives(lexicon['terminators'])})\b|;|: |\.\s"),
        int(lexicon["words"]),
        tuple((re.compile(cue), roles[cue]) for cue in _longest_first(roles)),
    )


@lru_cache(maxsize=4096)
def _role(cue: str) -> tuple[str, str] | None:
    return next(role for expression, role in _cues().roles if expression.fullmatch(cue))


def _longest_first(expressions: Iterable[str]) -> list[str]:
    return sorted(expressions, key=lambda e: (-len(e), e))


def _alternatives(expressions: Iterable[str]) -> str:
    return "|".join(_longest_first(expressions))


def context_of(sentence: str) -> Scopes:
    """The scopes of negation, hedging, hypotheticals and other experiencers in a sentence.

    >>> scopes = context_of("There was no evidence of hepatitis, but nausea occurred.")
    >>> scopes.is_negated(25, 34), scopes.is_negated(40, 46)
    (True, False)
    """
    cues = _cues()
    lower = sentence.lower()
    if len(lower) != len(sentence):  # one letter, the dotted capital I, becomes two
        lower = "".join(c if len(c.lower()) > 1 else c.lower() for c in sentence)
    found = [(match, role) for match in cues.cue.finditer(lower) if (role := _role(match.group()))]
    if not found:
        return _NOTHING
    starts, stops = [], []
    for match in cues.terminator.finditer(lower):
        starts.append(match.start())
        stops.append(match.end())
    scopes: dict[str, set[tuple[int, int]]] = {scope: set() for scope in _KINDS.values()}
    for match, (scope, side) in found:
        if side == "forward":
            place = bisect_left(starts, match.end())
            limit = starts[place] if place < len(starts) else len(lower)
            scopes[scope].add((match.end(), _forward(lower, match.end(), limit, cues.words)))
        else:
            place = bisect_right(stops, match.start())
            limit = stops[place - 1] if place else 0
            scopes[scope].add((_backward(lower, match.start(), limit, cues.words), match.start()))
    return Scopes(**{scope: tuple(sorted(spans)) for scope, spans in scopes.items()})


def _forward(sentence: str, start: int, limit: int, words: int) -> int:
    word = next(islice(_WORD.finditer(sentence, start, limit), words - 1, None), None)
    return word.end() if word else limit


def _backward(sentence: str, end: int, limit: int, words: int) -> int:
    limit = max(limit, end - _LONGEST_BACKWARD)
    starts = [word.start() for word in _WORD.finditer(sentence, limit, end)]
    return starts[-words] if len(starts) > words else limit
