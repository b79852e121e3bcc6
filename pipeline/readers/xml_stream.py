"""Records of an XML file one at a time: safe against what XML can carry, and at flat memory.

libxml2 parses in C and hands over each finished record; the record and everything before it is then cut from the tree,
so memory holds one record. No DTD is loaded, no entity is followed, nothing is fetched, and libxml2's own limits on
depth, size and expansion stay on.

- A DOCTYPE that names an external DTD is fine: every PubMed and JATS file has one. Under such a DTD libxml2 keeps a
  reference to an entity it does not know as a node. Those with a name of the ISO sets (`&alpha;`), which are also HTML's
  names, are put in as characters; a record with any other is set aside.
- A file that declares entities of its own is refused whole: real literature does not, attacks do (external entities,
  "billion laughs").

Rejected: defusedxml (its lxml part is abandoned), xml.sax (ten times slower).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from html.entities import html5
from typing import BinaryIO, cast

from lxml import etree

from pipeline.errors import SetAside
from pipeline.readers.streams import BrokenStreamError

__all__ = ["root_name", "xml_records"]

_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_ROOT = re.compile(r"<(?:[\w.-]+:)?([A-Za-z_][\w.-]*)")
# The end of a DOCTYPE: behind its internal subset, if it has one.
_DOCTYPE_END = re.compile(r"[^\[>]*(?:\[[^\]]*\]\s*)?>")
_LARGEST_RECORD = 64 << 20
_AGAIN = "Get the file again from its source"


def root_name(head: bytes) -> str | None:
    """Local name of the root element, found in the first bytes of a file; None where they are not XML."""
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if head.startswith(mark)), "utf-8")
    text = head.decode(encoding, "replace").lstrip("\ufeff")
    place, size = 0, len(text)
    # A scanner and not one pattern: nested repetition over a prolog without end takes time beyond all bounds.
    while place < size:
        if text[place].isspace():
            place += 1
        elif text.startswith("<?", place):
            place = _behind(text, "?>", place)
        elif text.startswith("<!--", place):
            place = _behind(text, "-->", place)
        elif text.startswith("<!DOCTYPE", place):
            end = _DOCTYPE_END.match(text, place + len("<!DOCTYPE"))
            place = end.end() if end else size
        else:
            match = _ROOT.match(text, place)
            return match[1] if match else None
    return None


def _behind(text: str, mark: str, start: int) -> int:
    """The place behind the next mark; the end of the text where there is none."""
    place = text.find(mark, start)
    return len(text) if place < 0 else place + len(mark)


class _ShortReads:
    """A stream that hands over what it has, so that nothing good is lost when the next read finds the file broken.

    It breaks off where one record takes more bytes than any article: its tree would fill the memory.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.since_record = 0

    def read(self, size: int) -> bytes:
        data = cast(bytes, self._stream.read1(size))  # type: ignore[attr-defined]
        self.since_record += len(data)
        if self.since_record > _LARGEST_RECORD:
            raise BrokenStreamError("record-too-large", "a record is larger than 64 MiB", "Split it or leave it out")
        return data


def xml_records(
    stream: BinaryIO, file: str, *, roots: Collection[str], records: Collection[str]
) -> Iterator[etree._Element | SetAside]:
    """Yield each outermost element named in `records`; it is emptied as soon as the next one is asked for.

    Args:
        roots: names of root elements, whose start is where the prolog is checked.
        records: names of record elements; one inside another belongs to the outer one.

    Yields:
        elements, and a SetAside for: a record with an unknown entity (`unresolved-entity`), a file that declares entities
        (`entity-declaration`), a file that breaks off (`malformed-xml`). The last two end the file.

    Raises:
        BrokenStreamError: a record is larger than any article (`record-too-large`), or the stream itself breaks off.
    """
    source = _ShortReads(stream)
    parser = etree.iterparse(
        source, events=("start", "end"), tag=sorted({*roots, *records}),
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    wanted, depth, count, checked, external = frozenset(records), 0, 0, False, False
    try:
        for event, element in parser:
            if not checked:
                checked = True
                info = element.getroottree().docinfo
                external = info.internalDTD is not None
                if external and next(iter(info.internalDTD.iterentities()), None) is not None:
                    yield _declares_entities(file)
                    return
            if element.tag not in wanted:
                continue
            depth += 1 if event == "start" else -1
            if event == "end" and depth == 0:
                unknown = _put_in_entities(element) if external else None
                yield element if unknown is None else _unknown_entity(file, count, unknown)
                count += 1
                _release(element)
                source.since_record = 0
    except etree.XMLSyntaxError as error:
        fatal = parser.error_log.last_error
        # the message may quote a piece of the file, line ends and all
        message = " ".join(((fatal.message if fatal is not None else error.msg) or "").split())[:200].rstrip(".")
        if "amplification" in message:
            yield _declares_entities(file)
            return
        line = fatal.line if fatal is not None else 0
        yield SetAside(
            file, f"record {count}", "malformed-xml",
            f"The XML breaks at line {line} ({message}); the {count} records before it are kept. {_AGAIN}.",
        )  # fmt: skip


def _release(element: etree._Element) -> None:
    """Empty a record and cut it off with all that precedes it: clear() alone would leave one empty element each."""
    element.clear()
    parent = element.getparent()
    if parent is not None:
        while element.getprevious() is not None:
            del parent[0]


def _put_in_entities(record: etree._Element) -> str | None:
    """Replace references to entities of the ISO sets by their characters; return the name of the first unknown one."""
    for entity in list(record.iter(etree.Entity)):
        name = str(entity.name)  # type: ignore[attr-defined]
        character = html5.get(f"{name};")
        if character is None:
            return name
        text = character + (entity.tail or "")
        before, parent = entity.getprevious(), entity.getparent()
        if before is not None:
            before.tail = (before.tail or "") + text
        elif parent is not None:
            parent.text = (parent.text or "") + text
        if parent is not None:
            parent.remove(entity)
    return None


def _declares_entities(file: str) -> SetAside:
    return SetAside(
        file, "prolog", "entity-declaration",
        "The file declares XML entities of its own, which can read other files or unfold without end, so it is not read. "
        "Expand them with a tool you trust (xmllint --noent) or remove the declarations.",
    )  # fmt: skip


def _unknown_entity(file: str, count: int, name: str) -> SetAside:
    return SetAside(
        file, f"record {count}", "unresolved-entity",
        f"The record refers to the entity &{name}; that only its DTD defines, and DTDs are not loaded. "
        "Expand it with a tool you trust (xmllint --noent).",
    )  # fmt: skip
