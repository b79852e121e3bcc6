"""Writes the rows of docs/corpus.md with what is behind each, so that none is typed in by hand.

Run: .venv/bin/python docs/make_corpus_page.py HOME
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from assets.home import Home, open_home
from kg.corpus_preview import PreviewFilter, PreviewRow, preview
from kg.trace import TracedEvidence

PAGE = Path(__file__).with_name("corpus.md")
#: What the page shows of each language: title, rows of each kind, and their kind.
SECTIONS = {"en": (("verbalized", 20), ("literature", 10)), "zh": (("verbalized", 20), ("literature", 10))}
MARKS = re.compile(r"(?P<begin><!-- rows (?P<language>[a-z]{2}) -->\n).*?(?P<end><!-- end -->)", re.DOTALL)
LONGEST = 240
SEED = 26


def rows(home: Home, language: str) -> Iterator[str]:
    """The rows of one language as Markdown, numbered, each with its trace below it."""
    found: list[PreviewRow] = []
    missing = 0
    for kind, wanted in SECTIONS[language]:
        # Where a kind has too few rows the next one makes up for it.
        some = preview(home.url, wanted + missing, wanted=PreviewFilter(kind=kind, language=language), seed=SEED)
        missing += wanted - len(some)
        found += some
    for number, row in enumerate(found, 1):
        yield f"{number}. {quoted(row.passage['text'])}\n"
        yield f"   `{row.target}`, {row.chain.kind}" + (
            "" if row.chain.belief is None else f", belief {row.chain.belief:.2f}"
        )
        for triple in row.chain.triples[:2]:
            yield f"   - `{triple.subject} {triple.predicate} {triple.object}`"
            yield from (f"     - {told(evidence)}" for evidence in triple.evidence[:2])
        if not row.chain.triples:
            yield from (f"   - {one.doc_id}, file `{one.file}`, record {one.record}" for one in row.chain.documents[:1])
        yield ""


def told(evidence: TracedEvidence) -> str:
    """A piece of evidence in a line: the sentence and where it stands, or the place in a graph."""
    if evidence.edge is not None:
        return f"{quoted(evidence.sentence)} (`{evidence.edge.file}` {evidence.edge.place})"
    document = evidence.document
    return f"{quoted(evidence.sentence)} ({document.doc_id}, file `{document.file}`, record {document.record})"


def quoted(text: str) -> str:
    """Text in one line, cut where it is long, with nothing that Markdown would take for markup."""
    line = " ".join(text.split())
    line = line if len(line) <= LONGEST else line[:LONGEST] + " …"
    return re.sub(r"([\\`*_<>\[\]|])", r"\\\1", line.replace("](", "] ("))


def main(folder: str) -> None:
    """Choose the rows by hash from the shards of a home, and write them between the marks of the page."""
    home = open_home(folder)
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(
        MARKS.sub(lambda m: m["begin"] + "\n" + "\n".join(rows(home, m["language"])) + m["end"], page), encoding="utf-8"
    )


if __name__ == "__main__":
    main(sys.argv[1])
