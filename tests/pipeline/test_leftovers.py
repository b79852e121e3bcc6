"""What a crash leaves beside a dataset's manifests: found, and taken away without touching anything else."""

import os
import signal
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.errors import MateriaError
from pipeline.leftovers import damage, orphans, partitions, staged, sweep
from pipeline.storage import Dataset, Manifest

SCHEMA = pa.schema([("n", pa.int64())])


def write(dataset: Dataset, key: str, rows: int) -> Manifest:
    with dataset.writer(key) as writer:
        writer.table(f"{key}/numbers.parquet", SCHEMA).write(pa.table({"n": range(rows)}, SCHEMA))
        return writer.commit(skip_key=str(rows), code_version="1", inputs={})


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    made = Dataset(tmp_path, "numbers")
    write(made, "a", 3)
    write(made, "b", 4)
    return made


def killed_while(work) -> None:
    """Do it in a process that gets SIGKILL where `work` asks for it."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_files_in_place_whose_manifest_was_never_written_are_orphans(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work() -> None:
        monkeypatch.setattr("pipeline.manifest.write_atomically", die)
        write(dataset, "a", 9)

    killed_while(work)
    assert dataset.read("a").num_rows == 3
    assert len(orphans(dataset)) == 1
    assert len(staged(dataset)) == 1
    assert sweep(dataset) == 2
    assert (orphans(dataset), staged(dataset), damage(dataset, deep=True)) == ([], [], [])
    assert [dataset.read(key).num_rows for key in ("a", "b")] == [3, 4]


def test_so_are_files_that_a_new_manifest_left_and_files_of_a_partition_half_removed(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work() -> None:
        monkeypatch.setattr(Dataset, "remove_files", die)
        write(dataset, "a", 9)

    def remove() -> None:
        monkeypatch.setattr(Dataset, "remove_files", die)
        dataset.delete("b")

    killed_while(work)
    killed_while(remove)
    assert dataset.read("a").num_rows == 9
    assert dataset.manifest("b") is None
    assert len(orphans(dataset)) == 2
    assert staged(dataset) != []  # the sign by which a build knows where to look
    sweep(dataset)
    assert (orphans(dataset), staged(dataset)) == ([], [])


def test_only_files_named_by_their_content_are_ever_orphans(dataset: Dataset) -> None:
    for name in ("a/notes.txt", "README.md", "_cache/spans-0123456789abcdef.parquet", "a/numbers-0123.parquet"):
        path = Path(dataset.url.path) / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    assert orphans(dataset) == []
    sweep(dataset)
    assert (Path(dataset.url.path) / "a/notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("harm", "what"),
    [
        (lambda path: path.unlink(), "is missing"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "bytes instead of"),
        (lambda path: path.write_bytes(b"x" + path.read_bytes()[1:]), "has other bytes than were written"),
    ],
)
def test_a_file_that_is_not_what_its_manifest_says_is_found(dataset: Dataset, harm, what: str) -> None:
    (path,) = dataset.paths("b")
    harm(Path(path))
    (found,) = damage(dataset, deep=True)
    assert found.partition == "b"
    assert what in found.what
    assert len(damage(dataset)) == (0 if "other" in what else 1)  # without `deep` no byte is read


def folder(path: Path) -> None:
    path.unlink()
    (path / "inside").mkdir(parents=True)


#: What a crash or a disk may make of a manifest.
SPOILED = {
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:40]),
    "empty": lambda path: path.write_bytes(b""),
    "of zeros": lambda path: path.write_bytes(bytes(100)),
    "no text": lambda path: path.write_bytes(b"\xff\xfe"),
    "another object": lambda path: path.write_text('{"a":1}'),
    "no object": lambda path: path.write_text("null"),
    "a folder": folder,
}


@pytest.mark.parametrize("kind", SPOILED)
def test_a_manifest_that_cannot_be_read_is_found_and_forgotten(dataset: Dataset, kind: str) -> None:
    SPOILED[kind](Path(dataset.url.path) / "_manifests" / "a.json")
    (found,) = damage(dataset)
    assert found.partition == "a"
    assert found.what.startswith("its manifest cannot be read (")
    assert partitions(dataset) == ["a", "b"]
    dataset.forget("a")
    assert (partitions(dataset), damage(dataset, deep=True)) == (["b"], [])
    assert sweep(dataset) == 1
    write(dataset, "a", 3)
    assert damage(dataset, deep=True) == []


def test_a_manifest_of_another_version_is_no_damage(dataset: Dataset) -> None:
    path = Path(dataset.url.path) / "_manifests" / "a.json"
    path.write_text(path.read_text().replace("manifest.v3", "manifest.v9"))
    with pytest.raises(MateriaError, match="Build into a new home"):
        damage(dataset)


def test_an_asset_without_manifests_has_no_partitions(tmp_path: Path) -> None:
    assert partitions(Dataset(tmp_path, "numbers")) == []
