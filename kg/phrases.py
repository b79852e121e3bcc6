"""Templates of sentences, read from one YAML file a language and compiled to plain string concatenation.

A sentence such as "{object} {object:is|are} treated with {subject}." becomes, for each number of its two entities, three
strings around two names, so that telling a triple costs two additions and no parsing. A mistake in the file is reported with
its line and slot before anything is told. Rejected: Jinja (50 times slower, and its errors speak of Python), grammars that
inflect by rule (wrong on "herpes" and needless: a template holds both forms).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from itertools import product
from typing import Any, NamedTuple

import yaml

from pipeline.errors import MateriaError

__all__ = ["STANCES", "Phrase", "Phrases", "load_phrases", "parse_phrases"]

#: How a claim is told: by the band of its belief, or as denied, or as contested.
STANCES = ("high", "middle", "low", "denied", "contested")

_SLOT = re.compile(r"\{([^{}]*)\}")
_WORDS = ("present", "infinitive", "passive")
_KNOWN_KEYS = {"present", "infinitive", "passive", "symmetric", "forms"}
_TOP_KEYS = {"language", "bands", "forms", "predicates", "definition", "synonyms", "list"}


class Phrase(NamedTuple):
    """A sentence around two names: `before + first + between + second + after`.

    Attributes:
        subject_first: whether the first name is the subject's.
    """

    subject_first: bool
    before: str
    between: str
    after: str


@dataclass(frozen=True)
class Phrases:
    """The templates of a language, compiled.

    Attributes:
        high: least belief of a claim that is told as a fact.
        middle: least belief of one that is told as reported; below it, claims are told as possible.
        definition: template with the slots subject, definition.
        synonyms: template with the slots subject, synonyms.
    """

    language: str
    high: float
    middle: float
    definition: str
    synonyms: str
    comma: str
    last: str
    _sentences: dict[str, dict[str, dict[tuple[bool, bool], list[Phrase]]]]
    _shared: dict[str, dict[str, list[str]]]
    _fallback: dict[str, dict[str, dict[tuple[bool, bool], list[Phrase]]]] = field(default_factory=dict)

    def knows(self, predicate: str) -> bool:
        """Whether the file has words for a predicate; others are told with the words of their own name."""
        return predicate in self._sentences

    def of(self, predicate: str, stance: str, subject_plural: bool, object_plural: bool) -> list[Phrase]:
        """The ways to tell a claim, never empty."""
        compiled = self._sentences.get(predicate) or self._fallback.get(predicate)
        if compiled is None:
            words = _words_of(predicate)
            compiled = {s: _compile(_expand(self._shared[s], words, predicate, 0, s)) for s in STANCES}
            self._fallback[predicate] = compiled
        return compiled[stance][subject_plural, object_plural]

    def join(self, names: list[str]) -> str:
        """Names as a list in running text: "a, b or c"."""
        return names[0] if len(names) == 1 else self.comma.join(names[:-1]) + self.last + names[-1]


@lru_cache(maxsize=8)
def load_phrases(language: str) -> Phrases:
    """The templates that ship for a language (ISO 639-1). Raises MateriaError where there are none."""
    file = files("kg") / "templates" / f"{language}.yaml"
    if not file.is_file():
        known = sorted(
            p.name.removesuffix(".yaml") for p in (files("kg") / "templates").iterdir() if p.name.endswith(".yaml")
        )
        raise MateriaError(
            f"there are no templates for the language {language!r}", remedy=f"Choose one of: {', '.join(known)}"
        )
    return parse_phrases(file.read_text(encoding="utf-8"), f"kg/templates/{language}.yaml")


def parse_phrases(text: str, file: str) -> Phrases:
    """Templates from the text of a YAML file, checked.

    Raises:
        MateriaError: names the file, the line, and the slot or key that is wrong.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise MateriaError(
            f"is no YAML ({str(error).splitlines()[0]})", file=file, remedy="Correct its syntax"
        ) from error
    lines = dict(_lines(root)) if root is not None else {}
    if not isinstance(values, dict):
        raise MateriaError("holds no templates", file=file, remedy="Copy kg/templates/en.yaml and translate it")
    _check_keys(values, _TOP_KEYS, (), file, lines)
    for key in sorted(_TOP_KEYS - set(values)):
        raise MateriaError(f"has no {key!r}", file=file, remedy=f"Add the key {key!r} as in kg/templates/en.yaml")
    _check_shapes(values, file, lines)
    shared = {stance: values["forms"].get(stance) or {} for stance in STANCES}
    for stance, kinds in shared.items():
        if not isinstance(kinds, dict) or not kinds.get("active"):
            raise MateriaError(f"has no active form for {stance!r}", file=file, remedy="Add one under forms")
    for key, slots in (("definition", {"subject", "definition"}), ("synonyms", {"subject", "synonyms"})):
        _check_slots(values[key], slots, slots, file, lines.get((key,), 0))
    sentences = {
        predicate: _predicate(predicate, entry, shared, file, lines)
        for predicate, entry in values["predicates"].items()
    }
    bands = values["bands"]
    return Phrases(
        values["language"], float(bands["high"]), float(bands["middle"]), values["definition"], values["synonyms"],
        values["list"]["comma"], values["list"]["last"], sentences, shared,
    )  # fmt: skip


