"""The spaCy pipeline: scispaCy's tokenizer and abbreviations, then sentences, names and links, as components by name.

`materia_sentencizer`, `materia_matcher`, `materia_finder` and `materia_linker` are registered through entry points, so they can be
added to any spaCy pipeline: `nlp.add_pipe("materia_linker", config={"vocabulary": ["disease.obo"]})`. The linker links what a
component before it put into `doc.ents` (a recogniser, an entity ruler), what `materia_finder` and `materia_matcher` found, or else the
names of its own vocabulary. Matching works on the characters of the text, not on tokens: scispaCy keeps "phenobarbital-induced"
as one token, of which only a part is a name. So `doc._.materia_mentions` holds exact offsets; `doc.ents` and
`doc.spans["materia"]` hold the tokens around them.

Bulk extraction makes no Doc (see `text_reader`). Abbreviations are sought only between neighbouring brackets (scispaCy's
matcher tries every opening bracket with every closing one, which is quadratic in a full-text article).
This module imports spaCy, so import it where it is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import spacy
from scispacy.abbreviation import AbbreviationDetector, filter_matches
from spacy.attrs import IDX, ORTH
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import filter_spans, minibatch

from pipeline.extractor import Extractor, Part
from pipeline.finders import Finder, FoundSpan, load_finder
from pipeline.mention_spans import Mention
from pipeline.preference import Preference
from pipeline.sentences import split_sentences
from pipeline.tokenizer import make_tokenizer
from pipeline.vocabulary_index import VocabularyIndex

__all__ = ["build_pipeline", "make_finder", "make_linker", "make_matcher", "make_sentencizer"]

_BATCH = 64
#: Biolink class -> prefixes in order of preference.
_Orders = Mapping[str, Sequence[str]]
_WORKING = ("materia_names", "materia_sentences", "materia_text", "materia_found", "materia_finder")


def build_pipeline(index: VocabularyIndex, *, ner: str | None = None, linker: str | None = None) -> Language:
    """A blank English pipeline that finds and links the names of a vocabulary.

    Args:
        ner: a recogniser that goes before the dictionary: a folder, or the name of an installed model.
        linker: a folder that `materia train linker` wrote.
    """
    nlp = spacy.blank("en")
    nlp.tokenizer = make_tokenizer(nlp)
    nlp.add_pipe("materia_abbreviations")
    nlp.add_pipe("materia_sentencizer")
    matcher = nlp.add_pipe("materia_matcher")
    if ner:
        nlp.add_pipe("materia_finder", config={"model": ner})
    linking = nlp.add_pipe("materia_linker", config={"model": linker})
    matcher.extractor.index = linking.extractor.index = index
    return nlp


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


def _index(vocabulary: Sequence[str], prefer: _Orders | None) -> VocabularyIndex | None:
    return VocabularyIndex.open(vocabulary, Preference(prefer)) if vocabulary else None


class Matcher:
    """The names of a vocabulary, longest first, in `doc.user_data["materia_names"]`."""

    def __init__(self, vocabulary: Sequence[str] = (), prefer: _Orders | None = None) -> None:
        self.extractor = Extractor(_index(vocabulary, prefer))

    def __call__(self, doc: Doc) -> Doc:
        doc.user_data["materia_names"] = self.extractor.names(_text(doc))
        return doc


class FinderComponent:
    """The spans that a model of another tokenizer finds, with exact offsets, in `doc.user_data["materia_found"]`."""

    def __init__(self, model: str) -> None:
        self.finder: Finder = load_finder(model)

    def __call__(self, doc: Doc) -> Doc:
        return next(self.pipe([doc]))

    def pipe(self, stream: Iterable[Doc], batch_size: int = _BATCH) -> Iterator[Doc]:
        """The documents, found in as batches."""
        for docs in minibatch(stream, batch_size):
            for doc, found in zip(docs, self.finder.find([_text(doc) for doc in docs]), strict=True):
                doc.user_data["materia_found"] = found
                doc.user_data["materia_finder"] = self.finder.name
                yield doc


class Linker:
    """Links what was found before it, carries abbreviations through the document, and notes negation and hedging.

    Writes `doc._.materia_mentions`. Where nothing before it finds names or sets entities, it looks for the names of its own vocabulary.
    """

    def __init__(
        self,
        vocabulary: Sequence[str] = (),
        model: str | None = None,
        spans: bool = True,
        prefer: _Orders | None = None,
        encoder: str | None = None,
    ) -> None:
        self.extractor = Extractor(_index(vocabulary, prefer), model, encoder)
        self.spans = spans

    def __call__(self, doc: Doc) -> Doc:
        return next(self.pipe([doc]))

    def pipe(self, stream: Iterable[Doc], batch_size: int = _BATCH) -> Iterator[Doc]:
        """The documents, linked in batches."""
        for docs in minibatch(stream, batch_size):
            parts = [self._part(doc) for doc in docs]
            for doc, mentions in zip(docs, self.extractor.read(parts), strict=True):
                for working in _WORKING:
                    doc.user_data.pop(working, None)
                doc._.materia_mentions = mentions
                if self.spans:
                    _set_spans(doc, mentions)
                yield doc

    def _part(self, doc: Doc) -> Part:
        text, known = _text(doc), doc.user_data
        names, found, finder = known.get("materia_names"), known.get("materia_found"), known.get("materia_finder", "")
        if found is None and names is None:
            if doc.has_annotation("ENT_IOB"):
                found, finder = [FoundSpan(e.start_char, e.end_char, e.label_, 1.0) for e in doc.ents], "doc.ents"
            else:
                names = self.extractor.names(text)
        definitions: dict[str, tuple[int, int]] = {}
        if doc.has_extension("abbreviations"):
            for short in sorted(doc._.abbreviations, key=lambda span: span.start):
                long = short._.long_form
                definitions.setdefault(short.text, (long.start_char, long.end_char))
        return Part(text, known.get("materia_sentences") or split_sentences(text), definitions, names, found, finder)


def _set_spans(doc: Doc, mentions: Sequence[Mention]) -> None:
    """Entities and spans with their concepts. Entities that are there already keep their labels, and those not linked stay."""
    labels = {(entity.start_char, entity.end_char): entity.label_ for entity in doc.ents}
    spans: list[Span] = []
    for mention in mentions:
        start, end = mention["start"], mention["end"]
        label = labels.get((start, end)) or mention["category"].removeprefix("biolink:")
        span = doc.char_span(start, end, label=label, kb_id=mention["curie"] or "", alignment_mode="expand")
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


@Language.factory("materia_matcher", default_config={"vocabulary": [], "prefer": None})
def make_matcher(nlp: Language, name: str, vocabulary: list[str], prefer: dict[str, list[str]] | None) -> Matcher:
    """Factory of the dictionary matcher.

    Args:
        vocabulary: see `VocabularyIndex.open`.
        prefer: see `Preference`.
    """
    return Matcher(vocabulary, prefer)


@Language.factory("materia_finder")
def make_finder(nlp: Language, name: str, model: str) -> FinderComponent:
    """Factory of a recogniser. `model`: the folder or name of a spaCy model, or the folder of a Hugging Face token classifier."""
    return FinderComponent(model)


@Language.factory(
    "materia_linker",
    default_config={"vocabulary": [], "model": None, "spans": True, "prefer": None, "encoder": None},
    assigns=["doc._.materia_mentions", "doc.ents", "doc.spans"],
)
def make_linker(  # noqa: PLR0917 - spaCy gives settings by name
    nlp: Language,
    name: str,
    vocabulary: list[str],
    model: str | None,
    spans: bool,
    prefer: dict[str, list[str]] | None,
    encoder: str | None,
) -> Linker:
    """Factory of the linker.

    Args:
        vocabulary: see `VocabularyIndex.open`.
        model: a folder that `materia train linker` wrote.
        spans: set `doc.ents` and `doc.spans` too.
        prefer: see `Preference`.
        encoder: folder or name of a Hugging Face encoder that re-ranks what the linker is unsure of.
    """
    return Linker(vocabulary, model, spans, prefer, encoder)
