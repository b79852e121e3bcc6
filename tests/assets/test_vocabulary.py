"""The vocabulary stage: what it parses again, what makes it stale, and the log of merges beside it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from upath import UPath

from assets.config import Config, VocabularyConfig, load_config
from assets.home import Home, open_home
from assets.stage import Stage, refresh
from assets.vocabulary import MERGES, SOURCES, STAGES
from pipeline.errors import MateriaError
from pipeline.tables import VOCABULARY_MERGES
from pipeline.vocabularies import LOADERS, join

(VOCABULARY,) = STAGES
OBO = "format-version: 1.2\n\n[Term]\nid: DOID:1\nname: chill\nxref: MESH:D000001\n\n[Term]\nid: DOID:2\nname: obsolete\nis_obsolete: true\n"


def run(home: Home, stage: Stage = VOCABULARY) -> list[bool]:
    return [result.computed for result in refresh(stage, home, stage.keys(home))]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.obo").write_text(OBO)
    (source / "b.tsv").write_text("curie\tname\tcategory\nMESH:D000001\tCold\tDisease\n")
    return Home(UPath(tmp_path / "home"), vocabulary=(str(source),))


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each file is really parsed: the loaders count their calls."""
    calls: Counter[str] = Counter()
    for loader in LOADERS.values():

        def load(stream, file, set_aside, _load=loader.load):
            calls[file] += 1
            return _load(stream, file, set_aside)

        monkeypatch.setattr(type(loader), "load", lambda self, *rest, _counted=load: _counted(*rest))
    return calls


def test_only_a_file_that_changed_is_parsed_again(home: Home, loads: Counter[str]) -> None:
    assert run(home) == [True]
    assert loads == {"a.obo": 1, "b.tsv": 1}
    assert run(home) == [False]
    (Path(home.vocabulary[0]) / "b.tsv").write_text("curie\tname\tcategory\nMESH:D000001\tCommon Cold\tDisease\n")
    assert run(home) == [True]
    assert loads == {"a.obo": 1, "b.tsv": 2}
    table = home.dataset("vocabulary").read()
    assert table["name"].to_pylist() == ["Common Cold"]
    # What was set aside in the file that was not parsed again is still told.
    assert home.dataset("vocabulary").set_aside()["reason"].to_pylist() == ["obsolete"]
    (Path(home.vocabulary[0]) / "a.obo").unlink()
    run(home)
    assert len(home.dataset(SOURCES).manifests()) == 1
    assert loads == {"a.obo": 1, "b.tsv": 2}


def test_the_outcome_is_that_of_a_clean_build(home: Home, tmp_path: Path) -> None:
    run(home)
    (Path(home.vocabulary[0]) / "b.tsv").write_text("curie\tname\tcategory\nMESH:D000001\tCommon Cold\tDisease\n")
    run(home)
    clean = Home(UPath(tmp_path / "clean"), vocabulary=home.vocabulary)
    run(clean)
    for asset in ("vocabulary", MERGES):
        manifests = home.dataset(asset).manifest(), clean.dataset(asset).manifest()
        assert manifests[0] is not None
        assert manifests[0] == manifests[1]


def test_names_that_are_no_unicode_or_two_lines_are_written_in_escapes(home: Home, tmp_path: Path) -> None:
    for name in (b"c\xff.tsv", b"d\ne.tsv"):
        with open(bytes(tmp_path / "source") + b"/" + name, "wb") as stream:
            stream.write(b"curie\tname\nMESH:D000002\tAgue\nMESH:D000002\n")
    assert run(home) == [True]
    rows = home.dataset(VOCABULARY.name).set_aside().to_pylist()
    assert {row["file"] for row in rows} == {"a.obo", r"c\xff.tsv", r"d\x0ae.tsv"}


def test_merges_are_logged_beside_the_vocabulary(home: Home) -> None:
    run(home)
    (row,) = home.dataset(MERGES).read().to_pylist()
    assert (row["curie"], row["merged_into"], row["source"]) == ("DOID:1", "MESH:D000001", "a.obo")
    manifest = home.dataset("vocabulary").manifest()
    assert manifest is not None
    assert manifest.summary["merges"] == {"merged": 1}
    assert len(home.dataset("vocabulary").paths()) == 1
    assert VOCABULARY.stale(home) == []
    with home.dataset(MERGES).writer() as log:  # as of a build that was killed before it wrote the concepts
        log.table("merges.parquet", VOCABULARY_MERGES)
        log.commit(skip_key="k", code_version="1", inputs={})
    assert VOCABULARY.stale(home) == ["all"]
    home.dataset(MERGES).delete("all")
    assert VOCABULARY.stale(home) == ["all"]


