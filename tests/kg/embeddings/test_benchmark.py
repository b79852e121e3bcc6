"""Benchmarks in three files: folders and archives give the same triples, and what is no benchmark is one sentence."""

import io
import tarfile
import zipfile

import pytest

from kg.embeddings.benchmark import read_benchmark
from pipeline.errors import MateriaError

FILES = {"train.txt": "a\tr\tb\nb\tr\tc\n", "valid.txt": "a\tr\tc\n", "test.txt": "c\tr\ta\r\n\n"}
ROWS = [("a", "r", "b", "train"), ("b", "r", "c", "train"), ("a", "r", "c", "validation"), ("c", "r", "a", "test")]


def rows_of(source):
    table = read_benchmark(str(source))
    return sorted(zip(*(table[name].to_pylist() for name in table.column_names), strict=True))


def folder_of(path, files):
    path.mkdir(exist_ok=True)
    for name, text in files.items():
        (path / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def tar_of(path, members):
    with tarfile.open(path, "w:gz") as archive:
        for name, text in members:
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return path


def test_folder_tar_and_zip_give_the_same_triples(tmp_path):
    assert rows_of(folder_of(tmp_path / "folder", FILES)) == sorted(ROWS)
    named = [(f"./UMLS/{name}", text) for name, text in FILES.items()]
    assert rows_of(tar_of(tmp_path / "b.tar.gz", [*named, ("UMLS/readme.md", "# UMLS")])) == sorted(ROWS)
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        for name, text in FILES.items():
            archive.writestr(name, text)
    assert rows_of(tmp_path / "b.zip") == sorted(ROWS)


def test_a_path_in_an_archive_leads_nowhere(tmp_path):
    """Members that would leave the folder are read like any other; nothing is written, and a link is not followed."""
    (tmp_path / "secret.txt").write_text("x\tr\ty\n")
    path = tmp_path / "b.tar"
    with tarfile.open(path, "w") as archive:
        for name, text in FILES.items():
            info = tarfile.TarInfo(f"../../{name}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
        link = tarfile.TarInfo("deep/train.txt")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "secret.txt")
        archive.addfile(link)
    assert rows_of(path) == sorted(ROWS)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b.tar", "secret.txt"]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"train.txt": "a\tr\tb\n"}, r"folder: lacks valid.txt, test.txt\. Give a folder or archive"),
        (
            FILES | {"valid.txt": "a\tr\tb\na r b\n"},
            r"valid.txt, line 2: has 1 field\(s\), not head, relation and tail",
        ),
        (FILES | {"train.txt": "\n"}, r"train.txt: holds no triple"),
        (FILES | {"test.txt": ""}, r"test.txt: holds no triple"),
        (FILES | {"test.txt": "a\t\tb\n"}, r"test.txt, line 1: has an empty field"),
        (FILES | {"train.txt": b"\xff\xfe\tr\tb\n"}, r"train.txt: is not UTF-8"),
    ],
)
def test_what_is_no_benchmark_is_one_sentence(tmp_path, files, said):
    with pytest.raises(MateriaError, match=said):
        read_benchmark(str(folder_of(tmp_path / "folder", files)))


def test_what_else_lies_in_an_archive_does_not_matter(tmp_path):
    raw = tar_of(tmp_path / "raw.tar.gz", [("x.txt", "x")]).read_bytes()
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        for name, data in (FILES | {"raw/original.tar.gz": raw}).items():
            archive.writestr(name, data)
    assert rows_of(tmp_path / "b.zip") == sorted(ROWS)
    with zipfile.ZipFile(tmp_path / "nested.zip", "w") as archive:
        archive.writestr("train.txt", raw)
    with pytest.raises(MateriaError, match=r"nested.zip/train.txt: the member is an archive .* Unpack it"):
        read_benchmark(str(tmp_path / "nested.zip"))


def test_what_is_no_archive_is_one_sentence(tmp_path):
    with pytest.raises(MateriaError, match="cannot be reached"):
        read_benchmark(str(tmp_path / "nothing"))
    (tmp_path / "a.txt").write_text("a\tr\tb\n")
    with pytest.raises(MateriaError, match="is no folder, tar or zip"):
        read_benchmark(str(tmp_path / "a.txt"))
    twice = tar_of(tmp_path / "twice.tar.gz", [*FILES.items(), ("other/train.txt", "a\tr\tb\n")])
    with pytest.raises(MateriaError, match="holds train.txt twice"):
        read_benchmark(str(twice))
    whole = tar_of(tmp_path / "whole.tar.gz", list(FILES.items())).read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(whole[:-40])
    with pytest.raises(
        MateriaError,
        match=r"cut.tar.gz: the gzip data ends before its own end mark\. Get the file again from its source\.$",
    ):
        read_benchmark(str(tmp_path / "cut.tar.gz"))
