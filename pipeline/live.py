"""Which row of each document counts, and why: a pure function of the rows, never of the order in which files arrived.

The rules. A *write* is a row of the documents table; writes are ordered by (position, record), so by release and not by
arrival. A *source* is the PubMed release, or any other file for itself.

1. A new baseline replaces the releases of earlier years whole: what it does not hold is gone. A year counts as a baseline where
   its files 1, 2, 3 … are there without a gap; while some are still missing, the earlier release stands.
2. A document is joined under its names. A row whose `doc_id` is an alias of a document with a better name (PMID before PMC
   before DOI before others) belongs to that document. At most three steps; two ids of one kind are never joined, since
   publishers do give one DOI to a letter and its reply.
3. A deletion, under any of the names, beats every earlier write of the document, whatever its version. What is written
   after the last deletion brings the document back, and only those writes are left to choose from.
4. Of each source and name the highest version is left, of these the last write. Of what is left the fullest text counts (a paper in
   PubMed Central before its abstract in PubMed), of these the row under the best name, of these the highest version, of these
   the last write. So the last write of an (id, version) wins, a later version may shorten a text, and version numbers of
   PubMed are never held against those of another source.
5. With no write left, the last deletion stands as a tombstone, or the last write that a baseline did not take over.
6. A retraction is not a deletion. A document is retracted where the row that counts says so, or where the last word of any
   source says so (a paper added from elsewhere, whose format knows no retractions, must not wash one out): so a later PubMed
   update takes back a retraction made in error, and a corrected file does. A notice of retraction that counts retracts the
   papers it names. The user's own list retracts whatever the sources say.

The row keeps its own `doc_id`, so it joins with the tables made from the same row.

DuckDB does the work, on disk beyond `memory`: about 4 microseconds of processor time a row. Most documents are written once and
under one name; there is nothing to choose, and only the others go through the windows (7 microseconds a row by themselves).
Rejected: a Python dictionary of documents (20 GB for all of PubMed); looking only at what a changed batch names, which would
save half of that and need every write of before, since a name can join any two documents.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from pipeline.duck import connect, register_filesystems
from pipeline.readers.identifiers import identifier
from pipeline.tables import LIVE_DOCUMENTS

__all__ = ["live_documents"]

_BATCH_ROWS = 4096

# DuckDB's virtual column file_index is the place of a row's file in the list of paths: it survives every spelling of a URL.
_TABLES = """
CREATE TEMP MACRO name_rank(curie) AS
    CASE split_part(curie, ':', 1) WHEN 'PMID' THEN 0 WHEN 'PMC' THEN 1 WHEN 'DOI' THEN 2 ELSE 3 END;
CREATE TEMP MACRO release(position) AS CASE WHEN starts_with(position, '0/') THEN split_part(position, '/', 2) END;
CREATE TEMP TABLE rows_read AS
    SELECT d.doc_id, version, position, record, d.file, d.member, status, text_hash, p.batch, full_text, aliases, retracts
    FROM read_parquet($paths, hive_partitioning = false) d JOIN parts p ON p.place = d.file_index;
CREATE TEMP TABLE baseline AS
    SELECT max(year) AS year FROM (
        SELECT release(position) AS year, list(DISTINCT split_part(position, '/', 3)::INTEGER) AS numbers
        FROM (SELECT DISTINCT position FROM rows_read)
        WHERE starts_with(position, '0/') GROUP BY year)
    WHERE list_min(numbers) = 1 AND len(numbers) = list_max(numbers);
CREATE TEMP VIEW writes AS
    SELECT r.* EXCLUDE (aliases, retracts), CASE WHEN starts_with(position, '0/') THEN '0/' ELSE file END AS source,
        coalesce(release(position) < b.year, false) AS outdated
    FROM rows_read r, baseline b;
CREATE TEMP TABLE notices AS
    SELECT doc_id, {'position': position, 'record': record} AS place, unnest(retracts) AS name
    FROM rows_read WHERE len(retracts) > 0;
CREATE TEMP TABLE names AS
    SELECT DISTINCT doc_id, alias
    FROM (SELECT doc_id, position, unnest(aliases) AS alias FROM rows_read)
    WHERE coalesce(release(position) >= (SELECT year FROM baseline), true)
      AND (alias IN (SELECT doc_id FROM writes) OR alias IN (SELECT name FROM retractions)
           OR alias IN (SELECT name FROM notices));
CREATE TEMP TABLE better AS
    SELECT alias, arg_min(doc_id, {'rank': name_rank(doc_id), 'id': doc_id}) AS doc_id FROM names
    WHERE alias IN (SELECT doc_id FROM writes WHERE NOT outdated) AND name_rank(doc_id) < name_rank(alias) GROUP BY alias;
CREATE TEMP TABLE best AS
    SELECT a.alias, coalesce(c.doc_id, b.doc_id, a.doc_id) AS doc_id
    FROM better a LEFT JOIN better b ON b.alias = a.doc_id LEFT JOIN better c ON c.alias = b.doc_id;
CREATE TEMP TABLE called AS
    SELECT DISTINCT named.name, coalesce(best.doc_id, named.doc_id) AS document
    FROM (SELECT doc_id, doc_id AS name FROM writes WHERE NOT outdated UNION SELECT doc_id, alias FROM names) named
    LEFT JOIN best ON best.alias = named.doc_id
    WHERE named.name IN (SELECT name FROM retractions) OR named.name IN (SELECT name FROM notices);
