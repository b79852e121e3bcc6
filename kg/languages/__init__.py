"""The languages that the graph can be told in, by ISO 639-1 code. A new one is a file here, a template file, and a line below."""

from __future__ import annotations

from kg.languages.base import Concept, Language, SurfaceName
from kg.languages.chinese import Chinese
from kg.languages.english import English
from kg.phrases import load_phrases
from pipeline.errors import MateriaError

__all__ = ["LANGUAGES", "Concept", "Language", "SurfaceName", "language_of"]

LANGUAGES: dict[str, type[Language]] = {language.code: language for language in (English, Chinese)}


def language_of(code: str, templates: str | None = None) -> Language:
    """A language with its templates.

    Args:
        code: ISO 639-1 code.
        templates: path or URL of a file that adds to the templates that ship, or replaces some.

    Raises:
        MateriaError: nobody speaks it here, or a template is wrong (the message names file, line and slot).
    """
    if code not in LANGUAGES:
        known = ", ".join(sorted(LANGUAGES))
        raise MateriaError(f"there are no templates for the language {code!r}", remedy=f"Choose one of: {known}")
    kind = LANGUAGES[code]
    return kind(load_phrases(code, templates, kind.words_of))
