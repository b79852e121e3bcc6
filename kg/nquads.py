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
from pipeline.curies import PREFIXES, expand
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
        _register_iris(connection)
        quads = "\nUNION ALL\n".join([*_claim_quads(), *_evidence_quads(), *_concept_quads()])
        for lines in _distinct(stream(connection, f"SELECT line FROM ({quads}) WHERE line IS NOT NULL ORDER BY line", 32768)):
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


#: Evidence left out of fusion (of retracted papers, by policy) is left out here too.
_USED_EVIDENCE: Final = f"""
    CREATE TABLE used AS
    SELECT e.*, t.triple_id FROM all_evidence e JOIN (
        SELECT triple_id, unnest(evidence_ids) AS evidence_id FROM triples
    ) t USING (evidence_id)
"""


def _register_iris(connection: Any) -> None:
    """The table iri(curie, iri): every CURIE of the bucket with its IRI in angle brackets."""
    sources = [
        "SELECT unnest([subject, predicate, object]) AS curie FROM triples",
        "SELECT unnest(doc_ids) FROM triples",
        "SELECT unnest([curie, category]) FROM concepts",
        "SELECT unnest(list_concat(parents, xrefs)) FROM concepts",
        "SELECT extractor FROM used",
    ]
    distinct = connection.sql(f"SELECT DISTINCT curie FROM ({' UNION ALL '.join(sources)}) WHERE curie IS NOT NULL").to_arrow_table()
    curies = distinct["curie"].to_pylist()
    connection.register("iri", pa.table({"curie": curies, "iri": [f"<{expand(curie)}>" for curie in curies]}))
