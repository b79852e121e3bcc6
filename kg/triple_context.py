"""What stands beside a triple elsewhere: a triple that goes on where it ends, and a sentence of a paper that says it.

Both are in other buckets than the triple (of the object, of the paper), so one step brings them into its bucket, and telling a
bucket needs no other. Cost: a handful of joins over ids, at the memory DuckDB is given; sentences are not read before they are chosen.

Choices depend on ids alone. The triple that follows is the next one about the object in the order of ids (as on the ring of
consistent hashing, without its last step); the sentence is that of the least evidence id. So a new triple or paper takes the
place of one here and there, and moves no other, and a chain through a hub costs one row, where all pairs would be the square.
Rejected: storing both halves of a chain (twice the rows), quoting in the bucket of the paper (it does not know what is believed).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import combinations, pairwise
from typing import Any, Final

import numpy as np
import pyarrow as pa

from kg.claims import TRIPLE_ID_SQL
from kg.config import SplitConfig
from kg.literature import document_split
from kg.shuffle import by_bucket
from kg.splits import held_out_by
from kg.tables import CONTEXT, TRIPLES, WITHHELD_CLAIMS
from kg.telling import Fact, Quotation
from pipeline.duck import MEMORY_LIMIT, connect, one_array, stream, table_view
from pipeline.hashing import BUCKET_SQL
from pipeline.tables import EVIDENCE, LITERATURE_BY_BUCKET

__all__ = ["Beside", "context_of_triples"]

_REMEMBERED_PAIRS = 1 << 18

#: A sentence that reads well alone: of some length, begun and ended as a sentence, one only, without quotation marks or a heading.
_QUOTABLE: Final = r"""
    length(sentence) BETWEEN 40 AND 300
    AND regexp_full_match(sentence, '[A-Z][a-z ][^"“”\n]*[a-z0-9)%]\.')
    AND NOT regexp_matches(sentence, '[a-z0-9)%]\. [A-Z]|^[A-Za-z ,/]{3,30}: |\b([Ww]e|[Oo]ur|[Tt]his|[Tt]hese) ')
    AND NOT regexp_matches(sentence, '^(It|They|Its|Their|Those|Such|He|She|Both|Thus|Therefore)\b')
"""


def context_of_triples(
    triples: Sequence[str],
    evidence: Sequence[str],
    literature: Sequence[str],
    buckets: int,
    *,
    minimum_belief: float,
    withheld: Sequence[str] = (),
    chains: bool = True,
    quotations: bool = True,
    threads: int | None = None,
    memory_limit: str = MEMORY_LIMIT,
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Context of all training triples that are affirmed, by bucket of their subject, then by triple id.

    Args:
        triples, evidence, literature: Parquet files of TRIPLES, of EVIDENCE and of LITERATURE_BY_BUCKET, of all buckets.
        buckets: number of buckets of the home.
        minimum_belief: triples believed less are not told, so they need no context and are none.
        withheld: Parquet files of WITHHELD_CLAIMS: triples that are no link of a chain, and whose sentences are not quoted.
        chains, quotations: whether to look for each.
        threads: worker threads; all cores where None. The rows do not depend on it.
        memory_limit: what DuckDB may hold before it spills to disk.

    Yields:
        Bucket and rows (CONTEXT), buckets ascending. Each row holds a triple that follows or a quotation. Whether these
        would give a held-out pair away is not asked here.
    """
    onward = ", ".join(f"'{field.name}': t.\"{field.name}\"" for field in CONTEXT.field("onward").type)
    with connect(threads=threads, memory_limit=memory_limit) as connection:
        table_view(connection, "triples", triples, TRIPLES)
        table_view(connection, "evidence", evidence, EVIDENCE)
        table_view(connection, "literature", literature, LITERATURE_BY_BUCKET)
        table_view(connection, "withheld", withheld, WITHHELD_CLAIMS)
        connection.execute(
            f"""CREATE TABLE told AS SELECT triple_id, subject, object FROM triples ANTI JOIN withheld USING (triple_id)
                WHERE split = 'train' AND NOT contested AND contradiction <= support AND belief >= {minimum_belief:.9f}"""  # noqa: S608
        )
        connection.execute(
            f"""CREATE TABLE chains AS SELECT f.subject, f.triple_id, n.triple_id AS onward
                FROM told f ASOF JOIN told n ON f.object = n.subject AND f.triple_id <= n.triple_id
                WHERE n.object <> f.subject AND {bool(chains)}"""  # noqa: S608
        )
        connection.execute("CREATE TABLE read AS SELECT doc_id, text_hash FROM literature")
        connection.execute(
            f"""CREATE TABLE unsaid AS SELECT DISTINCT doc_id, text_hash, sentence_start
                FROM evidence WHERE {TRIPLE_ID_SQL} IN (SELECT triple_id FROM withheld)"""  # noqa: S608
        )
        connection.execute(
            f"""CREATE TABLE said AS SELECT {TRIPLE_ID_SQL} AS triple_id, min(evidence_id) AS evidence_id
                FROM evidence SEMI JOIN read USING (doc_id, text_hash) ANTI JOIN unsaid USING (doc_id, text_hash, sentence_start)
                WHERE polarity AND certainty = 1 AND NOT retracted AND NOT hypothetical AND {_QUOTABLE} AND {bool(quotations)}
                GROUP BY 1"""  # noqa: S608
        )
        connection.execute(
            """CREATE TABLE quoted AS
               SELECT t.subject, s.triple_id, e.evidence_id, e.doc_id, e.text_hash, e.sentence, e.sentence_start, e.sentence_end
               FROM said s JOIN told t USING (triple_id) JOIN evidence e USING (evidence_id)"""
        )
        bucket = BUCKET_SQL.format("c.subject", buckets)
        rows = stream(
            connection,
            f"""
            SELECT {bucket}::INTEGER AS bucket, c.triple_id, {{{onward}}} AS onward, NULL AS quotation
            FROM chains c JOIN triples t ON t.triple_id = c.onward
            UNION ALL
            SELECT {bucket}::INTEGER, c.triple_id, NULL, {{
                'evidence_id': c.evidence_id, 'doc_id': c.doc_id, 'language': l.language, 'sentence': c.sentence, 'mentions': [
                    {{'start': m.start - c.sentence_start, 'end': m."end" - c.sentence_start, 'curie': m.curie, 'category': m.category}}
                    for m in l.mentions if m.start >= c.sentence_start AND m."end" <= c.sentence_end
                ]}}
            FROM quoted c JOIN literature l USING (doc_id, text_hash)
            ORDER BY bucket, triple_id, onward IS NULL
            """,  # noqa: S608
        )
        for batch in rows:
            yield from by_bucket(batch, CONTEXT)


