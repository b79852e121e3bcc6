"""The mappings of the vocabulary as SSSOM: which identifiers match, and which were joined into one concept, and why.

    matches of concepts         skos:exactMatch, closeMatch, broadMatch, narrowMatch, relatedMatch
    cross-references            oboInOwl:hasDbXref
    joined identifiers          skos:exactMatch, with the reason and the file that says so as comment
    joins that were refused     oboInOwl:hasDbXref, with the reason as comment

How the sources found their mappings is not known, so their justification is semapv:UnspecifiedMatching. A join by one-to-one
cross-references is materia's own (reference and class agree): semapv:CompositeMatching; one through a third identifier is
semapv:MappingChaining. The licence is that of the vocabularies, which is for whoever exports to say: it stands as unspecified.

Format: SSSOM/TSV, https://mapping-commons.github.io/sssom/spec-formats-tsv/, with the terms of https://w3id.org/semapv/vocab/.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from kg.export.base import Evidence
from kg.export.graph import Graph
from kg.export.text import cell, open_output, quoted, sum_of_matches, write_lines
from pipeline.curies import PREFIXES, expand
from pipeline.hashing import hash_json

__all__ = ["Sssom"]

_SEMAPV: Final = "https://w3id.org/semapv/vocab/"
_UNSPECIFIED: Final = "https://w3id.org/sssom/license/unspecified"
_COLUMNS: Final = (
    "subject_id",
    "subject_label",
    "predicate_id",
    "object_id",
    "object_label",
    "mapping_justification",
    "comment",
)
#: A mapping that several say comes once, with the justification that says most.
_MAPPINGS: Final = """
    CREATE TABLE mappings AS
    SELECT subject_id, predicate_id, object_id, min(mapping_justification) AS mapping_justification, min(comment) AS comment
    FROM (
        SELECT curie AS subject_id, concat('skos:', match.predicate, 'Match') AS predicate_id, match.curie AS object_id,
               'semapv:UnspecifiedMatching' AS mapping_justification, NULL AS comment
        FROM (SELECT curie, unnest(matches) AS match FROM concepts)
        UNION ALL
        SELECT curie, 'oboInOwl:hasDbXref', unnest(xrefs), 'semapv:UnspecifiedMatching', NULL FROM concepts
        UNION ALL
        SELECT curie, 'skos:exactMatch', merged_into,
               CASE WHEN other != merged_into THEN 'semapv:MappingChaining'
                    WHEN why = 'one-to-one-xref' THEN 'semapv:CompositeMatching' ELSE 'semapv:UnspecifiedMatching' END,
               concat('merged: ', why, ' in ', source, CASE WHEN other != merged_into THEN concat(' with ', other) ELSE '' END)
        FROM merges WHERE merged_into IS NOT NULL
        UNION ALL
        SELECT curie, 'oboInOwl:hasDbXref', other, 'semapv:UnspecifiedMatching',
               concat('not merged, ', refused, ': ', why, ' in ', source)
        FROM merges WHERE merged_into IS NULL
    ) WHERE subject_id != object_id GROUP BY subject_id, predicate_id, object_id
"""


class Sssom:
    """Exporter of SSSOM/TSV."""

    name = "sssom.v1"
    needs = ("vocabulary", "vocabulary_merges")
    single_file = True
    evidence: Evidence = "never"
    believed_only = False

    def write(self, graph: Graph, target: Path) -> dict[str, int]:
        """Write the header, then the mappings in the order of subject, predicate and object."""
        graph.connection.execute(_MAPPINGS)
        total = graph.count("mappings")
        label = {end: _maybe_quoted(cell(f"{end}.name")) for end in ("s", "o")}
        values = [
            *("subject_id", label["s"], "predicate_id", "object_id", label["o"]),
            *("mapping_justification", _maybe_quoted(cell("comment"))),
        ]
        line = ", chr(9), ".join(f"coalesce({value}, '')" for value in values)
        sql = f"""SELECT concat({line}, chr(10)) AS text FROM mappings m
                  LEFT JOIN (SELECT curie, name FROM concepts) s ON s.curie = m.subject_id
                  LEFT JOIN (SELECT curie, name FROM concepts) o ON o.curie = m.object_id
                  ORDER BY subject_id, predicate_id, object_id"""  # noqa: S608
        with open_output(target) as output:
            output.write(_head(graph).encode())
            write_lines(graph, output, sql, "mappings", total)
        return {"mappings": total, "merges": graph.count("merges WHERE merged_into IS NOT NULL")}

    def recount(self, target: Path) -> dict[str, int]:
        """Rows of the table, and those of them that are joins."""
        found = sum_of_matches(target, rows=rb"(?m)^[^#\n]", merges=rb"\tmerged: ")
        return {"mappings": found["rows"] - 1, "merges": found["merges"]}


def _maybe_quoted(value: str) -> str:
    """A cell with a double quote in it stands between double quotes."""
    return f"""CASE WHEN contains({value}, '"') THEN {quoted(value)} ELSE {value} END"""


def _head(graph: Graph) -> str:
    """The YAML block and the names of the columns. JSON strings are YAML strings."""
    rows = graph.connection.execute("""
        SELECT DISTINCT split_part(unnest([subject_id, predicate_id, object_id]), ':', 1) AS prefix FROM mappings ORDER BY prefix
    """).fetchall()
    prefixes = {row[0]: PREFIXES.get(row[0], expand(f"{row[0]}:")) for row in rows} | {"semapv": _SEMAPV}
    block = {
        "license": _UNSPECIFIED,
        "mapping_set_id": expand(f"materia:mappings/{hash_json(dict(graph.inputs))}"),
        "mapping_set_title": "Mappings and merges of a materia vocabulary",
        "mapping_tool": "materia",
    }
    lines = ["curie_map:", *(f"  {prefix}: {json.dumps(iri)}" for prefix, iri in sorted(prefixes.items()))]
    lines += [f"{key}: {json.dumps(value)}" for key, value in block.items()]
    return "".join(f"#{line}\n" for line in lines) + "\t".join(_COLUMNS) + "\n"
