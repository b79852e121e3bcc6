"""Chinese characters: what they are, and the one form that a text, a name or a table is compared in.

Full-width letters and signs become half-width, traditional characters simplified ones, capitals small letters. Every character becomes
one character, so offsets into the form are offsets into the text. Traditional characters go by the table of OpenCC 1.4.2
(https://github.com/BYVoid/OpenCC, Apache-2.0), `lexicons/simplified.zh.txt`: its phrases are left out, since a name must have the
same form alone and in a text. The table is a file of ours and no dependency on the library, because identifiers are made from this
form: a release of OpenCC must not rename concepts. Cost: 18 million characters a second; the table loads in 2 ms.
Rejected: NFKC over the whole text ("㎎" becomes two characters, "²" a 2).
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib.resources import files

__all__ = ["HAN", "han_form", "has_han", "is_chinese", "is_han"]

#: The inside of a character class of regular expressions: ideographs, radicals that stand for them (PDF has such), and 〇.
HAN = "\u2e80-\u2fdf\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_HAN = re.compile(f"[{HAN}]")
# What NFKC makes another character of the same meaning: radicals, compatibility ideographs, half and full width.
_WIDTH_OR_RADICAL = re.compile("[\u2e80-\u2fdf\u3000\uf900-\ufaff\uff01-\uff65\uffe0-\uffee\U0002f800-\U0002fa1f]")


def has_han(text: str) -> bool:
    """Whether a text holds a Chinese character: what takes the Chinese path of sentences, names, context and patterns."""
    return not text.isascii() and _HAN.search(text) is not None


def is_chinese(text: str) -> bool:
    """Whether a sentence is in Chinese: a fifth of its letters are Chinese characters. An English one may hold a Chinese name.

    >>> [is_chinese(text) for text in ("SARS患者", "Diabetes mellitus (糖尿病) is treated with insulin.", "DNA")]
    [True, False, False]
    """
    if text.isascii():
        return False
    count = len(_HAN.findall(text))
    return count > 0 and count * 5 >= sum(map(str.isalpha, text))


def is_han(character: str) -> bool:
    """Whether a character is a Chinese one."""
    return character > "\u2e7f" and _HAN.match(character) is not None


def han_form(text: str) -> str:
    """The form in which Chinese is compared: half-width, simplified, small letters. As many code points as the text.

    >>> han_form("Ｂ型肝炎（慢性）"), han_form("糖尿病腎病變"), han_form("ＤＮＡ")
    ('b型肝炎(慢性)', '糖尿病肾病变', 'dna')
    """
    return text.lower() if text.isascii() else text.translate(_forms())


class _Forms(dict[int, str]):
    """The form of each character by its code point, found once."""

    def __init__(self, simplified: dict[str, str]) -> None:
        super().__init__()
        self._simplified = simplified

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if _WIDTH_OR_RADICAL.match(character) and len(plain := unicodedata.normalize("NFKC", character)) == 1:
            character = plain
        character = self._simplified.get(character, character)
        lower = character.lower()
        form = self[code] = lower if len(lower) == 1 else character
        return form


@cache
def _forms() -> _Forms:
    lines = (files("pipeline.lexicons") / "simplified.zh.txt").read_text(encoding="utf-8").splitlines()
    return _Forms({old: line[0] for line in lines if not line.startswith("#") for old in line[1:]})
