"""scispaCy's tokenizer, which keeps the names of chemicals whole: as spaCy runs it, and its rules in plain Python.

Bulk reading cuts only what stands around brackets, a few words of a text. Importing spaCy for these took 1.9 s of processor time,
in every worker; the same rules on plain strings open in 40 ms. The rules (patterns of affixes, exceptions such as "don't") are
spaCy's (MIT) and scispaCy's (Apache 2.0) own, kept in `lexicons/tokenizer.en.json` as `rules_of` writes them; a test holds the
file and what is cut by it equal to theirs. Rejected: keeping the tokens of known words in a home's cache, which still imports
spaCy for the first new word.
"""

from __future__ import annotations

import json
import re
import warnings
from collections import defaultdict
from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokenizer import Tokenizer

__all__ = ["RULES", "ChunkTokenizer", "make_tokenizer", "rules_of"]

#: Name of the file of rules among the lexicons.
RULES = "tokenizer.en.json"


def make_tokenizer(nlp: Language) -> Tokenizer:
    """The tokenizer for a pipeline, without the warning of a character class in its rules, which says nothing to a user."""
    from scispacy.custom_tokenizer import combined_rule_tokenizer

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return combined_rule_tokenizer(nlp)


def rules_of(tokenizer: Tokenizer) -> dict[str, Any]:
    """The rules of a tokenizer as the file of rules has them: patterns of affixes, and the tokens of each exception.

    After an upgrade of spaCy or scispaCy the file is written anew from `rules_of(make_tokenizer(spacy.blank("en")))`, as JSON.
    """
    from spacy.symbols import ORTH

    finders = {"prefix": tokenizer.prefix_search, "suffix": tokenizer.suffix_search, "infix": tokenizer.infix_finditer}
    patterns = {name: finder.__self__.pattern for name, finder in finders.items()}
    exceptions = {text: [token[ORTH] for token in tokens] for text, tokens in sorted(tokenizer.rules.items())}
    return patterns | {"exceptions": exceptions}


class ChunkTokenizer:
    """Cuts strings without white space as spaCy's `Tokenizer` does (its algorithm, by its names)."""

    def __init__(self) -> None:
        rules = json.loads(files("pipeline.lexicons").joinpath(RULES).read_text(encoding="utf-8"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            self._prefix, self._suffix, self._infix = (re.compile(rules[n]) for n in ("prefix", "suffix", "infix"))
        self._exceptions: dict[str, list[str]] = rules["exceptions"]
        # Exceptions that the affixes would cut are sought among the tokens too: "(don't" and the like.
        self._phrases: dict[str, list[list[str]]] = defaultdict(list)
        for text in self._exceptions:
            if self._prefix.search(text) or self._infix.search(text) or self._suffix.search(text):
                tokens = self._cut(text, {})
                self._phrases[tokens[0]].append(tokens)

    def __call__(self, chunk: str) -> list[str]:
        """The tokens of a string without white space; joined they are the string."""
        if chunk in self._exceptions:
            return self._exceptions[chunk]
        return self._with_phrases(self._cut(chunk, self._exceptions))

    def _cut(self, chunk: str, exceptions: dict[str, list[str]]) -> list[str]:
        """The tokens by affixes from both ends until nothing comes off, then by infixes."""
        prefixes: list[str] = []
        suffixes: list[str] = []
        before = -1
        while chunk and len(chunk) != before and chunk not in exceptions:
            before = len(chunk)
            prefix = _length(self._prefix.search(chunk))
            rest = chunk[prefix:]
            if prefix and rest in exceptions:
                prefixes.append(chunk[:prefix])
                chunk = rest
                break
            suffix = _length(self._suffix.search(rest))
            if suffix and chunk[:-suffix] in exceptions:
                suffixes.append(chunk[-suffix:])
                chunk = chunk[:-suffix]
                break
            if prefix:
                prefixes.append(chunk[:prefix])
                if suffix and prefix + suffix <= before:
                    suffixes.append(chunk[-suffix:])
                    chunk = chunk[prefix:-suffix]
                else:
                    chunk = rest
            elif suffix:
                suffixes.append(chunk[-suffix:])
                chunk = chunk[:-suffix]
        middle = exceptions[chunk] if chunk in exceptions else self._infixes(chunk) if chunk else []
        return [*prefixes, *middle, *reversed(suffixes)]

    def _infixes(self, chunk: str) -> list[str]:
        tokens: list[str] = []
        start = 0
        for match in self._infix.finditer(chunk):
            if match.start() == 0:
                continue
            tokens += [piece for piece in (chunk[start : match.start()], match.group()) if piece]
            start = match.end()
        return [*tokens, chunk[start:]] if start < len(chunk) else tokens

    def _with_phrases(self, tokens: list[str]) -> list[str]:
        """The tokens with exceptions in the place of those that make one up: the longest first, then the earlier."""
        found = [
            (len(phrase), place)
            for place, token in enumerate(tokens)
            for phrase in self._phrases.get(token, ())
            if tokens[place : place + len(phrase)] == phrase
        ]
        if not found:
            return tokens
        seen: set[int] = set()
        chosen: dict[int, int] = {}
        for length, place in sorted(found, key=lambda span: (-span[0], span[1])):
            if place not in seen and place + length - 1 not in seen:
                chosen[place] = length
            seen.update(range(place, place + length))
        result: list[str] = []
        place = 0
        while place < len(tokens):
            length = chosen.get(place, 1)
            piece: Sequence[str] = tokens[place : place + length]
            result += self._exceptions.get("".join(piece), piece) if place in chosen else piece
            place += length
        return result


def _length(match: re.Match[str] | None) -> int:
    return match.end() - match.start() if match else 0
