"""What a language must bring so that the graph can be told in it.

A language has templates (`kg/templates/<code>.yaml`), knows how the names of concepts stand in its running text, and says what stands
between two sentences. All else is shared: which triples are told, how sure they sound, where the names stand. A language
without number, articles or capitals leaves those out: `SurfaceName("高血压", "高血压")` is a name, `{subject:is|are}` need not occur in
its templates.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from typing import ClassVar, NamedTuple

from kg.passage_rows import Span
from kg.phrases import Phrases, fill

__all__ = ["Concept", "Language", "SurfaceName", "visible"]

#: Control characters that are no space, soft hyphens, and marks of zero width or of direction.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)


def visible(text: str) -> str:
    r"""A text without the characters that nobody sees; spaces and line ends of all kinds stay.

    >>> visible("epi\u202elep\xadsy\x07")
    'epilepsy'
    """
    return text if text.isprintable() else _INVISIBLE.sub("", text)


class Concept(NamedTuple):
    """What a row of VOCABULARY says about a concept. Fields are columns of that table, in this order."""

    curie: str
    name: str
    category: str
    synonyms: list[dict[str, str]] | None = None
    definition: str | None = None
    translations: list[dict[str, str]] | None = None


class SurfaceName(NamedTuple):
    """A name inside a sentence, the same at its beginning (of equal length), and whether it takes a plural verb."""

    text: str
    initial: str
    plural: bool = False


class Language(ABC):
    """A language that triples are told in.

    Attributes:
        code: ISO 639-1 code.
        between: what stands between two sentences of a passage: a space, or nothing.
        phrases: its templates.
    """

    code: ClassVar[str]
    between: ClassVar[str]

    def __init__(self, phrases: Phrases) -> None:
        self.phrases = phrases

    @abstractmethod
    def name_of(self, concept: Concept) -> SurfaceName | None:
        """The name a concept is mostly told by; None where it has none in this language, so that it is not told."""

    @abstractmethod
    def other_names_of(self, concept: Concept, name: SurfaceName) -> tuple[SurfaceName, ...]:
        """Names that mean just what `name_of` means and may stand in its place; no codes, no mere variants; few."""

    def also_called(self, concept: Concept, name: SurfaceName) -> tuple[SurfaceName, ...]:
        """Names that a sentence about the entity itself gives; those of `other_names_of` unless a language says otherwise."""
        return self.other_names_of(concept, name)

    def synonyms_that_count(self, concept: Concept) -> Collection[str]:
        """Names of those synonyms without which `name_of` and `other_names_of` might answer otherwise; all unless a language knows better.

        What a new synonym changes that does not count is said of the entity itself alone, and nothing is told anew that only names it.
        """
        return {synonym["name"] for synonym in concept.synonyms or ()}

    def definition_of(self, concept: Concept, name: SurfaceName) -> str:
        """What follows the name and the verb of the template `definition`; "" where no definition fits."""
        return ""

    @staticmethod
    def words_of(predicate: str) -> Mapping[str, str] | None:
        """Words for a predicate that the templates lack, from its own name; None where the language cannot use that."""
        return None

    def opening(
        self, concept: Concept, name: SurfaceName, ambiguous: Collection[str] = frozenset()
    ) -> Iterator[tuple[str, list[Span]]]:
        """Sentences about the entity itself, each with the spans of its names: its definition, and its other names.

        Args:
            ambiguous: names, in lower case, that other concepts have too, and that are not told.
        """
        phrases = self.phrases
        if definition := self.definition_of(concept, name):
            yield _sentence(phrases.definition, name, concept, "definition", [(definition, False)])
        if others := [other for other in self.also_called(concept, name) if other.text.lower() not in ambiguous]:
            pieces: list[tuple[str, bool]] = []
            for number, other in enumerate(others):
                if number:
                    pieces.append((phrases.last if number == len(others) - 1 else phrases.comma, False))
                pieces.append((other.text, True))
            yield _sentence(phrases.synonyms, name, concept, "synonyms", pieces)


def _sentence(
    template: str, name: SurfaceName, concept: Concept, slot: str, pieces: list[tuple[str, bool]]
) -> tuple[str, list[Span]]:
    """A template with the entity's name and some pieces put in; pieces marked True are names of the entity too."""
    spans: list[Span] = []
    text = ""
    for part in fill(template, name.plural):
        if part == "{subject}":
            shown = name.text if text else name.initial
            spans.append((len(text), len(text) + len(shown), concept.curie, concept.category))
            text += shown
        elif part == f"{{{slot}}}":
            for piece, is_name in pieces:
                if is_name:
                    spans.append((len(text), len(text) + len(piece), concept.curie, concept.category))
                text += piece
        else:
            text += part
    return text, spans
