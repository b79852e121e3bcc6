"""Writes docs/configuration.md from the typed configuration, so that the page cannot differ from the code.

Run: .venv/bin/python docs/make_configuration.py
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from assets.config import Config
from assets.engines.config import Resources
from training.evaluation.config import SuiteConfig

HEAD = """# Configuration

Everything is optional. Write what you want to change into a YAML file and give it once; the home records it:

```
materia build --config materia.yaml
```

```yaml
fusion:
  retracted: downweight
corpus:
  minimum_belief: 0.5
```

An unknown key is an error that names it. A change rebuilds what reads the setting and what follows from it, nothing else.
This page is written by `docs/make_configuration.py`.
"""
SUITE = "## `suite`, a file of its own (`ablation.suite`, `materia evaluate model --suite`)"


def models_of(annotation: Any) -> list[type[BaseModel]]:
    """The configuration classes inside an annotation: itself, or the items of a tuple."""
    found = [a for a in (annotation, *get_args(annotation)) if isinstance(a, type) and issubclass(a, BaseModel)]
    return found[:1]


def kind(field: FieldInfo) -> str:
    """The type of a field as a reader writes it."""
    annotation = field.annotation
    name = annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")
    name = re.sub(r"Annotated\[(\w+), FieldInfo\(.*?\)\]\)\]", r"\1", name)  # the limits, which the meaning tells
    return name.replace("NoneType", "null").replace("|", "or")


def page() -> str:
    """The whole page."""
    told: dict[type[BaseModel], str] = {}
    home = [HEAD, "## Home\n", _table(Config), *_sections(Config, "", told)]
    suite = (SuiteConfig.__doc__ or "").strip().splitlines()[0]
    return "\n".join([*home, f"\n{SUITE}\n\n{suite}\n", _table(SuiteConfig), *_sections(SuiteConfig, "suite.", told)])


def _sections(within: type[BaseModel], prefix: str, told: dict[type[BaseModel], str]) -> Iterator[str]:
    """A section for each configuration class inside another one, and for those inside of it.

    Args:
        told: where a class stands already: the other section points there.
    """
    for name, field in within.model_fields.items():
        for model in models_of(field.annotation):
            summary = (model.__doc__ or "").strip().splitlines()[0]
            by = "the name of a stage" if model is Resources else "a name of yours"
            kinds = {"tuple": " (a list of these)", "dict": f" (these, by {by})"}
            several = kinds.get(str(field.annotation).partition("[")[0], "")
            yield f"\n## `{prefix}{name}`{several}\n\n{summary}\n"
            if model in told:
                yield f"Keys as in `{told[model]}`.\n"
                continue
            told[model] = f"{prefix}{name}"
            yield _table(model)
            yield from _sections(model, f"{prefix}{name}.", told)


def _table(model: type[BaseModel]) -> str:
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        if models_of(field.annotation):
            continue
        default = "" if field.default is None else field.default
        rows.append(f"| `{name}` | {kind(field)} | {default} | {field.description or ''} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    (Path(__file__).parent / "configuration.md").write_text(page(), encoding="utf-8")
