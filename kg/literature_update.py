"""Passages of a bucket's papers: made for papers that changed, taken over for the others.

All that the passages of a paper depend on has a fingerprint: the digest of what it is made from, which the shuffle gives it, and
which of its claims are withheld. A paper with the fingerprint of last time keeps its rows, so that a changed paper costs what copying
its shard does. Fingerprints take a millisecond for a bucket of 200 papers. Rejected: comparing with the papers of last time (they are
gone), digests of texts, mentions and claims made here (0.2 s for 11,000 papers in 64 buckets, in DuckDB).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kg.config import SplitConfig
from kg.corpus import SPLITS, word_counts
from kg.literature import document_split
from kg.standing_rows import StandingRows
from kg.tables import PASSAGES
from pipeline.duck import one_array
from pipeline.tables import table_schema

__all__ = ["FINGERPRINTS", "PAPERS", "LiteratureUpdate", "paper_fingerprints"]

_TEXT, _INT = pa.string(), pa.int32()
_PAPER: Final = {
    "doc_id": (_TEXT, "CURIE of a live document, sorted"),
    "fingerprint": (_TEXT, "what tells all that its passages depend on: a digest, and ids of claims that are withheld"),
}
FINGERPRINTS = table_schema("paper_fingerprints", 2, _PAPER)
PAPERS = table_schema(
    "papers_told",
    3,
    _PAPER
    | {
        "split": (_TEXT, "its split"),
        "passages": (_INT, "how many it became, all in the shard of its split, in the order of the papers"),
        "tokens": (_INT, "their words"),
        "withheld": (_INT, "its sentences that would give a held-out pair away"),
    },
)

#: Tells papers: rows of LITERATURE_BY_BUCKET in, batches of PASSAGES out, and to the second argument what was withheld.
Tells = Callable[[Iterable[pa.RecordBatch], Callable[[str, int], None]], Iterable[pa.RecordBatch]]


def paper_fingerprints(literature: Sequence[str], withheld: Sequence[str]) -> pa.Table:
    """FINGERPRINTS of the papers of a bucket.

    Args:
        literature: Parquet files of LITERATURE_BY_BUCKET.
        withheld: ids of the claims that training passages of the bucket must not make.
    """
    return pa.concat_tables([FINGERPRINTS.empty_table(), *(_fingerprints(path, withheld) for path in literature)])


def _fingerprints(path: str, withheld: Sequence[str]) -> pa.Table:
    with pq.ParquetFile(path) as file:
        rows = file.read(columns=["doc_id", "digest", "claims.list.element.triple_id"], use_threads=False)
    fingerprints = rows["digest"].cast(pa.string()).to_pylist()
    claims = one_array(rows["claims"])
    triple_ids = pc.struct_field(claims.flatten(), "triple_id")
    found = pc.is_in(triple_ids, value_set=pa.array(withheld, pa.string()))
    papers = pc.list_parent_indices(claims).filter(found).to_pylist()
    for paper, triple_id in sorted(set(zip(papers, triple_ids.filter(found).to_pylist(), strict=True))):
        fingerprints[paper] += " " + triple_id
    return pa.table([rows["doc_id"], pa.array(fingerprints, pa.string())], schema=FINGERPRINTS)


class _Paper(NamedTuple):
    """What became of a paper. `first` is where its passages begin: in the shard of its split, or among those made now."""

    fingerprint: str
    first: int
    passages: int
    tokens: int
    withheld: int


class LiteratureUpdate:
    """How the passages of one bucket come up to date.

    Args:
        now: FINGERPRINTS of all papers of the bucket.
        before: PAPERS of last time; empty where all shall be made.
        splits: how papers are held out.

    Attributes:
        splits: the splits whose shards change; the others stand as they are.
    """

    def __init__(self, now: pa.Table, before: pa.Table, splits: SplitConfig) -> None:
        self._now = dict(zip(now["doc_id"].to_pylist(), now["fingerprint"].to_pylist(), strict=True))
        rows = list(zip(*(before[name].to_pylist() for name in PAPERS.names), strict=True))
        self._split_of = {name: split for name, _, split, *_ in rows}
        self._split_of |= {name: document_split(name, splits) for name in self._now.keys() - self._split_of.keys()}
        self._before: dict[str, _Paper] = {}
        ends: Counter[str] = Counter()
        for name, fingerprint, split, passages, *figures in rows:
            self._before[name] = _Paper(fingerprint, ends[split], passages, *figures)
            ends[split] += passages
        self._changed = {n for n, f in self._now.items() if n not in self._before or self._before[n].fingerprint != f}
        gone = self._before.keys() - self._now.keys()
        self.splits = {self._split_of[name] for name in self._changed | gone}
        self._after: dict[str, _Paper] = {}

    def rows(
        self, literature: Iterable[pa.RecordBatch], standing: Mapping[str, StandingRows], tell: Tells
    ) -> Iterator[tuple[str, pa.Table]]:
        """The rows of the shards that change, in order.

        Args:
            literature: LITERATURE_BY_BUCKET of the bucket.
            standing: the shards of these splits as they stand, if there are any.
            tell: makes passages of papers.

        Yields:
            Split and rows of PASSAGES.
        """
        for batch in literature:
            names = batch["doc_id"].to_pylist()
            made, papers = self._told(
                batch.filter(pa.array([name in self._changed for name in names], pa.bool_())), tell
            )
            for split in sorted(self.splits):
                for is_new, start, stop in self._runs([n for n in names if self._split_of[n] == split], papers):
                    yield split, made.slice(start, stop - start) if is_new else standing[split].rows(start, stop)
            self._after |= {name: papers.get(name) or self._before[name] for name in names}

    def papers(self) -> pa.Table:
        """PAPERS as they are now; complete when `rows` is through."""
        papers = [self._after[name] for name in self._now]
        columns: dict[str, list[Any]] = {
            "doc_id": list(self._now),
            "split": [self._split_of[name] for name in self._now],
        }
        columns |= {name: [getattr(paper, name) for paper in papers] for name in PAPERS.names if name not in columns}
        return pa.table(columns, schema=PAPERS)

    def figures(self) -> dict[str, Any]:
        """What the manifest says of these passages."""
        splits = {split: {"passages": 0, "tokens": 0} for split in SPLITS}
        for name, paper in self._after.items():
            counts = splits[self._split_of[name]]
            counts["passages"] += paper.passages
            counts["tokens"] += paper.tokens
        tokens = sum(counts["tokens"] for counts in splits.values())
        return {"splits": splits, "tokens": tokens, "withheld_sentences": sum(p.withheld for p in self._after.values())}

    def _runs(self, names: Iterable[str], made: Mapping[str, _Paper]) -> list[tuple[bool, int, int]]:
        """Which rows of a split follow one another: of what was made (True) or what stands, first and after-last."""
        runs: list[tuple[bool, int, int]] = []
        for name in names:
            is_new = name in made
            paper = made[name] if is_new else self._before[name]
            end = paper.first + paper.passages
            if runs and runs[-1][0] == is_new and runs[-1][2] == paper.first:
                runs[-1] = (is_new, runs[-1][1], end)
            elif paper.passages:
                runs.append((is_new, paper.first, end))
        return runs

    def _told(self, papers: pa.RecordBatch, tell: Tells) -> tuple[pa.Table, dict[str, _Paper]]:
        """Passages of papers, and what became of each."""
        withheld: Counter[str] = Counter()
        batches = list(tell([papers], lambda name, sentences: withheld.update({name: sentences})))
        rows = pa.Table.from_batches(batches, PASSAGES)
        words: dict[str, list[int]] = {name: [] for name in papers["doc_id"].to_pylist()}
        for (name,), tokens in zip(rows["doc_ids"].to_pylist(), word_counts(rows).to_pylist(), strict=True):
            words[name].append(tokens)
        found, end = {}, 0
        for name, counts in words.items():
            found[name] = _Paper(self._now[name], end, len(counts), sum(counts), withheld[name])
            end += len(counts)
        return rows, found
