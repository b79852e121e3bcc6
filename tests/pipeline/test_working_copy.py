"""A home in an object store: the store is the truth, this machine has copies, and what another machine did is seen."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pyarrow as pa
import pytest
from upath import UPath

from pipeline.errors import MateriaError, UnreachableError
from pipeline.leftovers import assets_of, damage, orphans, staged, sweep, unfinished
from pipeline.object_store import ObjectStore
from pipeline.storage import Dataset, Manifest, look_again
from pipeline.working_copy import _COPIES, SIGNS
from pipeline.working_folder import CACHE, LIMIT, sweep_copies, working_folder

SCHEMA = pa.schema([("n", pa.int64())])
HOME = "memory://store/home"


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    monkeypatch.setenv(CACHE, str(tmp_path / "copies"))
    _COPIES.clear()
    yield ObjectStore(HOME)
    _COPIES.clear()
    fsspec.filesystem("memory").store.clear()


def write(dataset: Dataset, key: str, rows: int) -> Manifest:
    with dataset.writer(key) as writer:
        writer.table(f"{key}/numbers.parquet", SCHEMA).write(pa.table({"n": range(rows)}, SCHEMA))
        writer.state("seen", SCHEMA).write(pa.table({"n": [rows]}, SCHEMA))
        return writer.commit(skip_key=str(rows), code_version="1", inputs={})


def numbers() -> Dataset:
    return Dataset(HOME, "numbers")


def on_another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """The same home seen by a machine that has no copies yet."""
    monkeypatch.setenv(CACHE, str(tmp_path / "other machine"))
    _COPIES.clear()
    return numbers()


def test_the_store_holds_what_a_disk_would(tmp_path: Path, store: ObjectStore) -> None:
    local = Dataset(tmp_path / "home", "numbers")
    for dataset in (local, numbers()):
        write(dataset, "03", 9)
        write(dataset, "03", 5)
        write(dataset, "04", 3)
        dataset.delete("04")
    names = sorted(str(path.relative_to(tmp_path / "home")) for path in (tmp_path / "home").rglob("*.*"))
    assert list(store.listing("")) == names
    assert all(store.read(name) == (tmp_path / "home" / name).read_bytes() for name in names)


def test_paths_are_those_of_copies_which_are_fetched_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: ObjectStore
) -> None:
    write(numbers(), "03", 5)
    dataset = on_another_machine(tmp_path, monkeypatch)
    (path,) = dataset.paths("03")
    assert Path(path).is_relative_to(tmp_path / "other machine")
    assert dataset.read("03").num_rows == 5
    assert Path(dataset.state("seen", "03") or "").is_file()
    store.remove(store.listing("numbers/03").keys() and [f"numbers/03/{name}" for name in store.listing("numbers/03")])
    assert dataset.paths("03") == [path]  # the copy is right for ever
    assert numbers().set_aside("03").num_rows == 0


def test_a_build_on_another_machine_is_seen_by_who_looks_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = numbers()
    write(mine, "03", 5)
    seen = mine.copy
    write(on_another_machine(tmp_path, monkeypatch), "03", 6)
    monkeypatch.setenv(CACHE, str(tmp_path / "copies"))
    _COPIES[HOME, "numbers"] = seen
    assert mine.manifest("03").skip_key == "5"
    look_again(HOME)
    assert mine.manifest("03").skip_key == "6" and mine.read("03").num_rows == 6


def test_a_reader_whose_files_were_replaced_gets_the_new_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(numbers(), "03", 5)
    reader = on_another_machine(tmp_path, monkeypatch)
    assert reader.manifest("03").skip_key == "5"
    seen = reader.copy
    _COPIES.clear()
    write(numbers(), "03", 6)
    _COPIES[HOME, "numbers"] = seen
    assert reader.read("03").num_rows == 6


def test_a_manifest_is_fetched_only_where_it_is_another_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("03", "04"):
        write(numbers(), key, 5)
    dataset = on_another_machine(tmp_path, monkeypatch)
    assert len(dataset.manifests()) == 2
    read: list[str] = []
    monkeypatch.setattr(
        ObjectStore, "read", lambda self, name, read_=ObjectStore.read: read.append(name) or read_(self, name)
    )
    _COPIES.clear()
    assert len(numbers().manifests()) == 2 and read == []
    write(numbers(), "04", 6)
    _COPIES.clear()
    assert [one.skip_key for one in numbers().manifests().values()] == ["5", "6"]
    assert read in ([], ["numbers/_manifests/04.json"])  # where the store names objects by their MD5 not even that


def test_bytes_that_are_not_those_of_the_manifest_are_no_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: ObjectStore
) -> None:
    manifest = write(numbers(), "03", 5)
    name = f"numbers/{next(entry.path for entry in manifest.files if entry.rows == 5)}"
    store.write(name, store.read(name)[:-1] + b"?")
    dataset = on_another_machine(tmp_path, monkeypatch)
    with pytest.raises(MateriaError, match="has other bytes in the store than its manifest says"):
        dataset.paths("03")
    assert [path for path in working_folder(HOME).rglob("*") if path.is_file() and "_manifests" not in path.parts] == []


def test_who_fails_in_the_middle_leaves_the_old_partition_and_a_sign(
    monkeypatch: pytest.MonkeyPatch, store: ObjectStore
) -> None:
    write(numbers(), "03", 5)

    def refuse(self: ObjectStore, name: str, data: bytes) -> None:
        if "_manifests" in name:
            raise UnreachableError("is refused by the store", remedy="Ask")
        put(self, name, data)

    put = ObjectStore.write
    with monkeypatch.context() as patch, pytest.raises(UnreachableError):
        patch.setattr(ObjectStore, "write", refuse)
        write(numbers(), "03", 6)
    assert numbers().read("03").num_rows == 5
    assert len(orphans(numbers())) == 2 and unfinished(UPath(HOME)) == ["numbers"]
    assert [name.startswith(f"{SIGNS}/numbers/") for name in staged(numbers())] == [True]
    assert sweep(numbers()) == 3
    assert (orphans(numbers()), staged(numbers()), unfinished(UPath(HOME))) == ([], [], [])
    assert damage(numbers(), deep=True) == [] and assets_of(UPath(HOME)) == ["numbers"]


@pytest.mark.parametrize(
    ("harm", "what"),
    [
        (lambda store, name: store.remove([name]), "is missing"),
        (lambda store, name: store.write(name, b"short"), "has 5 bytes instead of"),
        (lambda store, name: store.write(name, b"x" + store.read(name)[1:]), "has other bytes than were written"),
    ],
)
def test_what_is_wrong_in_the_store_is_found_and_forgotten(store: ObjectStore, harm, what: str) -> None:
    manifest = write(numbers(), "03", 5)
    harm(store, f"numbers/{next(entry.path for entry in manifest.files if entry.rows == 5)}")
    look_again(HOME)
    assert [what in one.what for one in damage(numbers(), deep=True)] == [True]
    assert numbers().is_whole(manifest) == (what == "has other bytes than were written")
    numbers().forget("03")
    look_again(HOME)
    assert numbers().manifest("03") is None


def test_two_containers_that_share_the_copies_do_not_fetch_into_one_file(tmp_path: Path) -> None:
    """Processes of two containers often have the same number, and deploy/compose.yaml gives them one folder of copies."""
    code = """if True:
        import os
        os.getpid = lambda: 7
        from pipeline.working_copy import WorkingCopy
        print(WorkingCopy("s3://bucket/home", "triples")._part(os.environ["MATERIA_CACHE"] + "/triples/03.parquet"))
    """
    one, other = (subprocess.check_output([sys.executable, "-c", code], text=True) for _ in range(2))
    assert one.startswith(str(tmp_path / "copies")) and one != other


def test_copies_used_longest_ago_go_first_and_none_that_is_in_use() -> None:
    manifests = [write(numbers(), key, 1000) for key in ("03", "04", "05")]
    paths = [Path(path) for key in ("03", "04", "05") for path in numbers().paths(key)]
    kept = working_folder(HOME) / "cache" / "rows.sqlite"
    kept.parent.mkdir()
    kept.write_bytes(b"0" * 1_000_000)
    assert sweep_copies(HOME, 0) == 0  # all was used just now
    for age, path in zip((3, 2), paths, strict=False):
        os.utime(path, (1e9 - age, 1e9 - age))
    oldest = paths[0].stat().st_size
    held = sum(path.stat().st_size for path in working_folder(HOME).rglob("*") if path.is_file()) - 1_000_000
    assert sweep_copies(HOME, (held - 1) / 2**30) == oldest
    assert [path.exists() for path in paths] == [False, True, True]
    assert sweep_copies(HOME, 0) > 0
    assert [path.exists() for path in paths] == [False, False, True] and kept.exists()
    assert numbers().read("03").num_rows == 1000 and numbers().manifest("03") == manifests[0]


@pytest.mark.parametrize("given", ["50GiB", "-1", "nan"])
def test_a_limit_that_is_no_number_is_said_before_anything_is_removed(given: str, monkeypatch) -> None:
    write(numbers(), "03", 5)
    path = Path(*numbers().paths("03"))
    os.utime(path, (1e9, 1e9))
    monkeypatch.setenv(LIMIT, given)
    with pytest.raises(MateriaError, match=f"{LIMIT}: is '{given}', which is no number of GiB"):
        sweep_copies(HOME)
    assert path.exists()
