"""The checks by difference find what a whole check finds, whatever was proven before; and read no more than they must."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.claims import triple_id
from kg.cleaning.config import CleaningConfig
from kg.config import SplitConfig
from kg.corpus_checks import Findings, Proven, check_corpus
from kg.tables import CORPUS_PASSAGES, TRIPLES
from pipeline.storage import Dataset, Layout, TableSink
from pipeline.tables import VOCABULARY
from tests.kg.cleaning.conftest import ABSTRACT, passage

TREATS = "biolink:treats"
NO_PAIRS = SplitConfig(validation=0, test=0)
CLEANING = CleaningConfig(near_shortest=10, shingle=2)


class Home:
    """A home whose shards, triples and vocabulary are given, and what its last check kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tests: list[str] = []
        self._kept: dict[str, str] = {}
        self._before: dict[str, Any] = {}
        self._now: dict[str, Any] = {}
        self._checks = 0
        self.give()

    def give(
        self,
        shards: dict[str, Sequence[dict[str, Any]]] | None = None,
        held_out: Sequence[tuple[str, str, str]] = (),
        kinds: dict[str, list[str]] | None = None,
        known: Sequence[tuple[str, str, str]] = (),
    ) -> Home:
        """Write what the home holds from now on: rows by bucket, held-out and training claims, parents of concepts."""
        rows = [
            {"split": "test" if c in held_out else "train", "triple_id": triple_id(*c)} | _claim(c)
            for c in (*held_out, *known)
        ]
        every = sorted({*(kinds or {}), *(parent for parents in (kinds or {}).values() for parent in parents)})
        concepts = [{"curie": c, "name": c, "parents": (kinds or {}).get(c, [])} for c in every]
        self._write("triples", "00", "triples.parquet", pa.Table.from_pylist(rows, TRIPLES))
        self._write("vocabulary", "all", "vocabulary.parquet", pa.Table.from_pylist(concepts, VOCABULARY))
        for bucket in ("00", "01", "02"):
            given = (shards or {}).get(bucket, ())
            files = {}
            for split in ("train", "validation", "test"):
                chosen = [row for row in given if row.get("shard", row["split"]) == split]
                table = pa.Table.from_pylist([{"repeat": 0, "form": "text"} | row for row in chosen], CORPUS_PASSAGES)
                files[f"split={split}/bucket={bucket}/passages.parquet"] = table
            with Dataset(self.folder, "corpus_shards").writer(bucket) as writer:
                for name, table in files.items():
                    writer.table(name, CORPUS_PASSAGES).write(table)
                self._now[bucket] = writer.commit(skip_key="k", code_version="1", inputs={}).data_version
        return self

    def _write(self, asset: str, key: str, name: str, table: pa.Table) -> None:
        with Dataset(self.folder, asset).writer(key) as writer:
            writer.table(name, table.schema).write(table)
            self._now[asset] = writer.commit(skip_key="k", code_version="1", inputs={}).data_version

    def check(self, *, whole: bool = False) -> tuple[Findings, dict[str, list[Any]]]:
        """What a check finds, and what it keeps; the next one goes by that."""
        made: dict[str, TableSink] = {}
        folder = self.folder / f"kept{self._checks}"
        folder.mkdir()
        self._checks += 1

        def keep(name: str, schema: pa.Schema, layout: Layout) -> TableSink:
            made[name] = TableSink(folder / f"{name}.parquet", schema, layout)
            return made[name]

        changed = [b for b in ("00", "01", "02") if self._before.get(b) != self._now[b]]
        proven = Proven(self._kept, changed, self._before.get("vocabulary") != self._now["vocabulary"])
        found = check_corpus(
            self.folder, NO_PAIRS, CLEANING, self.tests, keep=keep, proven=None if whole or not self._kept else proven
        )
        for sink in made.values():
            sink.close()
        state = {} if whole else dict(self._kept)
        state |= {name: str(sink.path) for name, sink in made.items()}
        if not whole:
            # only what was found in order is proven
            self._kept, self._before = ({}, {}) if any(found) else (state, dict(self._now))
        return found, {name: pq.read_table(path).to_pylist() for name, path in sorted(state.items())}


def _claim(claim: tuple[str, str, str]) -> dict[str, str]:
    return dict(zip(("subject", "predicate", "object"), claim, strict=True))


def row(text: str, *claims: tuple[str, str, str], **columns: Any) -> dict[str, Any]:
    """A row of literature whose relations are these claims."""
    spans, relations = [], []
    for subject, predicate, object_ in claims:
        relations.append({"subject": len(spans), "predicate": predicate, "object": len(spans) + 1, "source": "e"})
        spans += [{"start": 0, "end": 1, "curie": c, "category": "biolink:NamedThing"} for c in (subject, object_)]
    return passage(text, id=columns.pop("id", None)) | {"spans": spans, "relations": relations} | columns


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


OLD = ("aspirin", TREATS, "migraine")


def test_a_claim_that_comes_to_be_held_out_is_found_in_an_old_row(home: Home) -> None:
    """The row is in a shard that nobody touched since it was proven; what it entails is held out now."""
    shards = {"00": [row("Aspirin treats migraine.", OLD)], "01": [row("Something else.")]}
    kinds = {"migraine": ["headache"]}
    assert not any(home.give(shards, kinds=kinds).check()[0])
    found, _ = home.give(shards, [("aspirin", TREATS, "headache")], kinds).check()
    assert [leak["reason"] for leak in found.leaks] == ["entails-held-out"]
    assert found == home.check(whole=True)[0]


