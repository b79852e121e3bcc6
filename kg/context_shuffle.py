"""What stands beside a triple elsewhere, brought into its bucket: a triple that goes on where it ends, and a sentence that says it.

Both are in other buckets than the triple (of the object, of the paper), so one step brings them together, and telling a bucket
needs no other. Choices depend on ids alone. The triple that follows is the next one about the object in the order of ids (as on
the ring of consistent hashing, without its last step); the sentence is that of the least evidence id. So a new triple or paper
takes the place of one here and there, and moves no other, and a chain through a hub costs one row, where all pairs would be the
square.

Beside its buckets the step keeps what it chose from and what it chose, over ids: every triple that may be told, with a digest of
what is told of it; every quoted sentence, with a digest of its mentions; and the sentences that must not be quoted. In the next build
only buckets that changed are read; chains are chosen again for triples that are new or whose object's triples changed, sentences
for triples of changed buckets, and mentions are cut again where the paper's bucket changed. What then differs is written. A whole
computation is the same with nothing kept.

Rejected: storing both halves of a chain (twice the rows), quoting in the bucket of the paper (it does not know what is believed).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from kg.claims import TRIPLE_ID_SQL
from kg.shuffle import by_bucket
from kg.tables import CONTEXT, TRIPLES, WITHHELD_CLAIMS
from pipeline.duck import MEMORY_LIMIT, bucketed_view, connect, digest_sql, stream, table_view
from pipeline.graphs import GRAPHS
from pipeline.hashing import BUCKET_SQL
from pipeline.tables import EVIDENCE, LITERATURE_BY_BUCKET, table_schema

__all__ = ["STATE", "ContextShuffle", "ContextSince", "context_keys", "shuffle_context"]

_TEXT, _INT, _DIGEST = pa.string(), pa.int32(), pa.uint64()
_TOLD = table_schema(
    "told",
    1,
    {
        "bucket": (_INT, "bucket of the subject"),
        "triple_id": (_TEXT, "a triple that may be told, and so may be a link of a chain"),
        "subject": (_TEXT, "its subject"),
        "object": (_TEXT, "its object"),
        "digest": (_DIGEST, "hash of what is told of it as the second link of a chain"),
    },
)
_QUOTED = table_schema(
    "quoted",
    1,
    {
        "bucket": (_INT, "bucket of the triple"),
        "triple_id": (_TEXT, "a triple that is quoted"),
        "evidence_id": (_TEXT, "the evidence whose sentence it is"),
        "doc_id": (_TEXT, "its document"),
        "paper": (_INT, "bucket of its document"),
        "sentence_start": (_INT, "where the sentence begins"),
        "sentence_end": (_INT, "where it ends"),
        "digest": (_DIGEST, "hash of its language and mentions"),
    },
)
_UNSAID = table_schema(
    "unsaid",
    1,
    {
        "bucket": (_INT, "bucket of a withheld claim"),
        "doc_id": (_TEXT, "document of a sentence that makes it"),
        "text_hash": (_TEXT, "its text"),
        "sentence_start": (_INT, "where the sentence begins"),
    },
)
#: What is kept for the next build, by name.
STATE: Final = {"told": _TOLD, "quoted": _QUOTED, "unsaid": _UNSAID}

#: A sentence that reads well alone: of some length, begun and ended as a sentence, one only, without quotation marks or a heading.
_QUOTABLE: Final = r"""
    length(sentence) BETWEEN 40 AND 300
    AND regexp_full_match(sentence, '[A-Z][a-z ][^"“”\n]*[a-z0-9)%]\.')
    AND NOT regexp_matches(sentence, '[a-z0-9)%]\. [A-Z]|^[A-Za-z ,/]{3,30}: |\b([Ww]e|[Oo]ur|[Tt]his|[Tt]hese) ')
    AND NOT regexp_matches(sentence, '^(It|They|Its|Their|Those|Such|He|She|Both|Thus|Therefore)\b')
