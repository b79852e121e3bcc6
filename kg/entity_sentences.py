"""What a vocabulary says of an entity itself, as sentences: its definition and its other names.

A definition is told only where it fits the frame "X is a ...", and only its first sentence, cleaned of the codes that
ontologies put into prose (`located_in`, "(HP:0000001)"). What does not fit is left out rather than told badly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kg.passage_rows import Span
from kg.phrases import Phrases, agree
from kg.surface_names import SurfaceName, surface_name
from pipeline.hashing import hash_fields
from pipeline.name_forms import normal_form

__all__ = ["entity_sentences"]

_MOST_SYNONYMS = 3
_CODES = re.compile(r"\s*[\[(][A-Za-z]+:[\w.:]+[\])]|`")
_RELATION_WORD = re.compile(r"\b([a-z]+(?:_[a-z]+)+)\b")
_RELATIONS = {
    "has_material_basis_in": "caused by", "has_symptom": "with the symptom", "located_in": "in the", "results_in": "resulting in",
    "transmitted_by": "transmitted by", "derives_from": "derived from", "has_agent": "caused by", "composed_of": "composed of",
}  # fmt: skip
_FRAME = re.compile(r"(?:An?|The|Any|One of) [\w(]")
_FIRST_SENTENCE = re.compile(r"(.+?[\w)\]\"'%])\.(?:\s|$)")
_MARKUP = re.compile(r"<[^<>]*>|\s+")
_LONGEST = 400
_LONGEST_NAME = 60


def entity_sentences(
    phrases: Phrases,
    name: SurfaceName,
    curie: str,
    category: str,
    *,
    synonyms: list[dict[str, str]] | None,
    definition: str | None,
) -> Iterator[tuple[str, list[Span]]]:
    """Sentences about an entity with the spans of its names: one with its definition, one with up to three exact synonyms."""
    if (words := definition_words(definition)) and not name.plural:
        yield _fill(phrases.definition, name, (curie, category), "definition", [(words, False)])
    if others := synonyms_of(name, curie, category, synonyms):
        pieces = []
        for i, other in enumerate(others):
            if i:
                pieces.append((phrases.last if i == len(others) - 1 else phrases.comma, False))
            pieces.append((other, True))
        yield _fill(phrases.synonyms, name, (curie, category), "synonyms", pieces)


def definition_words(definition: str | None) -> str:
    """The first sentence of a definition as it follows "X is", without its full stop; "" where it does not fit.

    >>> definition_words("A lung disease that is located_in the lung. It has_symptom cough.")
    'a lung disease that is in the lung'
    """
    text = _CODES.sub("", _MARKUP.sub(" ", definition or "")).strip().strip('"')
    if not _FRAME.match(text):
        return ""
    match = _FIRST_SENTENCE.match(text)
    sentence = match.group(1) if match else text.rstrip(".")
    sentence = _RELATION_WORD.sub(lambda m: _RELATIONS.get(m.group(1), m.group(1).replace("_", " ")), sentence)
    sentence = re.sub(r"\bin the (?=(?:the|an?|one|any|both)\b)", "in ", sentence)
    if len(sentence) > _LONGEST or "{" in sentence:
        return ""
    sentence = re.sub(r"^A (?=[aeiou])", "An ", sentence)
    return sentence[0].lower() + sentence[1:]


def synonyms_of(name: SurfaceName, curie: str, category: str, synonyms: list[dict[str, str]] | None) -> list[str]:
    """Up to three exact synonyms in running text that are no mere variants of the name, chosen by hash, then sorted."""
    own = set(normal_form(name.text))
    seen = {frozenset(own)}
    kept: list[str] = []
    for synonym in synonyms or []:
        if synonym["scope"] != "exact" or len(synonym["name"]) > _LONGEST_NAME:
            continue
        other = surface_name(synonym["name"], curie, category)
        words = frozenset(normal_form(other.text)) - {"gene", "protein"}
        # The name with more words around it is a narrower thing, whatever the vocabulary says: "stump neuralgia".
        if words and words not in seen and not words > own and "," not in other.text:
            seen.add(words)
            kept.append(other.text)
    kept.sort(key=lambda text: hash_fields(curie, text))
    return sorted(kept[:_MOST_SYNONYMS], key=str.lower)


def _fill(
    template: str, name: SurfaceName, concept: tuple[str, str], slot: str, pieces: list[tuple[str, bool]]
) -> tuple[str, list[Span]]:
    """A template with the entity's name and some pieces put in; pieces marked True are names of the entity too."""
    spans: list[Span] = []
    text = ""
    for part in re.split(r"(\{\w+\})", agree(template, "subject", name.plural)):
        if part == "{subject}":
            shown = name.text if text else name.initial
            spans.append((len(text), len(text) + len(shown), *concept))
            text += shown
        elif part == f"{{{slot}}}":
            for piece, is_name in pieces:
                if is_name:
                    spans.append((len(text), len(text) + len(piece), *concept))
                text += piece
        else:
            text += part
    return text, spans
