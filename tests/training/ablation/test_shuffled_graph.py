from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.claims import triple_id
from training.ablation.shuffled_graph import shuffle_graph, true_by_chance, true_triples

RELATIONS = ("biolink:affects", "biolink:causes", "biolink:treats")
triples = st.sets(
    st.tuples(st.integers(0, 11), st.sampled_from(RELATIONS), st.integers(0, 11)).filter(lambda t: t[0] != t[2]),
    max_size=60,
)


def graph(rows):
    """Every fifth triple is held out."""
    columns = [[f"E:{s}" for s, _, _ in rows], [p for _, p, _ in rows], [f"E:{o}" for _, _, o in rows]]
    return pa.table(
        {
            "triple_id": pa.array([triple_id(*row) for row in zip(*columns, strict=True)], pa.string()),
            "subject": pa.array(columns[0], pa.string()),
            "predicate": pa.array(columns[1], pa.string()),
            "object": pa.array(columns[2], pa.string()),
            "split": pa.array(["test" if n % 5 == 4 else "train" for n in range(len(rows))], pa.string()),
        }
    )


def degrees(table, *columns):
    return Counter(zip(*(table[name].to_pylist() for name in columns), strict=True))


@settings(max_examples=60)
@given(triples, st.integers(0, 5))
def test_degrees_and_relations_stay_and_held_out_triples_too(rows, seed):
    before = graph(sorted(rows))
    after = shuffle_graph(before, {}, seed=seed)
    for columns in (("split", "predicate", "subject"), ("split", "predicate", "object"), ("split", "predicate")):
        assert degrees(before, *columns) == degrees(after.triples, *columns)
    for old, new in zip(before.to_pylist(), after.triples.to_pylist(), strict=True):
        assert new["triple_id"] == triple_id(new["subject"], new["predicate"], new["object"])
        assert old["split"] == "train" or old == new
    assert after.triples.equals(shuffle_graph(before, {}, seed=seed).triples)


@settings(max_examples=40)
@given(triples)
def test_every_triple_has_the_object_of_the_triple_it_says(rows):
    before = graph(sorted(rows))
    after = shuffle_graph(before, {}, seed=1)
    objects = dict(zip(before["triple_id"].to_pylist(), before["object"].to_pylist(), strict=True))
    found = dict(zip(after.triples["triple_id"].to_pylist(), after.triples["object"].to_pylist(), strict=True))
    assert sorted(after.origin) == sorted(set(after.origin.values()))
    for old, new in after.renamed.items():
        assert objects[after.origin[old]] == found[new]


def big():
    """200 subjects and 200 objects, some of them hubs, about 1,400 triples."""
    random = np.random.default_rng(3)
    subjects, objects = ((random.random(1500) ** 2 * 200).astype(int) for _ in range(2))
    relations = random.choice(RELATIONS, 1500)
    return graph(sorted({(int(s), str(p), int(o) + 200) for s, p, o in zip(subjects, relations, objects, strict=True)}))


def test_no_true_triple_is_left_where_chance_would_leave_many():
    before = big()
    after = shuffle_graph(before, {}, seed=1)
    chance = true_by_chance(before, seed=1)
    assert chance > 50  # hubs meet again
    assert after.kept == true_triples(after.triples, before) == 0
    assert len(set(after.triples["triple_id"].to_pylist())) == before.num_rows


def test_objects_go_where_others_of_their_kind_stood():
    before = big()
    kinds = {row["triple_id"]: ("odd" if int(row["object"][2:]) % 2 else "even",) for row in before.to_pylist()}
    after = shuffle_graph(before, kinds, seed=1)
    same = sum(kinds[old] == kinds[new] for old, new in after.origin.items())
    assert same > 0.9 * len(after.origin)


@pytest.mark.parametrize("seed", [1, 2])
def test_another_seed_gives_another_graph(seed):
    assert not shuffle_graph(big(), {}, seed=0).triples.equals(shuffle_graph(big(), {}, seed=seed).triples)
