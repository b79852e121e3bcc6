"""YAML that a person wrote, read so that each of its mistakes is one sentence with its line.

PyYAML alone keeps the last of two equal keys without a word, so that of two sections `corpus:` the first is lost; it raises
errors of Python's own for a date that no calendar has; and a page of anchors that name each other means billions of values.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from pipeline.errors import MateriaError

__all__ = ["YamlPath", "parse_yaml", "parse_yaml_with_lines"]

#: Far above what a person writes, far below what takes a second to walk through.
_MOST_VALUES = 200_000

#: The keys and indexes on the way to a value.
YamlPath = tuple[Any, ...]


class _Loader(yaml.SafeLoader):
    """The safe loader, which says where a value is that is not what it looks like or is said to be."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError) as error:
            problem = f"{node.value!r} is no {node.tag.rpartition(':')[2]}"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from error


def parse_yaml(text: str, file: str, form: str = "") -> Any:
    """The value of a YAML text; None where it is empty. Raises as `parse_yaml_with_lines` does."""
    return parse_yaml_with_lines(text, file, form)[0]


def parse_yaml_with_lines(text: str, file: str, form: str = "") -> tuple[Any, dict[YamlPath, int]]:
    """The value of a YAML text, and the line (from 1) of every value in it, by path.

    Args:
        file: its name, for messages.
        form: what such a file looks like, said behind the remedy where it is no YAML.

    Raises:
        MateriaError: it is no YAML, has a key twice, or means more values than anyone writes; names the line.
    """
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None:
            return None, {}
        lines = {}
        for number, (path, line) in enumerate(_lines(root, file)):
            lines[path] = line
            if number >= _MOST_VALUES:
                problem = f"means more than {_MOST_VALUES:,} values"
                raise MateriaError(problem, file=file, remedy="Write it without anchors inside anchors")
        return loader.construct_document(root), lines
    except RecursionError as error:
        problem = "is no YAML that can be read: it is nested too deep, or holds itself"
        raise MateriaError(problem, file=file, remedy="Write it flatter") from error
    except yaml.YAMLError as error:
        problem = " ".join((getattr(error, "problem", None) or str(error).splitlines()[0]).split())
        mark = getattr(error, "problem_mark", None)
        record = f"line {mark.line + 1}" if mark else None
        remedy = f"Correct its syntax. {form}" if form else "Correct its syntax"
        raise MateriaError(f"is no YAML ({problem})", file=file, record=record, remedy=remedy) from error


def _lines(node: yaml.Node, file: str, path: YamlPath = ()) -> Iterator[tuple[YamlPath, int]]:
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        first: dict[Any, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode):
                if key.value in first:
                    problem = f"has the key {key.value!r} twice, the first time in line {first[key.value]}"
                    raise MateriaError(problem, file=file, record=f"line {line}", remedy="Make one of the two")
                first[key.value] = line
            yield from _lines(value, file, (*path, key.value if isinstance(key, yaml.ScalarNode) else None))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _lines(value, file, (*path, index))
