"""Claims between two mentions of one sentence, by trigger patterns over a masked sentence.

Every mention becomes one character of the private use area: its block tells the pattern what kind of thing it is, its place
in the block which mention. Then one regular expression holds a whole construction ("{S} in the treatment of {O}"), coordinated
lists are part of it, and words between the two ends cannot run over a third mention. Patterns are data, in the lexicons
`triggers.en.yaml` and, for Chinese sentences, `triggers.zh.yaml`. Cost: about 120 microseconds for a sentence with two mentions or
more. Rejected: patterns over each pair of mentions (quadratic, and lists have to be found again for each pair), and dependency
patterns (need a parser).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cache, cached_property

from pipeline.biolink import is_kind_of
from pipeline.han import han_form, is_chinese
from pipeline.lexicons import load_yaml

__all__ = ["EntitySpan", "Found", "find_claims", "hedged_certainty", "kind_of", "pattern_priors"]

# Blocks of the private use area, 1,024 characters each: how many mentions of a kind one sentence may hold.
_BLOCK = 0x400
_KINDS = ("substance", "role", "disease", "phenotype", "gene", "procedure")
_FIRST = {kind: 0xE000 + number * _BLOCK for number, kind in enumerate(_KINDS)}
_CLASSES = {
    "chemical": ("substance", "role"), "substance": ("substance",), "role": ("role",), "disease": ("disease", "phenotype"),
    "phenotype": ("phenotype",), "gene": ("gene",), "procedure": ("procedure",), "illness": ("disease",),
    "remedy": ("substance", "role", "procedure"), "cause": ("substance", "role", "disease", "phenotype"),
}  # fmt: skip
_MARK = "[\ue000-\uf8ff]"
_SEPARATOR = r"(?:,? (?:and(?:/or)?|or|plus)(?: (?:the|with))? |, |/| ?\+ )"
_WORD = r"(?:[\w-]+ )?"  # before the next name of a list
_COMPARED = (
    r"(?:,? (?:and(?:/or)?|or|plus|versus|vs\.?|compared (?:with|to)|with|combined with|in combination with|against)(?: the)? "
    r"|, |/| ?\+ |-)"
)
# In Chinese, 、 and its like, with what is named beside and known to no vocabulary, and a word or two before the next name.
_CHINESE_SEPARATOR = (
    "(?:、[^\ue000-\uf8ff,;。:、]{1,8}){0,3}(?:、|/|和|与|及|或|以及|及其|伴|并)+[^\ue000-\uf8ff,;。:、]{0,4}"
)


@dataclass(frozen=True, slots=True)
class EntitySpan:
    """A linked mention, with offsets into its sentence."""

    start: int
    end: int
    curie: str
    category: str
    negated: bool
    hedged: bool


@dataclass(frozen=True, slots=True)
class Found:
    """A claim found in a sentence: places of the two mentions in the sequence given, and what is said of them."""

    subject: int
    predicate: str
    object: int
    trigger: str
    direction: str | None
    polarity: bool
    certainty: float
    hypothetical: bool
    probability: float
    pattern: str


@dataclass(frozen=True)
class _Pattern:
    name: str
    predicate: str
    source: str
    words: tuple[str, ...]
    probability: float
    deniable: bool
    presupposed: bool
    directed: bool

    @cached_property
    def expression(self) -> re.Pattern[str]:
        """Compiled when a sentence has its words: all of them take 0.1 s."""
        return re.compile(self.source)


@dataclass(frozen=True, slots=True)
class _Lexicon:
    patterns: tuple[_Pattern, ...]
    words: frozenset[str]  # of all patterns
    hedged_certainty: float
    general_factor: float
    # Regular expressions, as the lexicon's own comments describe them.
    negation: re.Pattern[str]
    negation_after: re.Pattern[str]
    negation_of_noun: re.Pattern[str]
    hedge: re.Pattern[str]
    hedge_of_noun: re.Pattern[str]
    hypothetical: re.Pattern[str]
    increased: re.Pattern[str]
    decreased: re.Pattern[str]
    removal: re.Pattern[str]
    general: re.Pattern[str]


_EXPRESSIONS = [
    field.name
    for field in fields(_Lexicon)
    if field.name not in ("patterns", "words", "hedged_certainty", "general_factor")
]


@cache
def kind_of(category: str, language: str = "en") -> str | None:
    """The kind of thing a Biolink class is to the patterns of a language; None where no pattern speaks of it."""
    if language == "zh" and any(is_kind_of(category, f"biolink:{kind}") for kind in _PROCEDURES):
        return "procedure"
    if category == "biolink:ChemicalRole":
        return "role"
    if is_kind_of(category, "biolink:ChemicalEntity") and category != "biolink:NucleicAcidEntity":
        return "substance"
    if is_kind_of(category, "biolink:PhenotypicFeature"):
        return "phenotype"
    if is_kind_of(category, "biolink:DiseaseOrPhenotypicFeature"):
        return "disease"
    genes = ("biolink:Gene", "biolink:Protein", "biolink:Polypeptide", "biolink:GeneFamily")
    return "gene" if any(is_kind_of(category, gene) for gene in genes) else None


_PROCEDURES = ("Procedure", "Treatment", "ClinicalIntervention", "DiagnosticAid")


@cache
def _lexicon(language: str = "en") -> _Lexicon:
    source = load_yaml(f"triggers.{language}.yaml")
    macros: dict[str, str] = {}
    for name, body in source["macros"].items():
        macros[name] = _filled(body, macros)
    patterns = []
    for entry in source["patterns"]:
        if language == "zh":
            joints = (_CHINESE_SEPARATOR, f"(?:{_CHINESE_SEPARATOR}|,)" if entry.get("commas") else _CHINESE_SEPARATOR)
        else:
            joints = ((_COMPARED if entry.get("compared") else _SEPARATOR) + _WORD, _SEPARATOR + _WORD)
        ends = {**_ends("S", entry["subject"], joints[0]), **_ends("O", entry["object"], joints[1])}
        expression = _filled(entry["pattern"], {**macros, **ends})
        patterns.append(
            _Pattern(
                entry["name"], entry["predicate"], expression, tuple(entry.get("words", ())), entry["probability"],
                entry.get("deniable", True), entry.get("presupposed", False), entry["predicate"] == "biolink:affects",
            )
        )  # fmt: skip
    expressions = {name: re.compile(source[name], re.IGNORECASE) for name in _EXPRESSIONS}
    words = frozenset(word for pattern in patterns for word in pattern.words)
    return _Lexicon(tuple(patterns), words, source["hedged_certainty"], source["general_factor"], **expressions)


def hedged_certainty() -> float:
    """The certainty of a claim that is hedged."""
    return _lexicon().hedged_certainty


def pattern_priors(language: str = "en") -> dict[str, float]:
    """The probability that each pattern of a language gives a claim, by its name."""
    return {pattern.name: pattern.probability for pattern in _lexicon(language).patterns}


def _filled(body: str, values: dict[str, str]) -> str:
    return re.sub(r"\{([A-Z]+\d?)\}", lambda match: values[match.group(1)], body)


def _ends(letter: str, kind: str, separator: str) -> dict[str, str]:
    """The groups of one end: S, S2, S3 stand for a mention or a list of them, S1 for a single one."""
    first = [_FIRST[k] for k in _CLASSES[kind]]
    one = "[" + "".join(f"{chr(a)}-{chr(a + _BLOCK - 1)}" for a in first) + "]"
    several = rf"{one}(?:{separator}{one}){{0,7}}"
    return {f"{letter}{n}": f"(?P<{letter}{n}>{one if n == '1' else several})" for n in ("", "1", "2", "3")}


_BRACKETED = re.compile(r"\s?[(\[][^()\[\]\ue000-\uf8ff]{0,150}[)\]]")
_ALIAS = re.compile(f"({_MARK}) ?[(\\[](?:or )?({_MARK})[^()\\[\\]\ue000-\uf8ff]{{0,40}}[)\\]]")
_UNIT = r"(?:mg|g|microg|micrograms?|µg|μg|ug|mcg|ml|mmol|mumol|units?|iu|u|ng|%|mol|m|mm|microm|meq)"
_DOSE = re.compile(
    r"(?<=[\ue000-\uf8ff]),? (?:at (?:a )?(?:doses? of )?|in (?:a )?doses? of )?"
    rf"\d[\d.,/ –-]*(?:to |and |or |-)?[\d.]* ?{_UNIT}\b\.?"
    r"(?:(?: ?/ ?| per )(?:kg|day|d|h|hr|min|m2|ml|l|dose)\b)*"
    r"(?:,? (?:(?:once|twice|three times|four times|thrice) )?"
    r"(?:daily|a day|per day|(?:b\.?i|t\.?i|q|o)\.?d\b\.?|(?:i\.?v|p\.?o)\b\.?|once|twice))*"
)
# "calcium blockers", "serotonin-2A receptor": the substance is part of another thing's name.
_PART_OF_NAME = re.compile(
    r"[ -](?:[\w-]{1,8}[ -])?"
    r"(?:receptors?|(?:ant)?agonists?|blockers?|blockade|channels?|inhibitors?|(?:re)?uptake|transporters?|entry)\b",
    re.IGNORECASE,
)
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class _Masked:
    """A sentence in lower case with a mark for every mention of a usable kind, and the mention of each mark."""

    text: str
    marks: dict[str, int]
    entities: Sequence[EntitySpan]
    #: Mentions whose name says that something is harmed and not how.
    general: frozenset[int]


def _masked(sentence: str, entities: Sequence[EntitySpan], general: re.Pattern[str], language: str) -> _Masked:
    form = han_form if language == "zh" else str.lower
    used = dict.fromkeys(_KINDS, 0)
    marks: dict[str, int] = {}
    pieces: list[str] = []
    position = 0
    for number, entity in enumerate(entities):
        kind = kind_of(entity.category, language)
        if language == "en" and kind == "substance" and _PART_OF_NAME.match(sentence, entity.end):
            continue
        if kind is None or entity.start < position or used[kind] >= _BLOCK:
            continue
        mark = chr(_FIRST[kind] + used[kind])
        used[kind] += 1
        marks[mark] = number
        pieces += (form(re.sub(_MARK, " ", sentence[position : entity.start])), mark)
        position = entity.end
    pieces.append(form(re.sub(_MARK, " ", sentence[position:])))
    text = _BRACKETED.sub("", "".join(pieces))

    def alias(match: re.Match[str]) -> str:
        same = entities[marks[match.group(1)]].curie == entities[marks[match.group(2)]].curie
        return match.group(1) if same else match.group()

    text = _SPACES.sub("" if language == "zh" else " ", _DOSE.sub("", _ALIAS.sub(alias, text)))
    vague = frozenset(n for n in marks.values() if general.search(sentence, entities[n].start, entities[n].end))
    return _Masked(text, marks, entities, vague)


def find_claims(sentence: str, entities: Sequence[EntitySpan]) -> list[Found]:
    """The claims that trigger patterns find between the mentions of a sentence, at most one for each pair of mentions.

    Of several claims about a pair, the one with the highest probability is kept, then the one whose pattern stands first.
    """
    if len(entities) < 2:
        return []
    language = "zh" if is_chinese(sentence) else "en"
    lexicon = _lexicon(language)
    masked = _masked(sentence, entities, lexicon.general, language)
    if len(masked.marks) < 2:
        return []
    best: dict[tuple[int, int], Found] = {}
    present = {word for word in lexicon.words if word in masked.text}
    for pattern in lexicon.patterns:
        if pattern.words and present.isdisjoint(pattern.words):
            continue
        for match in pattern.expression.finditer(masked.text):
            for claim in _claims(match, pattern, masked, lexicon):
                pair = (min(claim.subject, claim.object), max(claim.subject, claim.object))
                if pair not in best or claim.probability > best[pair].probability:
                    best[pair] = claim
    return [best[pair] for pair in sorted(best)]


def _claims(match: re.Match[str], pattern: _Pattern, masked: _Masked, lexicon: _Lexicon) -> Iterator[Found]:
    text = masked.text
    ends: dict[str, list[int]] = {"S": [], "O": []}
    for group, value in match.groupdict().items():
        if value:
            ends[group[0]] += [masked.marks[c] for c in value if c in masked.marks]
    window, before = text[match.start() : match.end()], text[max(0, match.start() - 30) : match.start()]
    if pattern.presupposed:
        # Only what stands with the noun itself ("no X-induced Y", "suspected X-induced Y").
        denied, hedged = lexicon.negation_of_noun.search(before), lexicon.hedge_of_noun.search(before)
    else:
        denied = hedged = None
        window = before[max(map(before.rfind, ",;:.。")) + 1 :] + window
    denied = denied or lexicon.negation.search(window) or lexicon.negation_after.match(text, match.end())
    hypothetical = lexicon.hypothetical.search(window) is not None or (text.endswith("?") and not pattern.presupposed)
    doubtful = hypothetical or (hedged or lexicon.hedge.search(window)) is not None
    trigger = _SPACES.sub(" ", re.sub(_MARK, " ", match.group())).strip(" ,、和与及")[:120]
    direction = _direction(trigger, lexicon) if pattern.directed else None
    for subject in ends["S"]:
        for object_ in ends["O"]:
            a, b = masked.entities[subject], masked.entities[object_]
            if a.curie == b.curie:
                continue
            # A negation in whose scope an end stands denies the claim too, unless the claim is taken for granted.
            noted = not pattern.presupposed
            polarity = not (pattern.deniable and (denied or (noted and (a.negated or b.negated))))
            doubted = pattern.deniable and (doubtful or (noted and (a.hedged or b.hedged)))
            probability = pattern.probability * (lexicon.general_factor if {subject, object_} & masked.general else 1)
            yield Found(
                subject, pattern.predicate, object_, trigger, direction, polarity,
                lexicon.hedged_certainty if doubted else 1.0, pattern.deniable and hypothetical, probability, pattern.name,
            )  # fmt: skip


def _direction(trigger: str, lexicon: _Lexicon) -> str | None:
    """Whether the words of a claim say more or less of its object; None where they say neither, both, or of its removal."""
    if lexicon.removal.search(trigger):
        return None
    up, down = lexicon.increased.search(trigger), lexicon.decreased.search(trigger)
    return None if bool(up) == bool(down) else "increased" if up else "decreased"
