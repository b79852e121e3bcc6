"""Archives of papers: every member read once, nothing unpacked, nothing believed of a member's path or size."""

from __future__ import annotations

import gzip
import io
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from upath import UPath

from pipeline.archives import TAR, ZIP, archive_format, members
from pipeline.documents import read_documents
from pipeline.errors import SetAside
from pipeline.inventory import list_files, take_inventory

ARTICLE = b"<article><front><article-meta><article-id pub-id-type='pmid'>%d</article-id></article-meta></front><body><p>Text %d.</p></body></article>"
LINES = b'{"id": "PMID:901", "title": "One"}\n{"id": "PMID:902", "title": "Two"}\n'
FILES = {
    "oa/a.nxml": ARTICLE % (1, 1),
    "oa/b.nxml.gz": gzip.compress(ARTICLE % (2, 2)),
    "README.md": b"Read me.",
    "notes.jsonl": LINES,
}


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def tarred(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


PACKED = pytest.mark.parametrize(
    "pack", [zipped, tarred, lambda f: gzip.compress(tarred(f))], ids=["zip", "tar", "tar.gz"]
)


def documents(path: Path, **options):
    """The rows of what a build would read of the archive, and what it sets aside."""
    aside: list[SetAside] = []
    files = list_files([str(path)], **options)
    inventory = take_inventory(files, set_aside=aside.append).to_pylist()
    batch = [(file, row["position"], row["format"]) for file, row in zip(files, inventory, strict=True)]
    return [row for rows in read_documents(batch, aside.append) for row in rows.to_pylist()], aside


def put(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@PACKED
def test_every_member_is_read_by_the_reader_that_knows_it_under_its_own_name(pack, tmp_path):
    rows, aside = documents(put(tmp_path / "oa.pack", pack(FILES)))
    assert aside == []
    assert [(r["doc_id"], r["file"], r["member"], r["record"]) for r in rows] == [
        ("PMID:1", "oa.pack", "oa/a.nxml", 0),
        ("PMID:2", "oa.pack", "oa/b.nxml.gz", 1),
        ("PMID:901", "oa.pack", "notes.jsonl", 2),
        ("PMID:902", "oa.pack", "notes.jsonl", 3),
    ]
    assert rows[0]["position"] == "1/oa.pack/oa/a.nxml"


def test_an_archive_of_a_folder_names_its_members_without_the_dot(tmp_path):
    rows, _ = documents(put(tmp_path / "x.tar", tarred({"./notes.jsonl": LINES, "./.hidden/x.jsonl": LINES})))
    assert {r["member"] for r in rows} == {"notes.jsonl"}


@PACKED
def test_a_release_file_in_an_archive_has_its_place_in_the_release(pack, tmp_path):
    rows, _ = documents(put(tmp_path / "all.pack", pack({"base/pubmed26n0007.jsonl": LINES})))
    assert {r["position"] for r in rows} == {"0/2026/00000007/all.pack/base/pubmed26n0007.jsonl"}


@PACKED
def test_a_path_that_leads_out_is_a_name_and_nothing_more(pack, tmp_path):
    (tmp_path / "in").mkdir()
    evil = {"../../evil.jsonl": LINES, "/etc/evil.jsonl": LINES.replace(b"90", b"80"), "c:\\x.jsonl": b"{}"}
    rows, _ = documents(put(tmp_path / "in" / "x.pack", pack(evil)))
    assert {r["member"] for r in rows} == {"../../evil.jsonl", "/etc/evil.jsonl"}
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["in", "x.pack"]


def test_links_and_devices_in_a_tar_are_passed_over(tmp_path):
    secret = put(tmp_path / "secret", b'{"title": "SECRET"}')
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for kind, target in ((tarfile.SYMTYPE, str(secret)), (tarfile.LNKTYPE, "notes.jsonl"), (tarfile.CHRTYPE, "")):
            info = tarfile.TarInfo(f"link{kind!r}.jsonl")
            info.type, info.linkname = kind, target
            archive.addfile(info)
        info = tarfile.TarInfo("notes.jsonl")
        info.size = len(LINES)
        archive.addfile(info, io.BytesIO(LINES))
    rows, aside = documents(put(tmp_path / "x.tar", buffer.getvalue()))
    assert ([r["doc_id"] for r in rows], aside) == (["PMID:901", "PMID:902"], [])


@PACKED
def test_archives_in_archives_and_unknown_members_are_set_aside_and_the_rest_read(pack, tmp_path):
    inner = {
        "inner.zip": zipped(FILES),
        "inner.tar": tarred(FILES),
        "x.bin": b"\x89PNG",
        "e.xml": b"",
        "n.jsonl": LINES,
    }
    rows, aside = documents(put(tmp_path / "x.pack", pack(inner)))
    assert len(rows) == 2
    assert [(a.file, a.reason) for a in aside] == [
        ("x.pack/inner.zip", "nested-archive"),
        ("x.pack/inner.tar", "nested-archive"),
        ("x.pack/x.bin", "unknown-format"),
        ("x.pack/e.xml", "empty-file"),
    ]


@PACKED
@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.9])
def test_an_archive_cut_short_is_said_to_be(pack, share, tmp_path):
    data = pack({f"{i}.jsonl": LINES.replace(b"90", b"%d" % (100 + i)) + bytes(range(256)) * 40 for i in range(20)})
    _, aside = documents(put(tmp_path / "x.pack", data[: int(len(data) * share)]))
    assert {a.reason for a in aside} & {"damaged-archive", "truncated-gzip", "damaged-member"}
    assert all(a.detail.endswith(".") for a in aside)


