"""From the words of a graph to CURIEs and Biolink predicates: a YAML table, shipped for Hetionet, a user's for the rest.

    relations:                            # relation -> predicate; long form where the direction or the worth differs
      CtD: treats
      AeG: {predicate: expressed_in, reverse: true, knowledge_level: observation}
    kinds:                                # what stands before `::` in a node -> prefix of its identifier, Biolink class
      Gene: {prefix: NCBIGene, category: Gene}
    nodes:                                # single nodes -> CURIE
      aspirin: MESH:D001241
    prefix: UMLS                          # prefix of every other node that is no CURIE

Where nothing is said, a node must be a CURIE and a relation a `biolink:` predicate. What a user says goes before what ships.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

from upath import UPath

from pipeline.biolink import parse_category
from pipeline.biolink_predicates import parse_predicate
from pipeline.errors import MateriaError
from pipeline.graphs.scores import KNOWLEDGE_LEVELS, NOT_PROVIDED, worth_of
from pipeline.readers.base import clean
from pipeline.sources import text_of
from pipeline.vocabularies.prefixes import normalise_curie
from pipeline.yaml_file import parse_yaml

__all__ = ["GraphMapping", "MappedRelation", "load_mapping", "shipped_mapping"]

_FORM = "Write it as `relations: {CtD: treats}` and, if wanted, kinds, nodes and prefix; see docs/vocabularies.md"
_KEYS = {"relations", "kinds", "nodes", "prefix"}
_PREFIX = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_LONGEST_NODE = 1000


class MappedRelation(NamedTuple):
    """What a relation of the file means: predicate, whether subject and object change places, and what it is worth."""

    predicate: str
    reverse: bool = False
    worth: float = worth_of(NOT_PROVIDED)


class _Kind(NamedTuple):
    prefix: str | None
    category: str | None


class GraphMapping:
    """How the words of a graph are understood. Without any table, CURIEs and Biolink predicates are.

    Attributes:
        node: CURIE of a node (None where it has none), and the class that its kind gives it.
        relation: what a relation means, None where that is not known. Words recur, so the answers of both are kept.
    """

    def __init__(
        self,
        relations: Mapping[str, MappedRelation] | None = None,
        kinds: Mapping[str, _Kind] | None = None,
        nodes: Mapping[str, str] | None = None,
        prefix: str | None = None,
    ) -> None:
        self._relations, self._kinds, self._nodes, self._prefix = relations or {}, kinds or {}, nodes or {}, prefix
        self.node: Callable[[str], tuple[str | None, str | None]] = lru_cache(1 << 17)(self._find_node)
        self.relation: Callable[[str], MappedRelation | None] = lru_cache(1 << 12)(self._find_relation)

    def over(self, other: GraphMapping) -> GraphMapping:
        """Both mappings as one; what this one says goes before what the other says."""
        return GraphMapping(
            {**other._relations, **self._relations},
            {**other._kinds, **self._kinds},
            {**other._nodes, **self._nodes},
            self._prefix or other._prefix,
        )

    def _find_node(self, text: str) -> tuple[str | None, str | None]:
        if len(text) > _LONGEST_NODE:
            return None, None
        kind, separator, local = text.partition("::")
        rule = self._kinds.get(kind) if separator else None
        category = rule.category if rule else None
        if text in self._nodes:
            return self._nodes[text], category
        if rule is not None:
            text = f"{rule.prefix}:{local}" if rule.prefix else local
        elif self._prefix and ("://" in text or normalise_curie(text) is None):
            text = f"{self._prefix}:{text}"
        return (None if "://" in text else normalise_curie(text)), category

    def _find_relation(self, text: str) -> MappedRelation | None:
        if text in self._relations:
            return self._relations[text]
        predicate = parse_predicate(text) if ":" in text else None
        return MappedRelation(predicate) if predicate else None


def load_mapping(path: str | UPath | None) -> GraphMapping:
    """The mapping of a user's YAML file; the one without any table where none is given.

    Raises:
        MateriaError: the file cannot be read, or something in it is not of the form above.
    """
    if path is None:
        return GraphMapping()
    return _parse(text_of(path), str(path))


@lru_cache(maxsize=8)
def shipped_mapping(name: str) -> GraphMapping:
    """A mapping that ships with the package, by its file's name."""
    return _parse((files("pipeline.graphs") / name).read_text(encoding="utf-8"), name)


def _parse(text: str, file: str) -> GraphMapping:
    content = parse_yaml(text, file, _FORM)
    if not isinstance(content, dict) or not set(content) <= _KEYS:
        raise MateriaError(f"holds other things than {', '.join(sorted(_KEYS))}", file=file, remedy=_FORM)
    nodes = {key: _curie(value, key, file) for key, value in _table(content, "nodes", file).items()}
    prefix = content.get("prefix")
    return GraphMapping(
        {key: _mapped(value, key, file) for key, value in _table(content, "relations", file).items()},
        {key: _kind(value, key, file) for key, value in _table(content, "kinds", file).items()},
        nodes,
        None if prefix is None else _prefix(prefix, "prefix", file),
    )


def _table(content: dict[str, Any], key: str, file: str) -> dict[str, Any]:
    """A table of the file; its keys stand for words of a graph, which are cleaned as these are."""
    table = content.get(key) or {}
    if not isinstance(table, dict):
        raise MateriaError("is no table (word: meaning)", file=file, record=key, remedy=_FORM)
    return {clean(str(word)).strip(): value for word, value in table.items()}


def _mapped(value: Any, word: str, file: str) -> MappedRelation:
    entry = value if isinstance(value, dict) else {"predicate": value}
    predicate = parse_predicate(str(entry.get("predicate")))
    level, reverse = entry.get("knowledge_level", NOT_PROVIDED), entry.get("reverse", False)
    if not set(entry) <= {"predicate", "reverse", "knowledge_level"} or not isinstance(reverse, bool):
        raise MateriaError(
            "holds other things than predicate, reverse (true or false) and knowledge_level",
            file=file,
            record=word,
            remedy=_FORM,
        )
    if predicate is None:
        raise MateriaError("names no Biolink predicate", file=file, record=word, remedy="Correct its predicate")
    if not isinstance(level, str) or level not in KNOWLEDGE_LEVELS:
        remedy = f"Use one of {', '.join(KNOWLEDGE_LEVELS)}"
        raise MateriaError("names no knowledge level of Biolink", file=file, record=word, remedy=remedy)
    return MappedRelation(predicate, reverse, worth_of(level))


def _kind(value: Any, word: str, file: str) -> _Kind:
    if not isinstance(value, dict) or not value or not set(value) <= {"prefix", "category"}:
        raise MateriaError("is not {prefix: ..., category: ...}", file=file, record=word, remedy=_FORM)
    category = parse_category(str(value["category"])) if "category" in value else None
    if "category" in value and category is None:
        raise MateriaError("names no Biolink class", file=file, record=word, remedy="Correct its category")
    return _Kind(_prefix(value["prefix"], word, file) if "prefix" in value else None, category)


def _curie(value: Any, word: str, file: str) -> str:
    curie = normalise_curie(str(value))
    if curie is None:
        raise MateriaError("is mapped to no CURIE", file=file, record=word, remedy="Write it as PREFIX:LOCAL")
    return curie


def _prefix(value: Any, word: str, file: str) -> str:
    if not isinstance(value, str) or not _PREFIX.fullmatch(value):
        raise MateriaError("names no prefix", file=file, record=word, remedy="Write it as letters and digits: MESH")
    return value
