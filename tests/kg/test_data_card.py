"""The data card: what the hub reads, what a person must know, and nothing that nobody stated."""

import json
import re
from datetime import date
from pathlib import Path

import pytest
import yaml

from kg.data_card import card_for_ui, missing_statements, write_card
from kg.dataset_config import DatasetConfig
from tests.kg.corpus_home import write_corpus_home

STATED = DatasetConfig(
    name="Little corpus",
    version="2.1.0",
    licence="CC-BY-4.0",
    licences={"a.jsonl": "CC0-1.0"},
    creators={"Ada Lovelace": "person"},
    url="https://example.org/corpus",
    published=date(2026, 1, 2),
    citation="@misc{little}",
)


@pytest.fixture(scope="module")
def bare(corpus_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bare")
    write_card(corpus_home, folder, DatasetConfig())
    return folder / "README.md"


@pytest.fixture(scope="module")
def stated(corpus_home: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("stated")
    write_card(corpus_home, folder, STATED)
    return (folder / "README.md").read_text(encoding="utf-8")


def front_matter(card: str) -> dict:
    return yaml.safe_load(card.removeprefix("---\n").partition("\n---\n")[0])


def test_the_front_matter_says_what_the_hub_asks(stated: str) -> None:
    values = front_matter(stated)
    assert values["language"] == ["en", "zh"]
    assert values["license"] == "cc-by-4.0"
    assert values["size_categories"] == ["n<1K"]
    (config,) = values["configs"]
    assert [part["split"] for part in config["data_files"]] == ["train", "validation", "test"]
    assert re.fullmatch(r"version 2\.1\.0\+[0-9a-f]{12}", config["description"])


@pytest.mark.parametrize(
    ("licence", "said"),
    [
        (None, {"license": "unknown"}),
        ("Some Own Licence 1.0", {"license": "other", "license_name": "some-own-licence-1.0"}),
        ("https://example.org/l", {"license": "other", "license_link": "https://example.org/l"}),
    ],
)
def test_a_licence_the_hub_does_not_know_is_other(licence, said, corpus_home: Path, tmp_path: Path) -> None:
    write_card(corpus_home, tmp_path, DatasetConfig(licence=licence))
    values = front_matter((tmp_path / "README.md").read_text(encoding="utf-8"))
    assert values.items() >= said.items()


def test_what_nobody_stated_is_said_to_be_not_stated(bare: Path, stated: str) -> None:
    text = bare.read_text(encoding="utf-8")
    assert "- Licence: not stated" in text
    assert "- Published: not stated" in text
    assert "| `a.jsonl` | jsonl.v1 | not stated | 1 | 4 |" in text
    assert "| `a.jsonl` | jsonl.v1 | CC0-1.0 | 1 | 4 |" in stated
    assert "- Made by: Ada Lovelace" in stated
    assert "- Published: 2026-01-02" in stated
    assert missing_statements(DatasetConfig()) == ["licence", "licences", "url", "creators", "published"]
    assert missing_statements(STATED) == []


def test_it_tells_what_is_there_and_what_is_not(bare: Path) -> None:
    text = bare.read_text(encoding="utf-8")
    assert "| train | verbalized | zh | 1 | 1 | 1 | 9 |" in text
    assert "| **all** |  |  | 8 | 8 | 9 |" in text
    assert "| duplicate | verbalized | 3 | 21 |" in text
    assert "1 sentences of training papers (25.00%) were withheld" in text
    assert "1 papers are of 1999 to 1999" in text
    assert "1 as plain facts; 1 as denied" in text
    assert "the verbalized passages are 4 single claims." in text
    assert "Of the training tokens " in text
    assert "Beliefs are not calibrated" in text


def test_words_of_papers_and_names_show_as_they_are(bare: Path) -> None:
    text = bare.read_text(encoding="utf-8")
    assert "| Diabetes \\| type 2 | MESH:D003924 |" in text
    assert "PMID:2 says: Aspirin\\_x causes \\*asthma\\*." in text
    assert "| `b\\|c/notes.jsonl` |" in text
    assert "**二甲双胍**治疗**2型糖尿病**" in text


def test_examples_are_of_every_kind_and_language_with_their_papers(bare: Path) -> None:
    text = bare.read_text(encoding="utf-8")
    for kind, language in (("literature", "en"), ("verbalized", "en"), ("verbalized", "zh")):
        form = " fact" if kind == "verbalized" else ""
        assert f"**{kind}{form}, {language}, train" in text
    assert "- PMID:1, from `a.jsonl`, record 0" in text


@pytest.mark.parametrize(("deidentified", "says"), [(True, "may have missed some"), (False, "NOT TAKEN OUT")])
def test_clinical_records_are_told_of(deidentified: bool, says: str, make_home, tmp_path: Path) -> None:
    home = write_corpus_home(tmp_path / "home", make_home, clinical=["a.jsonl"])
    (tmp_path / "card").mkdir()
    write_card(home, tmp_path / "card", DatasetConfig(), deidentified=deidentified)
    (limit,) = re.findall(r"^- Clinical records.*$", (tmp_path / "card" / "README.md").read_text("utf-8"), re.MULTILINE)
    assert "(1 files)" in limit
    assert says in limit
    metadata = json.loads((tmp_path / "card" / "croissant.json").read_text("utf-8"))
    assert metadata["rai:personalSensitiveInformation"] == [limit.removeprefix("- ")]


def test_a_corpus_of_which_nothing_was_taken_has_a_card_too(make_home, tmp_path: Path) -> None:
    home = write_corpus_home(tmp_path / "home", make_home, rows=[])
    (tmp_path / "card").mkdir()
    write_card(home, tmp_path / "card", DatasetConfig())
    assert "0 passages" in (tmp_path / "card" / "README.md").read_text("utf-8")
    assert not list((tmp_path / "card").glob("images/*.png"))


def test_equal_corpora_have_equal_cards(bare: Path, corpus_home: Path, tmp_path: Path) -> None:
    write_card(corpus_home, tmp_path, DatasetConfig())
    for path in sorted(tmp_path.rglob("*.*")):
        assert path.read_bytes() == (bare.parent / path.relative_to(tmp_path)).read_bytes(), path
    assert str(corpus_home) not in bare.read_text(encoding="utf-8")


def test_the_ui_gets_the_plots_inside_and_no_front_matter(bare: Path) -> None:
    shown = card_for_ui(bare)
    assert shown.startswith("# Materia corpus")
    assert shown.count("data:image/png;base64,iVBOR") == len(list(bare.parent.glob("images/*.png"))) == 6
    assert "](images/" not in shown
