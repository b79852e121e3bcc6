"""Rows of a corpus as text for a terminal: entities in the colour of their class, then claims, evidence and papers.

Rich measures text in columns, so Chinese, of two columns a character, wraps where it should; without a terminal there are no
colours and the entities are listed all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final
from zlib import crc32

from kg.corpus_preview import PreviewRow
from kg.trace import TracedEvidence, TracedTriple

if TYPE_CHECKING:
    from rich.text import Text

    Line = tuple[int, Text]

__all__ = ["class_style", "legend", "preview_lines"]

#: Colours of the classes that are named most; another class takes one of _OTHERS by the hash of its name.
_STYLES: Final = {
    "Disease": "bold red",
    "PhenotypicFeature": "bold yellow",
    "ChemicalEntity": "bold green",
    "SmallMolecule": "bold green",
    "Drug": "bold green",
    "ChemicalRole": "green",
    "Gene": "bold blue",
    "Protein": "bold blue",
    "BiologicalProcess": "bold cyan",
    "AnatomicalEntity": "bold magenta",
    "Procedure": "magenta",
    "OrganismTaxon": "cyan",
}
_OTHERS: Final = ("blue", "yellow", "red", "bright_black")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
#: Pieces of evidence shown for one claim, papers for one passage.
_EVIDENCE: Final = 2
_PAPERS: Final = 5


def class_style(category: str) -> str:
    """The style of a Biolink class, given as a CURIE: the same whatever else is shown."""
    name = category.removeprefix("biolink:")
    return _STYLES.get(name) or _OTHERS[crc32(name.encode()) % len(_OTHERS)]


def legend(rows: Iterable[PreviewRow]) -> Text:
    """The classes of the entities in these rows, each in its colour."""
    from rich.text import Text

    found = sorted({span["category"] for row in rows for span in row.passage["spans"]})
    line = Text()
    for category in found:
        line.append("  " if line else "")
        line.append(category.removeprefix("biolink:"), class_style(category))
    return line


def preview_lines(row: PreviewRow) -> Iterator[Line]:
    """What to print of a row: of each line its indentation, in columns, and its text."""
    passage = row.passage
    belief = "" if passage["belief"] is None else f", belief {passage['belief']:.3f}"
    form = f" {passage['form']}" if passage["form"] not in (None, "text") else ""
    told = f"{passage['kind']}{form}, {passage['language']}, {passage['split']}{belief}"
    yield _line(0, (row.target, "bold"), f"  {told}")
    yield 2, _marked(row)
    names = {
        span["curie"]: (passage["text"][span["start"] : span["end"]], span["category"]) for span in passage["spans"]
    }
    if names:
        entities = [("", "entities ")]
        for place, (curie, (words, category)) in enumerate(names.items()):
            entities += [("", "; " if place else ""), (class_style(category), words), ("dim", f" {curie}")]
        yield _line(2, *((text, style) for style, text in entities))
    for relation in passage["relations"]:
        yield _relation(row, relation["subject"], relation["predicate"], relation["object"])
    for triple in row.chain.triples:
        yield from _triple(triple, names)
    for evidence in row.chain.other_evidence[:_EVIDENCE]:
        yield _line(2, "supports no triple: ", *_claim(evidence.triple, names))
        yield from _evidence(evidence)
    yield from _papers(row)


def _marked(row: PreviewRow) -> Text:
    from rich.text import Text

    text = Text(_harmless(row.passage["text"]))
    for span in row.passage["spans"]:
        text.stylize(class_style(span["category"]), span["start"], span["end"])
    return text


def _relation(row: PreviewRow, subject: int, predicate: str, object_: int) -> Line:
    spans, text = row.passage["spans"], row.passage["text"]
    ends = [(text[s["start"] : s["end"]], class_style(s["category"])) for s in (spans[subject], spans[object_])]
    return _line(2, "states ", ends[0], f" {_plain(predicate)} ", ends[1])


def _triple(triple: TracedTriple, names: dict[str, tuple[str, str]]) -> Iterator[Line]:
    if triple.belief is None or not (triple.subject and triple.predicate and triple.object):
        yield _line(2, f"triple {triple.triple_id[:16]} is not in the graph: no evidence for it counts")
        return
    contested = ", contested" if triple.contested else ""
    claim = _claim((triple.subject, triple.predicate, triple.object), names)
    yield _line(2, f"triple {triple.triple_id[:16]}  ", *claim, f"  belief {triple.belief:.3f}{contested}")
    for evidence in triple.evidence[:_EVIDENCE]:
        yield from _evidence(evidence)
    if len(triple.evidence) > _EVIDENCE:
        yield _line(4, (f"and {len(triple.evidence) - _EVIDENCE} more pieces of evidence", "dim"))


def _claim(claim: tuple[str, str, str], names: dict[str, tuple[str, str]]) -> Iterator[tuple[str, str] | str]:
    subject, predicate, object_ = claim
    for place, curie in enumerate((subject, object_)):
        if place:
            yield f" {_plain(predicate)} "
        words, category = names.get(curie, (curie, ""))
        yield words, class_style(category) if category else ""


def _evidence(evidence: TracedEvidence) -> Iterator[Line]:
    says = "says" if evidence.polarity else "denies"
    where = evidence.document.doc_id if evidence.edge is None else f"{evidence.edge.file} {evidence.edge.place}"
    yield _line(4, (where, "dim"), f" {says}: {evidence.sentence}")


def _papers(row: PreviewRow) -> Iterator[Line]:
    documents = row.chain.documents
    for document in documents[:_PAPERS]:
        place = "no longer live" if document.file is None else document.file
        record = "" if document.record is None else f", record {document.record}"
        sha256 = f", sha256 {document.sha256[:16]}" if document.sha256 else ""
        yield _line(2, "from ", (document.doc_id, "bold"), (f"  {place}{record}{sha256}", "dim"))
    for vocabulary in row.chain.vocabularies:
        sha256 = f", sha256 {vocabulary.sha256[:16]}" if vocabulary.sha256 else ""
        yield _line(2, "from vocabulary ", (vocabulary.file, "bold"), (sha256, "dim"))
    if len(documents) > _PAPERS:
        yield _line(2, (f"and {len(documents) - _PAPERS} more papers", "dim"))


def _harmless(text: str) -> str:
    """The text without what would command the terminal; as long as before, since spans count its characters."""
    return _CONTROL.sub("\ufffd", text)


def _plain(curie: str) -> str:
    return curie.removeprefix("biolink:").replace("_", " ")


def _line(indent: int, *parts: str | tuple[str, str]) -> Line:
    from rich.text import Text

    return indent, Text.assemble(*parts)
