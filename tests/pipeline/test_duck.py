"""DuckDB for a build: one database, given out again and again, and never with anything of whoever had it before."""

from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.duck import connect, databases_kept

LEAVINGS = (
    "CREATE TABLE t AS SELECT 1 AS a",
    "CREATE VIEW v AS SELECT * FROM t",
    "CREATE TEMP TABLE tt AS SELECT 2 AS a",
    "CREATE TEMP MACRO twice(a) AS 2 * a",
    "CREATE SCHEMA own; USE own; CREATE TABLE t AS SELECT 3 AS a; CREATE MACRO thrice(a) AS 3 * a",
)
NAMES = "SELECT table_name FROM duckdb_tables() UNION ALL SELECT view_name FROM duckdb_views() WHERE NOT internal"
MACROS = "SELECT function_name FROM duckdb_functions() WHERE NOT internal"


def file_of(connection) -> str:
    return next(path for _, name, path in connection.execute("PRAGMA database_list").fetchall() if name == "work")


def test_a_build_opens_one_database_and_finds_it_empty_each_time() -> None:
    with databases_kept():
        with connect(threads=1, memory_limit="500MB", disabled_optimizers="build_side_probe_side") as connection:
            first = file_of(connection)
            connection.register("rows", pa.table({"a": [1, 2]}))
            for statement in LEAVINGS:
                connection.execute(statement)
        with connect(threads=2) as connection:
            assert file_of(connection) == first
            assert connection.execute(NAMES).fetchall() == connection.execute(MACROS).fetchall() == []
            wanted = ("threads", "disabled_optimizers", "current_schema()")
            settings = [f"current_setting('{name}')" for name in wanted[:2]]
            assert connection.execute(f"SELECT {', '.join(settings)}, current_schema()").fetchone() == (2, "", "main")
            connection.execute(LEAVINGS[0])
    assert not Path(first).exists()


def test_who_needs_one_while_another_has_it_gets_a_second() -> None:
    with databases_kept(), connect() as one, connect() as other:
        assert file_of(one) != file_of(other)
        one.execute(LEAVINGS[0])
        assert other.execute(NAMES).fetchall() == []


def test_a_database_in_which_something_went_wrong_is_not_used_again() -> None:
    with databases_kept():
        with pytest.raises(RuntimeError), connect() as connection:
            first = file_of(connection)
            raise RuntimeError
        assert not Path(first).exists()
        with connect() as connection:
            assert file_of(connection) != first


def test_outside_of_a_build_each_is_removed_at_once() -> None:
    with connect() as connection:
        place = file_of(connection)
    assert not Path(place).exists()
