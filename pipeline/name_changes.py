"""Which names mean something else in a new version of the name index, and which texts may hold one of them.

What is read in a text depends on the meanings of the names in it and on no other name (see `names`): a text that holds none of the
names whose meaning changed is read as before. So a synonym more costs the papers that have it, and not all papers.
Two indexes are compared as they stand, array by array: the words and tries are joined, so that a node of one is a node of the other,
and the meanings of each node compared. A text is looked through in two steps: one regular expression over all texts (Arrow), which
asks for the letters that every spelling of a changed name has, then, where they occur, word by word as the matcher does.
A "no" is certain; a "yes" may be none: the long form of a definition may begin or end inside a written word ("cannot" is two tokens),
so in a text with brackets, a name may too.
This holds for the dictionary. Where a recogniser is at work, its spans are linked by likeness to all names, so all may change.

Cost: 0.05 s for two indexes of 125,000 names; 0.07 s for 11,000 abstracts and one name. Rejected: a table of hashes of meanings with
each index (0.3 s of every build that changes a name), and reading the texts with both indexes (ten times the price).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import MateriaError
from pipeline.han import is_han
from pipeline.mapped import Strings, read_arrays
from pipeline.name_forms import WORD, folded_letters, normal_word
from pipeline.names import FORMAT
from pipeline.usable_names import letters_of

__all__ = ["NameChanges", "changed_names"]

#: More changed names than these are no small change: all texts are read again, which then costs less than looking for them.
_MOST = 2000
#: More names than these are no regular expression: their texts are looked through word by word.
_MOST_IN_PATTERN = 300
#: A text longer than this is read in pieces, whose edges may cut a word (`mentions.MAX_PIECE`).
_PIECE = 100_000

_Numbers = npt.NDArray[np.int64]
_Arrays = Mapping[str, npt.NDArray[Any]]


class NameChanges:
    """Names whose meaning changed.

    Args:
        forms: normal form -> the exact spellings (`letters_of`) in which alone it means something else; empty for any.
    """

    def __init__(self, forms: Mapping[tuple[str, ...], Iterable[str]]) -> None:
        self.forms = {
            # Elsewhere a longer name that begins or ends to be one hides others, whatever its spelling means.
            form: frozenset(spellings) if len(form) == 1 else frozenset()
            for form, spellings in sorted(forms.items())
        }
        self._by_word: dict[str, tuple[tuple[str, ...], ...]] = {}

    def __bool__(self) -> bool:
        return bool(self.forms)

    def may_hold(self, texts: pa.Array | pa.ChunkedArray) -> pa.BooleanArray:
        """Which texts may hold one of the names, and so be read otherwise than before; where it is false, they are not.

        Args:
            texts: strings; null holds nothing.
        """
        if isinstance(texts, pa.ChunkedArray):
            texts = texts.combine_chunks()
        held = np.zeros(len(texts), dtype=bool)
        if self.forms:
            places = np.flatnonzero(pc.fill_null(self._worth_a_look(texts), False).to_numpy(zero_copy_only=False))
            for place, text in zip(places.tolist(), texts.take(pa.array(places)).to_pylist(), strict=True):
                held[place] = self._held(text)
        return pa.array(held)

    def _worth_a_look(self, texts: pa.Array) -> pa.Array:
        """Which texts have the letters of a name, or letters that fold to others."""
        if len(self.forms) > _MOST_IN_PATTERN:
            return pc.is_valid(texts)
        odd = pc.match_substring_regex(texts, _ODD_LETTER)
        patterns = [pattern for form, spellings in self.forms.items() if (pattern := _anchor(form, spellings))]
        if not patterns:
            return odd
        return pc.or_(odd, pc.match_substring_regex(texts, "|".join(patterns)))

    def _held(self, text: str) -> bool:
        written = WORD.findall(text)
        exact = "(" not in text and len(text) <= _PIECE
        for first, word in enumerate(written):
            for form in self._beginning(word):
                after = first + len(form)
                if after <= len(written) and self._stands(form, written[first:after], exact):
                    return True
        return False

    def _beginning(self, word: str) -> tuple[tuple[str, ...], ...]:
        """The names that may begin with a written word, or inside it."""
        found = self._by_word.get(word)
        if found is None:
            if len(self._by_word) > 1 << 18:
                self._by_word.clear()
            normal, letters = normal_word(word), folded_letters(word)
            loosely = self._firsts.search(letters) is not None if not is_han(word) else False
            forms = self._by_first.get(normal, ())
            if loosely:
                forms = tuple(form for form in self.forms if form[0] == normal or _may_be_in(form[0], letters))
            found = self._by_word[word] = forms
        return found

    @cached_property
    def _firsts(self) -> re.Pattern[str]:
        return re.compile("|".join(sorted({_core(form[0]) for form in self.forms})))

    @cached_property
    def _by_first(self) -> dict[str, tuple[tuple[str, ...], ...]]:
        by_first: dict[str, list[tuple[str, ...]]] = {}
        for form in self.forms:
            by_first.setdefault(form[0], []).append(form)
        return {word: tuple(forms) for word, forms in by_first.items()}

    def _stands(self, form: tuple[str, ...], written: list[str], exact: bool) -> bool:
        """Whether written words may be a name: the first and last of them in part, unless `exact`."""
        last = len(form) - 1
        if not all(
            normal_word(word) == normal
            or (not exact and number in (0, last) and _may_be_in(normal, folded_letters(word)))
            for number, (normal, word) in enumerate(zip(form, written, strict=True))
        ):
            return False
        spellings = self.forms[form]
        if not spellings:
            return True
        letters = letters_of(written[0])
        return any(letters in (s, f"{s}s") or (not exact and s in letters) for s in spellings)


#: A letter or number that is no ASCII: all but the signs.
_ODD_LETTER = r"[^\x00-\x7F\p{P}\p{S}\p{Z}]"
_SPELLINGS = re.compile(r"(?<=sul)f|e")


def _core(word: str) -> str:
    """A regular expression for what every written word with a normal form has in it, after `folded_letters`."""
    drop = 2 if word.endswith("is") else word.endswith(("y", "or", "its"))
    kept = word[: len(word) - drop] if len(word) > drop else word[:1]
    return _SPELLINGS.sub(lambda m: "(?:f|ph)" if m.group() == "f" else "[ao]?e", re.escape(kept))


def _may_be_in(normal: str, letters: str) -> bool:
    return re.search(_core(normal), letters) is not None


def _anchor(form: tuple[str, ...], spellings: frozenset[str]) -> str | None:
    """What a text of ASCII letters must match to hold a name; None where no such text can."""
    if not all(map(str.isascii, form)):
        return None
    if spellings:
        return "|".join(re.escape(spelling) for spelling in sorted(spellings) if spelling.isascii()) or None
    return f"(?i:{_core(max(form, key=len))})"


def changed_names(old: Path, new: Path) -> NameChanges | None:
    """The names that mean something else in a new version of a name index; None where that may be all of them.

    Args:
        old, new: folders of `NameIndex`. An old one that is gone, or has another format, says nothing.

    Raises:
        MateriaError: the new one is no index.
    """
    after, header = read_arrays(new, FORMAT)
    try:
        before, old_header = read_arrays(old, FORMAT)
    except MateriaError:
        return None
    numbers = {
        "node": _nodes(before["edges"], after["edges"], _numbered(_strings(before, "words"), _strings(after, "words"))),
        "surface": _numbered(_strings(before, "surfaces"), _strings(after, "surfaces")),
        "concept": _numbered(_strings(before, "curies"), _strings(after, "curies")),
        "category": _numbered(pa.array(old_header["categories"]), pa.array(header["categories"])),
    }
    width = len(before["surfaces_ends"]) + len(after["surfaces_ends"])
    old_keys, old_senses = _senses(before, width, numbers)
    keys, senses = _senses(after, width, {})
    changed = _differing(old_keys, old_senses, keys, senses)
    if len(changed) > _MOST:
        return None
    count, spellings = len(after["edges"]) + 1, len(after["surfaces_ends"])
    forms: dict[tuple[str, ...], set[str]] = {}
    for node, surface in zip((changed // width).tolist(), (changed % width).tolist(), strict=True):
        form = _form(after, node) if node < count else _form(before, node - count)
        spelling = (
            Strings(after, "surfaces")[surface]
            if surface < spellings
            else Strings(before, "surfaces")[surface - spellings]
        )
        forms.setdefault(form, set()).add(spelling)
    return NameChanges({form: some if "" not in some else () for form, some in forms.items()})


def _strings(arrays: _Arrays, name: str) -> pa.Array:
    ends = np.concatenate(([0], arrays[f"{name}_ends"])).astype(np.int64)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(np.ascontiguousarray(arrays[name]))]
    return pa.Array.from_buffers(pa.large_binary(), len(ends) - 1, buffers)


def _numbered(old: pa.Array, new: pa.Array) -> _Numbers:
    """For each old string its place among the new ones; for one that is not among them a number of its own, after theirs."""
    place = pc.fill_null(pc.index_in(old, value_set=new), -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return np.where(place < 0, len(new) + np.arange(len(old)), place)


def _nodes(old: npt.NDArray[np.uint64], new: npt.NDArray[np.uint64], words: _Numbers) -> _Numbers:
    """For each node of an old trie the node of the new one that the same words lead to, else a number of its own, after theirs."""
    nodes = len(new) + 1 + np.arange(len(old) + 1)
    nodes[0] = 0
    parents, steps = (old >> np.uint64(32)).astype(np.int64), words[(old & np.uint64(0xFFFFFFFF)).astype(np.int64)]
    first, after = 0, int(np.searchsorted(parents, 1))
    while first < after:  # a level at a time: an edge leads to the node of its own number plus one
        level = slice(first, after)
        wanted = (nodes[parents[level]].astype(np.uint64) << np.uint64(32)) | steps[level].astype(np.uint64)
        places = np.minimum(new.searchsorted(wanted), max(len(new) - 1, 0))
        there = (new[places] == wanted) if len(new) else np.zeros(len(wanted), dtype=bool)
        nodes[first + 1 : after + 1] = np.where(there, places + 1, nodes[first + 1 : after + 1])
        first, after = after, int(np.searchsorted(parents, after + 1))
    return nodes


def _senses(arrays: _Arrays, width: int, numbers: Mapping[str, _Numbers]) -> tuple[_Numbers, npt.NDArray[np.float64]]:
    """Where each sense stands, `node * width + spelling`, ascending, and what it is: concept, class, score, whether initials.

    Args:
        numbers: by column, the new index's number for each of the old one's; none where they are its own.
    """

    def renumbered(column: str, own: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return numbers[column][own] if column in numbers else own.astype(np.int64)

    first = arrays["first_sense"]
    nodes = renumbered("node", np.repeat(np.arange(len(first) - 1), np.diff(first)))
    keys = nodes * width + renumbered("surface", arrays["surface"])
    order = np.argsort(keys)
    columns = [renumbered(name, arrays[name]) for name in ("concept", "category")]
    senses = [column[order].astype(np.float64) for column in (*columns, arrays["score"], arrays["initials"])]
    return keys[order], np.column_stack(senses)


def _differing(
    old_keys: _Numbers, old: npt.NDArray[np.float64], keys: _Numbers, new: npt.NDArray[np.float64]
) -> _Numbers:
    """The places, ascending, whose sense is not the same on both sides."""
    if not len(keys) or not len(old_keys):
        return np.union1d(keys, old_keys)
    place = np.minimum(old_keys.searchsorted(keys), len(old_keys) - 1)
    same = (old_keys[place] == keys) & (old[place] == new).all(axis=1)
    kept = np.zeros(len(old_keys), dtype=bool)
    kept[place[same]] = True
    return np.union1d(keys[~same], old_keys[~kept])


def _form(arrays: _Arrays, node: int) -> tuple[str, ...]:
    """The words that lead to a node."""
    words, form = Strings(arrays, "words"), []
    while node:
        edge = int(arrays["edges"][node - 1])
        form.append(words[edge & 0xFFFFFFFF])
        node = edge >> 32
    return tuple(reversed(form))
