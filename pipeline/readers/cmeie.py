"""CMeIE: Chinese medical sentences with the relations that annotators found in them, one JSON object a line.

Format: https://tianchi.aliyun.com/dataset/95414 (CBLUE), Guan et al. 2020, doi:10.1007/978-3-030-60450-9_22:
`{"text": "急性胰腺炎@...", "spo_list": [{"predicate": "影像学检查", "subject": "急性胰腺炎", "subject_type": "疾病",
"object": {"@value": "ERCP"}, "object_type": {"@value": "检查"}, "Combined": false}]}`.

A sentence is a document, named by its text, as the format has no identifiers; what stands before `@` is the topic of the page it was
taken from and stays, since relations refer to it. The format says which words are related and not where they stand, so every
occurrence of a name is an annotation, but one inside a longer name (早产 in 早产儿) only where the name stands nowhere else.
Words are identified by name and class (`pipeline.curated.names`), and relations hold between these identifiers. The arguments of a
relation come in the direction of the Biolink predicate that it means (`pipeline.relations.schemes`); their roles are those of the corpus.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO, Final, NamedTuple

from pipeline.curated.names import name_curie
from pipeline.errors import SetAside
from pipeline.readers.annotation_checks import checked
from pipeline.readers.base import Annotation, Document, Relation, clean, content_id
from pipeline.readers.streams import numbered_lines
from pipeline.relations.schemes import MEANINGS, category_of

__all__ = ["Cmeie", "End", "Statement", "is_cmeie", "places_of", "read_sentences"]

_FIRST: Final = 1  # offset of the sentence in the document: behind the empty title and its newline


class End(NamedTuple):
    """One end of a relation: the words, and the corpus's type of them."""

    name: str
    type: str

    @property
    def curie(self) -> str:
        """What the words stand for."""
        return name_curie(self.name, category_of(self.type))


class Statement(NamedTuple):
    """A relation as the corpus states it."""

    relation: str
    subject: End
    object: End
    combined: bool


class Sentence(NamedTuple):
    """A line of the corpus: the text, cleaned, and what is stated of it."""

    place: str
    text: str
    statements: tuple[Statement, ...]

    @property
    def doc_id(self) -> str:
        """The name of the document that the sentence is."""
        return content_id("", (("sentence", self.text),))


def is_cmeie(head: bytes) -> bool:
    """Whether the first line of a file is a sentence with a list of relations."""
    try:
        record = json.loads(head.removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n", 1)[0])
    except (ValueError, RecursionError):
        return False
    return isinstance(record, dict) and isinstance(record.get("text"), str) and isinstance(record.get("spo_list"), list)


class Cmeie:
    """Reader of CMeIE."""

    name = "cmeie.v1"
    one_document = False

    def recognises(self, head: bytes, name: str) -> bool:
        """By a first line with a text and its relations."""
        del name
        return is_cmeie(head)

    def read(self, stream: BinaryIO, file: str) -> Iterator[Document | SetAside]:
        """One document a line that is not blank."""
        for item in read_sentences(stream, file):
            if isinstance(item, SetAside):
                yield item
            else:
                yield from checked(_document(item), file)


def read_sentences(stream: BinaryIO, file: str) -> Iterator[Sentence | SetAside]:
    """The sentences of a file in their order, and a SetAside for each line and each relation that cannot be used."""
    for number, line in numbered_lines(stream):
        if line is not None and not line.strip():
            continue
        place = f"line {number}"
        try:
            record = json.loads((line or b"").decode("utf-8"))
        except UnicodeDecodeError:
            yield SetAside(file, place, "not-utf-8", "The line is not UTF-8. Save the file in UTF-8.")
            continue
        except (ValueError, RecursionError):
            detail = "The line is no JSON, or longer than 16 MiB. Write one JSON object a line."
            yield SetAside(file, place, "invalid-json", detail)
            continue
        text, stated = (record.get("text"), record.get("spo_list")) if isinstance(record, dict) else (None, None)
        if not isinstance(text, str) or not text.strip() or not isinstance(stated, list):
            detail = "The line has no text and spo_list. Correct or remove it."
            yield SetAside(file, place, "invalid-sentence", detail)
            continue
        text = clean(text)
        statements = []
        for one in stated:
            statement = _statement(one, text)
            if statement is None:
                detail = (
                    "A relation has no predicate, or its ends are one, have no type or are not in the text. Correct it."
                )
                yield SetAside(file, place, "invalid-relation", detail)
            else:
                statements.append(statement)
        yield Sentence(place, text, tuple(dict.fromkeys(statements)))


def places_of(sentence: Sentence) -> dict[str, list[int]]:
    """Where the names of a sentence stand, as starts; inside a longer name only where a name stands nowhere else."""
    names = sorted({end.name for one in sentence.statements for end in (one.subject, one.object)}, key=len)
    everywhere = {name: list(_starts(name, sentence.text)) for name in names}
    found = {}
    for number, name in enumerate(names):
        longer = [(start, start + len(other)) for other in names[number + 1 :] for start in everywhere[other]]
        free = [
            start
            for start in everywhere[name]
            if not any(first <= start and start + len(name) <= end for first, end in longer)
        ]
        found[name] = free or everywhere[name]
    return found


def _starts(name: str, text: str) -> Iterator[int]:
    start = text.find(name)
    while start >= 0:
        yield start
        start = text.find(name, start + len(name))


def _statement(one: Any, text: str) -> Statement | None:
    if not isinstance(one, dict):
        return None
    values = [_value(one.get(key)) for key in ("predicate", "subject", "subject_type", "object", "object_type")]
    if not all(values):
        return None
    relation, subject, subject_type, object_, object_type = values
    if subject not in text or object_ not in text or subject == object_:
        return None
    return Statement(relation, End(subject, subject_type), End(object_, object_type), one.get("Combined") is True)


def _value(value: Any) -> str:
    """A text, which CMeIE writes as it is or as `{"@value": ...}`."""
    if isinstance(value, dict):
        value = value.get("@value")
    return clean(value).strip() if isinstance(value, str) else ""


def _document(sentence: Sentence) -> Document:
    places = places_of(sentence)
    ends = dict.fromkeys(end for one in sentence.statements for end in (one.subject, one.object))
    annotations = [
        Annotation("", ((start + _FIRST, start + _FIRST + len(end.name)),), end.name, end.type, (end.curie,))
        for end in ends
        for start in places[end.name]
    ]
    return Document(
        sentence.doc_id,
        sections=(("sentence", sentence.text),),
        language="zh",
        annotations=tuple(sorted(annotations, key=lambda one: (one.spans, one.type))),
        relations=tuple(map(_relation, sentence.statements)),
    )


def _relation(one: Statement) -> Relation:
    arguments = (("subject", one.subject.curie), ("object", one.object.curie))
    turned = one.relation in MEANINGS and MEANINGS[one.relation].reverse
    combined = (("combined", "true"),) if one.combined else ()
    return Relation(one.relation, arguments[::-1] if turned else arguments, combined)
