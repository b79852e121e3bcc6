import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys

import pyarrow as pa
import pytest

from pipeline.document_rows import Told
from pipeline.row_cache import CachedRows, RowCache

ROWS = pa.schema([("word", pa.string())])


def key(name):
    return name.encode().ljust(16, b".")


def made(*texts):
    batch = pa.RecordBatch.from_pylist([{"word": word} for text in texts for word in text.split()], ROWS)
    return [batch], [Told(len(text.split()), key(text[:9])) for text in texts]


def words(cache, *names, version="v1"):
    """The rows found of each name, None where there are none."""
    found = cache.find(map(key, names))
    source = CachedRows({k: versions[version] for k, versions in found.items() if version in versions})
    rows = [source.take([key(name)])[0] if key(name) in source else None for name in names]
    return [some and [w for batch in some for w in batch.column("word").to_pylist()] for some in rows]


def add(cache, name, text, version="v1"):
    cache.add([key(name)], version, made(text))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cache" / "rows.sqlite"


def test_rows_are_found_by_what_they_were_made_from_and_by_the_version_of_the_names(path):
    with RowCache(path, 1) as cache:
        cache.add([key("a"), key("b"), key("none")], "v1", made("one two", "three", ""))
        add(cache, "a", "another", "v2")
    with RowCache(path, 1) as cache:
        assert words(cache, "b", "a", "gone") == [["three"], ["one", "two"], None]
        assert words(cache, "a", "b", version="v2") == [["another"], None]
        (place,) = cache.find([key("none")])[key("none")].values()
        assert place.told == made("")[1][0]
        source = CachedRows({key(n): cache.find([key(n)])[key(n)]["v1"] for n in ("a", "b")})
        batches, told = source.take([key("b"), key("a"), key("b")])
        assert [w for b in batches for w in b.column("word").to_pylist()] == ["three", "one", "two", "three"]
        assert [one.rows for one in told] == [1, 2, 1]


def test_a_damaged_segment_is_told_and_removed_and_the_others_stand(path, caplog):
    with RowCache(path, 1) as cache:
        for name in "abc":
            add(cache, name, f"the text of {name}")
    with sqlite3.connect(path) as database:
        (rows,) = database.execute("SELECT rows FROM segments WHERE id = 2").fetchone()
        database.execute(
            "UPDATE segments SET rows = ? WHERE id = 2", [rows[:-40] + bytes([rows[-40] ^ 1]) + rows[-39:]]
        )
    with RowCache(path, 1) as cache:
        assert words(cache, "a", "b", "c") == [["the", "text", "of", "a"], None, ["the", "text", "of", "c"]]
        assert "damaged" in caplog.text
        caplog.clear()
        assert words(cache, "b") == [None]
        assert caplog.text == ""


def test_an_entry_that_points_at_the_wrong_segment_is_not_believed(path):
    with RowCache(path, 1) as cache:
        add(cache, "a", "one")
        add(cache, "b", "two")
    with sqlite3.connect(path) as database:
        database.execute("UPDATE texts SET segment = 2")
    with RowCache(path, 1) as cache:
        assert words(cache, "a", "b") == [None, ["two"]]


@pytest.mark.parametrize("damage", [b"no database at all" * 99, b""])
def test_a_file_that_is_no_cache_any_more_is_told_and_begun_anew(path, caplog, damage):
    with RowCache(path, 1) as cache:
        add(cache, "a", "one")
    path.write_bytes(damage)
    with RowCache(path, 1) as cache:
        assert words(cache, "a") == [None]
    assert bool(damage) == ("begun anew" in caplog.text)
    with RowCache(path, 1) as cache:
        add(cache, "a", "one")
        assert words(cache, "a") == [["one"]]


def test_pages_that_are_damaged_inside_do_not_stop_a_build(path, caplog):
    with RowCache(path, 1) as cache:
        for number in range(300):
            add(cache, f"{number}", f"text number {number}")
    data = bytearray(path.read_bytes())
    for place in range(4096, len(data), 512):
        data[place] ^= 0xFF
    path.write_bytes(data)
    with RowCache(path, 1) as cache:
        found = words(cache, *map(str, range(300)))
        assert all(some is None or some == f"text number {n}".split() for n, some in enumerate(found))
    assert None in found
    assert caplog.text


