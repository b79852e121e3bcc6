"""The spaCy pipeline: scispaCy's tokenizer and abbreviations, then sentences, names and links, as components by name.

`materia_sentencizer`, `materia_matcher` and `materia_linker` are registered through entry points, so they can be added to any
spaCy pipeline: `nlp.add_pipe("materia_linker", config={"vocabulary": ["vocabulary.parquet"]})`. Matching works on the
characters of the text, not on tokens: scispaCy keeps "phenobarbital-induced" as one token, of which only a part is a name.
So `doc._.materia_mentions` holds exact offsets; `doc.ents` and `doc.spans["materia"]` hold the tokens around them.

Cost: the tokenizer takes a third of the time, and would take more than half if it forgot its words (see `mentions`).
Abbreviations are sought only between neighbouring brackets (scispaCy's matcher tries every opening bracket with every
closing one, which is quadratic in a full-text article).
This module imports spaCy, so import it where it is used.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import numpy as np
import spacy
from scispacy.abbreviation import AbbreviationDetector, filter_matches
from scispacy.custom_tokenizer import combined_rule_tokenizer
from spacy.attrs import IDX, ORTH
from spacy.language import Language
from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc
from spacy.util import filter_spans

from pipeline.abbreviations import definitions_beside, occurrences
from pipeline.chemical_spans import whole_chemicals
from pipeline.context import Scopes, context_of
from pipeline.definitions import Definitions
from pipeline.name_senses import CHEMICALS, Concept
from pipeline.names import NameIndex, NameMatch
from pipeline.sentences import split_sentences

__all__ = ["Mention", "TextReader", "build_pipeline", "make_linker", "make_matcher", "make_sentencizer", "read_index"]

#: Name and version of the dictionary matcher, as the column `finder` has it.
DICTIONARY = "dictionary.v2"


class Mention(TypedDict):
    """A linked span, as the rows of the mentions table have it; plain values, so that a Doc can be serialized."""

    start: int
    end: int
    text: str
    category: str
    curie: str
    score: float
    expanded: str | None
    negated: bool
    hedged: bool
    hypothetical: bool
    experiencer: str
    sentence_start: int
    sentence_end: int
    finder: str


def read_index(paths: Sequence[str]) -> NameIndex:
    """The name index in a folder that `NameIndex.build` made, or one of the vocabulary tables in Parquet files."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if len(paths) == 1 and Path(paths[0]).is_dir():
        return NameIndex.open(Path(paths[0]))
    columns = ["curie", "name", "synonyms", "category", "xrefs"]
    return NameIndex.from_vocabulary(
        pa.concat_tables([pq.read_table(p, columns=columns, partitioning=None) for p in paths])
    )


def build_pipeline(index: NameIndex) -> Language:
    """A blank English pipeline that finds and links the names of an index."""
    nlp = spacy.blank("en")
    nlp.tokenizer = _tokenizer(nlp)
    nlp.add_pipe("materia_abbreviations")
    nlp.add_pipe("materia_sentencizer")
    matcher = nlp.add_pipe("materia_matcher")
    linker = nlp.add_pipe("materia_linker")
    matcher.index = linker.index = index
    return nlp


def _tokenizer(nlp: Language) -> Tokenizer:
    with warnings.catch_warnings():  # of a character class in scispaCy's rules; says nothing to a user
        warnings.simplefilter("ignore", FutureWarning)
        return combined_rule_tokenizer(nlp)


def _text(doc: Doc) -> str:
    """The document's text, put together once: `doc.text` joins all its tokens each time."""
    text: str | None = doc.user_data.get("materia_text")
    if text is None:
        text = doc.user_data["materia_text"] = doc.text
    return text


class Sentencizer:
    """Sentence boundaries by rule, in `doc.user_data["materia_sentences"]` and, unless told otherwise, on the tokens."""

    def __init__(self, mark_tokens: bool = True) -> None:
        self.mark_tokens = mark_tokens

    def __call__(self, doc: Doc) -> Doc:
        sentences = split_sentences(_text(doc))
        doc.user_data["materia_sentences"] = sentences
        if self.mark_tokens and len(doc):
            starts = np.zeros(len(doc), dtype=bool)
            starts[0] = True
            offsets = doc.to_array([IDX]).reshape(-1)
            first = np.searchsorted(offsets, [start for start, _ in sentences])
            starts[first[first < len(doc)]] = True
            for token, is_start in zip(doc, starts.tolist(), strict=True):
                token.is_sent_start = is_start
        return doc


