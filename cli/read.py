"""Show what extraction makes of a sentence or a paper: what is found, what it is linked to and why, what is claimed.

Read with the vocabulary and the settings of the home, where one is built; else with the vocabulary of the bundled sample.

Examples:
  materia read "Metformin may cause lactic acidosis, but there was no evidence of renal failure."
  materia read paper.nxml --vocabulary medic.txt mesh_names.tsv
  materia read - --ner models/ner --linker models/linker --json < abstract.txt
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.home import SAMPLE, Home, open_home
from assets.name_versions import linking_folder

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.console import Console
    from rich.text import Text

#: Colours of the families of classes.
_COLOURS = {
    "disease": "red",
    "chemical": "green",
    "gene": "cyan",
    "organism": "yellow",
    "anatomy": "magenta",
    "process": "blue",
    "procedure": "bright_blue",
}
#: Of the candidates after the first, those less likely than this are not shown (they are in the JSON).
_LEAST = 0.01


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of `materia read`."""
    parser.add_argument(
        "text", nargs="+", metavar="TEXT", help="a sentence, a file of literature, or - for standard input"
    )
    parser.add_argument(
        "--vocabulary",
        nargs="+",
        action="extend",
        metavar="PATH",
        help="vocabulary files (default: the home's; else the sample's)",
    )
    parser.add_argument("--ner", metavar="MODEL", help="recogniser: folder or name (default: the home's setting)")
    parser.add_argument("--linker", metavar="DIR", help="trained linker (default: the home's setting)")
    parser.add_argument("--json", action="store_true", help="print everything as JSON, one document a line")


def run(options: argparse.Namespace) -> int:
    """Print documents with their mentions and claims."""
    from rich.console import Console

    from pipeline.explained_reading import explain_documents

    home = open_home(options.home)
    settings = home.config.extraction
    documents = _documents(options.text)
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    with _names(home, options.vocabulary) as names:
        found = explain_documents(
            documents,
            names,
            ner=options.ner or settings.ner,
            linker=options.linker or settings.linker,
            encoder=settings.linker_encoder,
            relations=settings.relations,
        )
        for document in found:
            if options.json:
                print(json.dumps(document, ensure_ascii=False))
            else:
                _show(document, console)
    return 0


def _documents(words: list[str]) -> Iterator[pa.RecordBatch]:
    from pipeline.explained_reading import text_as_document

    (word, *more) = words
    if not more and word == "-":
        yield text_as_document(sys.stdin.buffer.read().decode("utf-8", "replace"))
    elif not more and _is_file(word):
        from pipeline.documents import read_documents
        from pipeline.inventory import list_files, take_inventory

        files = list_files([word])
        formats = {r["file"]: (r["position"], r["format"]) for r in take_inventory(files, set_aside=_say).to_pylist()}
        yield from read_documents([(f, *formats[f.name]) for f in files if f.name in formats], _say)
    else:
        yield text_as_document(" ".join(words))


def _is_file(word: str) -> bool:
    try:
        return Path(word).is_file()
    except (OSError, ValueError):  # a sentence is too long for a file's name, or holds what none may hold
        return False


def _say(record: Any) -> None:
    print(f"materia: set aside {record.file} {record.record}: {record.detail}", file=sys.stderr)


@contextmanager
def _names(home: Home, vocabulary: list[str] | None) -> Iterator[str]:
    """The folder of the indexes to read with: the home's, or made for the occasion."""
    if not vocabulary and home.dataset("name_index").manifest() is not None:
        yield linking_folder(home)
        return
    from rich.console import Console

    from pipeline.preference import Preference
    from pipeline.vocabularies import load_vocabulary
    from pipeline.vocabulary_index import VocabularyIndex

    with tempfile.TemporaryDirectory(prefix="materia.") as folder:
        with Console(stderr=True).status("Indexing the vocabulary"):
            table = load_vocabulary(vocabulary or [str(SAMPLE / "vocabulary")], lambda _: None)
            VocabularyIndex.build(table, Path(folder), Preference(home.config.extraction.prefer))
        yield folder


def _show(document: dict[str, Any], console: Console) -> None:
    from rich.text import Text

    console.print(_marked(document))
    if not document["mentions"]:
        console.print("Nothing found.", style="dim")
    shown: set[tuple[str, str | None]] = set()
    for mention in document["mentions"]:
        line = Text("\n")
        line.append(mention["text"], style=f"bold {_colour(mention['category'])}")
        if mention["expanded"]:
            line.append(f" = {mention['expanded']}")
        line.append(f"  {mention['category'].removeprefix('biolink:')}  ", style="dim")
        line.append(f"{mention['curie']} {mention['name'] or ''}" if mention["curie"] else "no concept", style="bold")
        line.append(f"  {mention['score']:.2f} by {mention['finder']}", style="dim")
        for word, style in _context(mention):
            line.append(f"  {word}", style=style)
        console.print(line)
        if (mention["text"], mention["curie"]) not in shown:
            _show_candidates(mention, document["none_threshold"], console)
        shown.add((mention["text"], mention["curie"]))
    for claim in document["claims"]:
        _show_claim(claim, console)
    console.print()


def _marked(document: dict[str, Any]) -> Text:
    from rich.text import Text

    text = Text(document["text"])
    for mention in document["mentions"]:
        denied = " strike" if mention["negated"] else ""
        text.stylize(f"bold {_colour(mention['category'])}{denied}", mention["start"], mention["end"])
    return text


def _colour(category: str) -> str:
    from pipeline.linking.types import family_of

    return _COLOURS.get(family_of(category) or "", "white")


def _context(mention: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for flag, style in (("negated", "red"), ("hedged", "yellow"), ("hypothetical", "yellow")):
        if mention[flag]:
            yield flag, style
    if mention["experiencer"] != "patient":
        yield f"of {mention['experiencer']} than the patient", "yellow"


def _show_candidates(mention: dict[str, Any], threshold: float, console: Console) -> None:
    from rich.text import Text

    for place, candidate in enumerate(mention["candidates"]):
        if place and candidate["probability"] < _LEAST:
            continue
        below = candidate["probability"] < threshold
        line = Text("  ")
        line.append("linker: ", style="dim")
        line.append(
            f"{candidate['probability']:.2f} {candidate['curie']} {candidate['name']}", style="dim" if below else ""
        )
        if below:
            line.append(" (would not be linked)", style="dim")
        reasons = ", ".join(f"{words} {value:+.1f}" for words, value in candidate["reasons"])
        line.append(f": {reasons}" if reasons else "", style="dim")
        console.print(line, soft_wrap=True)


def _show_claim(claim: dict[str, Any], console: Console) -> None:
    from rich.text import Text

    line = Text("\n")
    line.append("claims " if claim["polarity"] else "denies ", style="bold green" if claim["polarity"] else "bold red")
    predicate = claim["predicate"].removeprefix("biolink:").replace("_", " ")
    if claim["direction"]:
        predicate += f" ({claim['direction']})"
    line.append(f"{claim['subject_name'] or claim['subject']} ")
    line.append(predicate, style="bold")
    line.append(f" {claim['object_name'] or claim['object']}")
    line.append(f"  probability {claim['probability']:.2f}, certainty {claim['certainty']:.2f}", style="dim")
    line.append(", hypothetical" if claim["hypothetical"] else "", style="yellow")
    line.append(f", by “{claim['trigger']}” ({claim['extractor']})", style="dim")
    console.print(line)
