"""What a word is about: its English roots, so that nephropathy, kidney disease and renal dysfunction share their tokens."""

from __future__ import annotations

from functools import cache, lru_cache

from pipeline.lexicons import load_words

__all__ = ["stems"]

_SUFFIXES = sorted(
    ["ization", "isation", "ational", "itive", "ative", "etes", "esia", "icity", "ality", "ivity", "ation", "ition", "ement", "ment", "ness", "able", "ible", "ical", "ance", "ence", "ancy", "ency", "ant", "ent", "ism", "ist", "ity", "ive", "ion", "ial", "ous", "eal", "ian", "ing", "osis", "otic", "esis", "etic", "ysis", "ytic", "emia", "emic", "itis", "itic", "ia", "ic", "al", "ar", "ary", "ed", "er", "or", "um", "us", "is", "y", "e", "a", "ate", "ine", "in", "ized", "ised"],
    key=lambda s: (-len(s), s),
)


@cache
def _forms() -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Roots that begin words, endings, and whole words, each with its noun."""
    begin, end, whole = {}, {}, {}
    for line in load_words("combining_forms.en.txt"):
        form, noun = line.split()
        if form.endswith("-"):
            begin[form[:-1]] = noun
        elif form.startswith("-"):
            end[form[1:]] = noun
        else:
            whole[form] = noun
    return begin, end, whole


@lru_cache(maxsize=1 << 18)
def stems(word: str) -> tuple[str, ...]:
    """The roots of a normal word, each once: nephropathy gives those of kidney and disease."""
    begin, _, whole = _forms()
    if word in whole:
        return (whole[word],)
    for length in range(min(9, len(word) - 3), 1, -1):
        if word[:length] in begin:
            rest = _rest(word[length:])
            if rest is not None:
                return tuple(dict.fromkeys((begin[word[:length]], *rest)))
    return (_stem(word),)


def _rest(tail: str) -> tuple[str, ...] | None:
    begin, end, whole = _forms()
    for bare in (tail, tail[1:] if tail[0] in "oia" else ""):
        if not bare:
            continue
        if bare in end:
            return (end[bare],)
        if bare in whole:
            return (whole[bare],)
        for length in range(min(9, len(bare) - 3), 1, -1):
            if bare[:length] in begin:
                rest = _rest(bare[length:])
                if rest is not None:
                    return begin[bare[:length]], *rest
    return None


def _stem(word: str) -> str:
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 4:
            return word[: -len(suffix)]
    return word
