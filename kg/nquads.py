"""The graph as sorted N-Quads: the form that is kept, compared and loaded.

    materia:triple/<id>      a claim: a biolink:Association with belief, counts and publications     default graph
    subject predicate object the same claim as one plain triple, so that SPARQL paths are short      default graph
    materia:evidence/<id>    a sentence that says so: a biolink:TextMiningStudyResult                graph of its document
    concepts                 Biolink class, SKOS labels, superclasses, cross-references              default graph

The plain triple is written only where support is greater than contradiction: whoever reads it without its association
must not read a denied claim as a true one. Biolink's slots subject, predicate and object are rdf:subject, rdf:predicate
and rdf:object (its `slot_uri`), so there is no second form of them. Every quad belongs to one bucket only (that of the
claim's subject or of the concept), so that a changed bucket can be applied to a store as a difference.

Lines are put together and sorted by DuckDB, out of core and on all cores, and leave as whole Arrow buffers. Only the
distinct CURIEs pass through Python, to be expanded. Rejected: rdflib terms and its serializer (tens of thousands of
quads a second, everything in memory).

Format: https://www.w3.org/TR/n-quads/, with the escapes of its canonical form, sorted by bytes, each line once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from kg.duck import MEMORY_LIMIT, connect, stream, table_view
from kg.tables import TRIPLES
from pipeline.curies import expand
from pipeline.errors import MateriaError
from pipeline.tables import EVIDENCE, VOCABULARY

__all__ = ["write_nquads"]


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
        evidence: Parquet files of EVIDENCE of the bucket. Only evidence that a triple names is written.
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
        table_view(connection, "all_evidence", evidence, EVIDENCE)
        connection.execute(_USED_EVIDENCE)
        _check(connection)
        _register_iris(connection)
        quads = " UNION ALL ".join([_CLAIMS, _PUBLICATIONS, _EVIDENCE, _CONCEPTS, *_SYNONYMS, *_LINKS])
        lines_sql = f"SELECT line FROM ({quads}) WHERE line IS NOT NULL ORDER BY line"  # noqa: S608
        for lines in _distinct(stream(connection, lines_sql, 32768)):
            written += len(lines)
            target.write(_bytes(lines))
    return written


def _distinct(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.StringArray]:
    """Sorted lines, each once."""
    last: str | None = None
    for batch in batches:
        lines = batch["line"]
        if len(lines) == 0:
            continue
        new = pc.not_equal(lines.slice(1), lines.slice(0, len(lines) - 1))
        yield lines.filter(pa.concat_arrays([pa.array([lines[0].as_py() != last]), new]))
        last = lines[-1].as_py()


def _bytes(lines: pa.StringArray) -> memoryview:
    """The lines one after the other, as they already lie in memory."""
    if len(lines) == 0:
        return memoryview(b"")
    _, offsets, data = lines.buffers()
    ends = pa.Array.from_buffers(pa.int32(), len(lines) + 1, [None, offsets], offset=lines.offset)
    return memoryview(data)[ends[0].as_py() : ends[-1].as_py()]


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


def _literal(column: str) -> str:
    """A string column as a quoted literal with the escapes of canonical N-Quads. The rare ones are looked for first."""
    plain = f"replace(replace({column}, '\\', '\\\\'), '\"', '\\\"')"
    controls = plain
    short = {8: "b", 9: "t", 10: "n", 12: "f", 13: "r"}
    for code in (*range(32), 127):
        controls = f"replace({controls}, chr({code}), '\\{short.get(code, f'u{code:04X}')}')"
    return f"'\"' || CASE WHEN regexp_matches({column}, '[\\x00-\\x1f\\x7f]') THEN {controls} ELSE {plain} END || '\"'"


def _typed(expression: str, datatype: str) -> str:
    return f"'\"' || {expression} || '\"^^{_term('xsd:' + datatype)}'"


def _decimal(column: str) -> str:
    """A number as the shortest xsd:decimal of at most six decimals: 0.9, 1, 0."""
    return _typed(f"regexp_replace(printf('%.6f', {column}), '\\.?0+$', '')", "decimal")


def _boolean(column: str) -> str:
    return _typed(f"{column}::VARCHAR", "boolean")


def _lines(subject: str, pairs: dict[str, str], graph: str = "''") -> str:
    """A list of lines about one subject: predicate (a CURIE) to an SQL expression for the object."""
    return "[" + ", ".join(f"{subject} || ' {_term(p)} ' || {o} || {graph} || {_END}" for p, o in pairs.items()) + "]"


_END: Final = "' .' || chr(10)"
_TRIPLE: Final = f"'<{expand('materia:triple/')}' || triple_id || '>'"
_ENGLISH: Final = " || '@en'"

#: Evidence left out of fusion (of retracted papers, by policy) is left out here too.
_USED_EVIDENCE: Final = """
    CREATE TABLE used AS
    SELECT e.*, t.triple_id FROM all_evidence e JOIN (
        SELECT triple_id, unnest(evidence_ids) AS evidence_id FROM triples
    ) t USING (evidence_id)
