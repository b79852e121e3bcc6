"""What a fused model knows of a graph: trained vectors only, neighbours of the train split only, and a control that shuffles them."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import MateriaError
from training.finetuning.fusion.graph_vectors import GraphVectors

TRIPLES = pa.Table.from_pylist(
    [
        {"subject": s, "predicate": p, "object": o, "split": split, "belief": belief}
        for s, p, o, split, belief in [
            ("T:a", "r:treats", "T:b", "train", 0.5),
            ("T:a", "r:treats", "T:c", "train", 0.9),
            ("T:a", "r:causes", "T:d", "train", 0.5),
            ("T:a", "r:causes", "T:b", "train", 0.5),
            ("T:b", "r:causes", "T:b", "train", 0.9),
            ("T:e", "r:treats", "T:a", "train", 0.1),
            ("T:a", "r:treats", "T:f", "test", 1.0),
            ("T:a", "r:treats", "T:e", "validation", 1.0),
        ]
    ]
)


@pytest.fixture(scope="module")
def folder(embeddings_of, tmp_path_factory):
    path = tmp_path_factory.mktemp("vectors")
    embeddings_of(TRIPLES).save(path)
    return path


def around(graph, curie):
    row = graph.curies.index(curie)
    names = ["self", *graph.relations, *(f"{relation} of" for relation in graph.relations)]
    pairs = zip(graph.neighbours[row].tolist(), graph.kinds[row].tolist(), strict=True)
    return [(names[kind], graph.curies[place]) for place, kind in pairs if place >= 0]


def test_neighbours_are_of_training_triples_the_most_believed_first_then_by_curie(folder):
    graph = GraphVectors.read(folder, TRIPLES, neighbours=3)
    assert around(graph, "T:a") == [("r:treats", "T:c"), ("r:causes", "T:b"), ("r:treats", "T:b")]
    assert around(graph, "T:e") == [("r:treats", "T:a")]
    # A triple of an entity with itself is no neighbour.
    assert around(graph, "T:b") == [("r:causes of", "T:a"), ("r:treats of", "T:a")]
    shifted = TRIPLES.take(np.random.default_rng(1).permutation(TRIPLES.num_rows))
    again = GraphVectors.read(folder, shifted, neighbours=3)
    assert np.array_equal(again.neighbours, graph.neighbours) and np.array_equal(again.kinds, graph.kinds)


def test_a_vector_that_no_training_triple_has_taught_is_left_out_and_the_rest_have_numbers_near_one(folder):
    graph = GraphVectors.read(folder)
    assert graph.curies == ("T:a", "T:b", "T:c", "T:d", "T:e")  # T:f is in a test triple only
    assert np.square(graph.vectors).mean() == pytest.approx(1, abs=1e-5)
    assert graph.neighbours.shape == (5, 0)


def test_a_folder_without_embeddings_is_told(tmp_path):
    with pytest.raises(MateriaError, match=r"holds no embeddings.*Name a folder of embeddings"):
        GraphVectors.read(tmp_path)


@given(st.integers(2, 200), st.integers(1, 500), st.integers(0, 2**32))
def test_the_shuffled_control_gives_everybody_the_row_of_another_of_like_degree(count, most, seed):
    degrees = np.random.default_rng(seed).integers(1, most + 1, size=count).tolist()
    curies = tuple(f"T:{place:03}" for place in range(count))
    vectors = np.arange(count, dtype=np.float32)[:, None]
    none = np.zeros((count, 0), np.int64)
    graph = GraphVectors(curies, vectors, none, none, (), np.array(degrees), "h")
    other = graph.shuffled(seed)
    assert sorted(other.curies) == sorted(curies) and other.curies == graph.shuffled(seed).curies
    assert all(one != two for one, two in zip(curies, other.curies, strict=True))
    # No more than a block of entities lies between the two in the order of degrees.
    degree_of = dict(zip(curies, degrees, strict=True))
    ordered = np.sort(degrees)
    for got, own in zip(other.curies, degrees, strict=True):
        low, high = sorted([degree_of[got], own])
        assert np.searchsorted(ordered, high, "left") - np.searchsorted(ordered, low, "right") < 64
