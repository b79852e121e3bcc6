"""Finding the names of a vocabulary in a text: an index of normalised words that all processes read through one mapping.

Every name, with its variants, is a sequence of normal words; a text is read as the same words, and the leftmost longest
sequences are found in a trie (see `name_trie`). What a name means is settled when the index is built (see `name_senses`):
homonyms are ranked by scope, vocabulary, category and CURIE, and cross-references fold a concept into a preferred vocabulary.
Names that are also everyday words never match; short names in capitals match in capitals only ("NA" is not sodium).

The index is a folder of arrays. It opens in 2 ms, and a process holds only what it remembers of it.
Cost on one core: the 125,000 names of four vocabularies are built in 3 s into 7 MiB; an abstract is read in 0.2 ms, of which
its words take a third. Rejected: spaCy's PhraseMatcher (no normal forms of our own without a second Doc), and a regular
expression.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from unicodedata import combining

import numpy as np
import numpy.typing as npt

from pipeline.han import HAN, han_form, is_han
from pipeline.lexicons import load_yaml
from pipeline.mapped import Strings, pack_strings, read_arrays, write_arrays
from pipeline.name_forms import WORD, normal_word
from pipeline.name_senses import Concept, Names, compile_names
from pipeline.name_trie import Steps, every, longest
from pipeline.preference import DEFAULT_PREFERENCE, Preference
from pipeline.usable_names import letters_of

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FORMAT", "NameIndex", "NameMatch"]


@dataclass(frozen=True, slots=True)
class NameMatch:
    """A name found in a text, at code points [start, end)."""

    start: int
    end: int
    concept: Concept


class NameIndex:
    """The names of a vocabulary in a folder of arrays, mapped and read only; pickled as its path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open()

    def __getstate__(self) -> Path:
        return self._folder

    def __setstate__(self, folder: Path) -> None:
        self._folder = folder
        self._open()

    def _open(self) -> None:
        mapped, header = read_arrays(self._folder, FORMAT)
        arrays = {name: np.asarray(array) for name, array in mapped.items()}  # a memmap's own indexing is slow
        self._first_sense = arrays["first_sense"]
        self._steps = Steps(arrays["edges"], arrays["is_name"])
        self._senses = [arrays[name] for name in ("surface", "concept", "category", "score", "initials")]
        self._curies, self._surfaces = Strings(arrays, "curies"), Strings(arrays, "surfaces")
        self._categories: list[str] = header["categories"]
        self._names: int = header["names"]
        self._words = _Words(arrays)
        self._entries: dict[int, _Entry] = {}
        self._contexts = {word: _Context.of(rule) for word, rule in load_yaml("ambiguous_names.en.yaml").items()}
        self._chinese = {
            name: _Context.of(rule, words=False) for name, rule in load_yaml("ambiguous_names.zh.yaml").items()
        }

    def __len__(self) -> int:
        """Number of distinct normal forms."""
        return self._names

    @classmethod
    def build(cls, vocabulary: pa.Table, folder: Path, preference: Preference = DEFAULT_PREFERENCE) -> NameIndex:
        """Compile the names of a table [VOCABULARY] into a folder, and open it.

        Homonyms are ranked by (scope tier, vocabulary by `preference`, scope, category, CURIE), so what is found does not
        depend on the order of rows. A concept whose only cross-reference into a more preferred vocabulary names a
        concept that is present is linked as that concept.
        """
        cls.write(compile_names(vocabulary, preference), folder)
        return cls(folder)

    @staticmethod
    def write(names: Names, folder: Path) -> None:
        """Write compiled names into a folder, for `open`."""
        hashes = np.array([_hash(word) for word in names.words], dtype=np.uint64)
        by_hash = np.argsort(hashes, kind="stable")
        is_name = np.diff(names.first_sense) > 0
        write_arrays(
            folder,
            FORMAT,
            {
                "edges": names.edges,
                "first_sense": names.first_sense,
                "is_name": is_name,
                "surface": names.surface,
                "concept": names.concept,
                "category": names.category,
                "score": names.score,
                "initials": names.initials,
                "word_hashes": hashes[by_hash],
                "word_numbers": by_hash.astype(np.int32),
                **pack_strings(names.words, "words"),
                **pack_strings(names.surfaces, "surfaces"),
                **pack_strings(names.curies, "curies"),
            },
            {"categories": names.categories, "names": int(is_name.sum())},
        )

    @classmethod
    def open(cls, folder: Path) -> NameIndex:
        """Open the index in a folder: milliseconds, whatever its size.

        Raises:
            MateriaError: the folder holds no such index.
        """
        return cls(folder)

    @classmethod
    def from_vocabulary(cls, vocabulary: pa.Table, preference: Preference = DEFAULT_PREFERENCE) -> NameIndex:
        """An index in a temporary folder that lives as long as this process; see `build`."""
        folder = TemporaryDirectory(prefix="materia-names.")
        _TEMPORARY.append(folder)
        return cls.build(vocabulary, Path(folder.name), preference)

    def lookup(self, name: str) -> Concept | None:
        """The concept of a whole name in any of its forms ("type 2 diabetes", "Diabetes, Type 2"), or None."""
        words = [self._words[word] for word in WORD.findall(name)]
        whole = [node for first, after, node in longest(self._steps, words) if after - first == len(words)]
        concept = _choose(self._entry(whole[0]), name) if whole else None
        return None if concept is None or concept.initials else concept

    def find(self, text: str) -> list[NameMatch]:
        """The names in a text, leftmost longest, in order; they do not overlap.

        Initials of a disease count only where the text also has another name of it.
        """
        found = [*self._find(text)]
        named = {match.concept.curie for match in found if not match.concept.initials}
        return [match for match in found if match.concept.curie in named]

    def find_all(self, text: str) -> Iterator[NameMatch]:
        """Every name in a text, those inside longer ones too: what a recogniser is told of a Chinese text."""
        pieces = _PIECES.split(text)
        offsets = [0, *accumulate(map(len, pieces))]
        for first, after, node in every(self._steps, [*map(self._words.__getitem__, pieces[1::2])]):
            start, end = offsets[2 * first + 1], offsets[2 * after]
            if _stands_free(text, start, end) and (concept := _choose(self._entry(node), text[start:end])):
                yield NameMatch(start, end, concept)

    def _find(self, text: str) -> Iterator[NameMatch]:
        # between words, word, between words, ..., word, between words
        pieces = (_ASCII_PIECES if text.isascii() else _PIECES).split(text)
        numbers = [*map(self._words.__getitem__, pieces[1::2])]
        offsets: list[int] = []
        for first, after, node in longest(self._steps, numbers):
            offsets = offsets or [0, *accumulate(map(len, pieces))]
            start, end = offsets[2 * first + 1], offsets[2 * after]
            if not _stands_free(text, start, end) or (
                after > first + 1 and not _one_phrase(text, start, end, pieces[2 * first + 2 : 2 * after - 1 : 2])
            ):
                continue
            surface = text[start:end]
            if surface[-2:] in ("'s", "’s"):
                end -= 2
            concept = _choose(self._entry(node), surface)
            if concept is None:
                continue
            if after == first + 1:
                context = self._contexts.get(normal_word(pieces[2 * first + 1]))
            else:
                context = self._chinese.get(han_form(surface)) if is_han(surface[0]) else None
            if context is not None and not context.allows(text, start, end):
                continue
            yield NameMatch(start, end, concept)

    def _entry(self, node: int) -> _Entry:
        entry = self._entries.get(node)
        if entry is None:
            if len(self._entries) >= _REMEMBERED:
                self._entries.clear()
            places = slice(int(self._first_sense[node]), int(self._first_sense[node + 1]))
            entry = self._entries[node] = {
                self._surfaces[surface]: Concept(self._curies[concept], self._categories[category], score, initials)
                for surface, concept, category, score, initials in zip(
                    *(a[places].tolist() for a in self._senses), strict=True
                )
            }
        return entry


