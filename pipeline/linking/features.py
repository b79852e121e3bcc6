"""What speaks for a candidate and against it: the numbers that the re-ranker weighs, for many pairs at once.

A pair is a text that stands for a mention (the mention, its long form, ...) and a concept with its nearest name. Every feature lies
in [0, 1] or near it, so that its weight says what it is worth. Words count by how rare they are (inverse document frequency),
words that vocabularies use for one another ("renal", "kidney") count as half the same. Cost: 3 microseconds a pair on one core.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipeline.abbreviations import is_short_form
from pipeline.linking.surfaces import Surfaces

__all__ = ["PAIR_FEATURES", "pair_features"]

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]

#: Features of a pair, with the words that explain them.
PAIR_FEATURES: dict[str, str] = {
    "similarity": "similar spelling",
    "same_spelling": "same spelling",
    "same_letters": "same letters",
    "same_words": "same words",
    "same_stems": "same stems",
    "same_core": "same but for words like disease or syndrome",
    "preferred": "preferred name",
    "preferred_lacks": "words of the mention unlike any of the preferred name",
    "preferred_extra": "words of the preferred name unlike any of the mention",
    "mention_unexplained": "words of the mention that the name lacks",
    "name_unexplained": "words of the name that the mention lacks",
    "mention_unlike": "words of the mention unlike any of the name",
    "name_unlike": "words of the name unlike any of the mention",
    "extra_in_name": "further words in the name",
    "extra_in_mention": "further words in the mention",
    "essential_in_name": "further words in the name that are seldom left out",
    "essential_in_mention": "further words in the mention that are seldom left out",
    "head_differs": "another head word",
    "head_unlike": "an unrelated head word",
    "numbers_differ": "other numbers",
    "number_extra": "a number that the mention lacks",
    "number_missing": "a number that the name lacks",
    "ratio": "edit distance",
    "sorted_ratio": "edit distance of the sorted words",
    "abbreviates": "letters abbreviate the name",
    "short_case": "short form in other capitals",
    "title_capitals": "name in capitals only",
}

_CHUNK = 1 << 14


def pair_features(
    surfaces: Surfaces, mentions: Numbers, names: Numbers, preferred: Numbers, similarity: Floats
) -> Floats:
    """The features of pairs [n, len(PAIR_FEATURES)].

    Args:
        mentions, names: rows of `surfaces`, one a pair.
        preferred: rows of the preferred names of the concepts.
        similarity: what the index said of each pair.
    """
    blocks = [
        _chunk(
            surfaces,
            mentions[s : s + _CHUNK],
            names[s : s + _CHUNK],
            preferred[s : s + _CHUNK],
            similarity[s : s + _CHUNK],
        )
        for s in range(0, len(mentions), _CHUNK)
    ]
    return np.concatenate(blocks) if blocks else np.zeros((0, len(PAIR_FEATURES)), np.float32)


def _chunk(s: Surfaces, q: Numbers, n: Numbers, p: Numbers, similarity: Floats) -> Floats:
    from rapidfuzz.distance import Indel
    from rapidfuzz.process import cpdist

    q_weight, n_weight = s.weights[q], s.weights[n]
    q_total, n_total = np.maximum(q_weight.sum(1), 1e-6), np.maximum(n_weight.sum(1), 1e-6)
    q_same, n_same, q_like, n_like = _likeness(s, q, n)
    lacks, extra = _unlike_share(s, q, p)
    head_like = (s.heads[q] == s.heads[n]) | (s.heads_substitute(q, n) > 0)
    head_in = (s.heads[q][:, None] == s.stems[n]).any(1)
    texts, folded, ordered = s.texts, s.folded, s.ordered
    ratio = cpdist([folded[i] for i in q], [folded[i] for i in n], scorer=Indel.normalized_similarity, dtype=np.float32)
    sorted_ratio = cpdist(
        [ordered[i] for i in q], [ordered[i] for i in n], scorer=Indel.normalized_similarity, dtype=np.float32
    )
    same_letters = s.lowered[q] == s.lowered[n]
    abbreviates = np.zeros(len(q), np.bool_)
    for place in np.flatnonzero(s.shorts[q]):
        abbreviates[place] = is_short_form(texts[q[place]], s.running[n[place]])
    q_unlike, n_unlike = (q_weight * (1 - q_like)).sum(1), (n_weight * (1 - n_like)).sum(1)
    columns = [
        similarity,
        q == n,
        same_letters,
        sorted_ratio >= 1,
        ~((q_like <= 0.75) & (q_weight > 0)).any(1) & ~((n_like <= 0.75) & (n_weight > 0)).any(1),
        ~((q_like <= 0.75) & s.core[q]).any(1) & ~((n_like <= 0.75) & s.core[n]).any(1) & s.core[q].any(1),
        n == p,
        lacks,
        extra,
        (q_weight * ~q_same).sum(1) / q_total,
        (n_weight * ~n_same).sum(1) / n_total,
        q_unlike / q_total,
        n_unlike / n_total,
        np.minimum(n_unlike / 10, 3),
        np.minimum(q_unlike / 10, 3),
        np.minimum((n_weight * (1 - n_like) * s.needs[n] ** 4).sum(1) / 10, 3),
        np.minimum((q_weight * (1 - q_like) * s.needs[q] ** 4).sum(1) / 10, 3),
        s.heads[q] != s.heads[n],
        ~(head_like | head_in),
        (s.numbers[q] != s.numbers[n]) & (s.numbers[q] > 0) & (s.numbers[n] > 0),
        (s.numbers[q] == 0) & (s.numbers[n] > 0),
        (s.numbers[q] > 0) & (s.numbers[n] == 0),
        ratio,
        sorted_ratio,
        abbreviates,
        s.shorts[q] & same_letters & (s.letters[q] != s.letters[n]),
        s.capitals[n] & ~s.shorts[n],
    ]
    return np.stack([np.asarray(column, np.float32) for column in columns], axis=1)


def _likeness(
    s: Surfaces, q: Numbers, n: Numbers
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], Floats, Floats]:
    """For each word of the left and of the right texts: whether the other has it, and how like it the most like word of the other is."""
    qw, nw, qs, ns = s.words[q], s.words[n], s.stems[q], s.stems[n]
    same = (qw[:, :, None] == nw[:, None, :]) & (qw >= 0)[:, :, None]
    like = s.substitutions(q, n)
    np.maximum(like, np.float32(0.8), out=like, where=(qs[:, :, None] == ns[:, None, :]) & (qs >= 0)[:, :, None])
    like[same] = 1
    return same.any(2), same.any(1), like.max(2), like.max(1)


def _unlike_share(s: Surfaces, q: Numbers, n: Numbers) -> tuple[Floats, Floats]:
    """The shares, by weight, of the left texts' words that are unlike all of the right texts', and the reverse."""
    _, _, q_like, n_like = _likeness(s, q, n)
    shares = []
    for rows, like in ((q, q_like), (n, n_like)):
        weights = s.weights[rows]
        shares.append((weights * (1 - like)).sum(1) / np.maximum(weights.sum(1), 1e-6))
    return shares[0], shares[1]
