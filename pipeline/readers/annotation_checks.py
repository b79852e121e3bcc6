"""Gold that does not fit its text is set aside: a wrong offset in training or evaluation data is worse than a missing one.

Annotated corpora in circulation hold some of it (one mention in the 2013 DDI corpus, whole files whose offsets count
bytes). White space is not compared: corpora trim it, and join the parts of a discontinuous mention with or without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pipeline.curies import is_curie
from pipeline.errors import SetAside
from pipeline.readers.base import Annotation, Document, raw_text

__all__ = ["checked"]


def checked(document: Document, file: str) -> Iterator[Document | SetAside]:
    """A SetAside for each annotation or relation that cannot stand, then the document with those that can.

    An annotation stands where its spans lie in the text (`span-outside-text`) and give its words (`annotation-mismatch`), a
    relation where each end is a CURIE or an annotation that stands (`unknown-argument`).
    """
    text = raw_text(document.title, document.sections)
    annotations, relations = [], []
    for annotation in document.annotations:
        place = _place(document, annotation)
        if any(start < 0 or max(start, end) > len(text) for start, end in annotation.spans):
            detail = f"The annotation {annotation.text[:40]!r} lies outside the text, of {len(text)} code points. Correct its offsets."
            yield SetAside(file, place, "span-outside-text", detail)
        elif _fits(annotation, text):
            annotations.append(annotation)
        else:
            detail = f"The offsets of the annotation {annotation.text[:40]!r} do not give its words. Correct them: they count code points."
            yield SetAside(file, place, "annotation-mismatch", detail)
    names = {annotation.name for annotation in annotations if annotation.name}
    for relation in document.relations:
        ends = [reference for _, reference in relation.arguments]
        unknown = next((end for end in ends if end not in names and not is_curie(end)), None)
        if ends and unknown is None:
            relations.append(relation)
        else:
            what = f"{unknown[:40]!r}, which is no annotation that can be used" if unknown else "nothing"
            detail = f"The relation {relation.type[:40]!r} refers to {what}. Correct the reference or the annotation."
            yield SetAside(file, document.doc_id, "unknown-argument", detail)
    yield replace(document, annotations=tuple(annotations), relations=tuple(relations))


def _fits(annotation: Annotation, text: str) -> bool:
    if not all(start < end for start, end in annotation.spans):
        return False
    found = _dense("".join(text[start:end] for start, end in annotation.spans))
    return bool(found) and found == _dense(annotation.text)


def _dense(text: str) -> str:
    return "".join(text.split())


def _place(document: Document, annotation: Annotation) -> str:
    return f"{document.doc_id} at {annotation.spans[0][0]}" if annotation.spans else document.doc_id
