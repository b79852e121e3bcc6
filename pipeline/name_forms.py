"""The forms a name takes: one normal form for each word, and the variants that a vocabulary's name stands for in text.

Words are runs of letters or of digits; what lies between them (spaces, hyphens, slashes, commas) does not count, so
"FK-506", "FK 506" and "FK506" are one name. A word is folded in case, accents, Greek letters, British spelling and plural.
A Chinese character is a word by itself, since nothing in a text says where Chinese words end (see `han` for its form).
The rules need not give dictionary forms, they must only send the variants of a word to the same place and different words
to different ones. About 5 million words a second, since the normal form of a word is cached. Rejected: a lemmatizer
(needs a tagger) and the Porter stemmer ("organism", "organic" and "organ" become one word).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from pipeline.han import HAN, han_form, has_han, is_han

__all__ = [
    "WORD",
    "adjectives",
    "condition_variants",
    "folded_letters",
    "normal_form",
    "normal_word",
    "organ_variant",
    "variants",
]

#: A word: a run of letters, with a possessive s, a run of digits, or a Chinese character. Has no group of its own.
WORD = re.compile(rf"[^\W\d_{HAN}]+(?:['’]s(?![^\W_]))?|\d+|[{HAN}]")
_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta", "θ": "theta", "ι": "iota",
    "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma", "ς": "sigma", "τ": "tau",
    "υ": "upsilon", "φ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega", "ß": "beta", "µ": "mu",
}  # fmt: skip
_GREEK_TABLE = str.maketrans(_GREEK)
# "-oses" is the plural of "-osis" (thromboses) but also of "-ose" (doses, glucoses).
_OSE = ("dose", "glucose", "lactose", "sucrose", "nose", "purpose", "cellulose", "fructose", "ribose", "dextrose")
_SPELLING = re.compile(r"ae|oe|sulph")
_SPELLING_TO = {"ae": "e", "oe": "e", "sulph": "sulf"}
# Latin and Greek adjectives of organs against their English nouns, as used before "disease", "failure", "neoplasms" ...
# A vocabulary may hold both as different concepts (cerebral, brain infarction), so they are variants, no normal forms.
_ORGANS = {
    "renal": "kidney", "hepatic": "liver", "cardiac": "heart", "pulmonary": "lung", "gastric": "stomach", "ovarian": "ovary",
    "mammary": "breast", "ocular": "eye", "dental": "tooth", "cerebral": "brain", "vesical": "bladder",
    "esophageal": "esophagus", "prostatic": "prostate", "thyroidal": "thyroid", "uterine": "uterus", "pancreatic": "pancreas",
    "colonic": "colon", "muscular": "muscle", "dermal": "skin", "testicular": "testis",
}  # fmt: skip
_ORGAN_ADJECTIVES = {noun: adjective for adjective, noun in sorted(_ORGANS.items())}


@lru_cache(maxsize=1 << 18)
def normal_word(word: str) -> str:
    """The normal form of one word, never empty, without spaces.

    >>> [normal_word(w) for w in ["Tumours", "Alzheimer's", "neuropathies", "AIDS", "β", "Sjögren", "oedema", "thromboses"]]
    ['tumor', 'alzheimer', 'neuropathy', 'aids', 'beta', 'sjogren', 'edema', 'thrombosis']
    """
    if len(word) > 2 and word[-1] in "sS" and word[-2] in "'’":
        word = word[:-2]
    folded = folded_letters(word)
    if not folded.isascii() and is_han(folded):
        return folded
    if not (len(word) <= 5 and word.isupper()):
        folded = _singular(folded)
    folded = _SPELLING.sub(lambda m: _SPELLING_TO[m.group()], folded)
    if folded.endswith("our") and len(folded) > 4:
        folded = folded[:-2] + "r"
    return folded


def folded_letters(word: str) -> str:
    """The letters of a word before spelling and plural are folded: small, without accents, Greek ones by their names.

    >>> [folded_letters(word) for word in ("Sjögren", "β", "ＤＮＡ", "糖")]
    ['sjogren', 'beta', 'dna', '糖']
    """
    folded = word.lower()
    if folded.isascii():
        return folded
    if is_han(folded):
        return han_form(folded)
    decomposed = unicodedata.normalize("NFKD", folded.translate(_GREEK_TABLE))
    folded = "".join(c for c in decomposed if not unicodedata.combining(c)) or folded
    return folded.replace(" ", "")


def _singular(word: str) -> str:
    if len(word) < 4 or word[-1] != "s":
        return word[:-2] if word.endswith("omata") else word
    ending = word[-3:]
    if ending == "ies":
        return word[:-3] + "y" if len(word) > 5 else word
    if word.endswith("itides"):
        return word[:-4] + "s"
    if ending == "ses":
        if word.endswith(("yses", "eses", "stases", "epses")) or (
            word.endswith("oses") and not word[:-1].endswith(_OSE)
        ):
            return word[:-2] + "is"
        return word[:-2] if word.endswith("sses") else word[:-1]
    if ending in ("xes", "hes") and not word.endswith("aches"):
        return word[:-2]
    return word if ending[1:] in ("ss", "us", "is") else word[:-1]


def normal_form(name: str) -> tuple[str, ...]:
    """The normal forms of a name's words: what two names must share to be one name."""
    return tuple([normal_word(match.group()) for match in WORD.finditer(name)])


