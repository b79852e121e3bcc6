"""A vocabulary table from a few lines, for tests of extraction."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.tables import VOCABULARY


def vocabulary_of(*concepts: tuple[str, str, str, list[str]], xrefs: dict[str, list[str]] | None = None) -> pa.Table:
    """Concepts as (CURIE, name, Biolink class without prefix, synonyms); a synonym `narrow:x` has that scope."""
    rows = []
    for curie, name, category, synonyms in concepts:
        scoped = [s.split(":", 1) if ":" in s else ("exact", s) for s in synonyms]
        rows.append(
            {
                "curie": curie,
                "name": name,
                "synonyms": [{"name": n, "scope": scope} for scope, n in scoped],
                "category": f"biolink:{category}",
                "definition": None,
                "parents": [],
                "xrefs": (xrefs or {}).get(curie, []),
                "sources": ["test"],
            }
        )
    return pa.Table.from_pylist(rows, VOCABULARY)


def write_vocabulary(folder: Path, table: pa.Table) -> str:
    path = folder / "vocabulary.parquet"
    pq.write_table(table, path)
    return str(path)
