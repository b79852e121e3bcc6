"""Which files are read, under which names, in which order and batches."""

from __future__ import annotations

import errno
import gzip
import os
import re

import pytest
from upath import UPath

from pipeline.errors import MateriaError
from pipeline.inventory import batch_of, list_files, take_inventory
from pipeline.releases import missing_numbers, position_of
from pipeline.storage import check_key
from pipeline.tables import LITERATURE_INVENTORY

LINE = b'{"id": "PMID:1", "title": "T"}\n'
ARTICLE = b"<article><front/><body><p>x</p></body></article>"


def put(folder, **files):
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def inventory(*sources, **options):
    aside = []
    table = take_inventory(list_files([str(s) for s in sources]), set_aside=aside.append, **options)
    assert table.schema.equals(LITERATURE_INVENTORY)
    return table.to_pylist(), aside


def test_names_start_with_the_source_and_a_single_file_has_its_own(tmp_path):
    put(tmp_path / "lit", a_DOT_jsonl=LINE, sub__b_DOT_jsonl=LINE)
    names = [f.name for f in list_files([str(tmp_path / "lit"), str(tmp_path / "lit" / "a.jsonl")])]
    assert names == ["a.jsonl", "lit/a.jsonl", "lit/sub/b.jsonl"]


def test_nothing_in_the_table_depends_on_where_the_folder_stands(tmp_path, monkeypatch):
    for place in ("x", "y/z"):
        put(tmp_path / place / "lit", a_DOT_jsonl=LINE, sub__b_DOT_jsonl=gzip.compress(LINE, mtime=0))
    monkeypatch.chdir(tmp_path / "x")
    assert (
        inventory(tmp_path / "x" / "lit")
        == inventory(tmp_path / "y" / "z" / "lit")
        == inventory("lit")
        == inventory("lit/")
    )


def test_release_files_come_by_year_and_number_before_all_others():
    names = [
        "medline99n2.xml", "base/pubmed06n0500.xml.gz", "base/pubmed26n0002.xml.gz", "base/pubmed26n1275.xml.gz",
        "upd/pubmed26n12750.xml.gz", "upd/pubmed27n0001.xml.gz", "a.jsonl", "pubmed.xml", "z/pubmed26.xml",
    ]  # fmt: skip
    positions = [position_of(name) for name in names]
    assert positions == sorted(positions)  # 99 is 1999
    assert positions[2] == "0/2026/00000002/base/pubmed26n0002.xml.gz"


def test_gaps_of_a_release_are_named():
    names = ["pubmed26n0001.xml", "pubmed26n0004.xml", "pubmed27n0001.xml", "pubmed27n0002.xml", "x.jsonl"]
    assert missing_numbers(map(position_of, names)) == {"2026": [2, 3]}


def test_a_new_file_moves_no_other(tmp_path):
    put(tmp_path / "lit", b_DOT_jsonl=LINE, j1_DOT_xml=ARTICLE)
    before, _ = inventory(tmp_path / "lit")
    put(tmp_path / "lit", a_DOT_jsonl=LINE, j0_DOT_xml=ARTICLE, pubmed26n0001_DOT_jsonl=LINE)
    after, _ = inventory(tmp_path / "lit")
    assert [row for row in after if row in before] == before


def test_the_table_is_sorted_by_position(tmp_path):
    put(tmp_path / "lit", a_DOT_jsonl=LINE, pubmed26n0010_DOT_jsonl=LINE, pubmed26n0009_DOT_jsonl=LINE)
    rows, _ = inventory(tmp_path / "lit")
    assert [row["file"][-8:] for row in rows] == ["09.jsonl", "10.jsonl", "/a.jsonl"]


def test_small_articles_of_a_folder_share_its_groups_and_large_or_named_ones_do_not(tmp_path):
    put(tmp_path / "lit", **{f"j__{i}_DOT_xml": ARTICLE for i in range(40)}, j__big_DOT_xml=ARTICLE + b" " * (1 << 20))
    rows, _ = inventory(tmp_path / "lit", tmp_path / "lit" / "j" / "3.xml", small_file_groups=4)
    groups = {row["batch"] for row in rows if "-group-" in row["batch"]}
    assert 2 <= len(groups) <= 4
    assert {row["batch"][:6] for row in rows if "-group-" in row["batch"]} == {"lit-j-"}
    alone = [row["file"] for row in rows if "-group-" not in row["batch"]]
    assert alone == ["3.xml", "lit/j/big.xml"]
    assert len(rows) == 42