#: Name and version of the format of the folder.
FORMAT = "name_index.v2"
_TEMPORARY: list[TemporaryDirectory[str]] = []
_REMEMBERED = 1 << 18
_PIECES = re.compile(f"({WORD.pattern})")
_ASCII_PIECES = re.compile(
    r"([^\W\d_]+(?:'s(?![^\W_]))?|\d+)", re.ASCII
)  # the same for almost all English texts, faster
#: What a normal form stands for: a concept for each exact spelling, and for any spelling under "".
_Entry = dict[str, Concept]


class _Words(dict[str, int]):
    """Number of a written word's normal form, -1 where no name has it: looked up once, then remembered."""

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        super().__init__()
        self._hashes, self._numbers = arrays["word_hashes"], arrays["word_numbers"]
        self._strings = Strings(arrays, "words")

    def __missing__(self, word: str) -> int:
        if len(self) >= _REMEMBERED:
            self.clear()
        normal = normal_word(word)
        wanted, found = _hash(normal), -1
        place = int(self._hashes.searchsorted(np.uint64(wanted)))
        while found < 0 and place < len(self._hashes) and self._hashes[place] == wanted:
            number = int(self._numbers[place])
            found = number if self._strings[number] == normal else -1
            place += 1
        self[word] = found
        return found


