"""Passages cut into sequences: at sentences, all text kept, with next sentences where they are asked for.

A passage longer than a sequence is cut after the last sentence that fits. For next sentences each sequence is cut once more into
A and B, and half of them change their B with another sequence of the window: so every token is read once an epoch, where
drawing a second passage for B would read some text twice and some not at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.data.batches import IGNORE
from training.data.encoding import EncodedPassages
from training.data.ragged import Integers

__all__ = ["Pieces", "cut_sequences", "next_sentences", "whole"]


@dataclass(frozen=True)
class Pieces:
    """The parts of sequences, by sequence, A before B.

    Attributes:
        starts, ends: (pieces,) tokens [start, end) of the encoded passages.
        sequences: (pieces,) number of the sequence that the piece stands in.
        parts: (pieces,) 0 for A, 1 for B.
        follows: (sequences,) 0 where B follows A, 1 where it does not, IGNORE where there is no B.
    """

    starts: Integers
    ends: Integers
    sequences: Integers
    parts: Integers
    follows: Integers


def cut_sequences(passages: EncodedPassages, room: int) -> tuple[Integers, Integers]:
    """Starts and ends of sequences of at most `room` tokens, in the order of the text.

    Each ends with the last sentence that fits; where the first does not fit, with its last unit that does, and where a unit is
    longer than the room, inside it.
    """
    units = np.flatnonzero(passages.begins)
    starts, ends = passages.passages[:-1], passages.passages[1:]
    starts, ends = starts[starts < ends], ends[starts < ends]
    cuts: list[tuple[Integers, Integers]] = []
    while len(starts):
        limit = np.minimum(starts + room, ends)
        stop = _last(passages.sentences, limit)
        stop = np.where(stop > starts, stop, _last(units, limit))
        stop = np.where((stop > starts) & (limit < ends), stop, limit)
        cuts.append((starts, stop))
        starts, ends = stop[stop < ends], ends[stop < ends]
    found = np.concatenate([np.stack(cut, axis=1) for cut in cuts]) if cuts else np.zeros((0, 2), np.int64)
    found = found[np.argsort(found[:, 0])]
    return found[:, 0], found[:, 1]


def _last(places: Integers, limits: Integers) -> Integers:
    """The last of the ascending places that is at most each limit; the first place is at most every one."""
    return np.asarray(places[np.searchsorted(places, limits, side="right") - 1])


def whole(starts: Integers, ends: Integers) -> Pieces:
    """Sequences of one part."""
    count = len(starts)
    return Pieces(starts, ends, np.arange(count), np.zeros(count, np.int64), np.full(count, IGNORE))


def next_sentences(
    passages: EncodedPassages, starts: Integers, ends: Integers, *, room: int, random: np.random.Generator
) -> Pieces:
    """Cut each sequence that has a sentence inside into A and B, and give half of them the B of another.

    A and B together keep to `room` tokens: a B from elsewhere is cut where it is too long. Where chance gives a sequence
    a B of its own passage it keeps its own.
    """
    first = np.searchsorted(passages.sentences, starts, side="right")
    inner = np.searchsorted(passages.sentences, ends, side="left") - first
    two = inner > 0
    chosen = first + (random.random(len(starts)) * inner).astype(np.int64)
    cut = np.where(two, passages.sentences[np.minimum(chosen, len(passages.sentences) - 1)], ends)
    leaving = random.permutation(np.flatnonzero(two & (random.random(len(starts)) < 0.5)))
    giver = np.arange(len(starts))
    giver[leaving] = np.roll(leaving, 1)
    owner = np.searchsorted(passages.passages, starts, side="right")
    giver = np.where(owner[giver] == owner, np.arange(len(starts)), giver)
    follows = np.where(two, (giver != np.arange(len(starts))).astype(np.int64), IGNORE)
    begin = cut[giver]
    stop = np.minimum(ends[giver], begin + room - (cut - starts))
    sequences = np.concatenate([np.arange(len(starts)), np.flatnonzero(two)])
    order = np.argsort(sequences, kind="stable")
    return Pieces(
        np.concatenate([starts, begin[two]])[order],
        np.concatenate([cut, stop[two]])[order],
        sequences[order],
        np.repeat([0, 1], [len(starts), int(two.sum())])[order],
        follows,
    )