def test_each_setting_and_the_content_of_the_users_rules_count(home: Home, tmp_path: Path) -> None:
    def settings(**values: object) -> Home:
        return Home(home.url, vocabulary=home.vocabulary, config=Config(vocabulary=VocabularyConfig(**values)))

    rules = tmp_path / "rules.yaml"
    rules.write_text("rules: [{prefix: DOID, category: Gene}]")
    run(settings())
    assert VOCABULARY.stale(settings()) == []
    apart = settings(merge_cross_references=False, categories=str(rules))
    assert run(apart) == [True]
    assert apart.dataset("vocabulary").read()["category"].to_pylist() == ["biolink:Gene", "biolink:Disease"]
    assert VOCABULARY.stale(apart) == []
    rules.write_text("rules: [{prefix: DOID, category: Protein}]")
    assert VOCABULARY.stale(apart) == ["all"]
    named = settings(prefix_order=("DOID",))
    assert run(named) == [True]
    assert named.dataset("vocabulary").read()["curie"].to_pylist() == ["DOID:1"]
    rules.unlink()
    with pytest.raises(MateriaError, match=r"rules\.yaml: does not exist"):
        run(apart)


def test_a_relative_path_of_rules_is_relative_to_the_configuration_and_survives_in_the_home(tmp_path: Path) -> None:
    (tmp_path / "materia.yaml").write_text("vocabulary: {categories: rules.yaml, prefix_order: [MONDO, MESH]}\n")
    config = load_config(str(tmp_path / "materia.yaml"))
    assert config.vocabulary.categories == str(tmp_path / "rules.yaml")
    open_home(str(tmp_path / "home")).configure(config=config)
    assert open_home(str(tmp_path / "home")).config == config


WORDS = ["chill", "cold", "Common Cold", "感冒", "rigor", "gout"]
SYNONYMS = st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(["EXACT", "RELATED"])), max_size=2)
TERMS = st.lists(
    st.tuples(st.sampled_from(["1", "2", "3"]), st.sampled_from(["", *WORDS]), SYNONYMS, st.sampled_from(["", "is_a: DOID:2", "xref: MESH:D000001"])),
    min_size=1, max_size=3, unique_by=lambda term: term[0],
)  # fmt: skip


def obo(terms: list[tuple[str, str, list[tuple[str, str]], str]]) -> str:
    stanzas = ["format-version: 1.2\n\n[Term]\nid: DOID:9\nname: illness\n"]
    for number, name, synonyms, clause in terms:
        lines = ["[Term]", f"id: DOID:{number}", *([f"name: {name}"] if name else [])]
        lines += [f'synonym: "{synonym}" {scope} []' for synonym, scope in synonyms]
        stanzas.append("\n".join([*lines, *([clause] if clause else [])]) + "\n")
    return "\n".join(stanzas)


@settings(max_examples=5)
@given(st.lists(st.one_of(SYNONYMS, TERMS.map(obo)), min_size=2, max_size=4), st.booleans())
def test_after_any_edits_the_vocabulary_is_that_of_a_clean_build(edits: list[Any], merging: bool) -> None:
    with TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        source.mkdir()
        (source / "b.tsv").write_text("curie\tname\tcategory\nMESH:D000001\tCold\tDisease\nMESH:D000002\tAspirin\t\n")
        config = Config(vocabulary=VocabularyConfig(merge_cross_references=merging))
        home = Home(UPath(folder) / "home", vocabulary=(str(source),), config=config)
        text = OBO
        for number, edit in enumerate(edits):
            if isinstance(edit, str):
                text = edit
            else:  # names alone
                kept = [line for line in text.split("\n") if not line.startswith("synonym:")]
                new = [f'synonym: "{name}" {scope} []' for name, scope in edit]
                place = next(place for place, line in enumerate(kept) if line.startswith("name:"))
                text = "\n".join([*kept[: place + 1], *new, *kept[place + 1 :]])
            (source / "a.obo").write_text(text)
            clean = Home(UPath(folder) / f"clean {number}", vocabulary=(str(source),), config=config)
            run(home)
            run(clean)
            for asset in ("vocabulary", MERGES):
                assert home.dataset(asset).manifest() == clean.dataset(asset).manifest()


def test_where_only_names_changed_nothing_is_joined_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    run(home)
    joins: list[str] = []
    monkeypatch.setattr(join, "joined", lambda *_, **__: joins.append("joined"))
    path = Path(home.vocabulary[0]) / "a.obo"
    path.write_text(OBO.replace("name: chill\n", 'name: chill\nsynonym: "rigor" EXACT []\n'))
    assert run(home) == [True]
    assert joins == []
    (synonyms,) = home.dataset("vocabulary").read()["synonyms"].to_pylist()
    assert {"name": "rigor", "scope": "exact"} in synonyms
