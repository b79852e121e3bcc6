import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.name_trie import Steps, build_trie, every, follow, longest

WORDS = st.integers(0, 3)
FORMS = st.lists(st.lists(WORDS, min_size=1, max_size=4), max_size=12)


def trie_of(forms):
    words = np.array([word for form in forms for word in form], dtype=np.int32)
    ends = np.cumsum([len(form) for form in forms], dtype=np.int64)
    return (*build_trie(words, ends), words, ends)


def steps_of(forms):
    edges, nodes, _, _ = trie_of(forms)
    is_name = np.zeros(len(edges) + 1, dtype=bool)
    is_name[nodes] = True
    return Steps(edges, is_name)


@given(FORMS, st.lists(st.integers(-1, 3), max_size=20))
def test_the_trie_finds_what_trying_every_form_at_every_place_finds(forms, text):
    expected, place = [], 0
    while place < len(text):
        fitting = [len(form) for form in forms if text[place : place + len(form)] == form]
        if fitting:
            expected.append((place, place + max(fitting)))
        place += max(fitting, default=1)
    assert [(first, after) for first, after, _ in longest(steps_of(forms), text)] == expected


@given(FORMS, st.lists(st.integers(-1, 3), max_size=20))
def test_every_form_is_found_at_every_place_where_that_is_asked(forms, text):
    expected = {
        (place, place + len(form))
        for place in range(len(text))
        for form in forms
        if text[place : place + len(form)] == form
    }
    found = [(first, after) for first, after, _ in every(steps_of(forms), text)]
    assert found == sorted(expected)


@given(FORMS)
def test_each_form_ends_at_a_node_of_its_own_and_is_followed_there(forms):
    edges, nodes, words, ends = trie_of(forms)
    assert len(set(nodes.tolist())) == len({tuple(form) for form in forms})
    assert follow(edges, words, ends).tolist() == nodes.tolist()
    assert np.all(edges[:-1] < edges[1:])


def test_forms_that_the_trie_lacks_lead_nowhere():
    edges, _, _, _ = trie_of([[1, 2]])
    words, ends = np.array([1, 1, 3, -1, 2], dtype=np.int32), np.array([1, 3, 4, 5])
    assert follow(edges, words, ends).tolist() == [1, -1, -1, -1]
    assert follow(edges[:0], words, ends).tolist() == [-1] * 4


def test_a_process_forgets_edges_rather_than_grow(monkeypatch):
    monkeypatch.setattr("pipeline.name_trie._REMEMBERED", 2)
    steps = steps_of([[0, 1], [1, 2], [2, 3]])
    text = [0, 1, 1, 2, 2, 3] * 3
    assert [(first, after) for first, after, _ in longest(steps, text)] == [(n, n + 2) for n in range(0, 18, 2)]
    assert len(steps) <= 2
