"""What speaks for a candidate and against it: the numbers that the re-ranker weighs, for many pairs at once.

A pair is a text that stands for a mention (the mention, its long form, ...) and a concept with its nearest name. Every feature lies
in [0, 1] or near it, so that its weight says what it is worth. Words count by how rare they are (inverse document frequency),
words that vocabularies use for one another ("renal", "kidney") count as half the same. Cost: 3 microseconds a pair on one core.
"""

from __future__ import annotations

from collections.abc import Sequence

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
    "preferred": "preferred name",
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
    surfaces: Surfaces, mentions: Numbers, names: Numbers, similarity: Floats, preferred: npt.NDArray[np.bool_]
) -> Floats:
    """The features of pairs [n, len(PAIR_FEATURES)].

    Args:
        mentions, names: rows of `surfaces`, one a pair.
        similarity: what the index said of each pair.
        preferred: whether the name is the concept's preferred one.
    """
    blocks = [
        _chunk(surfaces, mentions[s : s + _CHUNK], names[s : s + _CHUNK], similarity[s : s + _CHUNK], preferred[s : s + _CHUNK])
        for s in range(0, len(mentions), _CHUNK)
    ]
    return np.concatenate(blocks) if blocks else np.zeros((0, len(PAIR_FEATURES)), np.float32)


def _chunk(s: Surfaces, q: Numbers, n: Numbers, similarity: Floats, preferred: npt.NDArray[np.bool_]) -> Floats:
    from rapidfuzz.distance import Indel
    from rapidfuzz.process import cpdist

    qw, nw, q_weight, n_weight = s.words[q], s.words[n], s.weights[q], s.weights[n]
    q_total, n_total = np.maximum(q_weight.sum(1), 1e-6), np.maximum(n_weight.sum(1), 1e-6)
    same = (qw[:, :, None] == nw[:, None, :]) & (qw >= 0)[:, :, None]
    qs, ns = s.stems[q], s.stems[n]
    like = np.where((qs[:, :, None] == ns[:, None, :]) & (qs >= 0)[:, :, None], np.float32(0.8), np.float32(0))
    like = np.maximum(like, s.substitutions(q, n))
    like[same] = 1
    q_same, n_same = same.any(2), same.any(1)
    q_like, n_like = like.max(2), like.max(1)
    head_like = (s.heads[q] == s.heads[n]) | (s.heads_substitute(q, n) > 0)
    head_in = (s.heads[q][:, None] == ns).any(1)
    texts, folded, ordered = s.texts, s.folded, s.ordered
    ratio = cpdist([folded[i] for i in q], [folded[i] for i in n], scorer=Indel.normalized_similarity, dtype=np.float32)
    sorted_ratio = cpdist([ordered[i] for i in q], [ordered[i] for i in n], scorer=Indel.normalized_similarity, dtype=np.float32)
    same_spelling = np.fromiter((texts[i] == texts[j] for i, j in zip(q, n, strict=True)), np.bool_, len(q))
    same_letters = np.fromiter((s.letters[i].lower() == s.letters[j].lower() for i, j in zip(q, n, strict=True)), np.bool_, len(q))
    cased = np.fromiter((s.letters[i] == s.letters[j] for i, j in zip(q, n, strict=True)), np.bool_, len(q))
    abbreviates = np.zeros(len(q), np.bool_)
    for place in np.flatnonzero(s.shorts[q]):
        abbreviates[place] = is_short_form(texts[q[place]], s.running[n[place]])
    q_unlike, n_unlike = (q_weight * (1 - q_like)).sum(1), (n_weight * (1 - n_like)).sum(1)
    columns = [
        similarity,
        same_spelling,
        same_letters,
        sorted_ratio >= 1,
        np.minimum((q_like > 0.75).sum(1) >= (qw >= 0).sum(1), (n_like > 0.75).sum(1) >= (nw >= 0).sum(1)),
        preferred,
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
        s.shorts[q] & same_letters & ~cased,
        s.capitals[n] & ~s.shorts[n],
    ]
    return np.stack([np.asarray(column, np.float32) for column in columns], axis=1)
