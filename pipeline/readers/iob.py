"""IOB: a word and its tag a line, a blank line between sentences; the form that taggers of named entities are trained on.

Format: CoNLL-2003 (https://aclanthology.org/W03-0419) and what became of it: columns parted by tabs, or by spaces, of which the
first is the word and the last its tag; a line `-DOCSTART-` before a document. Tags are O, or a place and a type: IOB1, IOB2,
BIOES and BILOU are all read (an entity begins at B, S or U, and where the type changes or the tag before was O).

The text is the words joined by spaces, as the format does not keep the spaces of the original; each sentence is a section. A file
without `-DOCSTART-` does not say which sentences belong together, so each is a document of its own. The columns between the first
and the last (parts of speech, chunks) are dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from pipeline.errors import SetAside
from pipeline.readers.base import Annotation, Document, content_id
from pipeline.readers.streams import numbered_lines

__all__ = ["Iob"]

_TAG = re.compile(r"O|[BIESLU]-(\S{1,100})")
_START = "-DOCSTART-"
#: Words of the longest document; what follows is another, so that a file without blank lines does not fill the memory.
_MOST_WORDS = 1_000_000

#: A word, and its tag.
_Word = tuple[str, str]


class Iob:
    """Reader of words with tags."""

    name = "iob.v1"
    one_document = False

    def recognises(self, head: bytes, name: str) -> bool:
        """By tags in the last column of every line, one of which begins an entity or a document."""
        text = head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
        lines = text.replace("\r\n", "\n").split("\n")
        # the last may be cut short
        lines = [line for line in (lines[:-1] if len(lines) > 1 else lines) if line.strip()][:1000]
        rows = [_columns(line) for line in lines if not line.startswith(_START)]
        begun = len(rows) < len(lines) or any(row and row[1] != "O" for row in rows)
        return bool(rows) and begun and all(rows)

    def read(self, stream: BinaryIO, file: str) -> Iterator[Document | SetAside]:
        """One document after each `-DOCSTART-`, or one a sentence where there is none; a sentence with a bad line is left out."""
        sentences: list[list[_Word]] = []
        words: list[_Word] = []
        whole, count, bad = False, 0, False
        for number, raw in numbered_lines(stream):
            line = _decoded(raw)
            start = line is not None and line.startswith(_START)
            if line is not None and (start or not line.strip()):
                if words and not bad:
                    sentences.append(words)
                words, bad = [], False
                if sentences and (start or not whole or count > _MOST_WORDS):
                    yield _document(sentences)
                    sentences, count = [], 0
                whole = whole or start
                continue
            word = _columns(line) if line is not None else None
            if word is None:
                detail = "The line is no word and tag (O, B-Disease) in UTF-8. Correct it; its sentence was left out."
                yield SetAside(file, f"line {number}", "invalid-iob-line", detail)
                bad = True
            elif not bad:
                words.append(word)
                count += 1
                if len(words) > _MOST_WORDS:
                    detail = "The sentence has more than a million words. Put a blank line between sentences."
                    yield SetAside(file, f"line {number}", "sentence-too-long", detail)
                    words, bad = [], True
        if words and not bad:
            sentences.append(words)
        if sentences:
            yield _document(sentences)


def _decoded(raw: bytes | None) -> str | None:
    try:
        return raw.decode("utf-8") if raw is not None else None
    except UnicodeDecodeError:
        return None


def _columns(line: str) -> _Word | None:
    """The word and the tag of a line, None where it has none."""
    columns = line.rstrip().split("\t") if "\t" in line else line.split()
    word = " ".join(columns[0].split()) if columns else ""
    return (word, columns[-1]) if len(columns) > 1 and word and _TAG.fullmatch(columns[-1]) else None


def _document(sentences: list[list[_Word]]) -> Document:
    sections, annotations, start = [], [], 1  # behind the empty title and its newline
    for words in sentences:
        text = " ".join(word for word, _ in words)
        for first, end, kind in _entities(words):
            annotations.append(Annotation("", ((start + first, start + end),), text[first:end], kind))
        sections.append(("sentence", text))
        start += len(text) + 1
    return Document(content_id("", sections), sections=tuple(sections), annotations=tuple(annotations))


def _entities(words: list[_Word]) -> Iterator[tuple[int, int, str]]:
    """Start, end and type of each entity, in characters of the sentence."""
    place, first, last, kind = 0, 0, 0, ""
    for word, tag in words:
        part, new = tag[0], tag[2:]
        if kind and (part in "OBSU" or new != kind):
            yield first, last, kind
            kind = ""
        if part != "O":
            first = first if kind else place
            kind, last = new, place + len(word)
            if part in "ESLU":
                yield first, last, kind
                kind = ""
        place += len(word) + 1
    if kind:
        yield first, last, kind