"""

_CURIES: Final = """
    SELECT DISTINCT curie FROM (
        SELECT unnest([subject, predicate, object]) AS curie FROM triples
        UNION ALL SELECT unnest(doc_ids) FROM triples
        UNION ALL SELECT 'materia:extractor/' || extractor FROM used
        UNION ALL SELECT unnest([curie, category]) FROM concepts
        UNION ALL SELECT unnest(list_concat(parents, xrefs)) FROM concepts
    ) WHERE curie IS NOT NULL
"""

_CLAIM_LINES: Final = _lines(
    _TRIPLE,
    {
        "rdf:type": f"'{_term('biolink:Association')}'",
        "rdf:subject": "s.iri",
        "rdf:predicate": "p.iri",
        "rdf:object": "o.iri",
        "materia:belief": _decimal("belief"),
        "materia:support": _decimal("support"),
        "materia:contradiction": _decimal("contradiction"),
        "materia:contested": _boolean("contested"),
        "materia:supporting_evidence": _typed("supporting_evidence", "integer"),
        "materia:contradicting_evidence": _typed("contradicting_evidence", "integer"),
        "materia:supporting_documents": _typed("supporting_documents", "integer"),
        "materia:contradicting_documents": _typed("contradicting_documents", "integer"),
        "materia:split": _literal("split"),
        # All evidence comes from text as yet; these are the values that Biolink has for text mining.
        "biolink:knowledge_level": "'\"not_provided\"'",
        "biolink:agent_type": "'\"text_mining_agent\"'",
    },
)
_PLAIN_LINE: Final = f"CASE WHEN support > contradiction THEN s.iri || ' ' || p.iri || ' ' || o.iri || {_END} END"
_CLAIMS: Final = f"""
    SELECT unnest(list_append({_CLAIM_LINES}, {_PLAIN_LINE})) AS line
    FROM triples t JOIN iri s ON s.curie = t.subject JOIN iri p ON p.curie = t.predicate JOIN iri o ON o.curie = t.object
"""  # noqa: S608

_PUBLICATIONS: Final = f"""
    SELECT {_TRIPLE} || ' {_term("biolink:publications")} ' || d.iri || {_END} AS line
    FROM (SELECT triple_id, unnest(doc_ids) AS doc_id FROM triples) t JOIN iri d ON d.curie = t.doc_id
"""  # noqa: S608

_SENTENCE: Final = f"'<{expand('materia:evidence/')}' || evidence_id || '>'"
_SENTENCE_LINES: Final = _lines(
    _SENTENCE,
    {
        "rdf:type": f"'{_term('biolink:TextMiningStudyResult')}'",
        "biolink:supporting_text": _literal("sentence"),
        "biolink:supporting_text_section_type": _literal("section"),
        "materia:trigger": _literal('"trigger"'),
        "materia:probability": _decimal("probability"),
        "materia:certainty": _decimal("certainty"),
        "materia:retracted": f"CASE WHEN retracted THEN {_boolean('retracted')} END",
        "prov:wasDerivedFrom": "d.iri",
        "prov:wasAttributedTo": "x.iri",
    },
    "' ' || d.iri",
)
_STANCE: Final = f"CASE WHEN polarity THEN ' {_term('materia:supports')} ' ELSE ' {_term('materia:contradicts')} ' END"
_STANCE_LINE: Final = f"{_SENTENCE} || {_STANCE} || {_TRIPLE} || ' ' || d.iri || {_END}"
_EVIDENCE: Final = f"""
    SELECT unnest(list_append({_SENTENCE_LINES}, {_STANCE_LINE})) AS line
    FROM used e JOIN iri d ON d.curie = e.doc_id JOIN iri x ON x.curie = 'materia:extractor/' || e.extractor
"""  # noqa: S608

_CONCEPT_LINES: Final = _lines(
    "c.iri",
    {
        "rdf:type": "k.iri",
        "skos:prefLabel": _literal("name") + _ENGLISH,
        "skos:definition": _literal("definition") + _ENGLISH,
    },
)
_CONCEPTS: Final = f"""
    SELECT unnest({_CONCEPT_LINES}) AS line
    FROM concepts v JOIN iri c ON c.curie = v.curie LEFT JOIN iri k ON k.curie = v.category
"""  # noqa: S608

#: SKOS forbids an altLabel that equals the prefLabel. Only exact synonyms are other names of the same thing.
_SYNONYMS: Final = tuple(
    f"""SELECT c.iri || ' {_term(predicate)} ' || {_literal("v.synonym.name")} || '@en' || {_END} AS line
        FROM (SELECT curie, name, unnest(synonyms) AS synonym FROM concepts) v JOIN iri c ON c.curie = v.curie
        WHERE v.synonym.scope = '{scope}' AND v.synonym.name != v.name"""
    for scope, predicate in {
        "exact": "skos:altLabel",
        "broad": "oboInOwl:hasBroadSynonym",
        "narrow": "oboInOwl:hasNarrowSynonym",
        "related": "oboInOwl:hasRelatedSynonym",
    }.items()
)

_LINKS: Final = tuple(
    f"""SELECT c.iri || ' {_term(predicate)} ' || o.iri || {_END} AS line
        FROM (SELECT curie, unnest({column}) AS other FROM concepts) v
        JOIN iri c ON c.curie = v.curie JOIN iri o ON o.curie = v.other"""
    for column, predicate in {"parents": "rdfs:subClassOf", "xrefs": "oboInOwl:hasDbXref"}.items()
)