class Matcher:
    """The names of a vocabulary, longest first, in `doc.user_data["materia_names"]`."""

    def __init__(self, vocabulary: Sequence[str] = ()) -> None:
        self.index: NameIndex | None = read_index(vocabulary) if vocabulary else None

    def __call__(self, doc: Doc) -> Doc:
        doc.user_data["materia_names"] = [*self.index.find(_text(doc))] if self.index else []
        return doc


class Linker:
    """Abbreviations carried through the document, negation and hedging; writes `doc._.materia_mentions`.

    Where no matcher stands before it in the pipeline, it looks for the names of its own vocabulary itself.
    """

    def __init__(self, vocabulary: Sequence[str] = (), spans: bool = True) -> None:
        self.index: NameIndex | None = read_index(vocabulary) if vocabulary else None
        self.spans = spans

    def __call__(self, doc: Doc) -> Doc:
        text = _text(doc)
        names: list[NameMatch] | None = doc.user_data.get("materia_names")
        if names is None:
            names = [*self.index.find(text)] if self.index else []
        sentences = doc.user_data.get("materia_sentences") or split_sentences(text)
        defined: dict[str, tuple[int, int]] = {}
        if doc.has_extension("abbreviations"):
            for short in sorted(doc._.abbreviations, key=lambda span: span.start):
                long = short._.long_form
                defined.setdefault(short.text, (long.start_char, long.end_char))
        mentions = _mentions_of(text, names, sentences, defined, self.index)
        for working in ("materia_names", "materia_sentences", "materia_text"):
            doc.user_data.pop(working, None)
        doc._.materia_mentions = mentions
        if self.spans:
            _set_spans(doc, mentions)
        return doc


class TextReader:
    """The mentions of a text without a Doc, for bulk extraction: what the pipeline writes into `doc._.materia_mentions`.

    Only what stands around brackets is cut into tokens (see `definitions`), which makes it three times as fast. Where the
    detector of the pipeline sees brackets within brackets, its short forms may differ: in 3 of 1,000 abstracts.
    """

    def __init__(self, index: NameIndex) -> None:
        self.index = index
        self.nlp = spacy.blank("en")
        tokenizer = _tokenizer(self.nlp)
        self._definitions = Definitions(lambda chunk: [token.text for token in tokenizer(chunk)])

    def __call__(self, text: str) -> list[Mention]:
        """The mentions of a text, in order."""
        return _mentions_of(text, [*self.index.find(text)], split_sentences(text), self._definitions(text), self.index)


def _mentions_of(
    text: str,
    names: Sequence[NameMatch],
    sentences: Sequence[tuple[int, int]],
    defined: dict[str, tuple[int, int]],
    index: NameIndex | None,
) -> list[Mention]:
    """Mentions from names, sentences and definitions; definitions beside a known name go before the others."""
    names = whole_chemicals(text, names, CHEMICALS)
    definitions = defined | definitions_beside(text, [(name.start, name.end) for name in names])
    return _with_context(text, sentences, _expanded(text, names, definitions, index))


def _expanded(
    text: str, names: Sequence[NameMatch], definitions: dict[str, tuple[int, int]], index: NameIndex | None
) -> list[tuple[int, int, Concept, str | None]]:
    """Names and short forms together. What a document defines outranks what the vocabulary says of the same letters."""
    plain: list[tuple[int, int, Concept, str | None]] = [(name.start, name.end, name.concept, None) for name in names]
    if not definitions:
        return plain
    by_span = {(name.start, name.end): name.concept for name in names}
    concepts: dict[str, tuple[Concept | None, str]] = {}
    for short, span in definitions.items():
        long = text[span[0] : span[1]]
        concepts[short] = (by_span.get(span) or (index.lookup(long) if index else None), long)
    places = occurrences(text, concepts)
    kept: list[tuple[int, int, Concept, str | None]] = []
    for start, end, known, _ in plain:
        surface = text[start:end]
        defined = surface in concepts or (surface.endswith("s") and surface[:-1] in concepts)
        if not defined:
            kept.append((start, end, known, None))
    taken = [(start, end) for start, end, _, _ in kept]
    for start, end, short in places:
        concept, long = concepts[short]
        if concept is not None and not any(a < end and start < b for a, b in taken):
            plural = end < len(text) and text[end] == "s"
            kept.append((start, end + plural, concept, long))
    return sorted(kept, key=lambda item: (item[0], item[1]))


