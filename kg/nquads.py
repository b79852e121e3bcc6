"""The graph as sorted N-Quads: the form that is kept, compared and loaded.

    materia:triple/<id>      a claim: a biolink:Association with belief, counts and publications     default graph
    subject predicate object the same claim as one plain triple, so that SPARQL paths are short      default graph
    materia:evidence/<id>    a sentence that says so: a biolink:TextMiningStudyResult                graph of its document
                             (an edge of another graph: a biolink:StudyResult)
    concepts                 Biolink class, SKOS labels and matches, superclasses, cross-references  default graph

The plain triple is written only where support is greater than contradiction: whoever reads it without its association
must not read a denied claim as a true one. Biolink's slots subject, predicate and object are rdf:subject, rdf:predicate
and rdf:object (its `slot_uri`), so there is no second form of them. Every quad belongs to one bucket only (that of the
claim's subject or of the concept), so that a changed bucket can be applied to a store as a difference.

Lines are put together and sorted by DuckDB, out of core and on all cores, and leave as whole Arrow buffers. Only the
distinct CURIEs pass through Python, to be expanded. Cost: about 600,000 quads a processor second, and 40 ms for planning
(`benchmarks/graph.py`). To keep that small, buckets share one query (64 of them: 3 s and not 11), what is said of concepts comes
in two narrow tables (`kg.concept_statements`), and IRIs come as Arrow dictionaries and not by joins. A bucket's concepts
are a file apart from its claims: most of the lines, and the same after most changes. No line is in both, since the predicate
of a claim is Biolink's. Rejected: rdflib terms and
its serializer (44,000 quads a processor second in the same run, everything in memory), prepared statements (DuckDB plans them
anew), `format` with one template (plans faster, twice the time a row).

Format: https://www.w3.org/TR/n-quads/, with the escapes of its canonical form, sorted by bytes, each line once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from kg.claims import SUPPORTS_SQL
from kg.concept_statements import Iris, label_statements, link_statements
from kg.shuffle import by_bucket
from kg.tables import TRIPLES
from pipeline.curies import expand
from pipeline.duck import MEMORY_LIMIT, connect, first_of_equal, one_array, stream, table_view
from pipeline.errors import MateriaError
from pipeline.graphs import GRAPHS
from pipeline.hashing import bucket_of
from pipeline.tables import EVIDENCE

__all__ = ["FROM_GRAPHS", "GRAPH_READERS", "nquads_by_bucket", "text_bytes", "write_lines", "write_nquads"]


def write_nquads(
    path: Path,
    triples: pa.Table,
    evidence: Sequence[str],
    concepts: pa.Table,
    *,
    connection: Any = None,
    threads: int | None = None,
    memory_limit: str = MEMORY_LIMIT,
) -> int:
    """Write a part of the graph to one file: the lines of `nquads_by_bucket` where there is one bucket only.

    Args:
        path: the file to write.
        triples, evidence, concepts: as there.
        connection: as `pipeline.duck.connect` gives it; one of its own where None.
        threads: worker threads of a connection of its own; all cores where None.
        memory_limit: what that one may hold before it spills to disk.

    Returns:
        The number of quads.
    """
    if connection is None:
        with connect(threads=threads, memory_limit=memory_limit) as own:
            return write_nquads(path, triples, evidence, concepts, connection=own)
    return write_lines(path, (lines for _, lines in nquads_by_bucket(connection, triples, evidence, concepts, 1)))


def write_lines(path: Path, lines: Iterable[memoryview]) -> int:
    """Write pieces of N-Quads to a file, and count the quads."""
    written = 0
    with path.open("wb") as target:
        for piece in lines:
            written += int(np.count_nonzero(np.frombuffer(piece, np.uint8) == ord("\n")))
            target.write(piece)
    return written


def nquads_by_bucket(
    connection: Any, triples: pa.Table, evidence: Sequence[str], concepts: pa.Table, buckets: int
) -> Iterator[tuple[int, memoryview]]:
    """The N-Quads of some buckets, sorted by bytes in each, each line once. Equal inputs give equal bytes.

    Args:
        connection: as `pipeline.duck.connect` gives it, without another call in progress; what is made in it is gone at the end.
        triples: TRIPLES of these buckets.
        evidence: Parquet files of EVIDENCE of these buckets, each id once. Only evidence that a triple names is written.
        concepts: VOCABULARY of these buckets.
        buckets: how many there are in all.

    Yields:
        bucket and whole lines, buckets ascending.
    """
    session = connection.cursor()  # what is made in it is gone at the end
    session.create_function("escape_controls", _escape_controls, ["VARCHAR"], "VARCHAR")
    try:
        table_view(session, "all_evidence", evidence, EVIDENCE)
        _register(session, triples, concepts, buckets)
        _check(session)
        for batch in first_of_equal(stream(session, _LINES, 16384), ["bucket", "text"]):
            for bucket, rows in by_bucket(batch, _TEXT):
                yield bucket, text_bytes(rows["text"])
    finally:
        import duckdb

        # After a full disk the function is gone already; the first error is the one to tell.
        with suppress(duckdb.Error):
            session.remove_function("escape_controls")
        session.close()


def text_bytes(texts: pa.StringArray) -> memoryview:
    """The texts one after the other, as they already lie in memory."""
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return memoryview(data)[ends[0] : ends[-1]] if data is not None else memoryview(b"")


def _register(session: Any, triples: pa.Table, concepts: pa.Table, buckets: int) -> None:
    """The tables claims, links and labels, each with a bucket, and iris of documents (by bucket) and of agents."""
    iris = Iris()
    claims = triples.select(TRIPLES.names)
    for name, column in (("s", "subject"), ("p", "predicate"), ("o", "object")):
        claims = claims.append_column(name, iris(one_array(triples[column])))
    claims = claims.append_column("publications", iris.of_lists(one_array(triples["doc_ids"])))
    session.register("claims", claims.append_column("bucket", _buckets_of(one_array(triples["subject"]), buckets)))
    of = _buckets_of(one_array(concepts["curie"]), buckets)
    session.register("links", link_statements(concepts, of, iris))
    session.register("labels", label_statements(concepts, of, iris))
    for view, sql in (
        # A document counts where a claim of the bucket names it. As two columns, DuckDB would join all of a bucket first.
        (
            "documents",
            "SELECT DISTINCT concat(bucket, ' ', curie) AS place, curie FROM (SELECT bucket, unnest(doc_ids) AS curie FROM claims)",
        ),
        ("agents", "SELECT DISTINCT 'materia:extractor/' || extractor AS curie FROM all_evidence"),
    ):
        found = session.sql(f"SELECT * FROM ({sql}) WHERE curie IS NOT NULL").to_arrow_table()  # noqa: S608
        session.register(view, found.append_column("iri", iris(one_array(found["curie"]))))


def _buckets_of(curies: pa.Array, buckets: int) -> pa.Array:
    encoded = curies.dictionary_encode()
    numbers = [bucket_of(curie, buckets) for curie in encoded.dictionary.to_pylist()]
    return pa.array(numbers, pa.int32()).take(encoded.indices)


def _check(session: Any) -> None:
    sql = """SELECT min(evidence_id) FROM (SELECT unnest(evidence_ids) AS evidence_id FROM claims) t
             ANTI JOIN all_evidence USING (evidence_id)"""
    ((missing,),) = session.execute(sql).fetchall()
    if missing is not None:
        raise MateriaError(
            "is named by a triple, but is not among the evidence of its bucket",
            file="triples",
            record=missing,
            remedy="Build triples again",
        )


def _term(curie: str) -> str:
    return f"<{expand(curie)}>"


#: Control characters in the form of canonical N-Quads.
_CONTROLS: Final = {code: f"\\u{code:04X}" for code in (*range(32), 127)} | {
    8: "\\b",
    9: "\\t",
    10: "\\n",
    12: "\\f",
    13: "\\r",
}


def _escape_controls(text: str) -> str:
    return text.translate(_CONTROLS)


def _literal(column: str) -> str:
    """A string column as a quoted literal with the escapes of canonical N-Quads.

    The few texts with control characters go through Python: as nested calls in SQL they made planning a query dearer than
    running it on a small bucket.
    """
    plain = f"replace(replace({column}, '\\', '\\\\'), '\"', '\\\"')"
    controls = f"escape_controls({plain})"
    return f"'\"' || CASE WHEN regexp_matches({column}, '[\\x00-\\x1f\\x7f]') THEN {controls} ELSE {plain} END || '\"'"


def _typed(expression: str, datatype: str) -> str:
    return f"'\"' || {expression} || '\"^^{_term('xsd:' + datatype)}'"


def _decimal(column: str) -> str:
    """A number as the shortest xsd:decimal of at most six decimals: 0.9, 1, 0."""
    return _typed(f"regexp_replace(printf('%.6f', {column}), '\\.?0+$', '')", "decimal")


def _boolean(column: str) -> str:
    return _typed(f"{column}::VARCHAR", "boolean")


def _block(objects: dict[str, str], rows: str, many: dict[str, str] | None = None) -> str:
    """All lines of one subject, in order, as one text: a tenth of the rows to sort. No other query may write that subject.

    One call of `concat` a row, which is several times faster than sorting a list of lines: the order within a subject is
    that of the predicates, and known beforehand.

    Args:
        objects: predicate (a CURIE) to an SQL expression for its one object; no line where that is null.
        rows: what to select from; `bucket` of a line, its subject's IRI as `key`, and `closing`, which ends it.
        many: predicate to an SQL expression for a list of its objects.
    """
    pieces = {}
    for predicate, value in objects.items():
        line = ("key", f"' {_term(predicate)} '", value, "closing")
        optional = f"coalesce({' || '.join(line)}, '')"
        pieces[_term(predicate)] = optional if predicate in _OPTIONAL else ", ".join(line)
    for predicate, values in (many or {}).items():
        each = f"concat(key, ' {_term(predicate)} ', value, closing)"
        pieces[_term(predicate)] = f"array_to_string(list_sort(list_transform({values}, lambda value: {each})), '')"
    text = ", ".join(pieces[term] for term in sorted(pieces))
    return f"SELECT bucket, key, concat({text}) AS text FROM ({rows})"  # noqa: S608


_TEXT: Final = pa.schema([("text", pa.string())])
_OPTIONAL: Final = frozenset(
    {
        "biolink:supporting_text_section_type",
        "biolink:object_direction_qualifier",
        "materia:trigger",
        "materia:retracted",
        "materia:supports",
        "materia:contradicts",
    }
)
_TRIPLE: Final = f"concat('<{expand('materia:triple/')}', triple_id, '>')"
_END: Final = "' .\n'"

#: Extractors that read graphs, as an SQL list; and whether all that a triple rests on comes from them.
GRAPH_READERS: Final = ", ".join(f"'{name}'" for name in GRAPHS)
FROM_GRAPHS: Final = f"len(list_filter(extractors, lambda name: name NOT IN ({GRAPH_READERS}))) = 0"

_CLAIMS: Final = _block(
    {
        "rdf:type": f"'{_term('biolink:Association')}'",
        "rdf:subject": "s",
        "rdf:predicate": "p",
        "rdf:object": "o",
        "biolink:object_direction_qualifier": _literal("direction"),
        "materia:belief": _decimal("belief"),
        "materia:support": _decimal("support"),
        "materia:contradiction": _decimal("contradiction"),
        "materia:contested": _boolean("contested"),
        "materia:supporting_evidence": _typed("supporting_evidence", "integer"),
        "materia:contradicting_evidence": _typed("contradicting_evidence", "integer"),
        "materia:supporting_documents": _typed("supporting_documents", "integer"),
        "materia:contradicting_documents": _typed("contradicting_documents", "integer"),
        "materia:split": _literal("split"),
        # Biolink allows one agent; of a claim that papers and graphs make, text mining is the one that is known.
        "biolink:knowledge_level": "'\"not_provided\"'",
        "biolink:agent_type": f"CASE WHEN {FROM_GRAPHS} THEN '\"not_provided\"' ELSE '\"text_mining_agent\"' END",
    },
    f"""SELECT *, {_TRIPLE} AS key, {_END} AS closing FROM claims
        WHERE s IS NOT NULL AND p IS NOT NULL AND o IS NOT NULL AND len(publications) > 0""",  # noqa: S608
    many={"biolink:publications": "publications"},
)

#: Evidence left out of fusion (of retracted papers, by policy) is left out here too.
_EVIDENCE: Final = _block(
    {
        "rdf:type": f"CASE WHEN extractor IN ({GRAPH_READERS}) THEN '{_term('biolink:StudyResult')}' "
        f"ELSE '{_term('biolink:TextMiningStudyResult')}' END",
        "biolink:supporting_text": _literal("sentence"),
        "biolink:supporting_text_section_type": _literal("section"),
        "biolink:object_direction_qualifier": _literal("direction"),
        "materia:trigger": _literal('"trigger"'),
        "materia:probability": _decimal("probability"),
        "materia:certainty": _decimal("certainty"),
        "materia:retracted": f"CASE WHEN retracted THEN {_boolean('retracted')} END",
        "materia:supports": f"CASE WHEN supports THEN {_TRIPLE} END",
        "materia:contradicts": f"CASE WHEN NOT supports THEN {_TRIPLE} END",
        "prov:wasDerivedFrom": "document",
        "prov:wasAttributedTo": "agent",
    },
    f"""SELECT e.*, t.bucket, t.triple_id, {SUPPORTS_SQL.format(evidence="e", claim="t")} AS supports,
               d.iri AS document, x.iri AS agent,
               concat('<{expand("materia:evidence/")}', evidence_id, '>') AS key, concat(' ', d.iri, {_END}) AS closing
        FROM all_evidence e
        JOIN (SELECT bucket, triple_id, direction, unnest(evidence_ids) AS evidence_id FROM claims) t USING (evidence_id)
        JOIN documents d ON d.place = concat(t.bucket, ' ', e.doc_id)
        JOIN agents x ON x.curie = 'materia:extractor/' || e.extractor""",  # noqa: S608
)
#: Lines that stand for themselves, sorted among the blocks by all of them.
_SINGLE: Final = " UNION ALL ".join(
    f"SELECT bucket, concat({subject}, ' ', {predicate}, ' ', {value}, {_END}) AS text FROM {rows}"  # noqa: S608
    for subject, predicate, value, rows in (
        ("s", "p", "o", "claims WHERE support > contradiction AND s IS NOT NULL AND p IS NOT NULL AND o IS NOT NULL"),
        ("subject", "predicate", "object", "links"),
        ("subject", "predicate", f"{_literal('object')}, '@en'", "labels"),
    )
)
_LINES: Final = f"""
    SELECT bucket, text
    FROM ({_CLAIMS} UNION ALL {_EVIDENCE} UNION ALL SELECT bucket, text AS key, text FROM ({_SINGLE}))
    ORDER BY bucket, key, text
"""  # noqa: S608