CREATE TEMP TABLE contested AS
    SELECT doc_id FROM rows_read GROUP BY doc_id HAVING count(*) > 1
    UNION SELECT alias FROM best UNION SELECT doc_id FROM best;
CREATE TEMP VIEW alone AS
    SELECT *, doc_id AS document, NOT outdated AND status <> 'deleted' AS alive
    FROM writes ANTI JOIN contested USING (doc_id);
CREATE TEMP TABLE settled AS
    WITH joined AS (
        SELECT w.*, {'position': position, 'record': record} AS place, coalesce(best.doc_id, w.doc_id) AS document
        FROM (SELECT * FROM writes SEMI JOIN contested USING (doc_id)) w LEFT JOIN best ON best.alias = w.doc_id
    ), placed AS (
        SELECT *,
            max(place) FILTER (status = 'deleted' AND NOT outdated) OVER (PARTITION BY document) AS deletion,
            place = max(place) OVER (PARTITION BY document, source) AS last_word
        FROM joined
    ), surviving AS (
        SELECT *, NOT outdated AND (deletion IS NULL OR place > deletion) AS alive FROM placed
    ), candidates AS (
        SELECT *,
            row_number() OVER (PARTITION BY document, doc_id, source ORDER BY alive DESC, version DESC, place DESC) = 1
                AS latest
        FROM surviving
    ), ranked AS (
        SELECT *,
            count(*) OVER everything - 1 AS superseded,
            min(version) FILTER (alive) OVER everything AS lowest,
            coalesce(bool_or(full_text) FILTER (alive) OVER everything, false)
                AND NOT coalesce(bool_and(full_text) FILTER (alive) OVER everything, false) AS fuller,
            coalesce(bool_or(last_word AND status = 'retracted') FILTER (alive) OVER everything, false) AS marked,
            row_number() OVER (
                PARTITION BY document
                ORDER BY alive AND latest DESC, CASE WHEN NOT alive AND place = deletion THEN 0 ELSE 1 END,
                         CASE WHEN alive AND full_text THEN 0 ELSE 1 END,
                         CASE WHEN alive THEN name_rank(doc_id) END, CASE WHEN alive THEN doc_id END,
                         CASE WHEN alive THEN -version END, place DESC
            ) AS choice
        FROM candidates
        WINDOW everything AS (PARTITION BY document)
    )
    SELECT doc_id, document, version, position, record, file, member, text_hash, batch, status, alive, outdated, superseded,
        lowest < version AS higher, fuller AND full_text AS fullest, marked, deletion IS NULL AS undeleted
    FROM ranked WHERE choice = 1;
CREATE TEMP VIEW chosen AS
    SELECT * FROM settled
    UNION ALL
    SELECT doc_id, document, version, position, record, file, member, text_hash, batch, status, alive, outdated, 0,
        false, false, false, status <> 'deleted' OR outdated
    FROM alone;
"""

_DECIDE = """
WITH retracted AS (
    SELECT document FROM called WHERE name IN (SELECT name FROM retractions)
    UNION
    SELECT c.document FROM called c JOIN notices n ON n.name = c.name
    JOIN chosen o ON o.doc_id = n.doc_id AND o.position = n.place.position AND o.record = n.place.record AND o.alive
    WHERE c.document <> o.document
), decided AS (
    SELECT *, CASE WHEN NOT alive THEN 'deleted'
                   WHEN marked OR status = 'retracted' OR document IN (SELECT document FROM retracted) THEN 'retracted'
                   ELSE 'active' END AS state
    FROM chosen
)
SELECT doc_id, version, batch, file, position, record, member, text_hash, state AS status,
    CASE WHEN state = 'deleted' AND undeleted THEN 'not-in-baseline'
         WHEN state <> 'active' THEN state WHEN superseded = 0 THEN 'only' WHEN fullest THEN 'fullest-text'
         WHEN higher THEN 'highest-version' ELSE 'latest-write' END AS reason,
    superseded::INTEGER AS superseded
FROM decided ORDER BY doc_id
"""


def live_documents(
    documents: Mapping[str, Sequence[str]],
    retracted: Sequence[str] = (),
    *,
    memory: str = "1GB",
    threads: int | None = None,
) -> Iterator[pa.RecordBatch]:
    """The row of each document that counts, sorted by `doc_id`, as batches of the schema LIVE_DOCUMENTS.

    Args:
        documents: for each batch, the paths (or fsspec URLs) of its Parquet files of the schema DOCUMENTS.
        retracted: documents that the user marks as retracted, by any of their names.
        memory: what DuckDB may hold before it spills to a temporary folder.
        threads: at most so many; all cores by default. The result does not depend on it.
    """
    parts = [(str(path), batch) for batch in sorted(documents) for path in documents[batch]]
    if not parts:
        return
    with connect(threads=threads, memory_limit=memory) as connection:
        register_filesystems(connection, [path for path, _ in parts])
        connection.register("parts", pa.table({"place": range(len(parts)), "batch": [b for _, b in parts]}))
        marked = sorted({identifier(name) or name.strip() for name in retracted})
        connection.register("retractions", pa.table({"name": pa.array(marked, pa.string())}))
        for statement in _TABLES.split(";\n")[:-1]:
            connection.execute(statement, {"paths": [p for p, _ in parts]} if "$paths" in statement else None)
        for batch in connection.sql(_DECIDE).to_arrow_reader(_BATCH_ROWS):
            yield from pa.Table.from_batches([batch]).cast(LIVE_DOCUMENTS).to_batches()