class Beside:
    """The context of the triples of a bucket, less what would give a held-out pair away."""

    def __init__(self, context: pa.Table | None, splits: SplitConfig) -> None:
        self._splits = splits
        self._is_held_out = lru_cache(maxsize=_REMEMBERED_PAIRS)(held_out_by(splits))
        table = (CONTEXT.empty_table() if context is None else context).combine_chunks()
        self._onward = {triple_id: Fact(*row) for triple_id, row in _structs(table, "onward", Fact._fields[:-1])}
        self._quotations = {
            triple_id: Quotation._make(row) for triple_id, row in _structs(table, "quotation", Quotation._fields)
        }

    def onward(self, fact: Fact) -> Fact | None:
        """A triple about the object of another, where both and the pair of their far ends are for training."""
        second = self._onward.get(fact.triple_id)
        return None if second is None or self._is_held_out(*sorted((fact.subject, second.object))) else second

    def quotation(self, fact: Fact, language: str) -> Quotation | None:
        """A sentence that says a triple, in that language, where it names no held-out pair and its paper is for training."""
        found = self._quotations.get(fact.triple_id)
        if found is None or found.language != language or document_split(found.doc_id, self._splits) != "train":
            return None
        return None if self.gives_away({curie for _, _, curie, _ in found.mentions}) else found

    def gives_away(self, curies: Iterable[str]) -> bool:
        """Whether a held-out pair is among some concepts."""
        return any(self._is_held_out(a, b) for a, b in combinations(sorted(curies), 2))


def _structs(table: pa.Table, column: str, fields: Sequence[str]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The rows of a struct column that are not null, with their triple. Lists of mentions are read flat, as tuples."""
    rows = table.filter(table[column].is_valid()).combine_chunks()
    if rows.num_rows == 0:
        return
    structs = one_array(rows[column])
    values = []
    for name in fields:
        part = structs.field(name)
        if pa.types.is_list(part.type) and pa.types.is_struct(part.type.value_type):
            flat = part.flatten()
            tuples = list(zip(*(child.to_pylist() for child in flat.flatten()), strict=True))
            ends = np.cumsum(part.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)).tolist()
            values.append([tuples[start:end] for start, end in pairwise([0, *ends])])
        else:
            values.append(part.to_pylist())
    yield from zip(rows["triple_id"].to_pylist(), zip(*values, strict=True), strict=True)
