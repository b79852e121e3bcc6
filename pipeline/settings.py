"""Settings as people give them: nested keys and values in YAML, dotted keys on a command line; and their mistakes in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from pipeline.errors import MateriaError
from pipeline.yaml_file import parse_yaml

__all__ = ["merged", "parse_settings", "set_keys"]

_Model = TypeVar("_Model", bound=BaseModel)

#: What pydantic says in the words of Python, in those of YAML.
_MISTAKES = {
    "extra_forbidden": "there is no such key",
    "tuple_type": "input should be a list",
    "dict_type": "input should be keys and values",
    "model_type": "input should be keys and values",
    "missing": "this key is missing",
}


def parse_settings(model: type[_Model], values: Any, file: str, *, remedy: str) -> _Model:
    """Settings from parsed YAML or JSON.

    Args:
        file: where they were given, for messages.
        remedy: what to do about a mistake.

    Raises:
        MateriaError: naming each mistake; of a key that does not exist, the one that was probably meant.
    """
    if not isinstance(values, dict):
        raise MateriaError(
            "holds no settings (key: value)", file=file, remedy="See docs/configuration.md for an example"
        )
    try:
        return model.model_validate(values)
    except ValidationError as error:
        mistakes = "; ".join(_said(model, e["loc"], e["type"], e["msg"]) for e in error.errors())
        raise MateriaError(mistakes, file=file, remedy=remedy) from error


def set_keys(values: Mapping[str, Any], assignments: Sequence[str]) -> dict[str, Any]:
    """Nested settings with some of them replaced.

    Args:
        assignments: `section.key=value` each; the value is YAML.

    Raises:
        MateriaError: one is no assignment.

    >>> set_keys({"trainer": {"steps": 5}}, ["trainer.steps=9", "data.packing=false"])
    {'trainer': {'steps': 9}, 'data': {'packing': False}}
    """
    changed = dict(values)
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not (equals and key.strip()):
            raise MateriaError(f"{assignment!r} sets nothing", remedy="Write --set section.key=value")
        value = parse_yaml(text, f"--set {key}")
        for name in reversed(key.strip().split(".")):
            value = {name: value}
        changed = merged(changed, value)
    return changed


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two nested settings as one; where both have a value the second counts."""
    both = {
        key: merged(below[key], value)
        for key, value in above.items()
        if isinstance(value, Mapping) and isinstance(below.get(key), Mapping)
    }
    return {**below, **above, **both}


def _said(model: type[BaseModel], place: tuple[int | str, ...], kind: str, message: str) -> str:
    """A mistake as `place: what is wrong`."""
    message = message.removeprefix("Value error, ")
    said = _MISTAKES.get(kind, f"{message[:1].lower()}{message[1:]}")
    if kind == "extra_forbidden":
        names = _names_at(model, place[:-1])
        close = get_close_matches(str(place[-1]), names, 1) or _elsewhere(model, str(place[-1]))
        said += f"; did you mean {close[0]}?" if close else ""
    return f"{'.'.join(map(str, place))}: {said}" if place else said


def _names_at(model: type[BaseModel], place: Sequence[int | str]) -> list[str]:
    """The keys that a section has."""
    for name in place:
        if isinstance(name, str) and name in model.model_fields:
            below = _models_in(model.model_fields[name].annotation)
            if not below:
                return []
            model = below[0]
    return list(model.model_fields)


def _elsewhere(model: type[BaseModel], name: str) -> list[str]:
    """The places below a section where a key of this name is, as from that section."""
    return [
        f"{section}.{name}"
        for section, field in model.model_fields.items()
        for below in _models_in(field.annotation)
        if name in below.model_fields
    ]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """The configuration classes in an annotation: itself, or a part of a union or tuple."""
    return [a for a in (annotation, *get_args(annotation)) if isinstance(a, type) and issubclass(a, BaseModel)]
