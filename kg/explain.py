"""Why a claim is believed: all evidence for and against it, and each step from there to its belief.

The steps are those of `kg.fusion`, read from the views that fusion itself reads, on the evidence of one pair of concepts: there is no
second formula here that could come to differ. What they give is compared with the stored row, bit by bit.

    p              what a sentence is worth: probability x certainty, calibrated and weighed where that is set
    a document     its best sentence, once, whoever reads it
    a source       remains = s + (1 - s) x product over its documents of (1 - p)
    a side         1 - product over its sources of what remains
    belief         support x (1 - contradiction)

Beside it stands what other claims say about this one by refinement (`kg.refinement`); that is no part of the belief. Cost: one bucket
of evidence and of triples is read, and the ids of all triples for refinements: under a second on the graph of 11,000 papers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from upath import UPath

from kg.claims import OPPOSED_PREDICATES, triple_id
from kg.config import FusionConfig, SplitConfig
from kg.entailing_claims import entailing_claims
from kg.explanation import Explanation, Quote, Side, SourceStep, TellingDocument
from kg.fusion import fused_batches
from kg.fusion_steps import FIXED_POINT, fusion_steps, place_rows
from kg.origins import edge_of, graphs_of, look_up
from kg.reliability import Reliabilities
from kg.tables import TRIPLES
from pipeline.duck import connect, table_view
from pipeline.graphs import GRAPHS
from pipeline.hashing import bucket_name, bucket_of
from pipeline.storage import WHOLE, Dataset
from pipeline.tables import EVIDENCE, VOCABULARY

__all__ = ["explain"]

#: Columns of the documents table that are shown; its texts are long and stay where they are.
_ABOUT: Final = ["doc_id", "version", "file", "record", "title", "journal", "year"]


def explain(
    home: UPath | Path | str,
    claim: tuple[str, str, str],
    fusion: FusionConfig,
    splits: SplitConfig,
    *,
    buckets: int,
    reliabilities: Reliabilities | None = None,
    limit: int | None = None,
) -> Explanation:
    """Everything that speaks for and against a claim, and the steps from there to its belief.

    Args:
        home: where the build lives.
        claim: CURIEs of subject, predicate and object.
        fusion, splits, reliabilities: those of the home, as of `kg.fusion.fuse`.
        buckets: number of buckets of the home.
        limit: most documents that are told of each source, sentences of each document, and entailing claims. What is not
            told counts all the same.

    Raises:
        MateriaError: a table that is needed has not been built, or is damaged.
    """
    subject, predicate, object_ = claim
    name = triple_id(*claim)
    opposed = tuple(sorted({a for pair in OPPOSED_PREDICATES for a in pair if predicate in pair} - {predicate}))
    key = bucket_name(bucket_of(subject, buckets), buckets)
    quote = partial(_quote, graphs=graphs_of(home))
    with connect(threads=1) as connection:
        table_view(connection, "bucket", Dataset(home, "evidence_by_bucket").paths(key), EVIDENCE)
        pair = "CREATE TEMP TABLE evidence AS SELECT * FROM bucket WHERE subject = ? AND object = ?"
        connection.execute(pair, [subject, object_])
        fusion_steps(connection, fusion, reliabilities)
        fused = pa.Table.from_batches(fused_batches(connection, fusion, splits), TRIPLES)
        rows = fused.filter(pc.field("triple_id") == name).to_pylist()
        place_rows(connection)
        connection.execute(_TOLD, {"triple_id": name, "predicate": predicate, "opposed": list(opposed)})
        sources = connection.execute(_SOURCES, [name]).fetchall()
        quoted = connection.sql(_QUOTED, params={"limit": limit})
        documents = _documents(home, quoted.to_arrow_table().to_pylist(), quote)
        ((left_out,),) = connection.execute(_LEFT_OUT).fetchall()
        triples = Dataset(home, "triples")
        table_view(connection, "triples", triples.paths_of(), TRIPLES)
        table_view(connection, "vocabulary", Dataset(home, "vocabulary").paths(), VOCABULARY)
        entailing = partial(entailing_claims, connection, home, claim, buckets=buckets, limit=limit, quote=quote)
        affirmed_by, affirming = entailing("refinements")
        denied_by, denying = entailing("generalizations")
        ends = {subject, object_, *(end for other in affirmed_by + denied_by for end in (other.subject, other.object))}
        names = dict(connection.execute(_NAMES, {"curies": sorted(ends)}).fetchall())
    computed = rows[0] if rows else None
    supporting, contradicting = (
        Side(
            computed[total] if computed else 0.0,
            tuple(_source(row[1:], documents.get((side, row[1]), [])) for row in sources if row[0] == side),
        )
        for side, total in (("for", "support"), ("against", "contradiction"))
    )
    stored = look_up(home, "triples", [key], "triple_id", [name])
    silent = tuple(document for (side, _), found in documents.items() if side == "left out" for document in found)
    return Explanation(
        triple_id=name,
        subject=subject,
        predicate=predicate,
        object=object_,
        names=names,
        opposed_predicates=opposed,
        stored=stored[0] if stored else None,
        computed=computed,
        agrees=stored == rows,
        retracted_policy=fusion.retracted,
        supporting=supporting,
        contradicting=contradicting,
        left_out=silent,
        more_left_out=left_out - len(silent),
        affirmed_by=affirmed_by,
        more_affirmed_by=affirming - len(affirmed_by),
        denied_by=denied_by,
        more_denied_by=denying - len(denied_by),
    )


_NAMES: Final = "SELECT curie, name FROM vocabulary WHERE list_contains($curies, curie) ORDER BY curie"
#: Every row of evidence for and against the claim, with the `counted` word that fusion has of it. What no policy keeps has none.
_TOLD: Final = """
    CREATE TEMP TABLE told AS
    SELECT CASE WHEN p.supports THEN 'for' ELSE 'against' END AS side, p.word AS counted, w.*
    FROM placed p JOIN weighed w USING (evidence_id)
    WHERE p.rank = (SELECT rank FROM claims WHERE triple_id = $triple_id)
    UNION ALL BY NAME
    SELECT 'left out' AS side, e.* FROM evidence e ANTI JOIN weighed USING (evidence_id)
    WHERE e.predicate = $predicate OR (e.polarity AND list_contains($opposed, e.predicate))
