"""How much of what names a person `pipeline.deidentify` takes out, how much else, and how fast.

    python benchmarks/deidentify.py [RECORDS.csv ...]

The labelled notes are `clinical_notes.txt`: 60 invented notes, one a line, each identifier as `{KIND|words}`; half of them
hold names and numbers of medicine that must stay, some hold what rules cannot find. An identifier counts as found where all
of its letters are taken out, under whatever kind; a finding counts as right where it touches an identifier. For each file
named (any format that a reader knows), it prints what is taken out per 1,000 documents, and the speed. The notes were
written together with the rules, so their figures are an upper bound.
"""

from __future__ import annotations

import argparse
import re
import time
from collections import Counter
from pathlib import Path

from upath import UPath

from pipeline.deidentify import Deidentifier
from pipeline.errors import SetAside
from pipeline.readers import recognise
from pipeline.readers.streams import open_stream, read_head

NOTES = Path(__file__).with_name("clinical_notes.txt")
_LABEL = re.compile(r"\{([A-Z]+)\|([^}]*)\}")


def labelled_notes() -> list[tuple[str, list[tuple[int, int, str]]]]:
    """Each note without its labels, and start, end and kind of its identifiers."""
    notes = []
    for line in NOTES.read_text("utf-8").splitlines():
        text, place, labels = "", 0, []
        for match in _LABEL.finditer(line):
            text += line[place : match.start()]
            labels.append((len(text), len(text) + len(match[2]), match[1]))
            text += match[2]
            place = match.end()
        notes.append((text + line[place:], labels))
    return notes


def score(deidentifier: Deidentifier) -> dict[str, tuple[int, int, int, int]]:
    """For each kind: identifiers found, identifiers, findings that are right, findings; `all` holds the sums."""
    counts: dict[str, list[int]] = {}
    for text, labels in labelled_notes():
        (findings,) = deidentifier.find([text])
        taken = {place for finding in findings for place in range(finding.start, finding.end)}
        named = {place for start, end, _ in labels for place in range(start, end)}
        for start, end, kind in labels:
            letters = {place for place in range(start, end) if text[place].isalnum()}
            for row in (counts.setdefault(kind, [0] * 4), counts.setdefault("all", [0] * 4)):
                row[0] += letters <= taken
                row[1] += 1
        for finding in findings:
            for row in (counts.setdefault(finding.kind, [0] * 4), counts.setdefault("all", [0] * 4)):
                row[2] += not named.isdisjoint(range(finding.start, finding.end))
                row[3] += 1
    return {kind: (row[0], row[1], row[2], row[3]) for kind, row in sorted(counts.items())}


def measure(path: UPath, deidentifier: Deidentifier) -> tuple[int, int, float, Counter[str]]:
    """Documents, characters, seconds, and what was taken out of a file."""
    head, _ = read_head(path)
    reader = recognise(head, path.name)
    if reader is None:
        raise SystemExit(f"{path.name}: no reader knows its format")
    deidentifier.counts.clear()
    documents = characters = 0
    seconds = 0.0
    with open_stream(path) as stream:
        for document in reader.read(stream, path.name):
            if not isinstance(document, SetAside):
                documents += 1
                characters += len(document.title) + sum(len(text) for _, text in document.sections)
                start = time.perf_counter()
                deidentifier(document)
                seconds += time.perf_counter() - start
    return documents, characters, seconds, deidentifier.counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", metavar="RECORDS")
    files = parser.parse_args().files
    deidentifier = Deidentifier()
    print(f"{'kind':10}{'found':>12}{'recall':>8}{'right':>12}{'precision':>11}")
    for kind, (found, there, right, findings) in score(deidentifier).items():
        recall = f"{found / there:.3f}" if there else "-"
        precision = f"{right / findings:.3f}" if findings else "-"
        print(f"{kind:10}{f'{found} of {there}':>12}{recall:>8}{f'{right} of {findings}':>12}{precision:>11}")
    for file in files:
        documents, characters, seconds, counts = measure(UPath(file), deidentifier)
        rates = ", ".join(f"{kind} {1000 * count / documents:.1f}" for kind, count in sorted(counts.items()))
        print(f"{Path(file).name}: {documents} documents, {characters / seconds / 1e3:.0f} kB/s; per 1,000: {rates}")


if __name__ == "__main__":
    main()
