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

from dataclasses import dataclass
from typing import Any

from kg.template_entries import CONDITIONS, PAIR, SLOT, STANCES, Entry, Templates
from pipeline.biolink import CATEGORIES, parse_category
from pipeline.biolink_predicates import CATEGORY_MIXINS
from pipeline.errors import MateriaError
from pipeline.yaml_file import YamlPath, parse_yaml_with_lines

__all__ = ["parse_templates"]

_DIRECTIONS = ("increased", "upregulated", "decreased", "downregulated", "none")
_TOP_KEYS = ("language", "bands", "words", "forms", "predicates", "definition", "synonyms", "list", "quotations")


def parse_templates(text: str, file: str, shipped: Templates | None = None) -> Templates:
    """Templates from the text of a YAML file.

    Args:
        file: its name, for messages.
        shipped: what the file adds to; without it, the file must have all keys.

    Raises:
        MateriaError: names the file, the line, and the slot or key that is wrong.
    """
    values, lines = parse_yaml_with_lines(text, file)
    if not isinstance(values, dict):
        raise MateriaError("holds no templates", file=file, remedy="Write it like kg/templates/en.yaml")
    return _Reader(file, lines).read(values, shipped)


def _one_line(text: str) -> bool:
    return len(text.splitlines()) == 1


@dataclass(frozen=True)
class _Reader:
    """Reads one file; knows its name and lines."""

    file: str
    lines: dict[YamlPath, int]

    def fail(self, problem: str, path: YamlPath, remedy: str) -> MateriaError:
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
        # Of all predicates: shared forms of one's own may leave those that ship without a sentence.
        for name, entry in predicates.items():
            self.complete(entry, forms, ("predicates", name))
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

    def keys(self, values: Any, known: tuple[str, ...], path: YamlPath) -> None:
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
        self.keys(value if isinstance(value, dict) else (), ("high", "middle"), ("bands",))
        high, middle = (value.get(name) if isinstance(value, dict) else None for name in ("high", "middle"))
        if isinstance(high, int | float) and isinstance(middle, int | float) and 0 <= middle <= high <= 1:
            return float(high), float(middle)
        remedy = "Give high and middle as numbers with 0 <= middle <= high <= 1"
        raise self.fail("the bands of belief are wrong", ("bands",), remedy)

    def marks(self, value: Any) -> tuple[str, str]:
        self.keys(value if isinstance(value, dict) else (), ("comma", "last"), ("list",))
        comma, last = (value.get(name) if isinstance(value, dict) else None for name in ("comma", "last"))
        if isinstance(comma, str) and isinstance(last, str):
            return comma, last
        raise self.fail("the marks of a list are missing", ("list",), "Give the two marks of a list: comma and last")

    def quotations(self, value: Any) -> tuple[str, ...]:
        sentences = value if isinstance(value, list) else []
        for number, text in enumerate(sentences or [value]):
            if (
                not sentences
                or not isinstance(text, str)
                or text.count("{quotation}") != 1
                or len(SLOT.findall(text)) != 1
                or not _one_line(text)
            ):
                remedy = "Write a list of sentences, each with the slot {quotation} once and no other"
                raise self.fail(f"{text!r} holds no quotation", ("quotations", number), remedy)
        return tuple(sentences)

    def entry(self, value: Any, path: YamlPath, words: tuple[str, ...]) -> Entry:
        name = path[1]
        case = len(path) > 2
        if not isinstance(name, str) or ":" not in name:
            raise self.fail(f"{name!r} is no predicate", path, "Write it as a CURIE, such as biolink:treats")
        if not isinstance(value, dict) or not value:
            raise self.fail(f"{name} has no words", path, f"Give it words ({', '.join(words)}) or forms")
        self.keys(value, (*words, "symmetric", "forms", *(CONDITIONS if case else ("cases",))), path)
        given = {word: value[word] for word in words if word in value}
        for word, text in given.items():
            numbers = text.split("|") if isinstance(text, str) else []
            if (
                not 1 <= len(numbers) <= 2
                or not all(map(str.strip, numbers))
                or set(text) & set("{}")
                or not _one_line(text)
            ):
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
        symmetric = value.get("symmetric", False)
        if not isinstance(symmetric, bool):
            raise self.fail(f"'symmetric' of {name} is {symmetric!r}", (*path, "symmetric"), "Write true or false")
        return Entry(given, symmetric, own, when, read)

    def condition(self, value: Any, path: YamlPath) -> tuple[str, ...]:
        values = value if isinstance(value, list) else [value]
        if not values or not all(isinstance(item, str) for item in values):
            raise self.fail("the condition of a case is wrong", path, "Write one value or a list of values")
        for item in values:
            if path[-1] == "direction" and item not in _DIRECTIONS:
                raise self.fail(f"no direction is called {item!r}", path, f"Write one of: {', '.join(_DIRECTIONS)}")
            if path[-1] != "direction" and item not in CATEGORIES and item not in CATEGORY_MIXINS:
                known = parse_category(item) or "biolink:Disease"
                raise self.fail(f"no Biolink class is called {item!r}", path, f"Write it like {known}")
        return tuple(values)

    def complete(self, entry: Entry, forms: dict[str, list[str]], path: YamlPath) -> None:
        """Every stance must have a sentence."""
        for stance in STANCES:
            if not entry.sentences(stance, forms.get(stance, [])):
                remedy = "Give it the words of a shared form, or a sentence of its own under forms"
                place = path if path in self.lines else ("forms", stance)
                raise self.fail(f"{path[1]} has no sentence for {stance!r}", place, remedy)
        for number, case in enumerate(entry.cases):
            self.complete(case, forms, (*path, "cases", number))

    def form(self, value: Any, path: YamlPath, known: set[str] | frozenset[str]) -> list[str]:
        if not isinstance(value, list):
            raise self.fail(f"{path[-1]!r} holds no list of sentences", path, "Write one sentence behind each hyphen")
        for number, sentence in enumerate(value):
            self.sentence(sentence, (*path, number), PAIR, known)
        return list(value)

    def sentence(
        self, sentence: Any, path: YamlPath, needed: set[str] | frozenset[str], known: set[str] | frozenset[str]
    ) -> None:
        """Every needed slot stands once; no other slot; agreement slots have two words and follow a number."""
        if not isinstance(sentence, str) or not sentence.endswith((".", "。")) or not _one_line(sentence):
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