def _hash(word: str) -> int:
    return int.from_bytes(blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def _choose(entry: _Entry, surface: str) -> Concept | None:
    """The concept of a spelling: the exact spelling first (a plural s aside), then any."""
    if len(entry) > ("" in entry):
        bare = letters_of(surface)
        concept = entry.get(bare) or (entry.get(bare[:-1]) if bare.endswith("s") else None)
        if concept:
            return concept
    return entry.get("")


def _stands_free(text: str, start: int, end: int) -> bool:
    """Whether a match ends at the edges of written words, and is no part of anti-X, non-X or X-like.

    A Chinese character is an edge: ERCP stands free in "早期ERCP检查", and so does the name of a disease before "患者".
    """
    if start and (
        _joins(text, start) or (text[start - 1] in "-‐‑" and _OPPOSITE.search(text, max(0, start - 8), start))
    ):
        return False
    if end == len(text):
        return True
    following = text[end]
    return not (_joins(text, end) or combining(following) or (following in "-‐‑" and _LIKE.match(text, end + 1)))


def _joins(text: str, place: int) -> bool:
    """Whether the characters before and after a place are one word: letters or digits both, neither of them Chinese."""
    before, after = text[place - 1], text[place]
    return before.isalnum() and after.isalnum() and not (is_han(before) or is_han(after))


_OPPOSITE = re.compile(r"\b(?:anti|non|pseudo|pro|post|pre)[-‐‑]$", re.I)
_LIKE = re.compile(r"(?:like|free|naive|sparing)\b", re.I)
# What may lie between the words of one name: not the end of a line or sentence, nor the comma of an enumeration.
_JOINT = re.compile(r"(?:[^\S\n]{0,2}|[^\S\n]?[-‐‑–—/+'’][^\S\n]?|[^\S\n]?[(\[]|[)\]][^\S\n]?|[)\]]?[-‐‑]|[,.])")


def _one_phrase(text: str, start: int, end: int, between: Sequence[str]) -> bool:
    """Whether what stands between neighbouring words can stand inside a name, and its brackets are closed in it."""
    if text.count("(", start, end) != text.count(")", start, end):
        return False
    if is_han(text[start]) or is_han(text[end - 1]):
        return _one_chinese_phrase(text[start:end], between)
    return all(joint == " " or _JOINT.fullmatch(joint) for joint in between)


# Between two Chinese characters of one name nothing stands but a hyphen or bracket: a space is as good as a comma there.
_CHINESE_JOINT = re.compile(r"[-‐‑—–·•/+'’]?|[（(\[]|[)）\]]|[)）][-‐‑]")
_TWO_WORDS = re.compile(rf"[{HAN}]\s+[{HAN}]")


def _one_chinese_phrase(phrase: str, between: Sequence[str]) -> bool:
    return (
        phrase.count("（") == phrase.count("）")
        and _TWO_WORDS.search(phrase) is None
        and all(joint == " " or _CHINESE_JOINT.fullmatch(joint) for joint in between)
    )


@dataclass(frozen=True, slots=True)
class _Context:
    """Where an everyday word is a name after all: regular expressions for the text before and after it."""

    before: re.Pattern[str] | None
    after: re.Pattern[str] | None
    not_before: re.Pattern[str] | None
    not_after: re.Pattern[str] | None

    @classmethod
    def of(cls, rule: dict[str, str], *, words: bool = True) -> _Context:
        edge = r"\b" if words else ""

        def compiled(key: str, form: str) -> re.Pattern[str] | None:
            return re.compile(form.format(rule[key]), re.I) if key in rule else None

        return cls(
            compiled("before", r"(?:{})[\s-]*$"),
            compiled("after", rf"[\s-]*(?:{{}}){edge}"),
            compiled("not_before", rf"{edge}(?:{{}})[\s-]*$"),
            compiled("not_after", rf"[\s-]*(?:{{}}){edge}"),
        )

    def allows(self, text: str, start: int, end: int) -> bool:
        before = text[max(0, start - 30) : start]
        if (self.not_before and self.not_before.search(before)) or (self.not_after and self.not_after.match(text, end)):
            return False
        if self.before is None and self.after is None:
            return True
        return bool((self.before and self.before.search(before)) or (self.after and self.after.match(text, end)))
