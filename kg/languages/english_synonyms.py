"""Which synonyms of a vocabulary may stand in a sentence in place of the preferred name.

Vocabularies call much exact that is not: an entry term of MeSH may be narrower ("posterior choroidal artery infarction" for cerebral
infarction), a synonym of the Disease Ontology odd ("weak heart"), an acronym means something else elsewhere. A synonym is taken
where it says the same words in another way (kidney failure, renal failure; disease, disorder), or where a list shipped for the
language vouches that both names mean the same (hay fever, seasonal allergic rhinitis). Rejected: every exact synonym (of those
drawn for 200 rows of the graph of 11,309 abstracts, one in six was wrong), and rules of form for names without a common word.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files

from kg.languages.base import Concept, SurfaceName
from kg.languages.english_names import surface_name
from pipeline.hashing import hash_fields
from pipeline.name_forms import normal_form, organ_variant

__all__ = ["acronym_of", "interchangeable", "uninverted"]

_MOST = 3
_LONGEST = 60
_JOINING = frozenset({"of", "with", "in", "to"})
_LITTLE = frozenset({"of", "the", "a", "an", "in", "to", "with"})
# Adjectives that come before others: "sudden cardiac death", "experimental autoimmune encephalomyelitis".
_LEADING = frozenset({"acute", "chronic", "congenital", "experimental", "partial", "sudden"})
_CODE = re.compile(r"[A-Z]{2,}|\d|[A-Za-z][A-Z]|\b[A-Z]\b")
_ODD = re.compile(
    r"[,;:()\[\]/&]|\b(?:NOS|unspecified|other|included|finding|observation|disorders? of)\b", re.IGNORECASE
)
_LETTERS = re.compile(r"[^a-z0-9]+")


def interchangeable(concept: Concept, name: SurfaceName) -> tuple[SurfaceName, ...]:
    """Up to three exact synonyms in running text that mean just what the name means, chosen by hash, then sorted."""
    exact = tuple(s["name"] for s in concept.synonyms or () if s["scope"] == "exact" and len(s["name"]) <= _LONGEST)
    return _interchangeable(exact, concept.curie, concept.category, name) if exact else ()


@lru_cache(maxsize=1 << 16)
def _interchangeable(exact: tuple[str, ...], curie: str, category: str, name: SurfaceName) -> tuple[SurfaceName, ...]:
    group = _groups().get(_letters(name.text))
    seen = {_stems(name.text)}
    kept: list[SurfaceName] = []
    for other in (surface_name(synonym, curie, category) for synonym in exact):
        stems = _stems(other.text)
        if stems in seen or other.plural != name.plural or _ODD.search(other.text):
            continue
        if _CODE.search(other.text) and not _CODE.search(name.text):
            continue
        same = _same_words(name.text, other.text) and not _is_misspelt(other.text, name.text)
        if same or (group is not None and group == _groups().get(_letters(other.text))):
            seen.add(stems)
            kept.append(other)
    kept.sort(key=lambda other: hash_fields(curie, other.text))
    return tuple(sorted(kept[:_MOST], key=lambda other: other.text.lower()))


def acronym_of(concept: Concept, name: SurfaceName) -> SurfaceName | None:
    """An exact synonym made of the first letters of the name's words: COPD. Good beside the name, not in its place."""
    words = [word for word in re.split(r"[\s-]+", name.text) if word and word not in _LITTLE]
    letters = "".join(word if word.isdigit() else word[0] for word in words).upper()
    if len(letters) < 3 or name.plural:
        return None
    if any(synonym["name"] == letters and synonym["scope"] == "exact" for synonym in concept.synonyms or ()):
        return SurfaceName(letters, letters)
    return None


def uninverted(concept: Concept) -> str | None:
    """Of an inverted name of several parts, the order in which an exact synonym has its words; None where none has.

    "Death, Sudden, Cardiac" is "sudden cardiac death", which no rule can know.
    """
    words = sorted(re.findall(r"[^\s,]+", concept.name.lower()))
    head = re.split(r"[\s,]", concept.name.lower(), maxsplit=1)[0]
    found = []
    for synonym in concept.synonyms or ():
        other = synonym["name"]
        if synonym["scope"] == "exact" and "," not in other:
            ordered = other.lower().split()
            if sorted(ordered) == words and ordered[0] != head:
                found.append(other)
    # MeSH lists several orders, in capitals. Who writes a name in small letters has seen it in a text.
    return min(found, key=lambda o: (o.lower().split()[0] not in _LEADING, o.istitle(), found.index(o)), default=None)


def _same_words(one: str, other: str) -> bool:
    """Whether two names are made of the same words; in another order only where a word such as "of" joins them."""
    ours, joined = _words(one)
    theirs, also_joined = _words(other)
    return ours == theirs or ((joined or also_joined) and sorted(ours) == sorted(theirs))


@lru_cache(maxsize=1 << 16)
def _words(text: str) -> tuple[tuple[str, ...], bool]:
    """The words of a name that carry its meaning, in normal form, and whether others join them."""
    words = normal_form(text)
    # Of "kidney" and "renal" the first by the alphabet stands for both.
    kept = (min(word, *organ_variant((word,))) for word in words if word not in _LITTLE)
    return tuple("disease" if word == "disorder" else word for word in kept), not _JOINING.isdisjoint(words)


def _is_misspelt(other: str, name: str) -> bool:
    """Whether a name of a person has lost its capital or its apostrophe: barretts esophagus, Turners syndrome."""
    proper = [word for word in re.findall(r"[A-Z][a-z]+", name) if len(word) > 2]
    return any(f"{word}s " in f"{other} " or word not in other for word in proper)


def _letters(text: str) -> str:
    """A name without its spaces, hyphens and capitals, and with one spelling of its possessives: co-infection, coinfection."""
    return _LETTERS.sub("", text.lower().replace("'s", ""))


def _stems(text: str) -> str:
    """Its letters without the s of its words: the same for what differs in number only."""
    return "".join(_letters(word).rstrip("s") for word in text.split())


@lru_cache(maxsize=1)
def _groups() -> dict[str, int]:
    """The number of the group that a name stands in."""
    text = (files("kg") / "templates" / "en.same_meaning.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {_letters(name): number for number, line in enumerate(lines) for name in line.split("=")}
