"""What would be read of a file, without building anything: its kind and format, counts, first rows, what is set aside.

A file is asked for as a vocabulary first and then as literature, because tables of names are told by narrower marks than
tables of texts. The whole file is read, by the same readers and loaders as a build, so its counts are those a build will
have; memory holds the rows to be shown and nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from upath import UPath

from pipeline.documents import read_file
from pipeline.errors import MateriaError, SetAside
from pipeline.inventory import LiteratureFile, list_files, take_inventory
from pipeline.readers.base import DELETED, Document, compose
from pipeline.readers.streams import read_head
from pipeline.vocabularies.base import Concept
from pipeline.vocabularies.registry import HEAD_BYTES, LOADERS, recognise
from pipeline.vocabularies.sources import read_concepts

__all__ = ["Inspected", "inspect_files"]

_EXAMPLES = 3


@dataclass
class Inspected:
    """One file as a build would see it.

    Attributes:
        kind: `literature`, `vocabulary`, or `none` where nothing would be read of it.
        format: reader or loader with its version; empty where none knows the file.
        counts: documents or concepts, and what they hold.
        set_aside: how many records are not used, by reason.
        examples: the first of those records.
        rows: the first documents or concepts, as they are shown.
    """

    file: str
    kind: str
    format: str
    counts: Counter[str] = field(default_factory=Counter)
    set_aside: Counter[str] = field(default_factory=Counter)
    examples: list[SetAside] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def refuse(self, record: SetAside) -> None:
        """Count a record that is set aside."""
        self.set_aside[record.reason] += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(record)


def inspect_files(paths: Sequence[str], *, format_: str | None = None, rows: int = 0) -> Iterator[Inspected]:
    """Look into every file of the paths, one after another.

    Args:
        paths: files, folders or fsspec URLs.
        format_: a reader's or loader's name with or without its version, where the content must not decide.
        rows: documents or concepts of each file to keep for showing.

    Raises:
        MateriaError: a path is missing, or there is no such format.
    """
    loader = next((name for name in LOADERS if format_ in (name, name.rpartition(".v")[0])), None)
    formats = {"*": format_} if format_ and loader is None else None
    for file in list_files(paths, formats=formats):
        name = loader or (None if format_ else _vocabulary_format(file))
        yield _vocabulary(file, name, rows) if name else _literature(file, rows)


def _vocabulary_format(file: LiteratureFile) -> str | None:
    if file.problem is not None:
        return None
    try:
        head, _ = read_head(file.path, HEAD_BYTES)
    except OSError:
        return None  # said by the inventory, which tries again
    found = recognise(head, file.path.name)
    return found.name if found else None


def _vocabulary(file: LiteratureFile, format_: str, rows: int) -> Inspected:
    found = Inspected(file.name, "vocabulary", format_)
    seen: set[str] = set()
    try:
        for concept in read_concepts(UPath(file.path), found.refuse, LOADERS[format_]):
            seen.add(concept.curie)
            _count_concept(found.counts, concept)
            if len(found.rows) < rows:
                found.rows.append(_concept_row(concept))
    except MateriaError as error:
        found.refuse(SetAside(file.name, "file", "unreadable", f"{error.problem}. {error.remedy}."))
    found.counts["concepts"] = len(seen)
    return found


def _count_concept(counts: Counter[str], concept: Concept) -> None:
    counts["names"] += bool(concept.name) + len(concept.synonyms)
    counts["translations"] += len(concept.translations)
    counts["mappings"] += len(concept.matches) + len(concept.xrefs)
    counts["parents"] += len(concept.parents)


def _concept_row(concept: Concept) -> dict[str, Any]:
    names = [*(name for name, _ in concept.synonyms), *(f"{name} ({code})" for code, name, _ in concept.translations)]
    return {
        "curie": concept.curie,
        "name": concept.name,
        "other names": "; ".join(names),
        "parents": " ".join(concept.parents),
        "mappings": " ".join([*concept.xrefs, *(curie for curie, _ in concept.matches)]),
        "category": concept.category or "",
    }


def _literature(file: LiteratureFile, rows: int) -> Inspected:
    refused: list[SetAside] = []
    try:
        inventory = take_inventory([file], set_aside=refused.append).to_pylist()
    except MateriaError as error:  # a file the user named himself: said once more as one of many
        inventory = []
        refused = refused or [SetAside(file.name, "file", "unreadable", f"{error.problem}. {error.remedy}.")]
    found = Inspected(file.name, "literature" if inventory else "none", inventory[0]["format"] if inventory else "")
    for record in refused:
        found.refuse(record)
    for member, item in read_file(file, found.format) if inventory else ():
        if isinstance(item, SetAside):
            found.refuse(item)
            continue
        _count_document(found.counts, item)
        if len(found.rows) < rows:
            found.rows.append(_document_row(item, member))
    return found


def _count_document(counts: Counter[str], document: Document) -> None:
    counts["documents"] += 1
    counts["deletions"] += document.status == DELETED
    counts["full texts"] += document.full_text
    counts["annotations"] += len(document.annotations)
    counts["relations"] += len(document.relations)
    counts["translations"] += len(document.translations)


def _document_row(document: Document, member: str | None) -> dict[str, Any]:
    text, _ = compose(document.title, document.sections)
    return {
        "document": document.doc_id,
        "version": document.version,
        "status": document.status,
        "title": document.title,
        "sections": "; ".join(label for label, _ in document.sections),
        "characters": len(text),
        "language": document.language,
        "year": document.year,
        "annotations": len(document.annotations),
        "member": member or "",
    }