@pytest.mark.parametrize(
    "name", ["../x", "..", "a/../../b", "Ünïcode Name.xml", ".hidden", "a" * 500, "con fig=1", "-", "a..b"]
)
def test_every_name_gives_a_safe_batch_key(name, tmp_path):
    file = list_files([str(put(tmp_path, x_DOT_jsonl=LINE) / "x.jsonl")])[0]
    file = type(file)(name, file.path, 1)
    for one_document in (True, False):
        key = batch_of(file, one_document=one_document)
        assert check_key(key) == key
        assert re.fullmatch(r"[a-z0-9_.-]{1,110}", key)


def test_names_that_differ_only_in_letters_outside_the_slug_have_different_batches(tmp_path):
    put(tmp_path / "lit", a_DOT_jsonl=LINE, A_DOT_jsonl=LINE, **{"a ": LINE, "a+": LINE})
    rows, _ = inventory(tmp_path / "lit")
    assert len({row["batch"] for row in rows}) == 4


def test_hidden_files_and_what_comes_with_downloads_are_skipped_quietly(tmp_path):
    put(tmp_path / "lit", a_DOT_jsonl=LINE, README_DOT_md=b"x", _DOT_git__b_DOT_jsonl=LINE, _DOT_c_DOT_jsonl=LINE)
    put(tmp_path / "lit", a_DOT_jsonl_DOT_md5=b"x", LICENSE=b"x")
    rows, aside = inventory(tmp_path / "lit")
    assert ([row["file"] for row in rows], aside) == (["lit/a.jsonl"], [])


def test_empty_unknown_and_cut_files_in_a_folder_are_set_aside(tmp_path):
    put(
        tmp_path / "lit",
        a_DOT_jsonl=LINE,
        e_DOT_xml=b"",
        f_DOT_xml=gzip.compress(b""),
        g_DOT_gz=gzip.compress(LINE)[:12],
        z_DOT_bin=b"\x89PNG",
    )
    rows, aside = inventory(tmp_path / "lit")
    assert [row["file"] for row in rows] == ["lit/a.jsonl"]
    assert [(a.file, a.reason) for a in aside] == [
        ("lit/e.xml", "empty-file"), ("lit/f.xml", "empty-file"), ("lit/g.gz", "truncated-gzip"), ("lit/z.bin", "unknown-format"),
    ]  # fmt: skip
    assert all(a.detail.endswith(".") and ". " in a.detail for a in aside)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty-file"), (b"prose", "unknown-format"), (gzip.compress(LINE, mtime=0)[:11], "truncated-gzip")],
)
def test_a_file_the_user_named_must_be_readable(tmp_path, content, reason):
    put(tmp_path, x_DOT_xml=content)
    with pytest.raises(MateriaError, match=r"^x\.xml: .*\.$") as error:
        inventory(tmp_path / "x.xml")
    assert reason in str(error.value)
    assert error.value.remedy


def test_missing_paths_and_folders_without_literature_are_errors(tmp_path):
    (tmp_path / "empty").mkdir()
    put(tmp_path / "useless", x_DOT_zip=b"PK")
    put(tmp_path / "quiet", README=b"x")
    with pytest.raises(MateriaError, match="does not exist"):
        inventory(tmp_path / "nowhere")
    for name in ("empty", "quiet"):
        with pytest.raises(MateriaError, match="holds no file"):
            inventory(tmp_path / name)
    with pytest.raises(MateriaError, match=r"useless: holds no file that can be read; the first is useless/x\.zip"):
        inventory(tmp_path / "useless")


def test_two_files_of_one_name_are_an_error_that_names_both_and_one_source_twice_is_none(tmp_path):
    for place in ("x", "y"):
        put(tmp_path / place / "lit", a_DOT_jsonl=LINE)
    with pytest.raises(MateriaError) as error:
        list_files([str(tmp_path / "x" / "lit"), str(tmp_path / "y" / "lit")])
    assert str(tmp_path / "x" / "lit" / "a.jsonl") in str(error.value)
    assert str(tmp_path / "y" / "lit" / "a.jsonl") in str(error.value)
    assert len(list_files([str(tmp_path / "x" / "lit"), f"{tmp_path}/x/lit/"])) == 1


