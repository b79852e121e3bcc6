"""A store that is updated holds what a store loaded anew would hold, and a kill at any step leaves the old one in force."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pyoxigraph as ox
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.generations import current_generation
from kg.graph_store import build_store, open_store, query
from kg.graph_update import StoreUpdate, update_store
from pipeline.errors import MateriaError

#: A quad by number; every third one in a named graph.
QUADS = st.sets(st.integers(0, 60), max_size=40)
BUCKETS = 3


def line(number: int) -> str:
    graph = f"<http://g/{number % 5}> " if number % 3 == 0 else ""
    return f'<http://s/{number % 7}> <http://p> "{number:03}" {graph}.\n'


def write(folder: Path, numbers: set[int]) -> list[Path]:
    """The quads in buckets, each file written anew and renamed into place, as a dataset does it."""
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{bucket}.nq" for bucket in range(BUCKETS)]
    for bucket, path in enumerate(paths):
        staged = path.with_suffix(".staged")
        staged.write_text("".join(sorted(line(n) for n in numbers if n % BUCKETS == bucket)))
        staged.replace(path)
    return paths


def held(folder: Path) -> set[str]:
    generation = current_generation(folder)
    assert generation is not None
    store = ox.Store.read_only(str(generation.index))
    found = {f"{quad} .\n".replace(" <DEFAULT>", "") for quad in store}
    assert len(found) == generation.quads == len(store)
    return {text.replace("  .", " .") for text in found}


def lines(numbers: set[int]) -> set[str]:
    return {line(number) for number in numbers}


@settings(max_examples=15)
@given(st.lists(QUADS, min_size=2, max_size=3))
def test_after_any_updates_it_holds_exactly_the_new_files(states: list[set[int]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for numbers in states:
            done = update_store(write(folder / "nquads", numbers), folder / "store")
            assert held(folder / "store") == lines(numbers)
            assert done.quads == len(numbers)


def test_a_small_change_is_applied_as_a_difference(tmp_path: Path) -> None:
    everything = set(range(600))
    first = update_store(write(tmp_path / "nquads", everything), tmp_path / "store")
    assert first == StoreUpdate(600, 0, 600, whole=True)
    changed = update_store(write(tmp_path / "nquads", everything - {1, 2, 3} | {700}), tmp_path / "store")
    assert changed == StoreUpdate(598, removed=3, added=1, whole=False)
    assert held(tmp_path / "store") == lines(everything - {1, 2, 3} | {700})


def test_a_large_change_is_loaded_whole(tmp_path: Path) -> None:
    update_store(write(tmp_path / "nquads", set(range(300))), tmp_path / "store")
    done = update_store(write(tmp_path / "nquads", set(range(200, 600))), tmp_path / "store")
    assert done == StoreUpdate(400, 0, 400, whole=True)


def test_where_the_state_is_unknown_it_is_loaded_whole(tmp_path: Path) -> None:
    paths = write(tmp_path / "nquads", set(range(300)))
    update_store(paths, tmp_path / "store")
    generation = current_generation(tmp_path / "store")
    assert generation is not None
    (generation.nquads[1]).unlink()
    (generation.path / "nquads" / "0001.nq").mkdir()
    assert update_store(paths, tmp_path / "store").whole
    (tmp_path / "store" / "complete.json").write_text("{}")
    assert update_store(paths, tmp_path / "store").whole
    assert held(tmp_path / "store") == lines(set(range(300)))


def test_an_index_that_lost_a_file_is_told_and_loaded_anew(tmp_path: Path) -> None:
    (tmp_path / "a.nq").write_text("<http://a> <http://b> <http://c> .\n")
    update_store([tmp_path / "a.nq"], tmp_path / "store")
    for path in (tmp_path / "store").rglob("*.sst"):
        path.unlink()
    with pytest.raises(MateriaError, match="the index of the graph cannot be opened"):
        open_store(tmp_path / "store")
    (tmp_path / "a.nq").unlink()
    (tmp_path / "a.nq").write_text("<http://a> <http://b> <http://d> .\n")
    assert update_store([tmp_path / "a.nq"], tmp_path / "store").whole
    assert len(list(open_store(tmp_path / "store").query("SELECT * { ?s ?p ?o }"))) == 1


def test_a_bad_file_is_named_and_the_old_store_stays(tmp_path: Path) -> None:
    paths = write(tmp_path / "nquads", set(range(300)))
    update_store(paths, tmp_path / "store")
    bad = tmp_path / "bad.nq"
    bad.write_text("<http://s> <http://p> <http://o o> .\n")
    with pytest.raises(MateriaError, match=r"^bad.nq: cannot be loaded"):
        update_store([*paths, bad], tmp_path / "store")
    assert held(tmp_path / "store") == lines(set(range(300)))


def test_a_reader_keeps_the_state_it_opened(tmp_path: Path) -> None:
    update_store(write(tmp_path / "nquads", set(range(300))), tmp_path / "store")
    before = open_store(tmp_path / "store")
    update_store(write(tmp_path / "nquads", set(range(310))), tmp_path / "store")
    update_store(write(tmp_path / "nquads", set(range(320))), tmp_path / "store")
    counts = [int(next(iter(s.query("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }")))[0]) for s in (before,)]
    assert counts == [300]
    assert query(tmp_path / "store", "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }")[1] == [[320]]


def test_only_one_state_takes_room(tmp_path: Path) -> None:
    for last in range(300, 340, 10):
        update_store(write(tmp_path / "nquads", set(range(last))), tmp_path / "store")
    assert sorted(path.name for path in (tmp_path / "store").iterdir()) == ["4", "complete.json"]


KILLED_AT_EACH_STEP = """
import os, sys
from pathlib import Path
from kg.graph_update import update_store

nquads, folder = sorted(Path(sys.argv[1]).glob("*.nq")), Path(sys.argv[2])
STEPS = {"open", "os.link", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree"}
left = int(sys.argv[3])

def die(event, arguments):
    global left
    if event in STEPS and str(folder) in str(arguments):
        left -= 1
        if left < 0:
            os._exit(9)

sys.addaudithook(die)
update_store(nquads, folder)
"""


def test_a_kill_at_any_step_leaves_the_old_state_or_the_new_one(tmp_path: Path) -> None:
    """The process dies at its first, fourth, seventh ... touch of the store's folder; the next one goes on from there."""
    old, new, folder = set(range(300)), set(range(30, 310)), tmp_path / "store"
    update_store(write(tmp_path / "nquads", old), folder)
    paths = write(tmp_path / "nquads", new)
    found = []
    for touches in range(0, 60, 3):
        command = [sys.executable, "-c", KILLED_AT_EACH_STEP, str(paths[0].parent), str(folder), str(touches)]
        done = subprocess.run(command, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}, check=False)
        found.append(held(folder))
        assert found[-1] in (lines(old), lines(new))
        if done.returncode == 0:
            break
        assert done.returncode == 9
    assert found[0] == lines(old)
    assert found[-1] == lines(new)
    assert len(found) > 4
    assert update_store(paths, folder).quads == len(new)
    assert held(folder) == lines(new)


def test_the_number_of_buckets_may_change(tmp_path: Path) -> None:
    paths = write(tmp_path / "nquads", set(range(300)))
    build_store(paths, tmp_path / "store")
    joined = tmp_path / "all.nq"
    joined.write_text("".join(sorted(path.read_text() for path in paths)))
    assert update_store([joined], tmp_path / "store").quads == 300
    assert held(tmp_path / "store") == lines(set(range(300)))
