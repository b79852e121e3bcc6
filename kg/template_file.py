"""A file of templates: what may stand in it, and the sentence a user reads where something is wrong, with line and slot.

    language: en
    bands: {high: 0.8, middle: 0.5}
    words: [present, infinitive]
    forms:                                   # shared by all predicates, one list for each stance
      high: ["{subject} {present} {object}."]
    predicates:
      biolink:affects:
        present: affects|affect              # words with | agree with the number of the subject
        infinitive: affect
        forms: {high: ["{subject} {subject:has|have} an effect on {object}."]}
        cases:                               # the first case that fits replaces the entry
          - {direction: increased, object: biolink:Protein, present: activates|activate, infinitive: activate}

A shared form is used for the predicates that have all its words. A language declares its own words, and need not use number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from kg.template_entries import CONDITIONS, PAIR, SLOT, STANCES, Entry, Templates
from pipeline.errors import MateriaError

__all__ = ["parse_templates"]

_TOP_KEYS = ("language", "bands", "words", "forms", "predicates", "definition", "synonyms", "list", "quotations")


def parse_templates(text: str, file: str, shipped: Templates | None = None) -> Templates:
    """Templates from the text of a YAML file.

    Args:
        file: its name, for messages.
        shipped: what the file adds to; without it, the file must have all keys.

    Raises:
        MateriaError: names the file, the line, and the slot or key that is wrong.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise MateriaError(
            f"is no YAML ({str(error).splitlines()[0]})", file=file, remedy="Correct its syntax"
        ) from error
    if not isinstance(values, dict):
        raise MateriaError("holds no templates", file=file, remedy="Write it like kg/templates/en.yaml")
    return _Reader(file, dict(_lines(root))).read(values, shipped)


_Path = tuple[Any, ...]


