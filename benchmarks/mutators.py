"""Ways to spoil a file: what transfers, editors, careless exports and attackers do to literature and vocabularies.

`mutate` puts one to three of them together, chosen by a seeded generator, so that every file can be made again from its
number. Each mutator is a function of the bytes, the generator and what else there is to work with (`Material`).
"""

from __future__ import annotations

import gzip
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

__all__ = ["MUTATORS", "Material", "mutate"]

_DIGITS = re.compile(rb"\d+")
_TOKEN = re.compile(rb"[\w:.-]{3,40}")
_DOCTYPE = re.compile(rb"<!DOCTYPE[^>]*>")
_DEPTHS = (50, 250, 300, 1_000, 10_000)
_NESTS = (
    (b"<i>", b"</i>"),
    (b"<sec>", b"</sec>"),
    (b"[", b"]"),
    (b'{"a":', b"}"),
    (b"(", b")"),
    (b'{"a":[', b"]}"),
    (b"{", b"}"),
)
_ODD = (
    b"\0", b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x1f\x8b", b"\xef\xbb\xbf", b"\r", b"\x0b", b"\x85", b"\x1b[31m",
    "\u2028\u202e\ufeff".encode(), b"&#0;", b"&#xD800;", b"\\ud800", b"\\u0000", b"]]>", b"<![CDATA[", b"<!--", b"<?x ?>", b'"""', b"\\",
)  # fmt: skip
_NUMBERS = (
    b"9" * 5_000, b"-1", b"0", b"1e999", b"NaN", b"-Infinity", b"2147483648", b"9223372036854775808", b"1.5", b"0x10", "٣".encode(),
    "²".encode(), b"",
)  # fmt: skip
_PATHS = (
    b"../../etc/passwd", b"/etc/passwd", b"..\\..\\windows", b"file:///etc/passwd", b"PMID:../../x", b"MESH:..", b"http://[::1", b"a\0b",
    b"%2e%2e%2f", b"~root", b"C:\\x", b"-rf", b"$(id)", b"'; DROP TABLE x; --",
)  # fmt: skip
_ENCODINGS = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "gb18030", "cp037", "utf-7")
_STRUCTURE = b"<>&\"'{}[],:;\t|\\\n=/#!"


@dataclass(frozen=True)
class Material:
    """What mutators work with: another seed to splice in, and the address of a file that must never be read."""

    other: bytes
    secret_url: str


def _place(data: bytes, rng: random.Random) -> int:
    return rng.randint(0, len(data))


def _insert(data: bytes, piece: bytes, rng: random.Random) -> bytes:
    at = _place(data, rng)
    return data[:at] + piece + data[at:]


def flip(data: bytes, rng: random.Random, _: Material) -> bytes:
    """One to twenty bytes get another value."""
    changed = bytearray(data)
    for _number in range(rng.randint(1, 20) if data else 0):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def structure(data: bytes, rng: random.Random, _: Material) -> bytes:
    """Signs that a format lives by stand where others did."""
    changed = bytearray(data)
    for _number in range(rng.randint(1, 8) if data else 0):
        changed[rng.randrange(len(changed))] = rng.choice(_STRUCTURE)
    return bytes(changed)


def cut(data: bytes, rng: random.Random, _: Material) -> bytes:
    """The end, the start or a part between is missing."""
    low, high = sorted((_place(data, rng), _place(data, rng)))
    return rng.choice((data[:high], data[low:], data[:low] + data[high:]))


def splice(data: bytes, rng: random.Random, material: Material) -> bytes:
    """The start of one file and the end of another, of the same or of another format."""
    return data[: _place(data, rng)] + material.other[_place(material.other, rng) :]


