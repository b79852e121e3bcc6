"""The columns of a table by the fields of a record: what delimited tables and Parquet share.

A column is known by its name in lower case, with `_` for whatever is no letter or digit. Columns named like a field are
that field; so are the names in `_ALIASES`, which public tables use: MTSamples (`transcription`), CORD-19's `metadata.csv`
(`cord_uid`, `sha`, `pmcid`, `pubmed_id`, `publish_time`: https://github.com/allenai/cord19), exports of reference managers.
Where several columns stand for one text, the first in the order of the aliases is that field and the others become sections
under their own names. Columns of other names are passed over; but in a table of facts, where `name` stands and no column is
a text, the name is the title and each further column a section. A cell is brought to the type of its field; an empty one,
or one that says that it is (`NA`, `nan`, `null`), is no value. `name` is no title elsewhere: it may be a patient's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final

from pipeline.curies import is_curie

__all__ = ["Columns", "column_key"]

_ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "title": ("article_title", "document_title", "标题", "题名"),
    "abstract": ("summary", "abstract_text", "medical_abstract", "abstractnote", "摘要"),
    "text": (
        "body", "body_text", "full_text", "fulltext", "transcription", "note_text", "note", "report", "content", "document",
        "passage", "description", "正文", "内容", "描述",
    ),
    "pmid": ("pubmed_id", "pubmedid"),
    "pmc": ("pmcid", "pmc_id"),
    "doi": ("article_doi",),
    "id": ("doc_id", "document_id", "note_id", "record_id"),
    "cord_uid": (),
    "sha": (),
    "keywords": ("keyword", "tags", "mesh_terms", "关键词"),
    "subjects": ("subject", "label", "labels", "category", "class", "topic", "medical_specialty", "condition_label"),
    "publication_types": ("publication_type",),
    "year": ("publication_year", "pub_year", "publish_time", "publication_date", "pub_date", "date", "年份"),
    "journal": ("journal_title", "source_title", "publication_title", "期刊"),
    "language": ("lang", "语言"),
    "aliases": (), "sections": (), "version": (), "retracted": (), "deleted": (),
}  # fmt: skip
#: Field and rank of each column name.
_FIELDS = {
    name: (field, rank) for field, aliases in _ALIASES.items() for rank, name in enumerate((field, *aliases))
}  # fmt: skip
_TEXTS = ("title", "abstract", "text")
_LISTS = ("keywords", "subjects", "publication_types", "aliases")
_NOTHING = {"", "na", "n/a", "nan", "none", "null"}
_YEAR = re.compile(r"(?<!\d)(1[5-9]\d\d|20\d\d)(?!\d)")
_NO_WORD = re.compile(r"\W+")
_TRUE, _FALSE = {"true", "1", "yes"}, {"false", "0", "no"}


def column_key(name: str) -> str:
    """A column's name in lower case, `_` for what is no letter or digit: ` PubMed ID ` -> `pubmed_id`."""
    return _NO_WORD.sub("_", name.strip().lstrip("\ufeff").casefold()).strip("_")


class Columns:
    """Which column of a table is which field.

    Attributes:
        known: how many columns are known.
        has_text: whether any of them is a title, an abstract, a text or sections.
        states_text: whether the table has any text at all: also that of a table of facts.
    """

    def __init__(self, names: Sequence[str]) -> None:
        keys = [column_key(name) for name in names]
        ranked = sorted((*_FIELDS[key], place) for place, key in enumerate(keys) if key in _FIELDS)
        self._fields: dict[str, int] = {}
        self._more: list[tuple[str, str, int]] = []  # columns beside the one that is their field: field, label, place
        for field, _, place in ranked:
            if self._fields.setdefault(field, place) != place and (field in _TEXTS or field in _LISTS):
                self._more.append((field, names[place].strip(), place))
        self.known = len(ranked)
        self.has_text = any(field in self._fields for field in (*_TEXTS, "sections"))
        self.states_text = self.has_text
        if not self.has_text and "name" in keys:
            self.states_text = True
            self._fields["title"] = keys.index("name")
            self._more += [
                ("text", names[place].strip(), place)
                for place, key in enumerate(keys)
                if key and key != "name" and key not in _FIELDS
            ]

    def record(self, cells: Sequence[Any]) -> dict[str, Any]:
        """The cells of a row as the fields of a record (`pipeline.readers.fields`)."""
        record = {
            field: value
            for field, place in self._fields.items()
            if (value := _value(field, cells[place])) not in (None, "")
        }
        sections: list[Any] = []
        for field, label, place in self._more:
            value = _value(field, cells[place])
            if value and field in _LISTS:
                record[field] = [*record.get(field, []), *value]
            elif value:
                sections.append({"label": label, "text": value})
        if sections:
            stated = record.get("sections", [])
            record["sections"] = [*stated, *sections] if isinstance(stated, list) else stated
        if names := [*record.pop("cord_uid", []), *record.pop("sha", [])]:
            record["aliases"] = [*record.get("aliases", []), *names]
        return record


def _value(field: str, cell: Any) -> Any:
    """A cell in the type of its field; what is no text and needs none as it is."""
    if not isinstance(cell, str):
        return _typed(field, cell)
    text = cell.strip()
    if field in _TEXTS or field == "journal":
        return text
    if text.casefold() in _NOTHING or field == "sections":
        return None
    if field in _LISTS:
        return _listed(field, _parts(text))
    if field in ("cord_uid", "sha"):
        return [f"cord19:{part}" for part in re.split(r"[;\s]+", text) if part]
    if field == "year":
        match = _YEAR.search(text)
        return match[1] if match else text
    if field in ("retracted", "deleted"):
        return True if text.casefold() in _TRUE else False if text.casefold() in _FALSE else text
    return re.sub(r"\.0$", "", text) if field in ("pmid", "pmc", "version") else text  # as pandas writes whole numbers


def _typed(field: str, cell: Any) -> Any:
    """A cell that has a type of its own."""
    if isinstance(cell, float):  # as pandas stores whole numbers of which some are missing
        if math.isnan(cell):
            return None
        cell = int(cell) if cell.is_integer() else cell
    if isinstance(cell, date):
        return cell.year if field == "year" else cell.isoformat()
    if field in _LISTS:
        return _listed(field, cell) if isinstance(cell, list) and all(isinstance(x, str) for x in cell) else None
    return cell


def _listed(field: str, items: Iterable[str]) -> list[str]:
    """The items that can stand in the field: no class numbers among subjects, CURIEs alone among aliases."""
    return [x for x in items if not (field == "subjects" and x.isdigit()) and (field != "aliases" or is_curie(x))]


def _parts(text: str) -> list[str]:
    """The items of a list in one cell: between `;` or `|` where there are any, else between commas."""
    separator = ";" if ";" in text else "|" if "|" in text else ","
    return [part.strip() for part in text.split(separator) if part.strip()]
