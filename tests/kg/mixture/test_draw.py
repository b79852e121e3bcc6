"""Numbers by hash, and the rates that meet a wanted number."""

import duckdb
import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.mixture.draw import COPIES_SQL, UNIFORM_SQL, Pool, largest
from kg.mixture.targets import on_grid
from pipeline.hashing import fraction_of, hash_fields


def test_the_number_of_a_passage_is_the_same_in_sql_and_in_python():
    for passage_id in ("a", "糖尿病", "0" * 64):
        ((number,),) = duckdb.execute(f"SELECT {UNIFORM_SQL} FROM (SELECT ? AS passage_id)", [passage_id]).fetchall()
        assert number == int(hash_fields("mixture", passage_id)[:10], 16) / 2**40


@settings(max_examples=30)
@given(st.integers(0, 10 * 2**40), st.integers(0, 2**40 - 1))
def test_a_rate_is_the_mean_number_of_copies(parts, part):
    rate, u = parts / 2**40, part / 2**40
    ((copies,),) = duckdb.execute(
        f"SELECT {COPIES_SQL.format(rate='?', repeats=99)} FROM (SELECT ? AS u)", [rate, u]
    ).fetchall()
    assert copies in (int(rate), int(rate) + 1)
    assert (copies > int(rate)) == (u < rate - int(rate))


@settings(max_examples=20)
@given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.integers(1, 4), st.floats(0, 1))
def test_a_wanted_number_is_met_to_within_one_passage(sizes, repeats, share):
    connection = duckdb.connect()
    passages = {
        "cell": np.zeros(len(sizes), dtype=np.int32),
        "tokens": np.array(sizes, dtype=np.int32),
        "u": [fraction_of(i) for i in range(len(sizes))],
    }
    passages_table = pa.table(passages)  # noqa: F841, DuckDB reads it by its name
    connection.execute("CREATE TABLE pool AS SELECT * FROM passages_table")
    pool = Pool(connection, 1, repeats)
    wanted = share * repeats * sum(sizes)
    (rate,) = largest(pool.tokens_at, np.array([wanted]), np.array([float(repeats)]))
    (found,) = pool.tokens_at(np.array([rate]))
    assert wanted - max(sizes) <= found <= wanted


@given(st.integers(1, 10**12))
def test_the_grid_is_within_half_a_step(number):
    assert abs(np.log2(on_grid(number) / number)) <= 1 / 128 + 1e-9
