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
distinct CURIEs pass through Python, to be expanded. Cost: about 300,000 quads a processor second, and a
tenth of a second a bucket for planning the query (`benchmarks/graph.py`). Rejected: rdflib terms and its serializer (44,000
quads a processor second in the same run, everything in memory).

Format: https://www.w3.org/TR/n-quads/, with the escapes of its canonical form, sorted by bytes, each line once.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.fusion import SUPPORTS_SQL
from kg.tables import TRIPLES
from pipeline.curies import expand
from pipeline.duck import MEMORY_LIMIT, connect, first_of_equal, stream, table_view
from pipeline.errors import MateriaError
from pipeline.graphs import GRAPHS
from pipeline.tables import EVIDENCE, VOCABULARY

__all__ = ["FROM_GRAPHS", "GRAPH_READERS", "text_bytes", "write_nquads"]


def write_nquads(
    path: Path,
    triples: pa.Table,
    evidence: Sequence[str],
    concepts: pa.Table,
    *,
    threads: int | None = None,
    memory_limit: str = MEMORY_LIMIT,
) -> int:
    """Write a bucket of the graph as N-Quads, sorted by bytes, each line once. Equal inputs give equal bytes.

    Args:
        path: the file to write.
        triples: TRIPLES of the bucket.
        evidence: Parquet files of EVIDENCE of the bucket, each id once. Only evidence that a triple names is written.
        concepts: VOCABULARY of the bucket.
        threads: worker threads; all cores where None.
        memory_limit: what DuckDB may hold before it spills to disk.

    Returns:
        The number of quads.
    """
    written = 0
    with connect(threads=threads, memory_limit=memory_limit) as connection, path.open("wb") as target:
        connection.register("triples", triples.select(TRIPLES.names))
        connection.register("concepts", concepts.select(VOCABULARY.names))
        connection.create_function("escape_controls", _escape_controls, ["VARCHAR"], "VARCHAR")
        table_view(connection, "all_evidence", evidence, EVIDENCE)
        connection.execute(_USED_EVIDENCE)
        _check(connection)
        _register_iris(connection)
        pieces = " UNION ALL ".join([_CLAIMS, _PLAIN, _EVIDENCE, *_CONCEPTS, *_SYNONYMS, *_LINKS, _MATCHES])
        ordered = f"SELECT text, quads FROM ({pieces}) ORDER BY key, text"  # noqa: S608
        for batch in first_of_equal(stream(connection, ordered, 16384), ["text"]):
            written += pc.sum(batch["quads"]).as_py()
            target.write(text_bytes(batch["text"]))
    return written


def text_bytes(texts: pa.StringArray) -> memoryview:
    """The texts one after the other, as they already lie in memory."""
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return memoryview(data)[ends[0] : ends[-1]] if data is not None else memoryview(b"")


def _check(connection: Any) -> None:
    sql = """SELECT min(evidence_id) FROM (SELECT unnest(evidence_ids) AS evidence_id FROM triples) t
             ANTI JOIN used USING (evidence_id)"""
    ((missing,),) = connection.execute(sql).fetchall()
    if missing is not None:
        raise MateriaError(
            "is named by a triple, but is not among the evidence of its bucket",
            file="triples",
            record=missing,
            remedy="Build triples again",
        )


