"""A pair's split depends on the pair alone, whichever end is named first, in Python and in SQL."""

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.config import SplitConfig
from kg.splits import held_out_by, split_of, split_sql

TENTHS = SplitConfig(validation=0.1, test=0.2)
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)


@given(NAMES, NAMES)
def test_the_order_of_the_pair_does_not_matter(a: str, b: str) -> None:
    assert split_of(a, b, TENTHS) == split_of(b, a, TENTHS)


@given(st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=20))
def test_sql_computes_the_same(pairs: list[tuple[str, str]]) -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE pairs (a VARCHAR, b VARCHAR)")
        connection.executemany("INSERT INTO pairs VALUES (?, ?)", pairs)
        rows = connection.execute(f"SELECT a, b, {split_sql('a', 'b', TENTHS)} FROM pairs").fetchall()
    assert len(rows) == len(pairs)
    assert [split for _, _, split in rows] == [split_of(a, b, TENTHS) for a, b, _ in rows]


def test_sql_orders_a_pair_as_python_does_beyond_the_basic_plane() -> None:
    """UTF-16 would put an emoji (surrogates, U+D83D) before U+FF5E; UTF-8 and Python do not."""
    for a, b in [("\U0001f48a", "～"), ("é", "z"), ("a", "A")]:
        sql = f"SELECT {split_sql('$1', '$2', TENTHS)}"
        assert duckdb.execute(sql, [a, b]).fetchall() == [(split_of(b, a, TENTHS),)]


@pytest.mark.parametrize("config", [TENTHS, SplitConfig()])
def test_shares_are_near_the_configured_ones(config: SplitConfig) -> None:
    n = 100_000
    pairs = f"SELECT 'MESH:' || i AS a, 'HP:' || i AS b FROM range({n}) r(i)"
    sql = f"SELECT {split_sql('a', 'b', config)} AS split, count(*) FROM ({pairs}) GROUP BY 1"
    counts = dict(duckdb.sql(sql).fetchall())
    for split, share in (("test", config.test), ("validation", config.validation)):
        deviation = 5 * (share * (1 - share) / n) ** 0.5
        assert abs(counts[split] / n - share) < deviation


def test_nothing_is_held_out_when_the_shares_are_zero() -> None:
    config = SplitConfig(validation=0, test=0)
    assert {split_of(f"A:{i}", f"B:{i}", config) for i in range(500)} == {"train"}


def test_a_larger_test_share_keeps_the_pairs_that_were_test() -> None:
    """Raising a share adds pairs to the test split and takes none away, so old results stay comparable."""
    small, large = SplitConfig(test=0.05), SplitConfig(test=0.2)
    pairs = [(f"A:{i}", f"B:{i * 7}") for i in range(2000)]
    was = {pair for pair in pairs if split_of(*pair, small) == "test"}
    now = {pair for pair in pairs if split_of(*pair, large) == "test"}
    assert was and was < now


@given(st.text(max_size=8), st.text(max_size=8))
def test_what_is_held_out_is_what_is_not_training(a: str, b: str) -> None:
    config = SplitConfig(validation=0.2, test=0.2)
    first, second = sorted((a, b))
    assert held_out_by(config)(first, second) == (split_of(b, a, config) != "train")
