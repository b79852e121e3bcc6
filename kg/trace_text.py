"""A trace as plain text: an outline from the passage down to the file."""

from __future__ import annotations

from collections.abc import Iterator

from kg.origins import TracedDocument
from kg.shard_summary import ShardSummary
from kg.trace import TracedEvidence, TracedPassage

__all__ = ["format_summary", "format_trace"]


def format_trace(passage: TracedPassage) -> str:
    """The whole chain behind a passage, one step a level: passage, triples, evidence, sentence, document, file."""
    return "\n".join(_lines(passage)) + "\n"


def format_summary(summary: ShardSummary, most: int = 10) -> str:
    """What stands behind a shard: files, and the documents behind most rows."""
    lines = [
        f"{summary.shard}: {summary.rows} passages, {summary.triples} triples, {summary.evidence} evidence rows,"
        f" {len(summary.documents)} documents, {len(summary.files)} files",
        "files",
        *(
            f"  {share.rows:6d} rows  {share.share:6.1%}  {share.name}  sha256 {share.sha256}"
            for share in summary.files[:most]
        ),
        "documents",
        *(f"  {share.rows:6d} rows  {share.share:6.1%}  {share.name}" for share in summary.documents[:most]),
    ]
    for name, shares in (("files", summary.files), ("documents", summary.documents)):
        if len(shares) > most:
            lines.append(f"  and {len(shares) - most} more {name}")
    return "\n".join(lines) + "\n"


def _lines(passage: TracedPassage) -> Iterator[str]:
    belief = "" if passage.belief is None else f", belief {passage.belief:.3f}"
    yield f"passage {passage.passage_id[:16]}  {passage.kind}, {passage.language}, split {passage.split}{belief}"
    yield f"  {passage.text}"
    for curie, words in passage.names:
        yield f"  names {words} = {curie}"
    for triple in passage.triples:
        if triple.belief is None:
            yield f"triple {triple.triple_id[:16]}  not in the graph: no evidence for it counts"
            continue
        contested = ", contested" if triple.contested else ""
        yield f"triple {triple.triple_id[:16]}  {triple.subject} {triple.predicate} {triple.object}"
        sides = f"support {triple.support:.3f} x (1 - contradiction {triple.contradiction:.3f})"
        yield f"  belief {triple.belief:.3f} = {sides}{contested}"
        for evidence in triple.evidence:
            yield from _evidence(evidence)
    if passage.other_evidence:
        yield "claims that support no triple here"
        for evidence in passage.other_evidence:
            yield from _evidence(evidence)
    shown = {one.document.doc_id for triple in passage.triples for one in triple.evidence}
    shown |= {one.document.doc_id for one in passage.other_evidence}
    for document in passage.documents:
        if document.doc_id not in shown:
            yield from _document(document, "")
    for vocabulary in passage.vocabularies:
        yield f"vocabulary {vocabulary.file}"
        yield f"  sha256 {vocabulary.sha256 or '(the vocabulary is no longer there)'}"


def _evidence(evidence: TracedEvidence) -> Iterator[str]:
    polarity = "says" if evidence.polarity else "denies"
    subject, predicate, object_ = evidence.triple
    worth = f"{evidence.extractor}, probability {evidence.probability:.2f}, certainty {evidence.certainty:.2f}"
    claim = f"{polarity} {subject} {predicate} {object_} by {evidence.trigger!r}"
    yield f"  evidence {evidence.evidence_id[:16]}  {claim}  ({worth})"
    if evidence.edge is None:
        yield f"    sentence [{evidence.sentence_start}, {evidence.sentence_end}) of {evidence.section}: {evidence.sentence}"
        yield from _document(evidence.document, "    ")
        return
    edge = evidence.edge
    yield f"    edge {evidence.sentence}"
    yield f"      graph {edge.file} {edge.place}, read by {edge.format or evidence.extractor}"
    yield f"      sha256 {edge.sha256 or '(the graph is no longer there)'}"
    if evidence.document.version is not None:
        yield from _document(evidence.document, "    ")
    elif evidence.document.file is None:
        yield f"    document {evidence.document.doc_id}  cited by the graph, not among the live documents"


def _document(document: TracedDocument, indent: str) -> Iterator[str]:
    if document.file is None:
        yield f"{indent}document {document.doc_id}  no longer live"
        return
    if document.version is None:
        yield f"{indent}graph {document.file}, read by {document.format}"
        yield f"{indent}  sha256 {document.sha256}"
        return
    yield f"{indent}document {document.doc_id} version {document.version}  ({document.status}; counts because: {document.reason})"
    member = f", member {document.member}," if document.member else ""
    yield f"{indent}  file {document.file}{member} record {document.record}, batch {document.batch}, read by {document.format}"
    yield f"{indent}  sha256 {document.sha256}"