def test_what_a_later_version_wrote_is_left_as_it_is(path, caplog):
    with RowCache(path, 1) as cache:
        add(cache, "a", "one")
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    with RowCache(path, 1) as cache:
        add(cache, "b", "two")
        assert words(cache, "a", "b") == [None, None]
    assert "later version" in caplog.text
    assert path.read_bytes() == before


def test_what_an_earlier_version_wrote_is_begun_anew(path):
    with RowCache(path, 1) as cache:
        add(cache, "a", "one")
    with sqlite3.connect(path) as database:
        database.execute("ALTER TABLE segments RENAME COLUMN used TO age")
        database.execute("PRAGMA user_version = 0")
    with RowCache(path, 1) as cache:
        assert words(cache, "a") == [None]
        add(cache, "b", "two")
        assert words(cache, "b") == [["two"]]


def test_beyond_the_limit_what_was_longest_not_used_goes(path):
    text = " ".join(os.urandom(20).hex() for _ in range(2000))
    names = [f"text {n}" for n in range(30)]
    with RowCache(path, 1) as cache:
        for name in names[:10]:
            add(cache, name, text)
    with RowCache(path, 1) as cache:
        kept = [n for n, some in zip(names, words(cache, *names), strict=True) if some]
        assert words(cache, kept[0]) != [None]
    for name in names[10:]:
        with RowCache(path, 1) as cache:
            assert words(cache, kept[0]) == [text.split()], "it is used in every build"
            add(cache, name, text)
        assert path.stat().st_size <= 1 << 20
    with RowCache(path, 1) as cache:
        left = [n for n, some in zip(names, words(cache, *names), strict=True) if some]
    assert left == [kept[0], *names[-len(left) + 1 :]]
    assert len(left) > 3


def test_a_limit_of_nothing_is_no_cache(path):
    with RowCache(path, 0) as cache:
        add(cache, "a", "one")
        assert words(cache, "a") == [None]
    assert not path.exists()


def test_on_a_full_disk_the_build_goes_on_with_what_it_has_found(path, caplog):
    with RowCache(path, 1) as cache:
        add(cache, "a", "one")
        found = CachedRows({k: v["v1"] for k, v in cache.find([key("a")]).items()})
        cache._database.execute("PRAGMA max_page_count = 1")
        add(cache, "b", "word " * 100_000)
        assert "full" in caplog.text
        caplog.clear()
        add(cache, "c", "three")
        assert caplog.text == "", "told once"
        assert found.take([key("a")])[0][0].column("word").to_pylist() == ["one"]
    with RowCache(path, 1) as cache:
        assert words(cache, "a", "b") == [["one"], None]


def test_a_folder_that_cannot_be_written_is_told(tmp_path, caplog):
    (tmp_path / "cache").write_text("a file in the way")
    with RowCache(tmp_path / "cache" / "rows.sqlite", 1) as cache:
        assert words(cache, "a") == [None]
    assert "goes on without it" in caplog.text


KILLED = """
import sys; from pathlib import Path
from itertools import count
from tests.pipeline.test_row_cache import RowCache, add
cache = RowCache(Path(sys.argv[1]), 100)
for n in count(int(sys.argv[2])):
    add(cache, f"{n}", f"text number {n}")
    print(n, flush=True)
"""


def test_a_killed_build_leaves_a_cache_that_opens_with_all_it_had_kept(path):
    begin = 0
    for after in (1, 40, 7):
        command = [sys.executable, "-c", KILLED, str(path), str(begin)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            last = begin
            for last in map(int, process.stdout):
                if last >= begin + after:
                    os.kill(process.pid, signal.SIGKILL)
                    break
        begin = last + 1
        with RowCache(path, 100) as cache:
            found = words(cache, *map(str, range(begin)))
            assert found == [f"text number {n}".split() for n in range(begin)]


def _fill(path, letter):
    with RowCache(path, 10) as cache:
        for n in range(100):
            add(cache, f"{letter}{n}", f"text {letter} {n}")


def test_two_processes_keep_rows_at_once(path):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_fill, args=(path, letter)) for letter in "ab"]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    with RowCache(path, 10) as cache:
        names = [f"{letter}{n}" for letter in "ab" for n in range(100)]
        assert words(cache, *names) == [["text", name[0], name[1:]] for name in names]