def test_one_damaged_member_of_a_zip_leaves_the_others(tmp_path):
    data = bytearray(zipped({"a.jsonl": LINES * 50, "b.jsonl": LINES.replace(b"90", b"80")}))
    data[60] ^= 0xFF
    rows, aside = documents(put(tmp_path / "x.zip", bytes(data)))
    assert [r["doc_id"] for r in rows if r["member"] == "b.jsonl"] == ["PMID:801", "PMID:802"]
    assert [(a.file, a.reason) for a in aside if "damaged" in a.reason] == [("x.zip/a.jsonl", "damaged-member")]


@PACKED
def test_a_bomb_is_stopped_at_flat_memory(pack, tmp_path):
    # as many bytes as 200 times the archive allow, and more
    bomb = pack({f"{i}.jsonl": b'{"title": "' + b"a" * (4 << 20) + b'"}\n' for i in range(12)})
    if len(bomb) > 1 << 20:
        pytest.skip("a tar that is not compressed unfolds to nothing more than itself")
    tracemalloc.start()
    rows, aside = documents(put(tmp_path / "x.pack", bomb))
    assert tracemalloc.get_traced_memory()[1] < 200 << 20
    tracemalloc.stop()
    assert aside[-1].reason == "decompression-bomb"
    assert len(rows) < 12


def test_a_password_is_named(tmp_path):
    data = bytearray(zipped({"a.jsonl": LINES}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1  # general purpose bit 0: encrypted
    _, aside = documents(put(tmp_path / "x.zip", bytes(data)))
    assert aside[0].reason == "encrypted-member"
    assert "password" in aside[0].detail


def test_an_unknown_compression_is_not_taken_for_a_password(tmp_path):
    data = bytearray(zipped({"a.jsonl": LINES}))
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        data[data.index(signature) + offset] = (
            9  # Deflate64 (APPNOTE 4.4.5), as Windows packs what is larger than 2 GiB
        )
    _, aside = documents(put(tmp_path / "x.zip", bytes(data)))
    assert aside[0].reason == "unknown-compression"
    assert "password" not in aside[0].detail


def test_a_format_given_by_the_user_is_that_of_the_members(tmp_path):
    path = put(tmp_path / "x.zip", zipped({"a": LINES, "b": LINES.replace(b"90", b"80")}))
    rows, aside = documents(path, formats={"x.zip": "jsonl"})
    assert (len(rows), aside) == (4, [])


def test_formats_are_told_by_their_first_bytes():
    assert archive_format(zipped(FILES)) == ZIP
    assert archive_format(tarred(FILES)) == TAR
    assert archive_format(LINES) is None


def test_memory_does_not_grow_with_the_number_of_members(tmp_path):
    peaks = []
    for count in (500, 4000):
        path = UPath(put(tmp_path / "x.tar", tarred({f"{i}.jsonl": LINES for i in range(count)})))
        tracemalloc.start()
        assert sum(1 for _ in members(path, TAR, "x.tar")) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0] + 100_000


@pytest.mark.realdata
def test_the_ddi_corpus_is_714_members(materia_data):
    path = UPath(materia_data / "annotated" / "ddi2013" / "train.zip")
    found = [m for m in members(path, ZIP, "train.zip") if not isinstance(m, SetAside)]
    assert sum(name.endswith(".xml") for name, _, _ in found) == 714
