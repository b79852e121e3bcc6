"""Markdown: a guideline or a chapter, one document a file.

Format: CommonMark 0.31 (https://spec.commonmark.org/0.31.2/) with GitHub's tables
(https://github.github.com/gfm/#tables-extension-), by markdown-it-py. YAML between two lines of `---` at the start is front
matter, whose `title`, `date`, `language`, `doi`, `keywords` and so on are read as `pipeline.readers.columns` reads columns; its
other keys are passed over.

The title is that of the front matter, else the first heading of the first level. Sections are named by the path of their
headings. Paragraphs, list items and rows stand on lines of their own, cells between ` | `; code is kept as it is. Links and
pictures leave their text, HTML its text without tags. A file is held in memory, of at most 2 MiB; one dense in marks took 5.6 s a MiB.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import unescape
from typing import Any, BinaryIO

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from pipeline.errors import SetAside
from pipeline.readers.base import Document
from pipeline.readers.columns import Columns, column_key
from pipeline.readers.encodings import whole_text
from pipeline.readers.fields import document_of
from pipeline.readers.outline import Outline

__all__ = ["Markdown"]

_NAMES = (".md", ".markdown", ".md.gz", ".markdown.gz")
_LARGEST = 2 << 20
#: Front matter longer than this is a mistake, and slow to parse.
_LARGEST_FRONT = 16 << 10
_FRONT = re.compile(r"---[ \t]*\n(.*?\n)??(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FRONT_KEYS = {
    "text",
    "abstract",
    "sections",
    "label",
    "labels",
    "class",
    "category",
    "topic",
    "description",
    "summary",
}
_TAG = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1\s*>|\Z)|</?[A-Za-z][^<>]*>", re.DOTALL | re.IGNORECASE
)


class Markdown:
    """Reader of Markdown."""

    name = "markdown.v1"
    one_document = True

    def recognises(self, head: bytes, name: str) -> bool:
        """By the file's name alone: any text is Markdown."""
        return name.lower().endswith(_NAMES)

    def read(self, stream: BinaryIO, file: str) -> Iterator[Document | SetAside]:
        """The one document of the file; none where it is blank."""
        text = whole_text(stream, file, limit=_LARGEST)
        if isinstance(text, SetAside):
            yield text
        elif text.strip():
            yield _document(text, file)


def _document(text: str, file: str) -> Document | SetAside:
    record: dict[str, Any] = {}
    if front := _FRONT.match(text):
        record = _front_matter(front[1] or "")
        text = text[front.end() :]
    outline, title, cells = Outline(), "", list[str]()
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    for place, token in enumerate(tokens):
        if token.type == "inline":
            opener = tokens[place - 1]
            words = _inline(token.children or ())
            if opener.type == "heading_open":
                heading = " ".join(words.split())
                if opener.tag == "h1" and not title and record.get("title", heading) == heading:
                    title = heading
                else:
                    outline.heading(int(opener.tag[1]), heading)
            elif opener.type in ("th_open", "td_open"):
                cells.append(" ".join(words.split()))
            else:
                outline.add(words)
        elif token.type == "tr_open":
            cells = []
        elif token.type == "tr_close":
            outline.add(" | ".join(cells))
        elif token.type in ("fence", "code_block"):
            outline.add(token.content)
        elif token.type == "html_block":
            outline.add(_without_tags(token.content))
    record.setdefault("title", title)
    record["sections"] = [{"label": label, "text": text} for label, text in outline.close()]
    return document_of(record, file, "file")


def _front_matter(text: str) -> dict[str, Any]:
    """The fields of the front matter; none where it is no YAML mapping, for then it is no front matter."""
    if len(text) > _LARGEST_FRONT or re.search(
        r"(?m)[:\-,\[{]\s*[&*!]", text
    ):  # anchors and tags: no front matter needs them
        return {}
    try:
        front = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    if not isinstance(front, dict):
        return {}
    pairs = [(str(key), value) for key, value in front.items() if column_key(str(key)) not in _FRONT_KEYS]
    return Columns([key for key, _ in pairs]).record([value for _, value in pairs])


def _inline(tokens: Sequence[Token]) -> str:
    """The words of inline tokens: marks vanish, breaks become a space or a new line."""
    pieces = []
    for token in tokens:
        if token.type in ("text", "code_inline"):
            pieces.append(token.content)
        elif token.type == "image":
            pieces.append(_inline(token.children or ()))
        elif token.type == "softbreak":
            pieces.append(" ")
        elif token.type == "hardbreak" or (token.type == "html_inline" and token.content[:3].lower() == "<br"):
            pieces.append("\n")
    return "".join(pieces)


def _without_tags(html: str) -> str:
    return unescape(_TAG.sub(" ", html))
