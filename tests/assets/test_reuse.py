"""Extraction after any sequence of changes gives what it gives in a new home, byte for byte; and reads no more than it must."""

import json
import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from upath import UPath

from assets.config import Config
from assets.home import Home
from assets.stage import refresh
from assets.stages import until
from pipeline import claims
from pipeline.extraction_config import ExtractionConfig
from pipeline.finders import SpacyFinder
from pipeline.text_reader import TextReader
from tests.assets.test_extraction import ruler

TEXTS = [
    "Metformin treats type 2 diabetes. Metformin (MET) was given. MET may cause nausea.",
    "Aspirin causes duodenal ulcer. No headache was seen with aspirin.",
    "Nothing is told here.",
    "Headache.",
    "Omeprazole heals duodenal ulcer (DU). Metformin did not cause DU.",
    "Peptic ulcer was seen. Acetylsalicylic acid caused it, and caused nausea.",
]
NAMES = {
    "MESH:1": ["type 2 diabetes"],
    "MESH:2": ["nausea"],
    "MESH:3": ["duodenal ulcer"],
    "MESH:4": ["headache"],
    "CHEBI:1": ["metformin"],
    "CHEBI:2": ["aspirin", "acetylsalicylic acid"],
    "CHEBI:3": ["omeprazole"],
}
SYNONYMS = ["MET", "peptic ulcer", "headache", "2 diabetes", "seen with aspirin", "acid"]


class Inputs:
    """Literature, vocabulary and settings in a folder, as they are changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, list[tuple[int, int]]] = {"a": [(1, 0), (2, 1), (3, 2)], "b": [(4, 3), (5, 4)]}
        self.names = {curie: [*names] for curie, names in NAMES.items()}
        self.label = "abstract"
        self.config = Config(buckets=2, small_file_groups=1, workers=1)
        ruler(folder / "ner", "ulcer")

    def change(self, what: str, file: str, number: int, other: int) -> None:
        papers = self.files.get(file, [])
        if what == "put":
            self.files[file] = [*(paper for paper in papers if paper[0] != number), (number, other)]
        elif what == "twice":
            self.files[file] = [*papers, *[(number, other)] * 2]
        elif what == "drop":
            papers[:] = papers[1:]
        elif what == "turn":
            papers.reverse()
        elif what == "rename":
            self.files = {f"{name}{file}": some for name, some in self.files.items()}
        elif what == "label":
            self.label = f"part {number}"
        elif what == "synonym":
            names = self.names[[*NAMES][number]]
            names.remove(SYNONYMS[other]) if SYNONYMS[other] in names[1:] else names.append(SYNONYMS[other])
        elif what == "recogniser":
            ner = None if self.config.extraction.ner else str(self.folder / "ner")
            self.config = self.config.model_copy(update={"extraction": ExtractionConfig(ner=ner)})
        elif what == "cache":
            self.config = self.config.model_copy(update={"cache_mib": number})

    def build(self, name: str) -> Home:
        for folder in ("lit", "voc"):
            (self.folder / folder).mkdir(exist_ok=True)
        for path in (self.folder / "lit").iterdir():
            path.unlink()
        for file, papers in {**self.files, "last": [(9, 5)]}.items():
            sections = [{"id": f"PMID:{n}", "sections": [{"label": self.label, "text": TEXTS[t]}]} for n, t in papers]
            (self.folder / "lit" / f"{file}.jsonl").write_text("".join(json.dumps(s) + "\n" for s in sections))
        terms = ["format-version: 1.2\n"]
        for curie, (first, *synonyms) in self.names.items():
            lines = [f"id: {curie}", f"name: {first}", *(f'synonym: "{synonym}" EXACT []' for synonym in synonyms)]
            kind = "Disease" if curie.startswith("MESH") else "SmallMolecule"
            terms.append("\n".join(["[Term]", *lines, f"property_value: biolink:category biolink:{kind}"]) + "\n")
        (self.folder / "voc" / "names.obo").write_text("\n".join(terms))
        home = Home(UPath(self.folder / name))
        home = home.configure([str(self.folder / "lit")], [str(self.folder / "voc")], self.config)
        for stage in until("evidence"):
            list(refresh(stage, home, stage.keys(home)))
        return home


def files(home: Home) -> dict[str, bytes]:
    return {
        str(path.relative_to(home.path)): path.read_bytes()
        for stage in ("documents", "mentions", "evidence")
        for path in sorted((home.path / stage).rglob("*"))
        if path.is_file()
    }


KINDS = ("build", "put", "put", "twice", "drop", "turn", "rename", "label", "synonym", "synonym", "recogniser", "cache")
CHANGES = st.tuples(st.sampled_from(KINDS), st.sampled_from("ab"), st.integers(0, 6), st.integers(0, 5))


@settings(max_examples=5)
@given(st.lists(CHANGES, min_size=2, max_size=9))
def test_any_changes_give_what_a_new_home_gives(changes: list[tuple[str, str, int, int]]) -> None:
    with TemporaryDirectory() as folder:
        inputs = Inputs(Path(folder))
        inputs.build("home")
        for change in changes:
            if change[0] == "build":
                inputs.build("home")
            else:
                inputs.change(*change)
        assert files(inputs.build("home")) == files(inputs.build("new"))


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that are read for mentions or claims, as they are."""
    texts: list[str] = []
    of_texts, of_document = TextReader.read, claims.evidence_rows

    def reading(self, some, found=None):
        texts.extend(some)
        return of_texts(self, some, found)

    def claiming(document, classifier=None):
        texts.append(f"claims of {document[0][0]}")
        return of_document(document, classifier)

    monkeypatch.setattr(TextReader, "read", reading)
    monkeypatch.setattr(claims, "evidence_rows", claiming)
    return texts