_NOTE = re.compile(
    r"\s*(?:,\s+)?[\[(](?:disorder|disease|finding|NOS|[^()\[\]]*type)[\])]$|,?\s+(?:NOS|INCLUDED|unspecified)$", re.I
)
_OF = re.compile(r"(?P<head>[\w' -]+?)\s+of\s+(?:the\s+)?(?P<rest>[\w' -]+)")
_LEADING = re.compile(r"(?:and|or|with|without|due|not|in|of|by|from|to|for|as|other|except)\b", re.I)


def variants(name: str) -> Iterator[str]:
    """Other spellings that a vocabulary's name stands for: inverted names put in running order, notes left out.

    >>> [*variants("Diabetes Mellitus, Type 2")], [*variants("Anemia, Hemolytic, Autoimmune")]
    (['Type 2 Diabetes Mellitus'], ['Autoimmune Hemolytic Anemia', 'Hemolytic Autoimmune Anemia'])
    """
    if has_han(name):
        yield from _chinese_variants(name)
        return
    bare = _NOTE.sub("", name)
    if bare != name and bare:
        yield bare
    if bare.lower().endswith("ic acid") and len(bare) > 9:
        yield bare[:-7] + "ate"
    parts = bare.split(", ")
    if 2 <= len(parts) <= 4 and all(parts) and not any(_LEADING.match(part) for part in parts):
        yield " ".join(reversed(parts))
        if len(parts) == 3:
            yield f"{parts[1]} {parts[2]} {parts[0]}"
    elif len(parts) == 1 and (match := _OF.fullmatch(bare)):
        yield f"{match['rest']} {match['head']}"


_CHINESE_NOTE = re.compile(r"[(（\[【][^()（）\[\]【】]*[)）\]】]$")
_TYPES = ({"1": "ⅰ", "2": "ⅱ", "3": "ⅲ", "4": "ⅳ"}, {"i": "1", "ii": "2", "iii": "3", "iv": "4"})
_TYPE = re.compile(r"(?<![0-9a-zⅰ-ⅳ.-])([1-4]|i{1,3}|iv|[ⅰ-ⅳ])(?=型|级|期|度)")


def _chinese_variants(name: str) -> Iterator[str]:
    """A Chinese name without the note at its end, and with the other kind of number before 型 (type) and its like.

    >>> [*variants("2型糖尿病")], [*variants("肥胖症（单纯性）")]
    (['ⅱ型糖尿病'], ['肥胖症'])
    """
    bare = _CHINESE_NOTE.sub("", name)
    if bare != name and has_han(bare):
        yield bare
    form = han_form(bare)
    roman, arabic = _TYPES

    def other(match: re.Match[str]) -> str:
        number = unicodedata.normalize("NFKC", match.group())
        return roman.get(number) or arabic[number]

    swapped = _TYPE.sub(other, form)
    if swapped != form:
        yield swapped


def organ_variant(form: tuple[str, ...]) -> tuple[str, ...]:
    """A normal form of several words with organ nouns for adjectives and the reverse: renal failure, kidney failure."""
    return tuple(_ORGANS.get(word) or _ORGAN_ADJECTIVES.get(word, word) for word in form)


_ADJECTIVES = (
    ("tension", "tensive"), ("emia", "emic"), ("osis", "otic"), ("itis", "itic"), ("enia", "enic"), ("plegia", "plegic"),
    ("lepsy", "leptic"), ("etes", "etic"), ("ete", "etic"), ("pathy", "pathic"), ("tonia", "tonic"), ("oxia", "oxic"),
    ("xicity", "xic"), ("ulsion", "ulsive"), ("cephaly", "cephalic"), ("bolism", "bolic"), ("egaly", "egalic"), ("tism", "tistic"),
    ("kinesia", "kinetic"), ("kinesis", "kinetic"),
)  # fmt: skip


def adjectives(word: str) -> Iterator[str]:
    """Adjectives that name the same condition as a one-word disease name: hypertension, hypertensive."""
    for noun, adjective in _ADJECTIVES:
        if word.endswith(noun) and len(word) > len(noun) + 1:
            yield word[: -len(noun)] + adjective
            return


# Of "Neurotoxicity Syndromes" the first word alone names the condition, of "Liver Diseases" it does not.
_NAMES_A_CONDITION = re.compile(r"(?:ity|ism|ia|sis|itis|iety|tion|ure)$")


def condition_variants(form: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Other forms in which a text may name a disease or finding: adjectives, organ words, without "drug" or "syndrome".

    >>> [*condition_variants(("drug", "overdose"))], [*condition_variants(("c2", "deficiency"))]
    ([('overdose',)], [('c2', 'deficient')])
    """
    if len(form) == 1:
        yield from ((adjective,) for adjective in adjectives(form[0]))
        return
    if (swapped := organ_variant(form)) != form:
        yield swapped
    if form[0] == "drug":
        yield form[1:]
    if len(form) == 2 and form[1] in {"syndrome", "disorder"} and _NAMES_A_CONDITION.search(form[0]):
        yield form[:1]
        yield from ((adjective,) for adjective in adjectives(form[0]))
    if form[-1] == "deficiency":
        yield (*form[:-1], "deficient")
