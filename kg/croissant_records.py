"""How the rows of a corpus read, in Croissant's terms: which files hold them, which splits there are, what each column is.

Lists are arrays, lists of structs are arrays with sub-fields, as the table's schema says; so a new column needs nothing here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa

from kg.tables import CORPUS_PASSAGES

__all__ = ["PARQUET", "file_set", "passage_records", "split_records"]

_SPLITS: Final = {"train": "cr:TrainingSplit", "validation": "cr:ValidationSplit", "test": "cr:TestSplit"}
#: Columns that say what a property of these vocabularies says: of each row, what it was derived from.
_PROPERTIES: Final = {
    "text": "sc:text",
    "language": "sc:inLanguage",
    "evidence_ids": "prov:wasDerivedFrom",
    "doc_ids": "prov:wasDerivedFrom",
}
_FILES: Final = "passage-files"
#: The registered media type, and the one from before that which `mlcroissant` 1.1 goes by.
PARQUET: Final = ("application/vnd.apache.parquet", "application/x-parquet")


def file_set() -> dict[str, Any]:
    """All files of rows, from which records are read."""
    return {
        "@type": "cr:FileSet",
        "@id": _FILES,
        "name": _FILES,
        "description": "All passages, by split and bucket.",
        "encodingFormat": list(PARQUET),
        "includes": "data/split=*/bucket=*/*.parquet",
    }


def split_records(splits: Sequence[str]) -> dict[str, Any]:
    """The splits there are, as the record set that `passages/split` refers to."""
    fields: tuple[tuple[str, Any], ...] = (("name", "sc:Text"), ("url", ["sc:URL", "cr:Split"]))
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [{"@type": "cr:Field", "@id": f"splits/{n}", "name": n, "dataType": kind} for n, kind in fields],
        "data": [{"splits/name": split, "splits/url": _SPLITS[split]} for split in splits],
    }


def passage_records() -> dict[str, Any]:
    """The rows, a field for each column of CORPUS_PASSAGES."""
    fields = [_field(field) for field in CORPUS_PASSAGES if field.name != "split"]
    # The split is read from the path, so that a reader who asks for one split opens no file of the others.
    split = {
        "@type": "cr:Field",
        "@id": "passages/split",
        "name": "split",
        "description": _described(CORPUS_PASSAGES.field("split")),
        "dataType": "sc:Text",
        "references": {"field": {"@id": "splits/name"}},
        "source": {
            "fileSet": {"@id": _FILES},
            "extract": {"fileProperty": "fullpath"},
            "transform": {"regex": "^(?:.*split=)?(train|validation|test)(?:/.*)?$"},
        },
    }
    return {
        "@type": "cr:RecordSet",
        "@id": "passages",
        "name": "passages",
        "description": "One passage a record.",
        "key": [{"@id": "passages/passage_id"}, {"@id": "passages/repeat"}],
        "field": [*fields, split],
    }


def _field(field: pa.Field) -> dict[str, Any]:
    """A column as a field: lists as arrays, lists of structs as arrays with sub-fields."""
    name = f"passages/{field.name}"
    listed = pa.types.is_list(field.type)
    item = field.type.value_type if listed else field.type
    described = {"@type": "cr:Field", "@id": name, "name": field.name, "description": _described(field)}
    if field.name in _PROPERTIES:
        described["equivalentProperty"] = _PROPERTIES[field.name]
    array = {"isArray": True, "arrayShape": "-1"} if listed else {}
    source = {"fileSet": {"@id": _FILES}, "extract": {"column": field.name}}
    if not pa.types.is_struct(item):
        return {**described, "dataType": _data_type(item), **array, "source": source}
    inside = [
        {
            "@type": "cr:Field",
            "@id": f"{name}/{one.name}",
            "name": one.name,
            "dataType": _data_type(one.type),
            "source": {**source, "transform": {"jsonPath": one.name}},
        }
        for one in item
    ]
    return {**described, **array, "subField": inside}


def _described(field: pa.Field) -> str:
    text: bytes = (field.metadata or {}).get(b"description", b"")
    return text.decode()


def _data_type(kind: pa.DataType) -> str:
    if pa.types.is_integer(kind):
        return "cr:Int32"
    return "cr:Float64" if pa.types.is_floating(kind) else "sc:Text"
