"""Counts of a finished corpus: what is counted once, what as often as it stands there."""

from pathlib import Path

import pytest

from kg.corpus_preview import preview
from kg.corpus_sources import corpus_sources
from kg.corpus_statistics import ClassCount, Part, PredicateCount, Rejected, corpus_statistics
from kg.corpus_views import open_corpus, shards_of
from kg.dataset_config import DatasetConfig
from pipeline.errors import MateriaError
from pipeline.hashing import text_hash
from tests.kg.corpus_home import write_corpus_home


@pytest.fixture(scope="module")
def statistics(corpus_home: Path):
    with open_corpus(corpus_home) as connection:
        return corpus_statistics(corpus_home, connection)


def test_a_copy_counts_as_a_row_and_its_tokens_but_not_as_a_passage(statistics):
    told = Part("train", "verbalized", "en", passages=2, sentences=2, rows=3, tokens=8 + 8 + 6)
    assert [part for part in statistics.parts if part.kind == "verbalized" and part.split == "train"] == [
        told,
        Part("train", "verbalized", "zh", passages=1, sentences=1, rows=1, tokens=9),
    ]
    assert statistics.total("passages") == 8
    assert statistics.total("rows") == 9
    assert statistics.total("rows", split="train", kind="verbalized") == 4
    assert statistics.predicates == (
        PredicateCount("biolink:treats", literature=1, verbalized=2),
        PredicateCount("biolink:causes", literature=1, verbalized=1),
    )


def test_splits_kinds_and_languages_come_in_a_fixed_order(statistics):
    assert statistics.values("split") == ["train", "validation", "test"]
    assert statistics.values("kind") == ["literature", "verbalized"]
    assert statistics.values("language") == ["en", "zh"]


def test_a_concept_is_one_entity_in_both_languages(statistics):
    assert statistics.entities == 4
    assert (statistics.documents, statistics.triples) == (2, 2)
    assert statistics.forms == (("fact", 4),)
    assert statistics.classes == (
        ClassCount("biolink:Disease", entities=2, mentions=6),
        ClassCount("biolink:SmallMolecule", entities=2, mentions=6),
    )


def test_what_was_not_taken_or_told_comes_from_the_stages_that_decided(statistics):
    assert statistics.candidates == 11
    assert statistics.rejected == (Rejected("duplicate", "verbalized", passages=3, tokens=21),)
    assert statistics.told == {"told-high": 1, "told-denied": 1}
    assert statistics.withheld_share == 1 / 4  # three training sentences of papers are left


def test_shards_without_rows_are_no_part_of_the_corpus(corpus_home: Path):
    shards = shards_of(corpus_home)
    assert all(shard.rows for shard in shards)
    assert sum(shard.rows for shard in shards) == 9
    assert [shard.split for shard in shards] == sorted(
        (s.split for s in shards), key=["train", "validation", "test"].index
    )


def test_a_home_without_a_corpus_is_told_what_to_do(tmp_path: Path):
    with pytest.raises(MateriaError, match=r"holds no corpus. Run: materia build --until corpus."):
        shards_of(tmp_path)


@pytest.mark.parametrize("which", [0, -1])
def test_a_damaged_shard_is_one_sentence(which: int, make_home, tmp_path: Path):
    home = write_corpus_home(tmp_path, make_home)
    (home / shards_of(home)[which].path).write_bytes(b"PAR1 no more")
    with pytest.raises(MateriaError, match="cannot be read"), open_corpus(home) as connection:
        corpus_statistics(home, connection)
    with pytest.raises(MateriaError, match="cannot be read"):
        preview(home)


def test_a_source_has_its_hash_and_only_the_licence_that_is_stated(corpus_home: Path):
    settings = DatasetConfig(licences={"b*": "CC0-1.0", "*": "too late"})
    with open_corpus(corpus_home) as connection:
        first, second = corpus_sources(corpus_home, connection, settings)
        assert corpus_sources(corpus_home, connection, DatasetConfig())[0].licence is None
    assert (first.name, first.sha256, first.documents) == ("a.jsonl", text_hash("a.jsonl"), 1)
    assert (first.passages, second.passages) == (4, 4)
    assert (first.licence, second.licence) == ("too late", "CC0-1.0")