def _check_shapes(values: dict[str, Any], file: str, lines: _Lines) -> None:
    """Every part of the file is of the kind it must be."""
    for key in ("bands", "forms", "predicates", "list"):
        if not isinstance(values[key], dict):
            remedy = f"Write {key} as keys and values, as in kg/templates/en.yaml"
            raise MateriaError(f"{key!r} holds no keys", file=file, record=f"line {lines[key,]}", remedy=remedy)
    _check_keys(values["forms"], set(STANCES), ("forms",), file, lines)
    bands = [values["bands"].get(name) for name in ("high", "middle")]
    if not all(isinstance(band, int | float) for band in bands) or not 0 <= bands[1] <= bands[0] <= 1:
        remedy = "Give high and middle as numbers with 0 <= middle <= high <= 1"
        raise MateriaError("the bands of belief are wrong", file=file, record=f"line {lines['bands',]}", remedy=remedy)
    if not all(isinstance(values["list"].get(name), str) for name in ("comma", "last")):
        remedy = "Give the two marks of a list: comma and last"
        raise MateriaError("the marks of a list are missing", file=file, record=f"line {lines['list',]}", remedy=remedy)


_Lines = dict[tuple[Any, ...], int]


def _lines(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], int]]:
    """The line (from 1) of every value of a YAML document, by its path of keys and indexes."""
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _lines(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _lines(value, (*path, index))


def _check_keys(values: dict[str, Any], known: set[str], path: tuple[Any, ...], file: str, lines: _Lines) -> None:
    for key in values:
        if key not in known:
            line = lines.get((*path, key), 0)
            remedy = f"Use one of: {', '.join(sorted(known))}"
            raise MateriaError(f"unknown key {key!r}", file=file, record=f"line {line}", remedy=remedy)


def _predicate(
    predicate: str, entry: Any, shared: dict[str, dict[str, list[str]]], file: str, lines: _Lines
) -> dict[str, dict[tuple[bool, bool], list[Phrase]]]:
    path = ("predicates", predicate)
    line = lines.get(path, 0)
    if not isinstance(entry, dict) or not entry.get("present") or not entry.get("infinitive"):
        remedy = "Give it `present: singular|plural` and `infinitive`"
        raise MateriaError(f"{predicate} has no words", file=file, record=f"line {line}", remedy=remedy)
    _check_keys(entry, _KNOWN_KEYS, path, file, lines)
    own = entry.get("forms") or {}
    _check_keys(own, set(STANCES), (*path, "forms"), file, lines)
    compiled = {}
    for stance in STANCES:
        sentences = _expand(shared[stance], entry, file, line, stance)
        for index, sentence in enumerate(own.get(stance) or []):
            own_line = lines.get((*path, "forms", stance, index), line)
            _check_slots(sentence, {"subject", "object"}, {"subject", "object"}, file, own_line)
            sentences.append(sentence)
        compiled[stance] = _compile(sentences)
    return compiled


def _expand(kinds: dict[str, list[str]], words: dict[str, Any], file: str, line: int, stance: str) -> list[str]:
    """The shared sentences of one stance, with a predicate's words put in."""
    sentences = list(kinds.get("active") or [])
    if words.get("passive"):
        sentences += kinds.get("passive") or []
    expanded = []
    for sentence in sentences:
        for word in _WORDS:
            if words.get(word):
                text = str(words[word])
                sentence = sentence.replace(f"{{{word}}}", f"{{subject:{text}}}" if word == "present" else text)  # noqa: PLW2901
        _check_slots(sentence, {"subject", "object"}, {"subject", "object"}, file, line)
        expanded.append(sentence)
    if words.get("symmetric") and stance != "denied":
        swap = {"{subject": "{object", "{object": "{subject"}
        expanded += [re.sub(r"\{subject|\{object", lambda m: swap[m.group()], sentence) for sentence in expanded]
    return expanded


def _check_slots(sentence: Any, needed: set[str], known: set[str], file: str, line: int) -> None:
    """Every needed slot stands once; no other slot; agreement slots have two words and follow a number."""
    record = f"line {line}"
    if not isinstance(sentence, str) or not sentence.endswith((".", "。")):
        raise MateriaError(f"{sentence!r} is no sentence", file=file, record=record, remedy="End it with a full stop")
    if sentence.count("{") != len(_SLOT.findall(sentence)) or sentence.count("}") != sentence.count("{"):
        raise MateriaError(
            f"a brace is not closed in {sentence!r}", file=file, record=record, remedy="Write slots as {subject}"
        )
    plain = []
    for slot in _SLOT.findall(sentence):
        name, colon, words = slot.partition(":")
        if name not in known:
            allowed = ", ".join(f"{{{k}}}" for k in sorted(known))
            raise MateriaError(f"unknown slot {{{slot}}}", file=file, record=record, remedy=f"Use one of: {allowed}")
        if colon and words.count("|") != 1:
            raise MateriaError(
                f"slot {{{slot}}} needs a singular and a plural",
                file=file,
                record=record,
                remedy=f"Write {{{name}:is|are}}",
            )
        if not colon:
            plain.append(name)
    for name in sorted(needed):
        if plain.count(name) != 1:
            problem = f"slot {{{name}}} stands {plain.count(name)} times in {sentence!r}"
            raise MateriaError(problem, file=file, record=record, remedy="It must stand there once")


def _compile(sentences: list[str]) -> dict[tuple[bool, bool], list[Phrase]]:
    """Sentences as three strings around two names, for each number of subject and object."""
    compiled = {}
    for subject_plural, object_plural in product((False, True), repeat=2):
        phrases = []
        for sentence in sentences:
            text = agree(agree(sentence, "subject", subject_plural), "object", object_plural)
            before, first, between, _, after = re.split(r"\{(subject|object)\}", text)
            phrases.append(Phrase(first == "subject", before, between, after))
        compiled[subject_plural, object_plural] = phrases
    return compiled


def agree(sentence: str, slot: str, plural: bool) -> str:
    """The sentence with each agreement slot of an entity replaced by its singular or plural word."""
    return re.sub(rf"\{{{slot}:([^|{{}}]*)\|([^|{{}}]*)\}}", lambda m: m.group(2 if plural else 1), sentence)


def _words_of(predicate: str) -> dict[str, Any]:
    """Words for a predicate that the file does not have, from its own name: `biolink:has_part` -> has part|have part."""
    words = (
        re.sub(r"(?<=[a-z])(?=[A-Z])", "_", predicate.split(":", 1)[-1]).lower().replace("_", " ").strip() or predicate
    )
    words = words.replace("{", "(").replace("}", ")").replace("|", "/")
    first, _, rest = words.partition(" ")
    rest = f" {rest}" if rest else ""
    if first == "has":
        return {"present": f"has{rest}|have{rest}", "infinitive": f"have{rest}"}
    if first in ("is", "are", "was"):
        return {"present": f"is{rest}|are{rest}", "infinitive": f"be{rest}"}
    if first.endswith("s") and not first.endswith(("ss", "us", "is")):
        base = (
            first[:-2]
            if first.endswith(("shes", "ches", "sses", "xes"))
            else first[:-3] + "y"
            if first.endswith("ies")
            else first[:-1]
        )
        return {"present": f"{words}|{base}{rest}", "infinitive": f"{base}{rest}"}
    return {"present": f"is {words}|are {words}", "infinitive": f"be {words}"}
