"""Passages that are no text to learn from, judged by themselves: one reason each, the first that holds.

The rules are those of C4 (Raffel et al. 2020, section 2.2) and Gopher (Rae et al. 2021, table A1), with thresholds for passages of
papers: theirs are for web pages, and throw out the results of clinical trials. Of 34,950 passages of real abstracts, Gopher's largest
share of repeated runs of five words (0.15) rejects 1.0%, its list of eight common words 0.1%, all good ones ("30 mg o.d. and 15 mg
b.d. ..."). Here more than half of a passage must be repeated, and the list of common words is longer. A Chinese character counts as a word.

Sentences told from the graph are asked for length and damage only: they are short, and alike, by nature.

Arrow counts, NumPy compares: 45 microseconds a passage of 500 characters. Rejected: fastText's identification of languages (a model of
126 MB; a script tells more of a passage full of Latin names), ftfy's measure of mojibake (Python, one text at a time).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.cleaning.config import CleaningConfig
from kg.cleaning.verdicts import verdicts
from kg.cleaning.words import Words, normal_form, runs_of, words_of

__all__ = ["quality_verdicts"]

_Numbers = np.ndarray[Any, np.dtype[Any]]
#: Reason, the passages it holds for, and what was measured of each as text with one place for the number.
_Found = tuple[str, _Numbers, str, _Numbers]

_REPEATED_RUN = 5
_PROSE_WORDS = 30
_COMMON = (
    "the", "of", "and", "to", "in", "a", "for", "with", "that", "is", "was", "were", "are", "be", "by", "on", "as", "at", "from",
    "or", "this", "which", "not", "had", "has",
)  # fmt: skip
#: Languages that are not written in Latin letters; their share of Latin letters is not asked for but in Chinese.
_OTHER_SCRIPTS = (
    "ar", "be", "bg", "el", "fa", "he", "hi", "hy", "ja", "ka", "kk", "ko", "mk", "mn", "ru", "sr", "ta", "th", "uk", "ur", "zh",
)  # fmt: skip

# U+FFFD; UTF-8 read as Latin-1 or Windows-1252 (Ã©, Â±, â‰¤, ï»¿); bytes of Chinese read as Latin-1, and UTF-8 of Chinese read as GBK.
_DAMAGED = (
    r"\x{FFFD}|[ÂÃÎÏÐÑ][\x{80}-\x{BF}]|Ã[—–‰„…†‡ˆŠ‹Œ‘’“”•˜™š›œžŸ]|â[€‰ˆ]|ï[»¬]|[\x{A1}-\x{FF}]{6,}"
    r"|锟斤拷|烫烫烫|[銆鈥]|锛[岀屼]"
)
_NOTICES = (
    r"(?i)(?:copyright|©|\(c\)\s*\d{4})[^.。]*[.。]?|all rights reserved[.]?|published by [^.]{1,80}[.]?"
    r"|no abstract (?:is )?available[.]?|abstract not available[.]?|[\[(]?abstract truncated[^\])]{0,30}[\])]?"
    r"|\d{4};\s?\d+(?:\(\d+\))?:\s?[\d-]+[.]?"
    r"|this article is protected by copyright[.]?|版权所有[^。]*。?|(?:本文)?无摘要[。]?|暂无摘要[。]?"
)


def quality_verdicts(
    passages: pa.RecordBatch, config: CleaningConfig, normal: pa.StringArray | None = None, words: Words | None = None
) -> pa.RecordBatch:
    """Verdicts on the passages that are poor text, in their order.

    Args:
        normal, words: normal forms and words of the texts, where they are there already.
    """
    normal = normal_form(passages.column("text")) if normal is None else normal
    words = words_of(normal) if words is None else words
    reasons = np.full(passages.num_rows, None, object)
    details = np.full(passages.num_rows, None, object)
    for reason, holds, told, measured in _rules(passages, config, words):
        for row in np.flatnonzero(holds & (reasons == None)).tolist():  # noqa: E711  (an array of objects)
            reasons[row], details[row] = reason, told.format(measured[row])
    rows = np.flatnonzero(reasons != None)  # noqa: E711
    ids = passages.column("passage_id").take(pa.array(rows))
    return verdicts(ids, pa.array(reasons[rows], pa.string()), pa.array(details[rows], pa.string()))


def _rules(passages: pa.RecordBatch, config: CleaningConfig, words: Words) -> Iterator[_Found]:
    text = pc.fill_null(passages.column("text"), "")
    literature = _array(pc.equal(passages.column("kind"), "literature"))
    language = passages.column("language")
    counts = np.diff(words.offsets)
    if config.damaged is not None:
        damaged = _array(pc.count_substring_regex(text, _DAMAGED))
        yield "wrong-encoding", damaged > config.damaged, "{} signs of a wrong encoding", damaged
    if config.longest is not None:
        yield "too-long", counts > config.longest, "{} words", counts
    if config.boilerplate:
        left = _without_notices(text, counts)
        yield (
            "boilerplate",
            literature & (left < counts) & (left < (config.shortest or 1)),
            "{} words beside notices",
            left,
        )
    if config.shortest is not None:
        yield "too-short", literature & (counts < config.shortest), "{} words", counts
    signs = _array(pc.utf8_length(text)) - _array(pc.count_substring_regex(text, r"\s"))
    letters = _array(pc.utf8_length(text)) - _array(pc.count_substring_regex(text, r"\P{L}"))
    if config.letters is not None:
        share = letters / np.maximum(signs, 1)
        yield "few-letters", literature & (share < config.letters), "{:.0%} letters", share
    if config.digits is not None:
        share = _array(pc.count_substring_regex(text, r"\p{N}")) / np.maximum(signs, 1)
        yield "many-digits", literature & (share > config.digits), "{:.0%} digits", share
    if config.foreign is not None:
        share = _foreign(text, language, letters, words)
        yield "wrong-language", literature & (share > config.foreign), "{:.0%} in another script", share
    if config.repeated is not None:
        share = _repeated(words)
        yield "repetitive", literature & (share > config.repeated), "{:.0%} of the words repeated", share
    if config.common_words is not None:
        common = _common(words)
        asked = literature & (counts >= _PROSE_WORDS) & _array(pc.equal(language, "en"))
        yield "no-prose", asked & (common < config.common_words), "{} of the common words", common


def _array(column: pa.Array) -> _Numbers:
    filled = pc.fill_null(column, False if pa.types.is_boolean(column.type) else 0)
    return np.asarray(filled.to_numpy(zero_copy_only=False))


def _without_notices(text: pa.StringArray, counts: _Numbers) -> _Numbers:
    """Words of each text beside notices."""
    left = counts.copy()
    rows = np.flatnonzero(_array(pc.match_substring_regex(text, _NOTICES)))
    if len(rows):
        rest = pc.replace_substring_regex(text.take(pa.array(rows)), _NOTICES, " ")
        left[rows] = np.diff(words_of(normal_form(rest)).offsets)
    return left


def _foreign(text: pa.StringArray, language: pa.StringArray, letters: _Numbers, words: Words) -> _Numbers:
    """Share of each text in a script that its language is not written in.

    Of a Chinese text, words that are no Chinese characters; of one in a language of Latin letters, letters of other scripts.
    """
    characters = words.sums(words.han)
    han = characters / np.maximum(np.diff(words.offsets), 1)
    others = _array(pc.count_substring_regex(text, r"[^\P{L}\p{Latin}]")) / np.maximum(letters, 1)
    latin = ~_array(pc.is_in(language, pa.array(_OTHER_SCRIPTS)))
    return np.where(_array(pc.equal(language, "zh")), np.where(letters > 0, 1 - han, 0), np.where(latin, others, 0))


def _repeated(words: Words) -> _Numbers:
    """Share of each text's words in runs of five that stood in it before."""
    runs = runs_of(words, _REPEATED_RUN)
    text = np.repeat(np.arange(len(words.offsets) - 1, dtype=np.uint64), np.diff(runs.offsets))
    # texts are kept apart by their number in the upper half; half a hash is enough inside one text
    keys = text << np.uint64(32) | runs.hashes >> np.uint64(32)
    order = np.argsort(keys, kind="stable")
    again = np.zeros(len(keys), np.bool_)
    again[order[1:]] = keys[order[1:]] == keys[order[:-1]]
    change = np.zeros(len(words.hashes) + 1, np.int64)
    np.add.at(change, runs.starts[again], 1)
    np.add.at(change, runs.starts[again] + _REPEATED_RUN, -1)
    covered = np.cumsum(change)[:-1] > 0
    return np.asarray(words.sums(covered) / np.maximum(np.diff(words.offsets), 1))


def _common(words: Words) -> _Numbers:
    """How many different common words each text has."""
    common = np.sort(words_of(pa.array(_COMMON)).hashes)
    place = np.minimum(np.searchsorted(common, words.hashes), len(common) - 1)
    bits = np.where(common[place] == words.hashes, np.uint32(1) << place.astype(np.uint32), np.uint32(0))
    # a bit for each word that is there; a text without words has none, which reduceat does not know
    there = np.bitwise_or.reduceat(np.append(bits, np.uint32(0)), words.offsets[:-1]) * (np.diff(words.offsets) > 0)
    bytes_ = there.astype(np.uint32).view(np.uint8)
    return np.asarray(np.unpackbits(bytes_).reshape(len(there), 32).sum(axis=1))
