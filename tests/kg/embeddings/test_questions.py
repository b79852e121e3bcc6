"""Questions: every training triple asks for its tail and for its head, and is asked once however it is grouped."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kg.embeddings.encode import EncodedTriples
from kg.embeddings.questions import Questions

ENTITIES, RELATIONS = 40, 2


def encoded_of(rows):
    train = np.unique(np.array(rows, dtype=np.int64).reshape(-1, 3), axis=0)
    none = np.empty((0, 3), dtype=np.int64)
    names = [f"e{i:02}" for i in range(ENTITIES)], [f"r{i}" for i in range(RELATIONS)]
    return EncodedTriples(*names, train, none, none, np.arange(1, len(train) + 1, dtype=np.float32))


entity = st.integers(0, ENTITIES - 1)
triples = st.lists(st.tuples(entity, st.integers(0, RELATIONS - 1), entity), min_size=1, max_size=80)


@pytest.mark.parametrize("whole", [True, False])
@given(rows=triples)
def test_every_triple_is_asked_from_both_ends_with_its_weight(whole, rows):
    encoded = encoded_of(rows)
    questions = Questions.of(encoded, whole=whole)
    rows_of, places = questions.answers_of(torch.arange(len(questions)))
    asked = zip(
        questions.entities[rows_of].tolist(),
        questions.relations[rows_of].tolist(),
        questions.answers[places].tolist(),
        questions.weights[places].tolist(),
        strict=True,
    )
    expected = []
    for (h, r, t), weight in zip(encoded.train.tolist(), encoded.weights.tolist(), strict=True):
        expected += [(h, r, t, weight), (t, r + RELATIONS, h, weight)]
    assert sorted(asked) == sorted(expected)
    if whole:
        assert len(questions) == len({(e, r) for e, r, _, _ in expected})


def test_a_question_with_many_answers_comes_in_pieces():
    encoded = encoded_of([(0, 0, t) for t in range(1, 40)])
    whole, pieces = (Questions.of(encoded, whole=w) for w in (True, False))
    assert (whole.starts[1:] - whole.starts[:-1]).max() == 39
    assert (pieces.starts[1:] - pieces.starts[:-1]).tolist()[:3] == [16, 16, 7]


def test_answers_of_some_questions_are_theirs_alone():
    questions = Questions.of(encoded_of([(0, 0, 1), (0, 0, 2), (3, 1, 4)]), whole=True)
    chosen = torch.tensor([3, 0])
    rows, places = questions.answers_of(chosen)
    found = [
        (questions.entities[chosen[r]].item(), questions.answers[p].item())
        for r, p in zip(rows.tolist(), places.tolist(), strict=True)
    ]
    assert found == [(3, 4), (0, 1), (0, 2)]