"""
#: An edge of a graph has a sentence, but no paper that it stands in.
_OF_PAPERS: Final = f"extractor NOT IN ({', '.join(repr(name) for name in sorted(GRAPHS))})"
_ONWARD: Final = [field.name for field in CONTEXT.field("onward").type]
_MENTIONS: Final = """[
    {'start': m.start - c.sentence_start, 'end': m."end" - c.sentence_start, 'curie': m.curie, 'category': m.category}
    FOR m IN l.mentions IF m.start >= c.sentence_start AND m."end" <= c.sentence_end]"""

Files = Mapping[int, Sequence[str]]


class ContextSince(NamedTuple):
    """What the buckets as they stand were made from.

    Attributes:
        kept: Parquet files of the tables of STATE, by name.
        claims: buckets whose triples, withheld claims or evidence changed.
        literature: buckets whose papers changed.
    """

    kept: Mapping[str, Sequence[str]]
    claims: Collection[int]
    literature: Collection[int]


class ContextShuffle(NamedTuple):
    """What the step writes. The states must be read before the rows.

    Attributes:
        changed: bucket, triple, and whether its row with a triple (`onward`) or with a quotation is given anew or gone.
        states: the tables of STATE by name, sorted.
        rows: bucket and the changed rows (CONTEXT), buckets ascending.
    """

    changed: pa.Table
    states: Mapping[str, Iterator[pa.RecordBatch]]
    rows: Iterator[tuple[int, pa.RecordBatch]]


@contextmanager
def shuffle_context(
    triples: Files,
    evidence: Files,
    literature: Files,
    withheld: Files,
    *,
    minimum_belief: float,
    chains: bool = True,
    quotations: bool = True,
    since: ContextSince | None = None,
    threads: int | None = None,
    memory_limit: str = MEMORY_LIMIT,
) -> Iterator[ContextShuffle]:
    """Context of all training triples that are affirmed, by bucket of their subject, then by triple id.

    Each row holds a triple that follows or a quotation. Whether these would give a held-out pair away is not asked here.

    Args:
        triples, evidence, literature: for every bucket of the home its Parquet files of TRIPLES, of EVIDENCE, of
            LITERATURE_BY_BUCKET.
        withheld: likewise of WITHHELD_CLAIMS: triples that are no link of a chain, and whose sentences are not quoted.
        minimum_belief: triples believed less are not told, so they need no context and are none.
        chains, quotations: whether to look for each.
        since: what the buckets were made from as they stand, with the same settings: then only what changed is given.
        threads: worker threads; all cores where None. The rows do not depend on it.
        memory_limit: what DuckDB may hold before it spills to disk.
    """
    every = set(triples)
    claims, papers = (every, every) if since is None else (set(since.claims), set(since.literature))
    with connect(threads=threads, memory_limit=memory_limit) as connection:
        work = _Work(connection, len(every))
        for name, schema in STATE.items():
            table_view(connection, f"{name}_before", since.kept[name] if since else [], schema)
        work.view("claims_withheld", withheld, claims, WITHHELD_CLAIMS)
        work.view("claims_triples", triples, claims, TRIPLES)
        work.choose_chains(claims, minimum_belief, chains)
        work.view("making_evidence", evidence, work.withholding(withheld, claims), EVIDENCE)
        if work.unsaid_changed(claims) and since is not None:
            work.view("all_evidence", evidence, every, EVIDENCE)
            claims = claims | work.buckets_of_unsaid()
        work.view("claims_evidence", evidence, claims, EVIDENCE)
        work.pick_sentences(claims, quotations)
        papers_read = work.sentences_to_cut(claims, papers)
        work.view("papers", literature, papers_read, LITERATURE_BY_BUCKET)
        work.cut_sentences(claims, papers)
        changed = connection.sql('SELECT bucket, triple_id, "onward" FROM changed ORDER BY ALL').to_arrow_table()
        states = {name: work.state(name) for name in STATE}
        yield ContextShuffle(changed, states, work.rows(triples, evidence))


class _Work:
    """The statements, on one connection; `*_before` are the tables that were kept, `*_now` those to keep."""

    def __init__(self, connection: Any, buckets: int) -> None:
        self._connection = connection
        self._buckets = buckets

    def view(self, name: str, files: Files, buckets: Collection[int], schema: pa.Schema) -> None:
        table_view(self._connection, name, [path for b in sorted(buckets) for path in files[b]], schema)

    def _bucket(self, column: str) -> str:
        return f"{BUCKET_SQL.format(column, self._buckets)}::INTEGER"

    def _run(self, sql: str) -> None:
        self._connection.execute(sql)

    def state(self, name: str) -> Iterator[pa.RecordBatch]:
        """A table of STATE, sorted."""
        columns = ", ".join(STATE[name].names)
        yield from stream(self._connection, f"SELECT {columns} FROM {name}_now ORDER BY {columns}")  # noqa: S608

    def choose_chains(self, claims: set[int], minimum_belief: float, wanted: bool) -> None:
        """Make `told_now`, `chains_now` (of triples whose chain may have changed), and `chains_changed`."""
        self._run(
            f"""
            CREATE TEMP TABLE told_read AS
            SELECT {self._bucket("subject")} AS bucket, triple_id, subject, object, {digest_sql(_ONWARD)} AS digest
            FROM claims_triples t ANTI JOIN claims_withheld USING (triple_id)
            WHERE split = 'train' AND NOT contested AND contradiction <= support AND belief >= {minimum_belief:.9f};
            CREATE TEMP TABLE told_now AS
            SELECT * FROM told_before WHERE NOT {_among("bucket", claims)} UNION ALL SELECT * FROM told_read;
            CREATE TEMP TABLE told_changed AS
            (SELECT * FROM told_read EXCEPT SELECT * FROM told_before WHERE {_among("bucket", claims)}) UNION ALL
            (SELECT * FROM told_before WHERE {_among("bucket", claims)} EXCEPT SELECT * FROM told_read);
            """  # noqa: S608
        )
        for when in ("now", "before"):
            self._run(
                f"""
                CREATE TEMP TABLE firsts_{when} AS SELECT * FROM told_{when} WHERE {wanted}
                AND (triple_id IN (SELECT triple_id FROM told_changed) OR object IN (SELECT subject FROM told_changed));
                CREATE TEMP TABLE chains_{when} AS
                SELECT f.bucket, f.triple_id, n.triple_id AS follows, n.digest, n.bucket AS follows_bucket
                FROM firsts_{when} f ASOF JOIN (
                    SELECT * FROM told_{when} WHERE subject IN (SELECT object FROM firsts_{when})
                ) n ON f.object = n.subject AND f.triple_id <= n.triple_id
                WHERE n.object <> f.subject"""  # noqa: S608
            )
        self._run(
            """CREATE TEMP TABLE chains_changed AS SELECT DISTINCT bucket, triple_id FROM (
                   (SELECT * FROM chains_now EXCEPT SELECT * FROM chains_before)
                   UNION ALL (SELECT * FROM chains_before EXCEPT SELECT * FROM chains_now))"""
        )

    def withholding(self, withheld: Files, claims: set[int]) -> set[int]:
        """Those of some buckets that withhold a claim: seldom more than a few, and a withheld claim's own bucket is one of them."""
        files = {str(bucket): withheld[bucket] for bucket in sorted(claims)}
        bucketed_view(self._connection, "withheld_in", files, WITHHELD_CLAIMS)
        return {int(b) for (b,) in self._connection.execute("SELECT DISTINCT bucket FROM withheld_in").fetchall()}

    def unsaid_changed(self, claims: set[int]) -> bool:
        """Make `unsaid_now`; whether it differs from before."""
        self._run(
            f"""
            CREATE TEMP TABLE unsaid_now AS
            SELECT * FROM unsaid_before WHERE NOT {_among("bucket", claims)}
            UNION ALL SELECT DISTINCT {self._bucket("subject")}, doc_id, text_hash, sentence_start
            FROM making_evidence WHERE {TRIPLE_ID_SQL} IN (SELECT triple_id FROM claims_withheld);
            CREATE TEMP TABLE unsaid_changed AS
            (SELECT * FROM unsaid_now EXCEPT SELECT * FROM unsaid_before) UNION ALL
            (SELECT * FROM unsaid_before EXCEPT SELECT * FROM unsaid_now)
            """  # noqa: S608
        )
        ((changed,),) = self._connection.execute("SELECT count(*) FROM unsaid_changed").fetchall()
        return bool(changed)

    def buckets_of_unsaid(self) -> set[int]:
        """Buckets with evidence from a sentence that may be quoted now and could not be before, or the other way."""
        sql = f"""SELECT DISTINCT {self._bucket("subject")} FROM all_evidence
                  SEMI JOIN unsaid_changed USING (doc_id, text_hash, sentence_start)"""  # noqa: S608
        return {bucket for (bucket,) in self._connection.execute(sql).fetchall()}

    def pick_sentences(self, claims: set[int], wanted: bool) -> None:
        """Make `picked`: of each triple of these buckets the sentence to quote."""
        self._run(
            f"""
            CREATE TEMP TABLE plain AS
            SELECT {TRIPLE_ID_SQL} AS triple_id, evidence_id, doc_id, text_hash, sentence, sentence_start, sentence_end
            FROM claims_evidence WHERE polarity AND certainty = 1 AND NOT retracted AND NOT hypothetical
            AND {_OF_PAPERS} AND {wanted};
            CREATE TEMP TABLE said AS
            SELECT triple_id, min(evidence_id) AS evidence_id
            FROM plain SEMI JOIN told_now USING (triple_id) ANTI JOIN unsaid_now USING (doc_id, text_hash, sentence_start)
            WHERE {_QUOTABLE} GROUP BY triple_id;
            CREATE TEMP TABLE picked AS
            SELECT t.bucket, {self._bucket("doc_id")} AS paper, p.* FROM plain p
            SEMI JOIN said USING (triple_id, evidence_id) JOIN told_now t USING (triple_id)
            """  # noqa: S608
        )

    def sentences_to_cut(self, claims: set[int], papers: set[int]) -> set[int]:
        """Make `to_cut`: quotations that are new, or whose paper may have other mentions now; the buckets of their papers."""
        columns = "bucket, triple_id, evidence_id, doc_id, paper, sentence_start, sentence_end"
        self._run(
            f"""
            CREATE TEMP VIEW standing AS
            SELECT * FROM quoted_before WHERE NOT {_among("paper", papers)};
            CREATE TEMP TABLE to_cut AS
            SELECT {columns}, text_hash FROM picked
            ANTI JOIN standing USING ({columns})
            UNION ALL
            SELECT {columns}, NULL FROM quoted_before
            WHERE NOT {_among("bucket", claims)} AND {_among("paper", papers)}
            """  # noqa: S608
        )
        return {b for (b,) in self._connection.execute("SELECT DISTINCT paper FROM to_cut").fetchall()}

    def cut_sentences(self, claims: set[int], papers: set[int]) -> None:
        """Make `cut` (with language and mentions), `quoted_now`, and `changed`."""
        columns = "bucket, triple_id, evidence_id, doc_id, paper, sentence_start, sentence_end"
        self._run(
            f"""
            CREATE TEMP TABLE cut AS
            SELECT *, {digest_sql(["language", "mentions"])} AS digest FROM (
                SELECT c.*, l.language, {_MENTIONS} AS mentions FROM to_cut c JOIN papers l
                ON l.doc_id = c.doc_id AND coalesce(l.text_hash = c.text_hash, true));
            CREATE TEMP TABLE kept AS
            SELECT {columns}, digest FROM (SELECT * FROM standing WHERE {_among("bucket", claims)})
            SEMI JOIN picked USING ({columns});
            CREATE TEMP VIEW quoted_now AS
            SELECT {columns}, digest FROM cut
            UNION ALL SELECT {columns}, digest FROM kept
            UNION ALL SELECT {columns}, digest FROM standing WHERE NOT {_among("bucket", claims)};
            CREATE TEMP TABLE doubtful AS
            SELECT {columns}, digest FROM quoted_before
            WHERE {_among("bucket", claims)} OR {_among("paper", papers)};
            CREATE TEMP TABLE settled AS
            SELECT {columns}, digest FROM cut
            UNION ALL SELECT {columns}, digest FROM kept;
            CREATE TEMP TABLE changed AS
            SELECT bucket, triple_id, true AS onward FROM chains_changed
            UNION ALL SELECT DISTINCT bucket, triple_id, false FROM (
                (SELECT * FROM settled EXCEPT SELECT * FROM doubtful) UNION ALL (SELECT * FROM doubtful EXCEPT SELECT * FROM settled))
            """  # noqa: S608
        )

    def rows(self, triples: Files, evidence: Files) -> Iterator[tuple[int, pa.RecordBatch]]:
        """The changed rows. Sentences and what is told of a triple are read only now, of the buckets that hold them."""
        follow = "SELECT DISTINCT follows_bucket FROM chains_now SEMI JOIN chains_changed USING (triple_id)"
        say = "SELECT DISTINCT bucket FROM changed WHERE NOT onward"
        for name, sql, files, schema in (("following", follow, triples, TRIPLES), ("saying", say, evidence, EVIDENCE)):
            self.view(name, files, {b for (b,) in self._connection.execute(sql).fetchall()}, schema)
        onward = ", ".join(f"'{name}': t.\"{name}\"" for name in _ONWARD)
        rows = stream(
            self._connection,
            f"""
            SELECT c.bucket, c.triple_id, {{{onward}}} AS onward, NULL AS quotation
            FROM (SELECT * FROM chains_now SEMI JOIN chains_changed USING (triple_id)) c
            JOIN following t ON t.triple_id = c.follows
            UNION ALL
            SELECT c.bucket, c.triple_id, NULL, {{
                'evidence_id': c.evidence_id, 'doc_id': c.doc_id, 'language': c.language, 'sentence': e.sentence,
                'mentions': c.mentions}}
            FROM (SELECT * FROM cut SEMI JOIN (FROM changed WHERE NOT onward) USING (triple_id)) c
            JOIN saying e ON e.evidence_id = c.evidence_id
            ORDER BY bucket, triple_id, onward IS NULL
            """,  # noqa: S608
        )
        for batch in rows:
            yield from by_bucket(batch, CONTEXT)


def _among(column: str, buckets: Collection[int]) -> str:
    return f"({column} IN ({', '.join(map(str, sorted(buckets)))}))" if buckets else "false"


def context_keys(rows: pa.Table) -> pa.ChunkedArray:
    """A key of each row of CONTEXT, or of `ContextShuffle.changed`: its triple and of which kind it is, in the order of the rows."""
    onward = rows["onward"]
    quoted = pc.invert(onward) if pa.types.is_boolean(onward.type) else onward.is_null()
    return pc.binary_join_element_wise(rows["triple_id"], pc.if_else(quoted, "1", "0"), " ")
