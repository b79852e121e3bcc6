"""The sections of the data card, each a piece of Markdown made of the figures alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from kg.card_figures import CardFigures
from kg.corpus_preview import PreviewRow
from kg.corpus_sources import CorpusSource
from kg.croissant import NOT_STATED
from kg.markdown import as_it_is, code, table
from kg.tables import CORPUS_PASSAGES
from pipeline.tables import describe

__all__ = [
    "IMAGES",
    "ages",
    "claims",
    "columns",
    "contents",
    "entities",
    "examples",
    "left_out",
    "opening",
    "plain",
    "sources",
]

#: Folder of the plots beside the card.
IMAGES: Final = "images"
#: Sources listed by name, of each role; of more, the sums by format.
_SOURCES: Final = 25
_EVIDENCE: Final = 2


_FORMS: Final = {
    "fact": "single claims",
    "paragraph": "paragraphs of several claims about one entity",
    "entity": "definitions and other names of an entity, from vocabularies",
    "chain": "chains of two claims that share an entity",
    "quotation": "claims with a sentence that says so",
}


def contents(figures: CardFigures, plots: dict[str, str]) -> str:
    """Counts by split, kind and language."""
    statistics = figures.statistics
    rows = [
        (part.split, part.kind, part.language, part.passages, part.sentences, part.rows, part.tokens)
        for part in statistics.parts
    ]
    totals = [statistics.total(field) for field in ("passages", "sentences", "rows", "tokens")]
    shown = table(
        ("split", "kind", "language", "passages", "sentences", "rows", "tokens"),
        [*rows, ("**all**", "", "", *totals)],
        text=3,
    )
    explained = (
        "A *literature* passage is a run of neighbouring sentences of one section of a paper. A *verbalized* passage tells "
        "claims of the graph: one claim, or several about one entity. A row is a passage, or a copy of one where the mixture "
        "asks for copies. A token is a run of letters and digits, or one ideograph. The splits are by pair of entities "
        "(claims) and by paper (literature), by hash, so that new data moves none."
    )
    graph, text = (statistics.total("tokens", split="train", kind=kind) for kind in ("verbalized", "literature"))
    mixture = f"Of the training tokens {graph / (graph + text):.1%} are told from the graph." if graph + text else ""
    forms = ", ".join(f"{count:,} {_FORMS.get(form, form)}" for form, count in statistics.forms)
    told = f" By what they tell, the verbalized passages are {forms}." if forms else ""
    plotted = [_plot(plots, name) for name in ("tokens.png", "lengths.png") if name in plots]
    return "\n\n".join(["## What it holds", shown, f"{explained} {mixture}{told}", *plotted])


def opening() -> str:
    """How to open the folder with three libraries."""
    return """## How to open it

