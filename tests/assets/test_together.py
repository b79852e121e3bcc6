"""Partitions that share a query: neighbours, never more than asked for, and each bucket gets its own pieces."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from assets.together import ByBucket, groups


@given(st.lists(st.integers(0, 9), max_size=12), st.integers(1, 15))
def test_groups_are_as_large_as_allowed_and_no_larger(sizes: list[int], most: int) -> None:
    size = {str(place): size for place, size in enumerate(sizes)}
    found = list(groups(list(size), size.__getitem__, most))
    assert [key for group in found for key in group] == list(size), "each once, in order"
    total = [sum(size[key] for key in group) for group in found]
    assert all(len(group) == 1 or amount <= most for group, amount in zip(found, total, strict=True))
    first_of_next = [size[group[0]] for group in found[1:]]
    assert all(amount + more > most for amount, more in zip(total, first_of_next, strict=False))


@given(st.lists(st.integers(0, 5), max_size=10).map(sorted), st.sets(st.integers(0, 5)).map(sorted))
def test_every_bucket_gets_its_pieces(pieces: list[int], asked: list[int]) -> None:
    of_bucket = ByBucket(iter([(bucket, place) for place, bucket in enumerate(pieces)]))
    for bucket in asked:
        assert list(of_bucket(bucket)) == [place for place, other in enumerate(pieces) if other == bucket]
