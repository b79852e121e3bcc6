"""A vocabulary table from a few lines, and documents from a few texts, for tests of extraction."""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.hashing import text_hash
from pipeline.tables import VOCABULARY

_SMALL = [
    ("MESH:D000001", "Nausea", "Disease", []),
    ("MESH:D000002", "Diabetes Mellitus, Type 2", "Disease", ["NIDDM", "exact:Type 2 Diabetes"]),
    ("MESH:D000003", "Metformin", "ChemicalEntity", []),
    ("MESH:D000004", "Omeprazole", "ChemicalEntity", []),
    ("MESH:D000005", "Hypertension", "Disease", ["High Blood Pressure"]),
    ("MESH:D000006", "Phenobarbital", "ChemicalEntity", []),
    ("MESH:D000007", "Dyskinesias", "Disease", []),
    ("MESH:D000008", "Headache", "Disease", []),
    ("MESH:D000009", "Aspirin", "ChemicalEntity", []),
    ("MESH:D000010", "Proton Pump Inhibitors", "ChemicalRole", []),
    ("MESH:D000011", "Duodenal Ulcer", "Disease", []),
    ("MESH:D000012", "Fluorouracil", "ChemicalEntity", []),
    ("MESH:D000013", "Liver Failure, Acute", "Disease", ["ALF"]),
    ("MESH:D000014", "Gastrins", "Protein", []),
    ("MESH:D000015", "Stomach", "AnatomicalEntity", []),
    ("MESH:D000016", "Analgesics", "ChemicalRole", []),
]


def _rows(concepts, xrefs=None):
    return [
        {
            "curie": curie,
            "name": name,
            "synonyms": [
                dict(zip(("scope", "name"), s.split(":", 1) if ":" in s else ("exact", s), strict=True))
                for s in synonyms
            ],
            "category": f"biolink:{category}",
            "definition": None,
            "parents": [],
            "xrefs": (xrefs or {}).get(curie, []),
            "sources": ["test"],
        }
        for curie, name, category, synonyms in concepts
    ]


@pytest.fixture(scope="session")
def vocabulary_of() -> Callable[..., pa.Table]:
    """Concepts as (CURIE, name, class without prefix, synonyms); a synonym may be written `narrow:name`."""
    return lambda *concepts, xrefs=None: pa.Table.from_pylist(_rows(concepts, xrefs), VOCABULARY)


@pytest.fixture(scope="session")
def small_vocabulary() -> pa.Table:
    """Sixteen concepts of several classes."""
    return pa.Table.from_pylist(_rows(_SMALL), VOCABULARY)


@pytest.fixture(scope="session")
def small_vocabulary_path(small_vocabulary, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("vocabulary") / "vocabulary.parquet"
    pq.write_table(small_vocabulary, path)
    return str(path)


@pytest.fixture(scope="session")
def documents_of() -> Callable[..., pa.RecordBatch]:
    """A batch of documents, each a text whose first line is its title; the columns that extraction reads."""

    def make(*texts: str, first: int = 1) -> pa.RecordBatch:
        rows = []
        for number, text in enumerate(texts, first):
            title = len(text.split("\n", 1)[0])
            sections = [{"label": "title", "start": 0, "end": title}]
            if title < len(text):
                sections.append({"label": "abstract", "start": title + 1, "end": len(text)})
            row = {
                "doc_id": f"PMID:{number}",
                "version": 1,
                "text_hash": text_hash(text),
                "text": text,
                "sections": sections,
            }
            rows.append(row)
        section = pa.struct([("label", pa.string()), ("start", pa.int32()), ("end", pa.int32())])
        schema = pa.schema(
            [
                ("doc_id", pa.string()),
                ("version", pa.int32()),
                ("text_hash", pa.string()),
                ("text", pa.string()),
                ("sections", pa.list_(section)),
            ]
        )
        return pa.RecordBatch.from_pylist(rows, schema=schema)

    return make
