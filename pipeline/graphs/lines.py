"""What the formats share that hold one triple a line. In two of them these are three tab-separated cells without quoting
(IANA, text/tab-separated-values).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from pipeline.errors import SetAside
from pipeline.graphs.base import Edge, lines_of_text, plain_sentence
from pipeline.graphs.mapping import GraphMapping
from pipeline.graphs.scores import ZeroScoreError, parse_score

__all__ = ["edge_of", "triple_lines"]


def triple_lines(
    stream: BinaryIO, file: str, mapping: GraphMapping, header: tuple[str, ...], *, scores: bool = False
) -> Iterator[Edge | SetAside]:
    """One edge a line.

    Args:
        stream, file, mapping: as for `GraphReader.edges`.
        header: names of the columns, in small letters, where the first line may give them.
        scores: whether a fourth cell may hold a score.
    """
    most = 4 if scores else 3
    for item in lines_of_text(stream, file):
        if isinstance(item, SetAside):
            yield item
            continue
        number, line = item
        cells = [cell.strip() for cell in line.split("\t")]
        if number == 1 and tuple(cell.lower() for cell in cells) in (header, header[:3]):
            continue
        if not 3 <= len(cells) <= most or not all(cells[:3]):
            detail = "The line is not head, relation and tail with tabs between them. Correct or remove it."
            yield SetAside(file, f"line {number}", "no-triple", detail)
        else:
            yield edge_of(cells, f"line {number}", file, mapping)


def edge_of(cells: list[str], place: str, file: str, mapping: GraphMapping) -> Edge | SetAside:
    """The edge of subject, relation, object and perhaps a score, as a file writes them; why not, where it cannot be used."""
    subject, relation, object_ = cells[:3]
    meaning = mapping.relation(relation)
    if meaning is None:
        detail = f"The relation {relation[:60]!r} is not known to be a Biolink predicate. Give --graph-mapping with a line for it."
        return SetAside(file, place, "unknown-relation", detail)
    (head, head_category), (tail, tail_category) = mapping.node(subject), mapping.node(object_)
    if head is None or tail is None:
        word = (subject if head is None else object_)[:60]
        detail = f"The node {word!r} is no CURIE. Give --graph-mapping with its kind, its prefix, or the node itself."
        return SetAside(file, place, "no-identifier", detail)
    score = None
    if len(cells) == 4 and cells[3]:
        try:
            score = parse_score(cells[3])
        except ZeroScoreError:
            return SetAside(file, place, "score-zero", "The score is 0, so nothing speaks for the edge. Remove it.")
        except ValueError:
            return SetAside(file, place, "invalid-score", "The fourth cell is no number. Correct or empty it.")
    sentence, first, second = plain_sentence(subject, relation, object_)
    if meaning.reverse:
        head, tail, first, second = tail, head, second, first
        head_category, tail_category = tail_category, head_category
    return Edge(
        place,
        head,
        meaning.predicate,
        tail,
        sentence,
        first + second,
        relation,
        meaning.worth if score is None else score,
        subject_category=head_category,
        object_category=tail_category,
    )
