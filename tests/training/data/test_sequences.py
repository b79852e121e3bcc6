"""Sequences: all text once, cut at sentences where they fit; next sentences keep to the room and say where they are from."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from training.data.batches import IGNORE
from training.data.encoding import EncodedPassages
from training.data.sequences import cut_sequences, next_sentences

#: Passages as lists of sentences, sentences as lists of units, units as numbers of tokens.
PASSAGES = st.lists(st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=5), max_size=5), max_size=6)


def encoded(passages):
    none = np.zeros(0, dtype=np.int64)
    begins, sentences, at = [], [], [0]
    for passage in passages:
        for sentence in passage:
            sentences.append(len(begins))
            for unit in sentence:
                begins += [True] + [False] * (unit - 1)
        at.append(len(begins))
    return EncodedPassages(
        np.arange(len(begins)), np.array(begins, dtype=bool), np.array(at), np.array(sentences, dtype=np.int64),
        none.reshape(0, 2), none, none, none.reshape(0, 3), none.astype(np.float32),
    )  # fmt: skip


@settings(max_examples=60)
@given(PASSAGES, st.integers(1, 14))
def test_sequences_cover_the_text_and_end_with_a_sentence_where_one_fits(passages, room):
    text = encoded(passages)
    starts, ends = cut_sequences(text, room)
    assert [i for s, e in zip(starts, ends, strict=True) for i in range(s, e)] == list(range(len(text.ids)))
    stops = {*text.sentences.tolist(), *text.passages.tolist()}
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        assert 0 < end - start <= room
        fitting = [stop for stop in stops if start < stop <= start + room]
        assert not set(range(start + 1, end)) & set(text.passages.tolist())
        # The end of the passage counts as the end of a sentence, and nothing reaches beyond it.
        beyond = min(p for p in text.passages.tolist() if p > start)
        assert end == max(stop for stop in fitting if stop <= beyond) if fitting else text.begins[end] or room < 4


@settings(max_examples=60)
@given(PASSAGES, st.integers(2, 14), st.integers(0, 99))
def test_a_second_part_is_the_next_sentence_or_from_another_passage(passages, room, seed):
    text = encoded(passages)
    starts, ends = cut_sequences(text, room)
    pieces = next_sentences(text, starts, ends, room=room, random=np.random.default_rng(seed))
    owner = np.searchsorted(text.passages, pieces.starts, side="right")
    for number, label in enumerate(pieces.follows.tolist()):
        own = np.flatnonzero(pieces.sequences == number)
        assert (pieces.ends[own] - pieces.starts[own]).sum() <= room and (pieces.ends[own] > pieces.starts[own]).all()
        assert pieces.parts[own].tolist() == list(range(len(own))) and (len(own) == 1) == (label == IGNORE)
        if label == 0:
            assert pieces.starts[own[1]] == pieces.ends[own[0]] and pieces.ends[own[1]] == ends[number]
        if label == 1:
            assert owner[own[0]] != owner[own[1]]
        if len(own) == 2:
            assert pieces.starts[own[1]] in text.sentences
