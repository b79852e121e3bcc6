"""A vocabulary file is parsed when it is new or changed, and not otherwise."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import SetAside
from pipeline.storage import Dataset
from pipeline.vocabularies import list_vocabularies
from pipeline.vocabularies.source_tables import read_sources

OBO = "format-version: 1.2\n\n[Term]\nid: X:1\nname: one\n\n[Term]\nid: X:2\n"


def parsed(folder: Path, *paths: Path) -> tuple[list[bool], list[SetAside]]:
    aside: list[SetAside] = []
    sources = read_sources(list_vocabularies([*map(str, paths)]), Dataset(folder / "home", "sources"), aside.append)
    return [source.parsed for source in sources], aside


def test_only_the_file_that_changed_is_parsed_and_what_was_set_aside_is_told_again(tmp_path: Path) -> None:
    ontology, names = tmp_path / "x.obo", tmp_path / "names.tsv"
    ontology.write_text(OBO)
    names.write_text("D000001\tcold\n")
    first, aside = parsed(tmp_path, ontology, names)
    assert first == [True, True]
    assert [record.reason for record in aside] == ["no-name"]
    assert parsed(tmp_path, ontology, names) == ([False, False], aside)
    # The order of the files is no part of what each says.
    assert parsed(tmp_path, names, ontology) == ([False, False], aside)
    names.write_text("D000001\tcolds\n")
    assert parsed(tmp_path, ontology, names) == ([False, True], aside)


def test_the_tables_of_a_file_that_is_gone_are_deleted(tmp_path: Path) -> None:
    one, two = tmp_path / "one.tsv", tmp_path / "two.tsv"
    one.write_text("D000001\tcold\n")
    two.write_text("D000002\tflu\n")
    parsed(tmp_path, one, two)
    parsed(tmp_path, two)
    assert [key.rsplit("-", 1)[0] for key in Dataset(tmp_path / "home", "sources").manifests()] == ["two.tsv"]
    assert not any("one" in path.name for path in (tmp_path / "home").rglob("*"))
    assert parsed(tmp_path, one, two)[0] == [True, False]


def test_files_of_one_name_in_two_folders_are_kept_apart(tmp_path: Path) -> None:
    for folder, text in (("a", "D000001\tcold\n"), ("b", "D000002\tflu\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "names.tsv").write_text(text)
    paths = tmp_path / "a" / "names.tsv", tmp_path / "b" / "names.tsv"
    assert parsed(tmp_path, *paths)[0] == [True, True]
    assert parsed(tmp_path, *paths)[0] == [False, False]