def test_a_concept_that_comes_to_be_a_kind_of_another_gives_an_old_row_away(home: Home) -> None:
    """A vocabulary says now that migraine is a headache, two steps below what is held out."""
    shards = {"00": [row("Aspirin treats migraine.", OLD)]}
    held_out = [("aspirin", TREATS, "pain")]
    assert not any(home.give(shards, held_out, {"headache": ["pain"], "migraine": []}).check()[0])
    found, _ = home.give(shards, held_out, {"headache": ["pain"], "migraine": ["headache"]}).check()
    assert [leak["reason"] for leak in found.leaks] == ["entails-held-out"]
    assert found == home.check(whole=True)[0]


def test_an_old_row_that_tells_a_triple_of_which_nothing_was_known_is_found_when_it_is_held_out(home: Home) -> None:
    shards = {"00": [passage("Aspirin treats migraine.", kind="verbalized", triple_ids=[triple_id(*OLD)])]}
    assert not any(home.give(shards).check()[0])
    found, _ = home.give(shards, [OLD]).check()
    assert [leak["reason"] for leak in found.leaks] == ["held-out-triple"]


def test_what_is_planted_beside_proven_rows_is_found(home: Home) -> None:
    """A duplicate of a row of another shard, a near one, a row that stands twice, one of another split: each in a proven corpus."""
    other = ABSTRACT.replace("had to stop", "had to cease")
    shards = {"00": [row(ABSTRACT, id="b")], "01": [row("Aspirin treats fever.", id="d")]}
    for planted, reason, name in (
        (row("aspirin  treats FEVER.", id="e"), "duplicate", "e"),
        (row(other, id="c"), "near-duplicate", "c"),
        (row(other, id="a"), "near-duplicate", "b"),
        (row("Aspirin treats fever.", id="d"), "duplicate", "d"),
    ):
        assert not any(home.give(shards).check()[0])
        found, _ = home.give(shards | {"02": [planted]}).check()
        assert [(one.reason, one.passage_id) for one in found.duplicates] == [(reason, name)]
        assert found == home.check(whole=True)[0]
    assert not any(home.give(shards).check()[0])
    found, _ = home.give(shards | {"02": [row("A test row.", split="test", shard="train")]}).check()
    assert [leak["reason"] for leak in found.leaks] == ["not-train"]
    # copies that the mixture asks for are none
    assert not any(home.give(shards | {"01": [shards["01"][0], shards["01"][0] | {"repeat": 1}]}).check()[0])


def test_a_row_that_is_planted_with_the_id_of_a_proven_one_is_read(home: Home) -> None:
    """Its id says that it was proven; its content says that it was not."""
    assert not any(home.give({"00": [row("Aspirin treats migraine.", id="a")]}, [("x", TREATS, "migraine")]).check()[0])
    found, _ = home.give(
        {"00": [row("Aspirin treats migraine.", ("x", TREATS, "tension"), id="a")]},
        [("x", TREATS, "migraine")],
        {"tension": ["migraine"]},
    ).check()
    assert [leak["reason"] for leak in found.leaks] == ["entails-held-out"]


def test_a_document_of_a_test_is_found_among_new_rows_and_named_as_a_whole_check_names_it(
    home: Home, tmp_path: Path
) -> None:
    question = "which of these seven remedies would a prudent physician choose first for a sailor with scurvy at sea"
    home.tests = [str(tmp_path / "tests.json")]
    Path(home.tests[0]).write_text(json.dumps([{"question": question}]))
    shards = {"00": [row("Something else.")]}
    assert not any(home.give(shards).check()[0])
    found, _ = home.give(shards | {"01": [row(f"As they say: {question}", id="foul")]}).check()
    assert [one.passage_id for one in found.tests] == ["foul"]
    assert found == home.check(whole=True)[0]


_ROW = st.builds(
    lambda words, claim, split, kind: (" ".join(words), claim, split, kind),
    st.lists(st.sampled_from(["ab cd ef", "gh ij kl", "mn op qr", "st uv wx"]), min_size=3, max_size=9),
    st.none() | st.tuples(st.sampled_from("abc"), st.just(TREATS), st.sampled_from("xyz")),
    st.sampled_from(["train", "train", "test"]),
    st.sampled_from(["literature", "verbalized"]),
)
_CLAIMS = st.sets(st.tuples(st.sampled_from("abc"), st.just(TREATS), st.sampled_from("xyz")), max_size=2)
_KINDS = st.dictionaries(st.sampled_from("abcxyz"), st.lists(st.sampled_from("abcxyz"), max_size=1), max_size=2)
_STEP = st.tuples(st.dictionaries(st.sampled_from(["00", "01", "02"]), st.lists(_ROW, max_size=2)), _CLAIMS, _KINDS)


@settings(max_examples=10)
@given(st.lists(_STEP, min_size=2, max_size=4), st.integers(1, 3))
def test_any_changes_one_after_another_are_judged_as_a_whole_check_judges_them(steps: list[Any], probes: int) -> None:
    """With few probes too, so that passages become probes as others go."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("kg.cleaning.checks._PROBES", probes)
        home = Home(Path(folder))
        shards: dict[str, list[dict[str, Any]]] = {}
        for given_rows, held_out, kinds in steps:
            for bucket, some in given_rows.items():
                shards[bucket] = [
                    row(text, *([claim] if claim else []), split=split, kind=kind) for text, claim, split, kind in some
                ]
            home.give(shards, sorted(held_out), kinds)
            found, state = home.check()
            assert (found, state) == home.check(whole=True)
