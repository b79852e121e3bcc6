"""Nodes of a knowledge graph in KGX: tab-separated, JSON Lines, or JSON, one loader each.

Format: https://github.com/biolink/kgx/blob/master/specification/kgx-format.md. Properties that a vocabulary has are kept:
`id`, `category`, `name`, `description`, `synonym` (also `exact_synonym`, `narrow_synonym`, `broad_synonym`,
`related_synonym`), `xref`, and `same_as` and `equivalent_identifiers` as exact matches. All others are dropped. Lists are
separated by `|` in the table. A node is often given its class with all classes above it: the most special one counts, and
NamedThing says nothing. A node without a name is a part. Deprecated nodes are set aside.

Edges are not read here: their table has no `category`, and those in a JSON file are passed over. Memory holds one
node. Cost: 50,000 nodes a second on one core, 30,000 in one JSON.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, BinaryIO

from pipeline.biolink import ancestors_of, parse_category
from pipeline.errors import SetAside
from pipeline.json_items import JsonError, json_items
from pipeline.readers.streams import numbered_lines
from pipeline.vocabularies.base import Concept, OnSetAside, clean_name, text_lines
from pipeline.vocabularies.categories import UNKNOWN
from pipeline.vocabularies.prefixes import normalise_curie

__all__ = ["KgxJson", "KgxJsonl", "KgxTsv", "is_kgx_header"]

_SYNONYMS = {
    "synonym": "exact",
    "exact_synonym": "exact",
    "narrow_synonym": "narrow",
    "broad_synonym": "broad",
    "related_synonym": "related",
}
_LISTS = frozenset((*_SYNONYMS, "category", "xref", "same_as", "equivalent_identifiers"))
_KEPT = (*_LISTS, "id", "name", "description", "deprecated")
_NODES = "nodes.item"
_SURROGATE = re.compile("[\ud800-\udfff]")
# Bytes of the largest node that is read: as Python objects, JSON takes up to 25 times its bytes.
_LARGEST_NODE = 2 << 20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class _NodeError(ValueError):
    """A node cannot be used: its arguments are a reason in kebab-case and a sentence."""


class KgxTsv:
    """Tables of nodes, `*_nodes.tsv`."""

    name = "kgx_tsv.v1"

    def recognises(self, head: bytes, name: str) -> bool:
        """By a header with the columns id and category, and none of an edge."""
        del name
        line = head.removeprefix(_BYTE_ORDER_MARK).split(b"\n", 1)[0]
        return is_kgx_header(line.decode("utf-8", "replace").rstrip("\r").split("\t"))

    def load(self, stream: BinaryIO, file: str, set_aside: OnSetAside) -> Iterator[Concept]:
        """Yield a concept for each row with an identifier."""
        places: list[tuple[str, int]] = []
        for number, line in text_lines(stream, file, set_aside):
            cells = line.split("\t")
            if not places:
                places = [(column, place) for place, column in enumerate(cells) if column in _KEPT]
            elif line.strip():
                values = {column: cells[place] for column, place in places if place < len(cells) and cells[place]}
                node = {key: value.split("|") if key in _LISTS else [value] for key, value in values.items()}
                yield from _usable(node, f"line {number}", file, set_aside)


class KgxJsonl:
    """Nodes as JSON Lines, `*_nodes.jsonl`."""

    name = "kgx_jsonl.v1"

    def recognises(self, head: bytes, name: str) -> bool:
        """By a first line that is an object with id and category, and no edge."""
        del name
        try:
            record = json.loads(head.removeprefix(_BYTE_ORDER_MARK).lstrip().split(b"\n", 1)[0])
        except (ValueError, RecursionError):
            return False
        return isinstance(record, dict) and is_kgx_header(list(record))

    def load(self, stream: BinaryIO, file: str, set_aside: OnSetAside) -> Iterator[Concept]:
        """Yield a concept for each line with an identifier."""
        for number, line in numbered_lines(stream):
            if line is not None and not line.strip():
                continue
            yield from _usable(line, f"line {number}", file, set_aside)


class KgxJson:
    """The nodes of a graph in one JSON object."""

    name = "kgx_json.v1"

    def recognises(self, head: bytes, name: str) -> bool:
        """By a list `nodes` near the start, whose first node has id and category."""
        del name
        if not head.removeprefix(_BYTE_ORDER_MARK).lstrip().startswith(b"{"):
            return False
        try:
            _, first = next(json_items(io.BytesIO(head), (_NODES,)), (_NODES, None))
        except JsonError:
            return False
        return isinstance(first, dict) and is_kgx_header(first)

    def load(self, stream: BinaryIO, file: str, set_aside: OnSetAside) -> Iterator[Concept]:
        """Yield a concept for each node with an identifier."""
        number = 0
        try:
            for number, (_, record) in enumerate(json_items(stream, (_NODES,)), 1):
                if isinstance(record, dict):
                    yield from _usable(record, f"node {number}", file, set_aside)
                else:
                    detail = "The node is no JSON object, or larger than 16 MiB. Correct or remove it."
                    set_aside(SetAside(file, f"node {number}", "malformed-json", detail))
        except JsonError as error:
            detail = (
                f"The JSON breaks ({error}); the {number} nodes before are kept. Get the file again from its source."
            )
            set_aside(SetAside(file, f"node {number + 1}", "malformed-json", detail))


def is_kgx_header(keys: Iterable[str]) -> bool:
    """Whether these are the columns or properties of a node: with id and category, and not of an edge."""
    keys = set(keys)
    return {"id", "category"} <= keys and keys.isdisjoint(("subject", "object"))


def _parsed(line: bytes | None) -> Any:
    """The JSON of a line; None is a line too long."""
    if line is None or len(line) > _LARGEST_NODE:
        raise _NodeError("line-too-long", "The line is longer than 2 MiB. Put one node on each line.")
    try:
        return json.loads(line)
    except UnicodeDecodeError as error:
        detail = "The line is not UTF-8. Convert the file to UTF-8, for example with iconv."
        raise _NodeError("not-utf-8", detail) from error
    except (ValueError, RecursionError) as error:
        raise _NodeError("malformed-json", "The line is not JSON. Write one JSON object on each line.") from error


def _usable(record: Any, place: str, file: str, set_aside: OnSetAside) -> Iterator[Concept]:
    """The concept of a node, or of a line of JSON, where there is one."""
    try:
        node = _parsed(record) if record is None or isinstance(record, bytes) else record
        yield _concept(node, place, file, set_aside)
    except _NodeError as error:
        set_aside(SetAside(file, place, *error.args))


def _concept(record: Any, place: str, file: str, set_aside: OnSetAside) -> Concept:
    if not isinstance(record, dict):
        raise _NodeError("malformed-json", "The node is not a JSON object. Correct or remove it.")
    node = {key: _strings(key, record[key]) for key in _KEPT if record.get(key) is not None}
    curie = normalise_curie(next(iter(node.get("id", ())), ""))
    if curie is None:
        raise _NodeError("no-identifier", "The node has no id that is a CURIE. Write it as PREFIX:LOCAL.")
    if node.get("deprecated", ["false"])[:1] in (["true"], ["True"]):
        raise _NodeError("obsolete", "The node is deprecated. Nothing needs to be done.")
    category, all_known = _category(tuple(node.get("category", ())))
    if not all_known:
        detail = "A category is no Biolink class that is known here. Correct or remove it."
        set_aside(SetAside(file, place, "unknown-category", detail))
    synonyms = {name: scope for key, scope in reversed(_SYNONYMS.items()) for text in node.get(key, ())
                if (name := clean_name(text))}  # fmt: skip
    same = (normalise_curie(text) for key in ("same_as", "equivalent_identifiers") for text in node.get(key, ()))
    xrefs = (normalise_curie(text) for text in node.get("xref", ()))
    return Concept(
        curie,
        clean_name(" ".join(node.get("name", ()))),
        tuple(synonyms.items()),
        category,
        clean_name(" ".join(node.get("description", ()))) or None,
        xrefs=tuple(dict.fromkeys(one for one in xrefs if one and one != curie)),
        matches=tuple(dict.fromkeys((one, "exact") for one in same if one and one != curie)),
    )


@lru_cache(maxsize=4096)
def _category(texts: tuple[str, ...]) -> tuple[str | None, bool]:
    """The most special class, None where it says nothing; and whether all are known."""
    known = [found for text in texts if (found := parse_category(text))]
    category = max(known, key=lambda one: len(ancestors_of(one)), default=UNKNOWN)
    return None if category == UNKNOWN else category, len(known) == len(texts)


def _strings(key: str, value: Any) -> list[str]:
    """The texts of a property that may be one or many."""
    if isinstance(value, bool):
        return [str(value).lower()]
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) and not _SURROGATE.search(one) for one in values):
        raise _NodeError("invalid-field", f"The property {key} is no text. Correct it or leave it out.")
    return [one.strip() for one in values if one.strip()]
