"""The mentions of texts without a spaCy Doc of ours, for bulk extraction: what the pipeline of `components` writes into its Docs.

Only what stands around brackets is cut into tokens (see `definitions`), which makes it three times as fast as the pipeline. Where
the detector of the pipeline sees brackets within brackets, its short forms may differ: in 3 of 1,000 abstracts.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from pipeline.definitions import Definitions
from pipeline.extractor import Extractor, Part
from pipeline.finders import Finder, FoundSpan, finder_name, load_finder
from pipeline.mention_spans import Mention
from pipeline.sentences import split_sentences
from pipeline.tokenizer import ChunkTokenizer
from pipeline.vocabulary_index import VocabularyIndex

__all__ = ["TextReader"]


class TextReader:
    """Reads texts in batches.

    Args:
        index: of the vocabulary.
        ner: a recogniser that goes before the dictionary: a folder, or the name of an installed model.
        linker: a folder that `materia train linker` wrote.
        encoder: a Hugging Face encoder that re-ranks what the linker is unsure of.
    """

    def __init__(
        self, index: VocabularyIndex, *, ner: str | None = None, linker: str | None = None, encoder: str | None = None
    ) -> None:
        self.extractor = Extractor(index, linker, encoder)
        self._ner, self._name = ner, finder_name(ner) if ner else ""
        self._definitions = Definitions(ChunkTokenizer())

    @cached_property
    def finder(self) -> Finder | None:
        """The recogniser, loaded when the first text is to be searched."""
        return load_finder(self._ner) if self._ner else None

    def read(self, texts: Sequence[str], found: Sequence[Sequence[FoundSpan]] | None = None) -> list[list[Mention]]:
        """The mentions of each text, in order of their start.

        Args:
            found: what the recogniser found in each, where that is known already.
        """
        spans: Sequence[Sequence[FoundSpan] | None] = [None] * len(texts)
        if self._ner:
            spans = found if found is not None else self.finder.find(texts) if self.finder else spans
        parts = [
            Part(text, split_sentences(text), self._definitions(text), self.extractor.names(text), some, self._name)
            for text, some in zip(texts, spans, strict=True)
        ]
        return self.extractor.read(parts)
