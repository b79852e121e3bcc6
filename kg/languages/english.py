"""English: names in running text with their number and capitals, definitions that fit "X is a ...", words of unknown predicates."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from kg.languages.base import Concept, Language, SurfaceName
from kg.languages.english_definitions import definition_words
from kg.languages.english_names import surface_name
from kg.languages.english_synonyms import acronym_of, interchangeable, uninverted
from pipeline.han import has_han

__all__ = ["English"]


class English(Language):
    """English, with the names of vocabularies brought into running text."""

    code = "en"
    between = " "

    def name_of(self, concept: Concept) -> SurfaceName | None:
        """The preferred name, in running order and case; None where it is written in Han, as only a Chinese source names it."""
        name = concept.name or ""
        if has_han(name):
            return None
        if name.count(", ") > 1 or (", " in name and " of " in name):
            name = uninverted(concept) or name
        surface = surface_name(name, concept.curie, concept.category)
        return surface if surface.text else None

    def other_names_of(self, concept: Concept, name: SurfaceName) -> tuple[SurfaceName, ...]:
        """Up to three exact synonyms that mean just the same."""
        return interchangeable(concept, name)

    def also_called(self, concept: Concept, name: SurfaceName) -> tuple[SurfaceName, ...]:
        """These, and the acronym of the name's words."""
        acronym = acronym_of(concept, name)
        others = self.other_names_of(concept, name)
        return (*others, acronym) if acronym else others

    def synonyms_that_count(self, concept: Concept) -> Collection[str]:
        """Those that are told, and one that puts an inverted name right: the choice among several looks at each for itself."""
        name = self.name_of(concept)
        told = {other.text for other in self.other_names_of(concept, name)} if name else set()
        exact = [synonym["name"] for synonym in concept.synonyms or () if synonym["scope"] == "exact"]
        righted = uninverted(concept) if concept.name and ", " in concept.name else None
        return {
            other
            for other in exact
            if other == righted or (told and surface_name(other, concept.curie, concept.category).text in told)
        }

    def definition_of(self, concept: Concept, name: SurfaceName) -> str:
        """The first sentence of the definition, where it is one of a single thing."""
        return "" if name.plural else definition_words(concept.definition)

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