def _lines(node: Any, path: _Path = ()) -> Iterator[tuple[_Path, int]]:
    """The line (from 1) of every value of a YAML document, by its path of keys and indexes."""
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _lines(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _lines(value, (*path, index))


@dataclass(frozen=True)
class _Reader:
    """Reads one file; knows its name and lines."""

    file: str
    lines: dict[_Path, int]

    def fail(self, problem: str, path: _Path, remedy: str) -> MateriaError:
        while path and path not in self.lines:
            path = path[:-1]
        return MateriaError(problem, file=self.file, record=f"line {self.lines.get(path, 1)}", remedy=remedy)

    def read(self, values: dict[str, Any], shipped: Templates | None) -> Templates:
        self.keys(values, _TOP_KEYS, ())
        for key in _TOP_KEYS:
            if shipped is None and key not in values:
                raise MateriaError(
                    f"has no {key!r}", file=self.file, remedy=f"Add the key {key!r} as in kg/templates/en.yaml"
                )
        if shipped is not None and values.get("language", shipped.language) != shipped.language:
            remedy = f"Write language: {shipped.language}, or name the file under its own language"
            raise self.fail(f"is for the language {values['language']!r}", ("language",), remedy)
        kept = shipped.__dict__ if shipped else {}
        words = self.word_names(values["words"]) if "words" in values else kept["words"]
        forms = dict(kept.get("forms") or {})
        forms |= {k: self.form(v, ("forms", k), {*PAIR, *words}) for k, v in self.map(values, "forms").items()}
        self.keys(forms, STANCES, ("forms",))
        predicates = dict(kept.get("predicates") or {})
        for name, entry in self.map(values, "predicates").items():
            read = self.entry(entry, ("predicates", name), words)
            old = predicates.get(name)
            predicates[name] = read if old is None or read.words or read.cases else old.with_more(read)
            self.complete(predicates[name], forms, ("predicates", name))
        high, middle = self.bands(values["bands"]) if "bands" in values else (kept["high"], kept["middle"])
        comma, last = self.marks(values["list"]) if "list" in values else (kept["comma"], kept["last"])
        quotations = self.quotations(values["quotations"]) if "quotations" in values else kept["quotations"]
        about = {}
        for key in ("definition", "synonyms"):
            if key in values:
                self.sentence(values[key], (key,), {"subject", key}, {"subject", key})
            about[key] = values[key] if key in values else kept[key]
        return Templates(
            str(values.get("language", kept.get("language"))), high, middle, words, forms, predicates,
            about["definition"], about["synonyms"], comma, last, quotations,
        )  # fmt: skip

    def keys(self, values: Any, known: tuple[str, ...], path: _Path) -> None:
        for key in values:
            if key not in known:
                raise self.fail(f"unknown key {key!r}", (*path, key), f"Use one of: {', '.join(sorted(known))}")

    def map(self, values: dict[str, Any], key: str) -> dict[str, Any]:
        found = values.get(key, {})
        if not isinstance(found, dict):
            raise self.fail(
                f"{key!r} holds no keys", (key,), f"Write {key} as keys and values, as in kg/templates/en.yaml"
            )
        return found

    def word_names(self, value: Any) -> tuple[str, ...]:
        taken = {*PAIR, *CONDITIONS, "forms", "cases", "symmetric"}
        if not isinstance(value, list) or not all(isinstance(name, str) and name.isidentifier() for name in value):
            remedy = "Name the words of a predicate: words: [present, infinitive]"
            raise self.fail("'words' is no list of names", ("words",), remedy)
        if clash := sorted(taken & set(value)):
            raise self.fail(f"a word cannot be called {clash[0]!r}", ("words",), "Choose another name")
        return tuple(value)

    def bands(self, value: Any) -> tuple[float, float]:
        high, middle = (value.get(name) if isinstance(value, dict) else None for name in ("high", "middle"))
        if isinstance(high, int | float) and isinstance(middle, int | float) and 0 <= middle <= high <= 1:
            return float(high), float(middle)
        remedy = "Give high and middle as numbers with 0 <= middle <= high <= 1"
        raise self.fail("the bands of belief are wrong", ("bands",), remedy)

    def marks(self, value: Any) -> tuple[str, str]:
        comma, last = (value.get(name) if isinstance(value, dict) else None for name in ("comma", "last"))
        if isinstance(comma, str) and isinstance(last, str):
            return comma, last
        raise self.fail("the marks of a list are missing", ("list",), "Give the two marks of a list: comma and last")

    def quotations(self, value: Any) -> tuple[str, ...]:
        for number, text in enumerate(value if isinstance(value, list) and value else [value]):
            if (
                not isinstance(text, str)
                or text.count("{quotation}") != 1
                or len(SLOT.findall(text)) != 1
                or "\n" in text
            ):
                remedy = "Write a list of sentences, each with the slot {quotation} once and no other"
                raise self.fail(f"{text!r} holds no quotation", ("quotations", number), remedy)
        return tuple(value)

    def entry(self, value: Any, path: _Path, words: tuple[str, ...]) -> Entry:
        name = path[1]
        case = len(path) > 2
        if not isinstance(value, dict) or not value:
            raise self.fail(f"{name} has no words", path, f"Give it words ({', '.join(words)}) or forms")
        self.keys(value, (*words, "symmetric", "forms", *(CONDITIONS if case else ("cases",))), path)
        given = {word: value[word] for word in words if word in value}
        for word, text in given.items():
            if not isinstance(text, str) or not text.strip() or text.count("|") > 1 or set(text) & set("{}\n"):
                raise self.fail(
                    f"the word {word!r} of {name} is wrong",
                    (*path, word),
                    "Write one word or phrase, or singular|plural",
                )
        forms = value.get("forms") or {}
        if not isinstance(forms, dict):
            raise self.fail(
                f"the forms of {name} hold no stances", (*path, "forms"), f"Write lists under: {', '.join(STANCES)}"
            )
        self.keys(forms, STANCES, (*path, "forms"))
        own = {stance: self.form(sentences, (*path, "forms", stance), PAIR) for stance, sentences in forms.items()}
        when = {key: self.condition(value[key], (*path, key)) for key in CONDITIONS if case and key in value}
        if case and not when:
            raise self.fail(f"a case of {name} has no condition", path, f"Give it one of: {', '.join(CONDITIONS)}")
        cases = value.get("cases") or []
        if not isinstance(cases, list):
            raise self.fail(f"the cases of {name} are no list", (*path, "cases"), "Write one case behind each hyphen")
        read = tuple(self.entry(c, (*path, "cases", i), words) for i, c in enumerate(cases))
        return Entry(given, bool(value.get("symmetric")), own, when, read)

    def condition(self, value: Any, path: _Path) -> tuple[str, ...]:
        values = value if isinstance(value, list) else [value]
        if not values or not all(isinstance(item, str) for item in values):
            raise self.fail("the condition of a case is wrong", path, "Write one value or a list of values")
        return tuple(values)

    def complete(self, entry: Entry, forms: dict[str, list[str]], path: _Path) -> None:
        """Every stance must have a sentence."""
        for stance in STANCES:
            if not entry.sentences(stance, forms.get(stance, [])):
                remedy = "Give it the words of a shared form, or a sentence of its own under forms"
                raise self.fail(f"{path[1]} has no sentence for {stance!r}", path, remedy)
        for number, case in enumerate(entry.cases):
            self.complete(case, forms, (*path, "cases", number))

    def form(self, value: Any, path: _Path, known: set[str] | frozenset[str]) -> list[str]:
        if not isinstance(value, list):
            raise self.fail(f"{path[-1]!r} holds no list of sentences", path, "Write one sentence behind each hyphen")
        for number, sentence in enumerate(value):
            self.sentence(sentence, (*path, number), PAIR, known)
        return list(value)

    def sentence(
        self, sentence: Any, path: _Path, needed: set[str] | frozenset[str], known: set[str] | frozenset[str]
    ) -> None:
        """Every needed slot stands once; no other slot; agreement slots have two words and follow a number."""
        if not isinstance(sentence, str) or not sentence.endswith((".", "。")) or "\n" in sentence:
            raise self.fail(f"{sentence!r} is no sentence", path, "Write it on one line and end it with a full stop")
        slots = SLOT.findall(sentence)
        if not sentence.count("{") == len(slots) == sentence.count("}"):
            raise self.fail(f"a brace is not closed in {sentence!r}", path, "Write slots as {subject}")
        plain = []
        for slot in slots:
            name, colon, words = slot.partition(":")
            if name not in known:
                allowed = ", ".join(f"{{{k}}}" for k in sorted(known))
                raise self.fail(f"unknown slot {{{slot}}}", path, f"Use one of: {allowed}")
            if colon and words.count("|") != 1:
                raise self.fail(f"slot {{{slot}}} needs a singular and a plural", path, f"Write {{{name}:is|are}}")
            if not colon:
                plain.append(name)
        for name in sorted(needed):
            if plain.count(name) != 1:
                problem = f"slot {{{name}}} stands {plain.count(name)} times in {sentence!r}"
                raise self.fail(problem, path, "It must stand there once")
