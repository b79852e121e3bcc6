"""Names made from content: the same in Python and SQL, stable, and spread evenly."""

import duckdb
from hypothesis import given
from hypothesis import strategies as st

from pipeline.hashing import BUCKET_SQL, bucket_name, bucket_of, fraction_of, hash_json, text_hash


@given(st.text(alphabet=st.characters(exclude_characters="\x00", exclude_categories=["Cs"])), st.integers(1, 4096))
def test_a_bucket_is_the_same_in_python_and_in_sql(key: str, buckets: int) -> None:
    query = f"SELECT {BUCKET_SQL.format('k', buckets)} FROM (SELECT $k AS k)"
    assert duckdb.execute(query, {"k": key}).fetchone() == (bucket_of(key, buckets),)


def test_bucket_names_sort_as_numbers_do() -> None:
    names = [bucket_name(i, 64) for i in range(64)]
    assert names == sorted(names)
    assert names[3] == "03"
    assert bucket_name(7, 8) == "7"


def test_composed_and_decomposed_text_are_one_text() -> None:
    assert text_hash("caf\u00e9") == text_hash("cafe\u0301")


def test_the_order_of_keys_does_not_change_a_hash() -> None:
    assert hash_json({"a": 1, "b": [2, None]}) == hash_json({"b": [2, None], "a": 1})


def test_fractions_spread_evenly() -> None:
    below = sum(fraction_of("pair", i) < 0.1 for i in range(5000))
    assert 400 < below < 600
