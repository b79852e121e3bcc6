"""The store: content names, manifests last, nothing half-written."""

import json
import os
import threading
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import MateriaError, SetAside
from pipeline.storage import Dataset, Manifest, TableSink, file_sha256
from pipeline.tables import SET_ASIDE


def rows(n: int) -> pa.Table:
    return pa.Table.from_pylist(
        [{"file": "f", "record": str(i), "reason": "r", "detail": "d"} for i in range(n)], SET_ASIDE
    )


def write(dataset: Dataset, key: str, n: int, skip_key: str = "s") -> Manifest:
    with dataset.writer(key) as writer:
        writer.table(f"{key}/rows.parquet", SET_ASIDE).write(rows(n))
        return writer.commit(skip_key=skip_key, code_version="1", inputs={})


def files_below(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_a_partition_is_read_as_it_was_written(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path, "triples")
    manifest = write(dataset, "03", 3)
    assert dataset.read("03").equals(rows(3))
    assert dataset.manifest("03") == manifest
    assert [f.rows for f in manifest.files] == [3]


def test_equal_rows_give_equal_files_and_manifests(tmp_path: Path) -> None:
    for home in ("a", "b"):
        write(Dataset(tmp_path / home, "triples"), "03", 40_000)
    assert files_below(tmp_path / "a") == files_below(tmp_path / "b")
    for name in files_below(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@settings(max_examples=20)
@given(st.lists(st.integers(0, 9000), max_size=6))
def test_how_rows_are_cut_into_batches_does_not_show_in_the_file(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    folder, whole = tmp_path_factory.mktemp("cuts"), rows(20_000)
    for name, bounds in (("one", []), ("cut", sorted(cuts))):
        sink = TableSink(folder / name, SET_ASIDE)
        for start, end in zip([0, *bounds], [*bounds, whole.num_rows], strict=True):
            sink.write(whole.slice(start, end - start))
        sink.close()
    assert file_sha256(folder / "one") == file_sha256(folder / "cut")


def test_a_new_version_replaces_the_old_files(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path, "triples")
    old, new = write(dataset, "03", 3), write(dataset, "03", 4)
    assert old.data_version != new.data_version
    assert files_below(tmp_path / "triples") == sorted(["_manifests/03.json", new.files[0].path])


def test_a_writer_that_fails_leaves_the_old_partition_in_force(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path, "triples")
    old = write(dataset, "03", 3)
    before = files_below(tmp_path)
    with pytest.raises(RuntimeError), dataset.writer("03") as writer:
        writer.table("03/rows.parquet", SET_ASIDE).write(rows(9))
        raise RuntimeError
    assert files_below(tmp_path) == before
    assert dataset.manifest("03") == old


def test_what_is_set_aside_is_counted_and_listed_but_does_not_change_the_data_version(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path, "documents")
    plain = write(dataset, "b", 2)
    with dataset.writer("b") as writer:
        writer.table("b/rows.parquet", SET_ASIDE).write(rows(2))
        writer.set_aside(SetAside("f", "7", "no-text", "Give it a title."))
        manifest = writer.commit(skip_key="s", code_version="1", inputs={})
    assert manifest.set_aside == {"no-text": 1}
    assert dataset.set_aside("b").to_pylist() == [
        {"file": "f", "record": "7", "reason": "no-text", "detail": "Give it a title."}
    ]
    assert dataset.read("b").num_rows == 2
    assert manifest.data_version == plain.data_version


def test_a_folder_keeps_its_file_names(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path, "pretrained_model")
    with dataset.writer() as writer:
        (writer.folder("model") / "config.json").write_text("{}")
        manifest = writer.commit(skip_key="s", code_version="1", inputs={})
    folder, _, name = manifest.files[0].path.partition("/")
    assert folder.startswith("model-")
    assert name == "config.json"
    assert (tmp_path / "pretrained_model" / manifest.files[0].path).read_text() == "{}"


@pytest.mark.parametrize("key", ["../evil", "a/b", "", ".hidden", "A", "a..b", "x\ny"])
def test_a_key_from_data_never_leaves_its_folder(tmp_path: Path, key: str) -> None:
    with pytest.raises(MateriaError, match="no valid partition key"):
        Dataset(tmp_path, "documents").writer(key)


def test_a_partition_that_was_not_built_says_how_to_build_it(tmp_path: Path) -> None:
    with pytest.raises(MateriaError, match="materia build --until triples"):
        Dataset(tmp_path, "triples").read("03")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": "materia.manifest.v1"}'])
def test_a_damaged_manifest_names_itself_and_the_remedy(tmp_path: Path, text: str) -> None:
    dataset = Dataset(tmp_path, "triples")
    write(dataset, "03", 1)
    (tmp_path / "triples" / "_manifests" / "03.json").write_text(text)
    with pytest.raises(MateriaError, match=r"03\.json.*Delete it"):
        dataset.manifest("03")


def test_a_manifest_holds_no_clock_and_no_absolute_path(tmp_path: Path) -> None:
    text = write(Dataset(tmp_path, "triples"), "03", 1).to_json()
    assert str(tmp_path) not in text
    assert set(json.loads(text)) == {
        "schema", "asset", "partition", "skip_key", "data_version", "code_version", "inputs", "files", "rows", "rules", "set_aside", "summary",
    }  # fmt: skip


def test_an_object_store_serves_as_well_as_a_disk() -> None:
    dataset = Dataset("memory://home", "triples")
    write(dataset, "03", 3)
    write(dataset, "03", 5)
    assert list(dataset.manifests()) == ["03"]
    entry = dataset.manifests()["03"].files[0]
    assert (dataset.url / entry.path).read_bytes()[:4] == b"PAR1"
    assert len(list((dataset.url / "03").iterdir())) == 1


def test_a_manifest_that_another_process_replaced_is_read_again(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path, "triples")
    write(dataset, "03", 1)
    path = tmp_path / "triples" / "_manifests" / "03.json"
    os.utime(path, (1, 1))  # long ago, so that what is read is remembered
    assert dataset.manifest("03") is dataset.manifest("03")
    path.write_text(path.read_text().replace('"rows": 1', '"rows": 7'))
    manifest = dataset.manifest("03")
    assert manifest is not None and manifest.rows == 7
    dataset.delete("03")
    assert dataset.manifest("03") is None and dataset.manifests() == {}


def test_a_copied_state_is_no_output(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path, "triples")
    with dataset.writer("03") as writer:
        writer.table("rows.parquet", SET_ASIDE).write(SET_ASIDE.empty_table())
        without = writer.commit(skip_key="a", code_version="1", inputs={})
    (source,) = dataset.paths("03")
    with dataset.writer("03") as writer:
        writer.table("rows.parquet", SET_ASIDE).write(SET_ASIDE.empty_table())
        writer.state_copy("before", source)
        manifest = writer.commit(skip_key="a", code_version="1", inputs={})
    copy = dataset.state("before", "03")
    assert copy is not None and Path(copy).read_bytes() == Path(source).read_bytes()
    assert manifest.data_version == without.data_version and dataset.paths("03") == [source]


def test_a_reader_never_stumbles_over_a_build_that_replaces_the_partition(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path, "triples")
    write(dataset, "03", 1)
    done = threading.Event()

    def replace() -> None:
        for number in range(200):
            write(dataset, "03", 1 + number % 7)
        done.set()

    thread = threading.Thread(target=replace)
    thread.start()
    while not done.is_set():
        assert Dataset(tmp_path, "triples").read("03").num_rows > 0
    thread.join()