```python
import datasets
corpus = datasets.load_dataset("path/to/this/folder")            # corpus["train"], corpus["validation"], corpus["test"]
stream = datasets.load_dataset("path/to/this/folder", streaming=True)

import pyarrow.dataset
told = pyarrow.dataset.dataset("path/to/this/folder/data", partitioning="hive").to_table(
    filter=(pyarrow.dataset.field("split") == "train") & (pyarrow.dataset.field("kind") == "verbalized"))

import mlcroissant
records = mlcroissant.Dataset("path/to/this/folder/croissant.json").records("passages", filters={"passages/split": "test"})
```"""


def sources(figures: CardFigures) -> str:
    """The files it was made from, with their licences."""
    parts = ["## What it was made from"]
    for role, heading, count in (
        ("literature", "Literature", "documents"),
        ("vocabulary", "Vocabularies", "concepts"),
        ("graph", "Graphs of others", "evidence rows"),
    ):
        sources = [source for source in figures.sources if source.role == role]
        if sources:
            parts += [f"### {heading}", _source_table(sources, count)]
    parts.append(
        "Licences are those that whoever made the corpus states; they are not read from the files. "
        "The SHA-256 of each file is in `croissant.json`."
    )
    return "\n\n".join(parts)


def _source_table(sources: Sequence[CorpusSource], count: str) -> str:
    passages = sources[0].passages is not None
    listed = sorted(sources, key=lambda one: (-(one.passages or one.documents), one.name))[:_SOURCES]
    rows = [
        (code(one.name), one.format or "", one.licence or NOT_STATED, one.documents)
        + ((one.passages,) if passages else ())
        for one in listed
    ]
    shown = table(
        ("file", "read by", "licence", count, *(["passages that rest on it"] if passages else [])), rows, text=3
    )
    if len(sources) > len(listed):
        rest = len(sources) - len(listed)
        documents = sum(one.documents for one in sources) - sum(one.documents for one in listed)
        shown += f"\n\nand {rest:,} more files with {documents:,} {count}, all in `croissant.json`."
    return shown


def ages(figures: CardFigures, plots: dict[str, str]) -> str:
    """When the papers were published."""
    known = [(year, papers) for year, papers in figures.years if year is not None]
    unknown = dict(figures.years).get(None, 0)
    if not known:
        return "## Ages\n\nNo paper says its year of publication."
    total = sum(papers for _, papers in known)
    middle = _median(known)
    text = (
        f"{total:,} papers are of {known[0][0]} to {known[-1][0]}, half of them of {middle} or before; "
        f"of {unknown:,} the year is not known."
    )
    return "\n\n".join(["## Ages", text, _plot(plots, "years.png")])


def _median(years: Sequence[tuple[int, int]]) -> int:
    half, seen = sum(papers for _, papers in years) / 2, 0
    for year, papers in years:
        seen += papers
        if seen >= half:
            return year
    return years[-1][0]


def claims(figures: CardFigures, plots: dict[str, str]) -> str:
    """What is claimed, how often, and how strongly it is believed."""
    statistics = figures.statistics
    if not statistics.predicates:
        return "## Claims\n\nNo passage states a claim."
    rows = [(plain(one.predicate), one.literature, one.verbalized) for one in statistics.predicates]
    order = [*_TOLD, *sorted(set(statistics.told) - set(_TOLD))]
    told = "; ".join(f"{statistics.told[how]:,} {_TOLD.get(how, how)}" for how in order if how in statistics.told)
    parts = [
        "## Claims and beliefs",
        f"Triples by how they are told: {told}." if told else "",
        table(("predicate", "stated in papers", "told from the graph"), rows, text=1),
        _plot(plots, "predicates.png"),
        "A claim that the evidence denies is told as denied, so a passage of low belief does not state it as true.",
        _plot(plots, "beliefs.png"),
    ]
    return "\n\n".join(part for part in parts if part)


_TOLD: Final = {
    "told-high": "as plain facts",
    "told-middle": "as reported, or as what there is evidence for",
    "told-low": "as possible",
    "told-contested": "as contested",
    "told-denied": "as denied",
    "withheld-entails-held-out": "withheld, as they entail a held-out one",
    "untold-low-belief": "not told for their low belief",
    "untold-no-name": "not told for want of a name",
}


def entities(figures: CardFigures, plots: dict[str, str]) -> str:
    """What is named: classes, and the most frequent entities."""
    classes = [(plain(one.category), one.entities, one.mentions) for one in figures.statistics.classes]
    if not classes:
        return "## Entities\n\nNo passage names an entity."
    named = [(as_it_is(one.name), one.curie, plain(one.category), one.passages) for one in figures.entities]
    return "\n\n".join(
        [
            "## Entities",
            f"{figures.statistics.entities:,} different entities are named.",
            table(("class", "entities", "mentions"), classes, text=1),
            _plot(plots, "classes.png"),
            "Those that the most passages name:",
            table(("entity", "CURIE", "class", "passages"), named, text=3),
        ]
    )


def left_out(figures: CardFigures) -> str:
    """What is not in the corpus, and why."""
    statistics = figures.statistics
    parts = ["## What was left out"]
    if statistics.rejected:
        rows = [(one.reason, one.kind, one.passages, one.tokens) for one in statistics.rejected]
        taken = statistics.total("passages")
        parts += [
            f"Of {statistics.candidates:,} candidates {taken:,} were taken, and the others were not because of:",
            table(("reason", "kind", "passages", "tokens"), rows, text=2),
        ]
    parts.append(
        f"Before that, {statistics.withheld_sentences:,} sentences of training papers ({statistics.withheld_share:.2%}) were "
        "withheld: each names both ends of a pair of entities that is held out for validation or test, or makes a claim that "
        "entails a held-out one. The rest of the paper stays."
    )
    return "\n\n".join(parts)


def examples(rows: Sequence[PreviewRow]) -> str:
    """Rows with their claims, evidence and papers."""
    if not rows:
        return ""
    return "\n\n".join(["## Examples, with what is behind them", *(_example(row) for row in rows)])


def _example(row: PreviewRow) -> str:
    passage = row.passage
    belief = "" if passage["belief"] is None else f", belief {passage['belief']:.3f}"
    form = f" {passage['form']}" if passage["form"] not in (None, "text") else ""
    lines = [
        f"**{passage['kind']}{form}, {passage['language']}, {passage['split']}{belief}** (passage `{passage['passage_id'][:16]}`)",
        "",
        f"> {_marked(passage)}",
        "",
    ]
    names = {span["curie"]: passage["text"][span["start"] : span["end"]] for span in passage["spans"]}
    for triple in row.chain.triples:
        if triple.belief is None:
            continue
        ends = [names.get(curie or "", curie) for curie in (triple.subject, triple.object)]
        subject, object_ = (as_it_is(end or "") for end in ends)
        lines.append(f"- {subject} *{plain(triple.predicate or '')}* {object_}, belief {triple.belief:.3f}")
        for evidence in triple.evidence[:_EVIDENCE]:
            where = evidence.document.doc_id if evidence.edge is None else f"{evidence.edge.file} {evidence.edge.place}"
            says = "says" if evidence.polarity else "denies"
            lines.append(f"  - {where} {says}: {as_it_is(evidence.sentence)}")
        if len(triple.evidence) > _EVIDENCE:
            lines.append(f"  - and {len(triple.evidence) - _EVIDENCE} more pieces of evidence")
    for document in row.chain.documents[:_EVIDENCE]:
        if document.file:
            record = "" if document.record is None else f", record {document.record}"
            lines.append(f"- {document.doc_id}, from {code(document.file)}{record}")
    lines += [f"- vocabulary {code(vocabulary.file)}" for vocabulary in row.chain.vocabularies]
    return "\n".join(lines)


def _marked(passage: dict[str, Any]) -> str:
    """The text with each entity in bold."""
    text, parts, last = passage["text"], [], 0
    for span in passage["spans"]:
        if span["start"] >= last:
            parts += [as_it_is(text[last : span["start"]]), f"**{as_it_is(text[span['start'] : span['end']])}**"]
            last = span["end"]
    parts.append(as_it_is(text[last:]))
    return "".join(parts)


def columns() -> str:
    """Every column with its meaning."""
    rows = [(f"`{name}`", f"`{kind}`", text) for name, kind, text in describe(CORPUS_PASSAGES)]
    return "## Columns\n\n" + table(("column", "type", "meaning"), rows, text=3)


def _plot(plots: dict[str, str], name: str) -> str:
    return f"![{plots[name]}]({IMAGES}/{name})" if name in plots else ""


def plain(curie: str) -> str:
    """A Biolink name for readers."""
    return curie.removeprefix("biolink:").replace("_", " ")