def test_of_a_file_only_what_changed_is_read(tmp_path: Path, read: list[str]) -> None:
    inputs = Inputs(tmp_path)
    inputs.build("home")
    assert len([text for text in read if not text.startswith("claims")]) == 6
    read.clear()
    inputs.change("put", "a", 2, 4)  # a text that another file has: the cache knows it
    inputs.change("turn", "b", 0, 0)
    inputs.build("home")
    assert read == ["claims of PMID:2"]
    read.clear()
    inputs.change("label", "a", 7, 0)  # a section's name stands in the evidence
    inputs.build("home")
    assert sorted(read) == [f"claims of PMID:{n}" for n in (1, 2, 4, 5, 9)]


def test_a_file_with_another_name_and_settings_that_come_back_are_not_read_again(
    tmp_path: Path, read: list[str]
) -> None:
    inputs = Inputs(tmp_path)
    first = files(inputs.build("home"))
    inputs.change("rename", "b", 0, 0)
    read.clear()
    inputs.build("home")
    assert read == []
    inputs.change("recogniser", "a", 0, 0)
    inputs.build("home")
    assert len(read) > 5
    read.clear()
    inputs.change("recogniser", "a", 0, 0)
    inputs.files = {name[0]: papers for name, papers in inputs.files.items()}
    assert files(inputs.build("home")) == first
    assert read == []


def test_a_synonym_costs_the_texts_that_hold_it_and_its_undo_nothing(tmp_path: Path, read: list[str]) -> None:
    inputs = Inputs(tmp_path)
    first = files(inputs.build("home"))
    for costs in (["\n" + TEXTS[5]], []):
        inputs.change("synonym", "a", 2, 1)  # duodenal ulcer: peptic ulcer
        read.clear()
        second = inputs.build("home")
        assert [text for text in read if "claims" not in text] == costs
    assert files(second) == first
    inputs.change("synonym", "a", 2, 1)
    inputs.change("rename", "a", 0, 0)  # of other names and in another file: the cache still serves
    read.clear()
    inputs.build("home")
    assert read == []


def test_a_damaged_cache_is_told_and_changes_nothing(
    tmp_path: Path, read: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    inputs = Inputs(tmp_path)
    inputs.build("home")
    with sqlite3.connect(tmp_path / "home" / "cache" / "rows.sqlite") as database:
        database.execute("UPDATE segments SET rows = zeroblob(length(rows)) WHERE id % 2")
    inputs.change("rename", "a", 0, 0)
    read.clear()
    assert files(inputs.build("home")) == files(inputs.build("new"))
    assert read
    assert "damaged" in caplog.text


def test_a_recogniser_reads_a_text_once_whatever_becomes_of_the_vocabulary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[str] = []
    of_texts = SpacyFinder.find

    def searching(self, texts):
        searched.extend(texts)
        return of_texts(self, texts)

    monkeypatch.setattr(SpacyFinder, "find", searching)
    inputs = Inputs(tmp_path)
    inputs.change("recogniser", "a", 0, 0)
    inputs.build("home")
    assert len(searched) == 6
    searched.clear()
    inputs.change("synonym", "a", 2, 1)
    inputs.change("put", "a", 7, 0)
    inputs.files["a"].append((8, 5))
    changed = inputs.build("home")
    assert searched == []
    assert files(changed) == files(inputs.build("new"))
    assert len(searched) == 7  # one text twice in a file is searched once for both
