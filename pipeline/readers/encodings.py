"""The encoding of a text that does not say it.

A byte order mark decides; else UTF-8 where the bytes are UTF-8, which no other encoding's text is by accident; else the
likeliest of a short list, by charset-normalizer (https://charset-normalizer.readthedocs.io), which decodes a sample with
each and measures how much it looks like language. It sees 32 KiB at most, and only of a text that is not UTF-8.

Bytes that are UTF-8 but for a few are damaged UTF-8 and not another encoding: the damaged place is lost, the rest is not.
Rejected: asking for any of Python's 99 encodings, for short samples then come out as DOS code pages.
"""

from __future__ import annotations

import codecs
import re
from typing import BinaryIO

from charset_normalizer import from_bytes

from pipeline.errors import SetAside

__all__ = ["decode", "encoding_of", "whole_text"]

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: What medical text that is not Unicode comes in, by how common it is. Each includes ASCII.
_OTHERS = ["gb18030", "cp1252", "big5", "cp932", "cp949", "cp1251"]
_SAMPLE = 1 << 15
#: Undecodable places among the non-ASCII characters of a text, above which it is no damaged UTF-8.
_DAMAGE = 0.5
_NOT_ASCII = re.compile(rb"[\x80-\xff]")


def encoding_of(data: bytes) -> str | None:
    """The encoding of a text, by its first bytes (at best 64 KiB), as Python names it; None where they are no text."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    if b"\0" in data:
        return None
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data, final=False)  # may end inside a character
        return "utf-8"
    except UnicodeDecodeError:
        pass
    first = _NOT_ASCII.search(data)
    start = first.start() if first else 0
    # from the line of the first character that tells something to the end of a line, so no character is cut
    sample = data[data.rfind(b"\n", 0, start) + 1 :][:_SAMPLE]
    sample = sample[: sample.rfind(b"\n") + 1] or sample
    text = sample.decode("utf-8", "replace")
    if text.count("\ufffd") <= _DAMAGE * sum(character > "\x7f" for character in text):
        return "utf-8"
    matches = from_bytes(sample, cp_isolation=_OTHERS)
    # of equally likely ones, which short samples have, the commonest
    best = min(matches, key=lambda m: (m.chaos, -m.coherence, _OTHERS.index(m.encoding)), default=None)
    return best.encoding if best is not None else "cp1252"


def decode(data: bytes) -> str | None:
    """A whole text; what cannot be decoded becomes U+FFFD. None where the bytes are no text."""
    encoding = encoding_of(data)
    return data.decode(encoding, "replace") if encoding is not None else None


def whole_text(stream: BinaryIO, file: str, *, limit: int) -> str | SetAside:
    """The whole text of a stream, every line end a line feed; a SetAside where it is longer than `limit` bytes, or no text."""
    data = stream.read(limit + 1)
    if len(data) > limit:
        detail = f"The text is longer than {limit >> 20} MiB. Split it, or remove what is no text."
        return SetAside(file, "file", "file-too-large", detail)
    text = decode(data)
    if text is None:
        return SetAside(file, "file", "not-text", "The file holds bytes that no text has. Save it as UTF-8 text.")
    return text.replace("\r\n", "\n").replace("\r", "\n")