"""
_SOURCES: Final = f"""
    SELECT CASE WHEN supports THEN 'for' ELSE 'against' END AS side, extractor, source_steps.s, voices,
           exp(-nats::DOUBLE / {FIXED_POINT}), exp(-remains::DOUBLE / {FIXED_POINT})
    FROM source_steps JOIN sources USING (source) WHERE rank = (SELECT rank FROM claims WHERE triple_id = ?)
    ORDER BY side, remains DESC, extractor
"""  # noqa: S608
_LEFT_OUT: Final = "SELECT count(DISTINCT doc_id) FROM told WHERE side = 'left out'"
#: Sentences of the best documents of each side and source: the one that counts first. A document is its surest reader's.
_QUOTED: Final = """
    WITH of_document AS (
        SELECT *, row_number() OVER (document ORDER BY counted DESC, evidence_id) AS place, count(*) OVER document AS quotes,
               max(counted) OVER document AS best
        FROM told WINDOW document AS (PARTITION BY side, doc_id)
    ), of_reader AS (
        SELECT *, dense_rank() OVER (PARTITION BY side, best & 65535 ORDER BY best >> 16 DESC, doc_id) AS document_place
        FROM of_document
    )
    SELECT * FROM of_reader
    WHERE ($limit IS NULL OR document_place <= $limit) AND ($limit IS NULL OR place <= $limit)
    ORDER BY side, best & 65535 DESC, document_place, place
"""


def _source(row: Sequence[Any], told: Sequence[TellingDocument]) -> SourceStep:
    extractor, systematic_error, documents, documents_remain, remains = row
    return SourceStep(
        extractor, systematic_error, documents, documents_remain, remains, tuple(told), documents - len(told)
    )


def _documents(
    home: UPath | Path | str, rows: Sequence[dict[str, Any]], quote: Callable[[dict[str, Any]], Quote]
) -> dict[tuple[str, str], list[TellingDocument]]:
    """The quoted rows by side and extractor, then by document, in their order."""
    about = _about(home, {row["doc_id"] for row in rows})
    found: dict[tuple[str, str], list[TellingDocument]] = {}
    for (side, doc_id), group in groupby(rows, lambda row: (row["side"], row["doc_id"])):
        first, *others = group
        known = about.get(doc_id, {})
        # The row that counts stands first, and the extractor that it is of is the source that the document counts through.
        found.setdefault((side, first["extractor"]), []).append(
            TellingDocument(
                doc_id,
                known.get("title"),
                known.get("journal"),
                known.get("year"),
                first["retracted"],
                quote(first),
                tuple(quote(row) for row in others),
                first["quotes"] - 1 - len(others),
            )
        )
    return found


def _about(home: UPath | Path | str, doc_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Title, journal and year of the version of each document that counts."""
    batches: dict[str, dict[str, dict[str, Any]]] = {}
    for row in look_up(home, "live_documents", [WHOLE], "doc_id", doc_ids):
        batches.setdefault(row["batch"], {})[row["doc_id"]] = row
    found = {}
    for batch, live in sorted(batches.items()):
        for row in look_up(home, "documents", [batch], "doc_id", live, columns=_ABOUT):
            if all(row[name] == live[row["doc_id"]][name] for name in ("version", "file", "record")):
                found[row["doc_id"]] = row
    return found


def _quote(row: dict[str, Any], *, graphs: dict[str, dict[str, Any]]) -> Quote:
    """A row of EVIDENCE as a quotation; with what it is worth where fusion gave that."""
    at = row["sentence_start"]
    counted = row.get("counted")
    return Quote(
        evidence_id=row["evidence_id"],
        extractor=row["extractor"],
        predicate=row["predicate"],
        polarity=row["polarity"],
        direction=row["direction"],
        sentence=row["sentence"],
        subject=(row["subject_start"] - at, row["subject_end"] - at),
        object=(row["object_start"] - at, row["object_end"] - at),
        trigger=row["trigger"],
        section=row["section"],
        hypothetical=row["hypothetical"],
        probability=row["probability"],
        certainty=row["certainty"],
        reliable=row.get("reliable"),
        weight=row.get("weight"),
        p=None if counted is None else row["p"] if counted >> 16 else 0.0,
        edge=edge_of(row["section"], graphs) if row["extractor"] in GRAPHS else None,
    )
