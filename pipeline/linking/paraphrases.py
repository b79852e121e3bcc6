"""Other words for a mention, made by rules of medical and chemical language, to find names that share no word with it.

"Nephropathy" is a disease of the kidney, "renal damage" too, "glutamate" is glutamic acid, and "diltiazem hydrochloride" is a salt of
diltiazem. The rules know parts of words (`medical_words.en.yaml`), no concepts. Learned from a vocabulary instead, they would
need one that has the synonyms already. Cost: 4 microseconds a text.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

from pipeline.lexicons import load_words, load_yaml

__all__ = ["paraphrases"]


@cache
def _rules() -> dict[str, Any]:
    rules = load_yaml("medical_words.en.yaml")
    rules["general_heads"] = frozenset(rules["general_heads"])
    return dict(rules)


@lru_cache(maxsize=1 << 16)
def paraphrases(text: str) -> tuple[tuple[str, bool], ...]:
    """Other words for a name, most faithful first, each with whether they are more general than the name.

    >>> paraphrases("nephrotoxicity"), paraphrases("L-glutamate"), paraphrases("aspirin")
    ((('kidney toxicity', False), ('kidney disease', True)), (('L-glutamic acid', False),), ())
    >>> paraphrases("renal damage"), paraphrases("epileptic")
    ((('kidney damage', False), ('kidney disease', True)), (('epilepsy', False),))
    """
    found: dict[str, bool] = {}
    for other, general in _paraphrases(text):
        if other != text:
            found.setdefault(other, general)
    return tuple(found.items())[:4]


def _paraphrases(text: str) -> Iterator[tuple[str, bool]]:
    words = text.split()
    if not words or len(words) > 8:
        return
    rules = _rules()
    plain = [rules["organs"].get(word.lower(), word) for word in words]
    compound = _plain_compound(plain[-1], rules)
    plain[-1:] = compound or plain[-1:]
    if plain != words:
        disease = compound is not None and compound[-1] == "disease" and not words[-1].lower().endswith("pathy")
        yield " ".join(plain), disease
    if len(" ".join(plain).split()) > 1 and plain[-1].lower() in rules["general_heads"] and plain[-1] != "disease":
        yield " ".join([*plain[:-1], "disease"]), True
    last = words[-1]
    for adjective, noun in rules["adjectives"].items():
        if last.lower().endswith(adjective) and len(last) > len(adjective) + 2:
            yield " ".join([*words[:-1], last[: -len(adjective)] + noun]), False
            break
    if last.lower().endswith("ate") and len(last) > 6:
        yield " ".join([*words[:-1], last[:-3] + "ic acid"]), False
    if len(words) > 1 and last.lower() in load_words("salts.en.txt"):
        yield " ".join(words[:-1]), True


def _plain_compound(word: str, rules: dict[str, Any]) -> list[str] | None:
    """A compound of Greek and Latin parts in plain words: ["kidney", "disease"] for nephropathy, None where it is none."""
    lowered = word.lower()
    for ending, head in rules["endings"].items():
        if lowered.endswith(ending):
            form = lowered[: -len(ending)]
            meaning = rules["combining_forms"].get(form) or rules["combining_forms"].get(
                form[:-1] if form[-1:] in "oia" else ""
            )
            if meaning:
                return [meaning, head]
    return None
