"""Tags in a row: the likeliest valid sequence, and spans as seqeval reads them."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import BILOU, IOB2, IOBES, Entities

from pipeline.ner.tag_sequences import TagSequences

IOB2_TAGS = ("O", "B-X", "I-X", "B-Y", "I-Y")
IOBES_TAGS = (*IOB2_TAGS, "E-X", "S-X", "E-Y", "S-Y")
BILOU_TAGS = (*IOB2_TAGS, "L-X", "U-X", "L-Y", "U-Y")


def whole(tags, scheme):
    """Whether seqeval, told that the tags are of a scheme, sees in them what it sees when it guesses."""
    strict = [(e.start, e.end - 1, e.tag) for e in Entities([list(tags)], scheme).entities[0]]
    tokens = sum(last - first + 1 for first, last, _ in strict)
    return tokens == sum(tag != "O" for tag in tags)


@settings(max_examples=60)
@given(
    tags=st.sampled_from([(IOB2_TAGS, IOB2), (IOBES_TAGS[:3] + IOBES_TAGS[5:7], IOBES)]),
    data=st.data(),
)
def test_the_likeliest_valid_sequence_is_found_among_all(tags, data):
    names, scheme = tags
    score = st.floats(-5, 5)
    rows = data.draw(st.lists(st.tuples(*[score] * len(names)), min_size=1, max_size=4))
    logs = np.array(rows) - np.log(np.exp(rows).sum(1, keepdims=True))

    def total(sequence):
        return sum(logs[place, tag] for place, tag in enumerate(sequence))

    valid = [
        sequence
        for sequence in itertools.product(range(len(names)), repeat=len(rows))
        if whole([names[n] for n in sequence], scheme)
    ]
    found = tuple(TagSequences(names, strict=scheme is IOB2).likeliest(np.array(rows)))
    assert found in valid
    assert total(found) == pytest.approx(max(map(total, valid)))


@given(st.lists(st.sampled_from(IOB2_TAGS), max_size=8))
def test_valid_tags_that_a_model_is_sure_of_are_kept(tags):
    sequences = TagSequences(IOB2_TAGS, strict=True)
    numbers = [IOB2_TAGS.index(tag) for tag in tags]
    path = sequences.likeliest(9.0 * np.eye(5)[numbers].reshape(-1, 5))
    assert (path == numbers) == whole(tags, IOB2)
    assert whole([IOB2_TAGS[n] for n in path], IOB2)


@pytest.mark.parametrize(("names", "scheme"), [(IOB2_TAGS, IOB2), (IOBES_TAGS, IOBES), (BILOU_TAGS, BILOU)])
@given(data=st.data())
def test_spans_are_those_of_seqeval_in_strict_mode(names, scheme, data):
    """Of valid sequences of any scheme; in IOB2 of every sequence."""
    tags = data.draw(st.lists(st.sampled_from(names), max_size=8))
    sequences = TagSequences(names, strict=scheme is IOB2)
    numbers = [names.index(tag) for tag in tags]
    if scheme is not IOB2:
        numbers = sequences.likeliest(np.eye(len(names))[numbers].reshape(-1, len(names)))
    strict = Entities([[names[n] for n in numbers]], scheme).entities[0]
    assert sequences.spans(numbers) == [(e.start, e.end - 1, e.tag) for e in strict]


@given(st.lists(st.sampled_from(IOB2_TAGS), max_size=8))
def test_tags_of_unknown_scheme_are_read_as_conlleval_reads_them(tags):
    sequences = TagSequences(IOB2_TAGS, strict=False)
    numbers = [IOB2_TAGS.index(tag) for tag in tags]
    assert sequences.spans(numbers) == [(first, last, kind) for kind, first, last in get_entities(tags)]
    # Every sequence may stand, so the likeliest is each token's likeliest.
    assert sequences.likeliest(np.eye(5)[numbers].reshape(-1, 5)) == numbers


def test_a_bare_type_goes_on_or_begins():
    sequences = TagSequences(["O", "Drug", "LABEL_1"], strict=False)
    assert sequences.spans([1, 1, 0, 1, 2, 2]) == [(0, 1, "Drug"), (3, 3, "Drug"), (4, 5, "LABEL_1")]


def test_no_tokens_have_no_tags():
    assert TagSequences(IOB2_TAGS, strict=True).likeliest(np.zeros((0, 5))) == []
