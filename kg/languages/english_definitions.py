"""The definition of a concept as it follows "X is".

A definition is told only where it fits the frame "X is a ...", and only its first sentence, cleaned of the codes that
ontologies put into prose (`located_in`, "(HP:0000001)"). What does not fit is left out rather than told badly.
"""

from __future__ import annotations

import re

from pipeline.sentences import split_sentences

__all__ = ["definition_words"]

_CODES = re.compile(r"\s*[\[(][A-Za-z]+:[\w.:]+[\])]|`")
_RELATION_WORD = re.compile(r"\b([a-z]+(?:_[a-z]+)+)\b")
_RELATIONS = {
    "has_material_basis_in": "caused by", "has_symptom": "with the symptom", "located_in": "in the", "results_in": "resulting in",
    "transmitted_by": "transmitted by", "derives_from": "derived from", "has_agent": "caused by", "composed_of": "composed of",
}  # fmt: skip
_FRAME = re.compile(r"(?:An?|Any|One of) [\w(]|The [\w-]+(?: [\w-]+)? (?:of|in|that|which)\b")
# The Disease Ontology leaves out a verb at times: "a disease that caused by", "an accumulation of the accumulation".
_PARTICIPLE = re.compile(r"\b(that|which) ((?:caused|characterized|derived|located|transmitted|composed|inherited)\b)")
_REPEATED = re.compile(r"\b(\w+) (?:of )?(?:the )?\1\b")
# What a cancer has its material basis in are cells, which cause nothing.
_FROM_CELLS = re.compile(r"\b(that |which |and )?has_material_basis_in (?=[\w -]*\b(?:cells?|tissues?)\b)")
_MARKUP = re.compile(r"<[^<>]*>|\s+")
_LONGEST = 400


def definition_words(definition: str | None) -> str:
    """The first sentence of a definition as it follows "X is", without its full stop; "" where it does not fit.

    >>> definition_words("A lung disease that is located_in the lung. It has_symptom cough.")
    'a lung disease that is in the lung'
    """
    text = _CODES.sub("", _MARKUP.sub(" ", definition or "")).strip().strip('"')
    if not _FRAME.match(text):
        return ""
    start, end = split_sentences(text)[0]
    sentence = text[start:end].rstrip(".")
    sentence = _FROM_CELLS.sub(lambda m: f"{m[1]}arises from " if m[1] else "arising from ", sentence)
    sentence = _RELATION_WORD.sub(lambda m: _RELATIONS.get(m.group(1), m.group(1).replace("_", " ")), sentence)
    sentence = re.sub(r"\bin the (?=(?:the|an?|one|any|both)\b)", "in ", sentence)
    sentence = _PARTICIPLE.sub(r"\1 is \2", sentence).replace("that resulting in", "that results in")
    sentence = sentence.replace("which resulting in", "which results in").replace("that with the", "that has the")
    if (
        len(sentence) > _LONGEST
        or "{" in sentence
        or sentence.count("(") != sentence.count(")")
        or sentence.count('"') % 2
    ):
        return ""
    if _REPEATED.search(sentence):
        return ""
    sentence = re.sub(r"^A (?=[aeiou])", "An ", sentence)
    return sentence[0].lower() + sentence[1:]
