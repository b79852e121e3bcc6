"""English: names in running text with their number and capitals, definitions that fit "X is a ...", words of unknown predicates."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kg.languages.base import Concept, Language, SurfaceName
from kg.languages.english_definitions import definition_words
from kg.languages.english_names import surface_name
from pipeline.hashing import hash_fields
from pipeline.name_forms import normal_form

__all__ = ["English"]

_MOST_SYNONYMS = 3
_LONGEST_NAME = 60


class English(Language):
    """English, with the names of vocabularies brought into running text."""

    code = "en"
    between = " "

    def name_of(self, concept: Concept) -> SurfaceName | None:
        """The preferred name, in running order and case."""
        name = surface_name(concept.name or "", concept.curie, concept.category)
        return name if name.text else None

    def other_names_of(self, concept: Concept) -> tuple[SurfaceName, ...]:
        """Up to three exact synonyms that are no mere variants of the name, chosen by hash, then sorted."""
        own = set(normal_form(surface_name(concept.name, concept.curie, concept.category).text))
        seen = {frozenset(own)}
        kept: list[SurfaceName] = []
        for synonym in concept.synonyms or ():
            if synonym["scope"] != "exact" or len(synonym["name"]) > _LONGEST_NAME:
                continue
            other = surface_name(synonym["name"], concept.curie, concept.category)
            words = frozenset(normal_form(other.text)) - {"gene", "protein"}
            # The name with more words around it is a narrower thing, whatever the vocabulary says: "stump neuralgia".
            if words and words not in seen and not words > own and "," not in other.text:
                seen.add(words)
                kept.append(other)
        kept.sort(key=lambda name: hash_fields(concept.curie, name.text))
        return tuple(sorted(kept[:_MOST_SYNONYMS], key=lambda name: name.text.lower()))

    def definition_of(self, concept: Concept) -> str:
        """The first sentence of the definition, where it is one of a single thing."""
        name = self.name_of(concept)
        return "" if name is None or name.plural else definition_words(concept.definition)

    @staticmethod
    def words_of(predicate: str) -> Mapping[str, str]:
        """Words from a predicate's name: `biolink:has_part` -> has part|have part."""
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", predicate.split(":", 1)[-1]).lower().replace("_", " ").strip()
        words = (words or predicate).replace("{", "(").replace("}", ")").replace("|", "/")
        first, _, rest = words.partition(" ")
        rest = f" {rest}" if rest else ""
        if first == "has":
            return {"present": f"has{rest}|have{rest}", "infinitive": f"have{rest}"}
        if first in ("is", "are", "was"):
            return {"present": f"is{rest}|are{rest}", "infinitive": f"be{rest}"}
        if first.endswith("s") and not first.endswith(("ss", "us", "is")):
            base = _plural_verb(first)
            return {"present": f"{words}|{base}{rest}", "infinitive": f"{base}{rest}"}
        return {"present": f"is {words}|are {words}", "infinitive": f"be {words}"}


def _plural_verb(verb: str) -> str:
    if verb.endswith(("shes", "ches", "sses", "xes")):
        return verb[:-2]
    return f"{verb[:-3]}y" if verb.endswith("ies") else verb[:-1]
