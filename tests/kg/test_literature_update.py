"""Passages of papers by difference: whatever changes, the files are those of making all passages of the bucket."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.config import CorpusConfig, SplitConfig
from kg.corpus_shards import SPLITS
from kg.literature import literature_passages
from kg.literature_update import PAPERS, LiteratureUpdate, paper_fingerprints
from kg.splits import split_of
from kg.standing_rows import StandingRows
from kg.tables import PASSAGES
from pipeline.hashing import hash_json
from pipeline.storage import TableSink
from pipeline.tables import LITERATURE_BY_BUCKET
from tests.kg.test_literature import DRUG, FREE, document

CONFIG = CorpusConfig(passage_sentences=2)
SHARES = [SplitConfig(validation=share, test=share) for share in (0.2, 0.15, 0.1, 0.05)]
HELD_OUT = next(splits for splits in SHARES if split_of(DRUG, FREE, splits) == "train")
CLAIM = ("drugamine", "biolink:treats", "freeitis", True, "Then")
SENTENCES = [
    "Few had heldosis.",
    "Many took drugamine.",
    "It was drugamine against heldosis.",
    "Then drugamine cured freeitis.",
    "That is all.",
]


class Paper(NamedTuple):
    sentences: tuple[str, ...]
    claims: bool = True
    section: int = 0

    def row(self, doc_id: str) -> dict[str, Any]:
        text = " ".join(self.sentences)
        sections = [{"label": "TITLE", "start": start, "end": len(text)} for start in {0, min(self.section, len(text))}]
        claims = [CLAIM] if self.claims and SENTENCES[3] in self.sentences else []
        row = document(text, doc_id, sections, claims)
        return row | {"digest": int(hash_json(row)[:16], 16)}


papers = st.builds(
    Paper, st.lists(st.sampled_from(SENTENCES), max_size=6).map(tuple), st.booleans(), st.sampled_from([0, 0, 40])
)
literatures = st.dictionaries(st.integers(1, 30).map(lambda n: f"PMID:{n}"), papers, max_size=20)
THE_CLAIM = document(SENTENCES[3], claims=[CLAIM])["claims"][0]["triple_id"]


class Built(NamedTuple):
    folder: Path
    changed: set[str]
    figures: dict[str, Any]

    def bytes(self) -> dict[str, bytes]:
        return {name: (self.folder / name).read_bytes() for name in (*SPLITS, "papers")}


def build(literature: dict[str, Paper], withheld: list[str], folder: Path, before: Built | None = None) -> Built:
    folder.mkdir()
    rows = pa.Table.from_pylist([paper.row(name) for name, paper in sorted(literature.items())], LITERATURE_BY_BUCKET)
    pq.write_table(rows, folder / "literature.parquet")
    fingerprints = paper_fingerprints([str(folder / "literature.parquet")], withheld)
    told: list[str] = []

    def tell(batches: Iterable[pa.RecordBatch], count: Callable[[str, int], None]) -> Iterator[pa.RecordBatch]:
        batches = list(batches)
        told.extend(name for batch in batches for name in batch["doc_id"].to_pylist())
        return literature_passages(batches, CONFIG, HELD_OUT, count, withheld)

    with ExitStack() as files:
        state = pq.read_table(before.folder / "papers") if before else PAPERS.empty_table()
        update = LiteratureUpdate(fingerprints, state, HELD_OUT)
        standing = {
            split: files.enter_context(StandingRows(str(before.folder / split), PASSAGES)) for split in SPLITS if before
        }
        sinks = {split: TableSink(folder / split, PASSAGES) for split in SPLITS if not before or split in update.splits}
        for split, passages in update.rows(rows.to_batches(max_chunksize=7), standing, tell):
            sinks[split].write(passages)
        for split in SPLITS:
            if split in sinks:
                sinks[split].close()
            elif before:
                (folder / split).write_bytes((before.folder / split).read_bytes())
    sink = TableSink(folder / "papers", PAPERS)
    sink.write(update.papers())
    sink.close()
    return Built(folder, set(told), update.figures())


@settings(max_examples=15)
@given(literatures, literatures, st.booleans(), st.lists(st.sampled_from([THE_CLAIM]), max_size=1), st.data())
def test_what_is_brought_up_to_date_is_what_is_made_as_a_whole(
    old: dict[str, Paper], new: dict[str, Paper], few: bool, withheld: list[str], data: st.DataObject
) -> None:
    gone = data.draw(st.sets(st.sampled_from(sorted(old)), max_size=3)) if old else set()
    after = {**{n: p for n, p in old.items() if n not in gone}, **dict(list(new.items())[: 2 if few else None])}
    with TemporaryDirectory() as name:
        folder = Path(name)
        before = build(old, [], folder / "before")
        made, whole = build(after, withheld, folder / "after", before), build(after, withheld, folder / "whole")
        assert made.bytes() == whole.bytes()
        assert made.figures == whole.figures
        same = {n for n, paper in after.items() if old.get(n) == paper and not (withheld and paper.row(n)["claims"])}
        assert made.changed.isdisjoint(same)


def test_a_claim_that_came_to_be_withheld_costs_the_papers_that_make_it(tmp_path: Path) -> None:
    literature = {f"PMID:{n}": Paper((SENTENCES[n % 5], SENTENCES[4])) for n in range(40)}
    before = build(literature, [], tmp_path / "before")
    assert before.changed == set(literature)
    after = build(literature, [THE_CLAIM], tmp_path / "after", before)
    assert after.changed == {f"PMID:{n}" for n in range(3, 40, 5)}
    assert after.figures["withheld_sentences"] > before.figures["withheld_sentences"]
