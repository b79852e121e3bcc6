"""What the columns of a table mean: a YAML file, shipped for the disease table, a user's for his own.

    language: zh                     # of the names; en where it is not said
    encoding: gb18030                # of a file that is not UTF-8
    delimiter: ","                   # between cells
    tails: ["[详细]"]                # words at the end of a cell that belong to the web page it was taken from
    cut: "..."                       # ends a name that the page cut off
    placeholders: [暂无相关资料]     # cells and names that say nothing
    shifted: 根据不同医院            # regular expression: a row with a mapped cell that it finds has its cells in the wrong columns
    subject: {column: name, category: Disease}
    aliases:                         # columns with other names of the subject
      alias: {separators: [",", "，"]}
    columns:                         # columns with names of other things, and what the subject has to do with them
      symptom: {predicate: has_phenotype, category: PhenotypicFeature, separators: [" "]}
      drug: {predicate: treats, reverse: true, category: Drug, separators: [" "], knowledge_level: not_provided}

Columns that are not named are not read. A separator of one space stands for any white space. A column may have `tails` and
`placeholders` of its own, and `shortest: 1` where a single character is a name (肝). Classes and predicates are Biolink's.
`reverse: true` makes the other thing the subject of the claim.
"""

from __future__ import annotations

import re
from functools import cache, cached_property
from importlib.resources import files
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from pipeline.biolink import parse_category
from pipeline.biolink_predicates import parse_predicate
from pipeline.errors import MateriaError
from pipeline.hashing import hash_json
from pipeline.sources import text_of
from pipeline.yaml_file import parse_yaml

__all__ = ["Aliases", "Column", "Subject", "TableMapping", "load_table_mapping", "shipped_tables"]

_FORM = "See docs/vocabularies.md for the mapping of a table"
_SHIPPED = ("disease_table.yaml",)


def _category(text: str) -> str:
    if (category := parse_category(text)) is None:
        raise ValueError(f"{text!r} is no Biolink class")
    return category


def _predicate(text: str) -> str:
    if (predicate := parse_predicate(text)) is None:
        raise ValueError(f"{text!r} is no Biolink predicate")
    return predicate


def _level(text: str) -> str:
    from pipeline.graphs.scores import KNOWLEDGE_LEVELS  # here, as the readers of graphs import this module

    if text not in KNOWLEDGE_LEVELS:
        raise ValueError(f"{text!r} is none of {', '.join(KNOWLEDGE_LEVELS)}")
    return text


def _encoding(text: str) -> str:
    try:
        # bytes of a line end or a delimiter must never be part of another character
        if "\n,".encode(text) != b"\n,":
            raise ValueError(f"{text!r} is no encoding that includes ASCII")
    except LookupError as error:
        raise ValueError(f"{text!r} is no encoding") from error
    return text


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression ({error})") from error
    return text


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Subject(_Strict):
    """The column that names what a row is about, and the Biolink class of that."""

    column: str
    category: Annotated[str, AfterValidator(_category)]
    shortest: int = Field(2, ge=1)


class Aliases(_Strict):
    """How a cell with several names is taken apart."""

    separators: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    tails: tuple[str, ...] = ()
    placeholders: frozenset[str] = frozenset()
    shortest: int = Field(2, ge=1)

    @cached_property
    def separator(self) -> re.Pattern[str] | None:
        """What stands between two names, None where a cell holds one."""
        parts = [r"\s" if one == " " else re.escape(one) for one in self.separators]
        return re.compile(f"(?:{'|'.join(parts)})+") if parts else None


class Column(Aliases):
    """A column with names of other things: their class, and the claim about each and the subject."""

    category: Annotated[str, AfterValidator(_category)]
    predicate: Annotated[str, AfterValidator(_predicate)]
    reverse: bool = False
    knowledge_level: Annotated[str, AfterValidator(_level)] = "not_provided"


class TableMapping(_Strict):
    """A whole table; see the head of this module."""

    language: str = Field("en", pattern="^[a-z]{2}$")
    encoding: Annotated[str, AfterValidator(_encoding)] = "utf-8"
    delimiter: Literal[",", ";", "\t", "|"] = ","
    tails: tuple[str, ...] = ()
    cut: str | None = Field(None, min_length=1)
    placeholders: frozenset[str] = frozenset()
    shifted: Annotated[str, AfterValidator(_pattern)] | None = None
    subject: Subject
    aliases: dict[str, Aliases] = {}
    columns: dict[str, Column] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that are read, that of the subject first."""
        return (self.subject.column, *self.aliases, *self.columns)

    @cached_property
    def version(self) -> str:
        """A hash of the mapping: what was read by another one must be read again."""
        return hash_json(self.model_dump(mode="json") | {"placeholders": sorted(self.placeholders)})


def load_table_mapping(path: str) -> TableMapping:
    """The mapping of a YAML file.

    Raises:
        MateriaError: the file cannot be read, or something in it is not of the form above; all mistakes in one sentence.
    """
    return _parse(text_of(path), path)


@cache
def shipped_tables() -> tuple[TableMapping, ...]:
    """The mappings that ship with the package."""
    folder = files("pipeline.curated")
    return tuple(_parse((folder / name).read_text(encoding="utf-8"), name) for name in _SHIPPED)


def _parse(text: str, file: str) -> TableMapping:
    content = parse_yaml(text, file, _FORM)
    if not isinstance(content, dict):
        raise MateriaError("holds no keys (subject: ...)", file=file, remedy=_FORM)
    try:
        mapping = TableMapping.model_validate(content)
    except ValidationError as error:
        mistakes = (f"{'.'.join(map(str, e['loc']))}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors())
        raise MateriaError("; ".join(mistakes), file=file, remedy=f"Correct these keys. {_FORM}") from error
    twice = sorted({name for name in mapping.names if mapping.names.count(name) > 1})
    if twice:
        raise MateriaError(f"gives {', '.join(twice)} two meanings", file=file, remedy="Name each column once")
    return mapping