def repeat(data: bytes, rng: random.Random, _: Material) -> bytes:
    """A part of the file stands there many times."""
    low, high = sorted((_place(data, rng), _place(data, rng)))
    piece = data[low:high]
    return data[:high] + piece * min(rng.choice((1, 10, 1_000)), 1_000_000 // max(1, len(piece))) + data[high:]


def odd(data: bytes, rng: random.Random, _: Material) -> bytes:
    """Bytes that are no UTF-8, controls, lone surrogates, marks of markup."""
    for _number in range(rng.randint(1, 4)):
        data = _insert(data, rng.choice(_ODD), rng)
    return data


def encode(data: bytes, rng: random.Random, _: Material) -> bytes:
    """The text in another encoding than the format's."""
    return data.decode("utf-8", "replace").encode(rng.choice(_ENCODINGS), "replace")


def nest(data: bytes, rng: random.Random, _: Material) -> bytes:
    """Elements, lists or brackets up to 10,000 deep, closed or not."""
    (begin, end), depth = rng.choice(_NESTS), rng.choice(_DEPTHS)
    return _insert(data, begin * depth + rng.choice((b"", b"x" + end * depth)), rng)


def entity(data: bytes, rng: random.Random, material: Material) -> bytes:
    """Entities that unfold without end or read another file, in text and in attributes."""
    laughs = (
        '<!ENTITY e0 "ha">'
        + "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 11))
        + '<!ENTITY e "&e10;">'
    )
    declarations = rng.choice(
        (
            laughs,
            f'<!ENTITY e SYSTEM "{material.secret_url}">',
            f'<!ENTITY % p SYSTEM "{material.secret_url}"> %p; <!ENTITY e "x">',
            f'<!ENTITY e "{"x" * 50_000}">',
            '<!ENTITY e "&e;">',
        )
    )
    root = re.search(rb"<(\w[\w:.-]*)", data)
    name = root[1].decode("ascii", "replace") if root else "x"
    doctype = f"<!DOCTYPE {name} [{declarations}]>".encode()
    data = (
        _DOCTYPE.sub(doctype, data, count=1)
        if _DOCTYPE.search(data)
        else re.sub(rb"(?=<\w)", lambda _: doctype, data, count=1)
    )
    include = (
        f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{material.secret_url}" parse="text"/>'.encode()
    )
    ends = [match.end() for match in re.finditer(rb">", data)]
    for at in sorted(rng.sample(ends, min(5, len(ends))), reverse=True):
        data = data[:at] + rng.choice((b"&e;" * 50, b"%p;", include)) + data[at:]
    return data


def number(data: bytes, rng: random.Random, _: Material) -> bytes:
    """Numbers too large, negative, of other scripts, or none."""
    return _replace_some(data, _DIGITS, _NUMBERS, rng)


def path(data: bytes, rng: random.Random, _: Material) -> bytes:
    """Identifiers and names that are paths, addresses or commands."""
    return _replace_some(data, _TOKEN, _PATHS, rng)


def _replace_some(data: bytes, pattern: re.Pattern[bytes], values: tuple[bytes, ...], rng: random.Random) -> bytes:
    found = list(pattern.finditer(data))
    for match in sorted(rng.sample(found, min(len(found), rng.randint(1, 4))), key=lambda m: m.start(), reverse=True):
        data = data[: match.start()] + rng.choice(values) + data[match.end() :]
    return data


def long_line(data: bytes, rng: random.Random, _: Material) -> bytes:
    """A run of one sign of up to two million, or no line end at all."""
    if rng.random() < 0.3:
        return data.replace(b"\n", rng.choice((b"", b" ", b"\r", b"\\n")))
    return _insert(
        data,
        rng.choice((b"a", b" ", b"\t", b"|", b",", b'"', b"<", b"&", b"\n", b"9", b"\\"))
        * rng.choice((10_000, 2_000_000)),
        rng,
    )


@cache
def _bomb(filling: bytes, size: int) -> bytes:
    return gzip.compress(filling * (size // len(filling)), 9, mtime=0)


def packed(data: bytes, rng: random.Random, _: Material) -> bytes:
    """A gzip stream that is cut, damaged, doubled, or a bomb."""
    whole = gzip.compress(data, 1, mtime=0)
    kind = rng.randrange(6)
    if kind == 0:
        return whole[: _place(whole, rng)]
    if kind == 1:
        return flip(whole, rng, _)
    if kind == 2:
        return gzip.compress(whole, 1, mtime=0)
    if kind == 3:
        return whole + rng.choice((b"rubbish", b"\0" * 1000, whole))
    return whole + _bomb(rng.choice((b" ", b"\n", b"\0", b"a", b"<i>", b"1\tx\n", b"[")), rng.choice((20, 120)) << 20)


def empty(_data: bytes, rng: random.Random, _: Material) -> bytes:
    """Nothing, or next to nothing."""
    return rng.choice(
        (b"", b"\n", b" " * 1000, b"\0", b"\xef\xbb\xbf", b"{}", b"[]", b"<a/>", gzip.compress(b"", mtime=0))
    )


Mutator = Callable[[bytes, random.Random, Material], bytes]
#: Every mutator and how often it is drawn.
MUTATORS: dict[Mutator, int] = {
    flip: 10, structure: 10, cut: 10, splice: 10, repeat: 5, odd: 10, encode: 5, nest: 8, entity: 8, number: 8, path: 8, long_line: 4,
    packed: 4, empty: 1,
}  # fmt: skip


def mutate(data: bytes, rng: random.Random, material: Material) -> tuple[bytes, str]:
    """The bytes after one to three mutators, and the names of these."""
    chosen = rng.choices(list(MUTATORS), weights=list(MUTATORS.values()), k=rng.choice((1, 1, 1, 2, 3)))
    for one in chosen:
        data = one(data, rng, material)
    return data, "+".join(one.__name__ for one in chosen)
