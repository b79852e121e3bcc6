"""The mentions of texts without a spaCy Doc of ours, for bulk extraction: what the pipeline of `components` writes into its Docs.

Only what stands around brackets is cut into tokens (see `definitions`), which makes it three times as fast as the pipeline. Where
the detector of the pipeline sees brackets within brackets, its short forms may differ: in 3 of 1,000 abstracts.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.definitions import Definitions
from pipeline.extractor import Extractor, Part
from pipeline.finders import load_finder
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
        self.finder = load_finder(ner) if ner else None
        self._definitions = Definitions(ChunkTokenizer())

    def read(self, texts: Sequence[str]) -> list[list[Mention]]:
        """The mentions of each text, in order of their start."""
        found = self.finder.find(texts) if self.finder else [None] * len(texts)
        name = self.finder.name if self.finder else ""
        parts = [
            Part(text, split_sentences(text), self._definitions(text), self.extractor.names(text), spans, name)
            for text, spans in zip(texts, found, strict=True)
        ]
        return self.extractor.read(parts)