def _with_context(
    text: str, sentences: Sequence[tuple[int, int]], found: Sequence[tuple[int, int, Concept, str | None]]
) -> list[Mention]:
    mentions: list[Mention] = []
    remaining = iter(sentences)
    begin, finish = next(remaining, (0, len(text)))
    scopes: Scopes | None = None
    for start, end, concept, expanded in found:
        while start >= finish:
            begin, finish = next(remaining)
            scopes = None
        if scopes is None:
            scopes = context_of(text[begin:finish])
        a, b = start - begin, end - begin
        mentions.append(
            {
                "start": start,
                "end": end,
                "text": text[start:end],
                "category": concept.category,
                "curie": concept.curie,
                "score": concept.score,
                "expanded": expanded,
                "negated": scopes.is_negated(a, b),
                "hedged": scopes.is_hedged(a, b),
                "hypothetical": False,
                "experiencer": "patient",
                "sentence_start": begin,
                "sentence_end": finish,
                "finder": DICTIONARY,
            }
        )
    return mentions


def _set_spans(doc: Doc, mentions: Sequence[Mention]) -> None:
    spans = []
    for mention in mentions:
        label = mention["category"].removeprefix("biolink:")
        span = doc.char_span(
            mention["start"], mention["end"], label=label, kb_id=mention["curie"], alignment_mode="expand"
        )
        if span is not None:
            spans.append(span)
    doc.spans["materia"] = spans
    doc.set_ents(filter_spans(spans))


class Abbreviations(AbbreviationDetector):  # type: ignore[misc]
    """scispaCy's detector of abbreviations (Schwartz and Hearst 2003), with a linear search for the brackets."""

    def __init__(self, nlp: Language, name: str) -> None:
        super().__init__(nlp, name)
        # spaCy warns of a matcher without patterns, which this one is between two documents; this pattern matches nothing.
        self.global_matcher.add("materia_nothing", [[{"LENGTH": {"<": 0}}]])

    def __call__(self, doc: Doc) -> Doc:
        words = doc.to_array([ORTH])
        strings = doc.vocab.strings
        opening, closing = strings["("], strings[")"]
        opened, pairs = None, []
        for number in np.flatnonzero((words == opening) | (words == closing)).tolist():
            if words[number] == opening:
                opened = number
            elif opened is not None:
                if number > opened + 1:
                    pairs.append((0, opened + 1, number))
                opened = None
        if not pairs:
            return doc
        for long_form, short_forms in self.find_matches_for(filter_matches(pairs, doc), doc):
            for short in short_forms:
                short._.long_form = long_form
                doc._.abbreviations.append(short)
        return doc


if not Doc.has_extension("materia_mentions"):
    Doc.set_extension("materia_mentions", default=[])


@Language.factory("materia_abbreviations")
def make_abbreviations(nlp: Language, name: str) -> Abbreviations:
    """Factory of scispaCy's abbreviation detector, made linear in the length of the text."""
    return Abbreviations(nlp, name)


@Language.factory("materia_sentencizer", default_config={"mark_tokens": True}, assigns=["token.is_sent_start"])
def make_sentencizer(nlp: Language, name: str, mark_tokens: bool) -> Sentencizer:
    """Factory of the rule-based sentence splitter. `mark_tokens`: also set `token.is_sent_start`."""
    return Sentencizer(mark_tokens)


@Language.factory("materia_matcher", default_config={"vocabulary": []})
def make_matcher(nlp: Language, name: str, vocabulary: list[str]) -> Matcher:
    """Factory of the dictionary matcher. `vocabulary`: Parquet files of the vocabulary table."""
    return Matcher(vocabulary)


@Language.factory("materia_linker", default_config={"vocabulary": [], "spans": True}, assigns=["doc.ents", "doc.spans"])
def make_linker(nlp: Language, name: str, vocabulary: list[str], spans: bool) -> Linker:
    """Factory of the linker. `vocabulary`: Parquet files; not needed after a matcher. `spans`: set ents and spans too."""
    return Linker(vocabulary, spans)