def _register_iris(connection: Any) -> None:
    """The table iri(curie, iri): every CURIE of the bucket with its IRI in angle brackets."""
    curies = connection.sql(_CURIES).to_arrow_table()["curie"].to_pylist()
    connection.register(
        "iri", pa.table({"curie": pa.array(curies, pa.string()), "iri": [f"<{expand(c)}>" for c in curies]})
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


def _block(
    subject: str, objects: dict[str, str], rows: str, graph: str = "", many: dict[str, str] | None = None
) -> str:
    """All lines of one subject, in order, as one text: a tenth of the rows to sort. No other query may write that subject.

    One call of `concat` a row, which is several times faster than sorting a list of lines: the order within a subject is
    that of the predicates, and known beforehand.

    Args:
        subject: SQL expression for the subject's IRI.
        objects: predicate (a CURIE) to an SQL expression for its one object; no line where that is null.
        rows: what to select from.
        graph: SQL expression for the graph's IRI; the default graph where empty.
        many: predicate to an SQL expression for a list of its objects.
    """
    end = f"' ', {graph}, {_END}" if graph else _END
    pieces, counts = {}, []
    for predicate, value in objects.items():
        line = f"{subject}, ' {_term(predicate)} ', {value}, {end}"
        optional = predicate in _OPTIONAL
        pieces[_term(predicate)] = f"CASE WHEN ({value}) IS NOT NULL THEN concat({line}) END" if optional else line
        counts.append(f"(({value}) IS NOT NULL)::INTEGER" if optional else "1")
    for predicate, values in (many or {}).items():
        line = f"concat({subject}, ' {_term(predicate)} ', value, {end})"
        pieces[_term(predicate)] = f"array_to_string(list_sort(list_transform({values}, lambda value: {line})), '')"
        counts.append(f"len({values})")
    text = ", ".join(pieces[term] for term in sorted(pieces))
    return f"SELECT {subject} AS key, {' + '.join(counts)} AS quads, concat({text}) AS text FROM {rows}"  # noqa: S608


def _single(line: str, rows: str) -> str:
    """Each line for itself, sorted among the blocks by all of it."""
    return (
        f"SELECT line AS key, 1 AS quads, line AS text FROM (SELECT {line} AS line FROM {rows}) WHERE line IS NOT NULL"  # noqa: S608
    )


_END: Final = "' .' || chr(10)"
_TRIPLE: Final = f"'<{expand('materia:triple/')}' || triple_id || '>'"
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

#: Evidence left out of fusion (of retracted papers, by policy) is left out here too.
_USED_EVIDENCE: Final = f"""
    CREATE TABLE used AS
    SELECT e.*, t.triple_id, {SUPPORTS_SQL.format(evidence="e", claim="t")} AS supports FROM all_evidence e JOIN (
        SELECT triple_id, direction, unnest(evidence_ids) AS evidence_id FROM triples
    ) t USING (evidence_id)
"""  # noqa: S608

_CURIES: Final = """
    SELECT DISTINCT curie FROM (
        SELECT unnest([subject, predicate, object]) AS curie FROM triples
        UNION ALL SELECT unnest(doc_ids) FROM triples
        UNION ALL SELECT 'materia:extractor/' || extractor FROM used
        UNION ALL SELECT unnest([curie, category]) FROM concepts
        UNION ALL SELECT unnest(list_concat(parents, xrefs)) FROM concepts
        UNION ALL SELECT unnest(list_transform(matches, lambda match: match.curie)) FROM concepts
    ) WHERE curie IS NOT NULL
"""

#: Extractors that read graphs, as an SQL list; and whether all that a triple rests on comes from them.
GRAPH_READERS: Final = ", ".join(f"'{name}'" for name in GRAPHS)
FROM_GRAPHS: Final = f"len(list_filter(extractors, lambda name: name NOT IN ({GRAPH_READERS}))) = 0"

_CLAIMS: Final = _block(
    _TRIPLE,
    {
        "rdf:type": f"'{_term('biolink:Association')}'",
        "rdf:subject": "s.iri",
        "rdf:predicate": "p.iri",
        "rdf:object": "o.iri",
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
    """triples t JOIN iri s ON s.curie = t.subject JOIN iri p ON p.curie = t.predicate JOIN iri o ON o.curie = t.object
       JOIN (SELECT triple_id, list(d.iri) AS publications
             FROM (SELECT triple_id, unnest(doc_ids) AS doc_id FROM triples) t JOIN iri d ON d.curie = t.doc_id
             GROUP BY triple_id) USING (triple_id)""",
    many={"biolink:publications": "publications"},
)
_PLAIN: Final = _single(
    f"s.iri || ' ' || p.iri || ' ' || o.iri || {_END}",
    """(SELECT * FROM triples WHERE support > contradiction) t
       JOIN iri s ON s.curie = t.subject JOIN iri p ON p.curie = t.predicate JOIN iri o ON o.curie = t.object""",
)

_EVIDENCE: Final = _block(
    f"'<{expand('materia:evidence/')}' || evidence_id || '>'",
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
        "prov:wasDerivedFrom": "d.iri",
        "prov:wasAttributedTo": "x.iri",
    },
    "used e JOIN iri d ON d.curie = e.doc_id JOIN iri x ON x.curie = 'materia:extractor/' || e.extractor",
    graph="d.iri",
)
_CONCEPTS: Final = tuple(
    _single(f"c.iri || ' {_term(predicate)} ' || {value} || {_END}", rows)
    for predicate, value, rows in (
        ("rdf:type", "k.iri", "concepts v JOIN iri c ON c.curie = v.curie JOIN iri k ON k.curie = v.category"),
        ("skos:prefLabel", f"{_literal('name')} || '@en'", "concepts v JOIN iri c ON c.curie = v.curie"),
        ("skos:definition", f"{_literal('definition')} || '@en'", "concepts v JOIN iri c ON c.curie = v.curie"),
    )
)

#: SKOS forbids an altLabel that equals the prefLabel. Only exact synonyms are other names of the same thing.
_SYNONYMS: Final = tuple(
    _single(
        f"c.iri || ' {_term(predicate)} ' || {_literal('v.synonym.name')} || '@en' || {_END}",
        "(SELECT curie, name, unnest(synonyms) AS synonym FROM concepts) v JOIN iri c ON c.curie = v.curie "  # noqa: S608
        f"WHERE v.synonym.scope = '{scope}' AND v.synonym.name != v.name",
    )
    for scope, predicate in {
        "exact": "skos:altLabel",
        "broad": "oboInOwl:hasBroadSynonym",
        "narrow": "oboInOwl:hasNarrowSynonym",
        "related": "oboInOwl:hasRelatedSynonym",
    }.items()
)

_LINKS: Final = tuple(
    _single(
        f"c.iri || ' {_term(predicate)} ' || o.iri || {_END}",
        f"(SELECT curie, unnest({column}) AS other FROM concepts) v "  # noqa: S608
        "JOIN iri c ON c.curie = v.curie JOIN iri o ON o.curie = v.other",
    )
    for column, predicate in {"parents": "rdfs:subClassOf", "xrefs": "oboInOwl:hasDbXref"}.items()
)

#: Concepts of other vocabularies, by SKOS's mapping properties: `exact` is skos:exactMatch.
_MATCHES: Final = _single(
    f"c.iri || ' <{expand('skos:')}' || v.match.predicate || 'Match> ' || o.iri || {_END}",
    "(SELECT curie, unnest(matches) AS match FROM concepts) v "
    "JOIN iri c ON c.curie = v.curie JOIN iri o ON o.curie = v.match.curie",
)
