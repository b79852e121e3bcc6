"""Passages of a bucket's papers: made for papers that changed, taken over for the others.

All that the passages of a paper depend on has a fingerprint: its text, the starts of its sections, language, mentions, claims, and
which of its claims are withheld. A paper with the fingerprint of last time keeps its rows, so that a changed paper costs what copying
its shard does. DuckDB takes the fingerprints of all papers of all touched buckets in one query (15 ms for one bucket, 0.2 s for
11,000 papers in 64). Rejected: comparing with the papers of last time (they are gone), fingerprints in Python (ten times as slow).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import pyarrow as pa

from kg.config import SplitConfig
from kg.corpus import SPLITS, word_counts
from kg.literature import document_split
from kg.shuffle import by_bucket
from kg.standing_rows import StandingRows
from kg.tables import PASSAGES
from pipeline.duck import connect, stream, table_view
from pipeline.hashing import BUCKET_SQL
from pipeline.tables import LITERATURE_BY_BUCKET, table_schema

__all__ = ["FINGERPRINTS", "PAPERS", "LiteratureUpdate", "paper_fingerprints"]

_TEXT, _INT = pa.string(), pa.int32()
_PAPER: Final = {
    "doc_id": (_TEXT, "CURIE of a live document, sorted"),
    "fingerprint": (_TEXT, "hash of all that its passages depend on"),
}
FINGERPRINTS = table_schema("paper_fingerprints", 1, _PAPER)
PAPERS = table_schema(
    "papers_told",
    1,
    _PAPER
    | {
        "passages": (_INT, "how many it became, all in the shard of its split, in the order of the papers"),
        "tokens": (_INT, "their words"),
        "withheld": (_INT, "its sentences that would give a held-out pair away"),
    },
)

#: Tells papers: rows of LITERATURE_BY_BUCKET in, batches of PASSAGES out, and to the second argument what was withheld.
Tells = Callable[[Iterable[pa.RecordBatch], Callable[[str, int], None]], Iterable[pa.RecordBatch]]


def paper_fingerprints(
    literature: Sequence[str], withheld: Iterable[tuple[int, str]], buckets: int, *, threads: int | None = None
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The fingerprints of the papers of some buckets.

    Args:
        literature: Parquet files of LITERATURE_BY_BUCKET.
        withheld: bucket and id of the claims that training passages of the bucket must not make.
        buckets: number of buckets of the home.
        threads: worker threads; all cores where None.

    Yields:
        Bucket and rows of FINGERPRINTS, buckets ascending.
    """
    with connect(threads=threads) as connection:
        table_view(connection, "literature", literature, LITERATURE_BY_BUCKET)
        pairs = list(withheld)
        connection.register(
            "withheld",
            pa.table(
                {
                    "bucket": pa.array([b for b, _ in pairs], pa.int32()),
                    "triple_id": pa.array([t for _, t in pairs], pa.string()),
                }
            ),
        )
        rows = stream(
            connection,
            f"""WITH papers AS (SELECT {BUCKET_SQL.format("doc_id", buckets)}::INTEGER AS bucket, * FROM literature),
                claimed AS (SELECT DISTINCT bucket, doc_id, unnest(claims).triple_id AS triple_id FROM papers WHERE len(claims) > 0),
                parts AS (
                    SELECT bucket, doc_id, 0 AS part, to_json({{
                        'text': md5(text), 'language': language, 'sections': [s.start FOR s IN sections],
                        'mentions': mentions, 'claims': claims
                    }})::VARCHAR AS value FROM papers
                    UNION ALL SELECT bucket, doc_id, 1, triple_id FROM claimed SEMI JOIN withheld USING (bucket, triple_id)
                )
                SELECT bucket, doc_id, md5(string_agg(value, '' ORDER BY part, value)) AS fingerprint
                FROM parts GROUP BY bucket, doc_id ORDER BY bucket, doc_id""",  # noqa: S608
        )
        for batch in rows:
            yield from by_bucket(batch, FINGERPRINTS)


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
        self._split_of = {name: document_split(name, splits) for name in {*self._now, *(row[0] for row in rows)}}
        self._before: dict[str, _Paper] = {}
        ends: Counter[str] = Counter()
        for name, fingerprint, passages, *figures in rows:
            split = self._split_of[name]
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
        rows = [(name, *self._after[name]) for name in self._now]
        columns = [[row[place] for row in rows] for place in (0, 1, 3, 4, 5)]  # all but `first`
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