def test_links_out_of_the_source_are_refused_and_links_within_are_read(tmp_path):
    put(tmp_path / "outside", secret_DOT_jsonl=LINE)
    put(tmp_path / "lit", a_DOT_jsonl=LINE, sub__b_DOT_jsonl=LINE)
    (tmp_path / "lit" / "in.jsonl").symlink_to("a.jsonl")
    (tmp_path / "lit" / "out.jsonl").symlink_to(tmp_path / "outside" / "secret.jsonl")
    (tmp_path / "lit" / "folder").symlink_to(tmp_path / "outside")
    (tmp_path / "lit" / "loop").symlink_to(tmp_path / "lit")
    (tmp_path / "lit" / "gone.jsonl").symlink_to("nowhere.jsonl")
    rows, aside = inventory(tmp_path / "lit")
    assert [row["file"] for row in rows] == ["lit/a.jsonl", "lit/in.jsonl", "lit/sub/b.jsonl"]
    assert [(a.file, a.reason) for a in aside] == [
        ("lit/folder", "symbolic-link"), ("lit/gone.jsonl", "symbolic-link"),
        ("lit/loop", "symbolic-link"), ("lit/out.jsonl", "symbolic-link"),
    ]  # fmt: skip


def test_a_name_that_is_no_unicode_is_written_in_escapes(tmp_path):
    (tmp_path / "lit").mkdir()
    with open(bytes(tmp_path / "lit") + b"/\xff.jsonl", "wb") as stream:
        stream.write(LINE)
    rows, aside = inventory(tmp_path / "lit")
    assert ([row["file"] for row in rows], aside) == ([r"lit/\xff.jsonl"], [])


def test_an_object_store_gives_the_same_inventory_as_a_disk(tmp_path):
    put(tmp_path / "lit", a_DOT_jsonl=LINE, j__b_DOT_xml=ARTICLE, README=b"x")
    for path in (tmp_path / "lit").rglob("*"):
        if path.is_file():
            copy = UPath("memory://bucket/lit") / path.relative_to(tmp_path / "lit").as_posix()
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    assert inventory("memory://bucket/lit") == inventory(tmp_path / "lit")
    assert inventory("memory://bucket/lit/a.jsonl") == inventory(tmp_path / "lit" / "a.jsonl")
    assert inventory((tmp_path / "lit").as_uri()) == inventory(tmp_path / "lit")
    with pytest.raises(MateriaError, match="does not exist"):
        inventory("memory://bucket/nowhere")


@pytest.mark.parametrize("url", ["noprotocol://x/a.jsonl", "github://x", "zip://x", "zip://a::memory://gone.zip", ""])
def test_what_cannot_be_reached_is_one_sentence(url):
    with pytest.raises(MateriaError, match=r"^[^\n]*\. [A-Z][^\n]*\.$"):
        list_files([url])


def test_a_pipe_is_not_waited_for(tmp_path):
    put(tmp_path / "lit", a_DOT_jsonl=LINE)
    os.mkfifo(tmp_path / "lit" / "pipe.jsonl")
    rows, aside = inventory(tmp_path / "lit")
    assert ([row["file"] for row in rows], [a.reason for a in aside]) == (["lit/a.jsonl"], ["no-regular-file"])
    with pytest.raises(MateriaError, match=r"pipe\.jsonl: .*no-regular-file"):
        inventory(tmp_path / "lit" / "pipe.jsonl")


def test_a_folder_that_cannot_be_listed_is_not_passed_over_in_silence(monkeypatch, tmp_path):
    put(tmp_path / "lit", a_DOT_jsonl=LINE, shut__b_DOT_jsonl=LINE)
    scan = os.scandir

    def refusing(folder):  # root may list every folder, so permissions alone would not show it everywhere
        if str(folder).endswith("shut"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refusing)
    rows, aside = inventory(tmp_path / "lit")
    assert [row["file"] for row in rows] == ["lit/a.jsonl"]
    assert [(a.file, a.reason) for a in aside] == [("lit/shut", "unreadable-folder")]


def test_a_record_is_not_read_as_literature_under_another_name(tmp_path):
    put(tmp_path / "lit", notes__a_DOT_jsonl=LINE, b_DOT_jsonl=LINE)
    (tmp_path / "lit" / "link.jsonl").symlink_to(tmp_path / "lit" / "notes" / "a.jsonl")
    notes = tmp_path / "lit" / "notes"
    for literature, records in ((tmp_path / "lit", notes), (notes / "a.jsonl", notes), (notes, notes / "a.jsonl")):
        with pytest.raises(MateriaError, match="is given as literature and as records"):
            list_files([str(literature)], [str(records)])
    with pytest.raises(MateriaError, match=r"link\.jsonl: is given as literature and as records"):
        list_files([str(tmp_path / "lit" / "link.jsonl")], [str(notes)])
    assert len(list_files([str(tmp_path / "lit" / "b.jsonl")], [str(notes)])) == 2


def test_a_name_of_two_lines_is_one_line(tmp_path):
    put(tmp_path / "lit", **{"a\nb_DOT_jsonl": LINE})
    assert [row["file"] for row in inventory(tmp_path / "lit")[0]] == [r"lit/a\x0ab.jsonl"]
