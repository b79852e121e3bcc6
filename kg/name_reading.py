"""What a text of our own names, found as in papers: so that a definition's other entities are linked and held-out pairs seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kg.passage_rows import Span

__all__ = ["NameReader", "name_reader"]

#: Gives, for each text, the spans of the concepts it names, in order of their start.
NameReader = Callable[[Sequence[str]], list[list[Span]]]


def name_reader(index: str) -> NameReader:
    """Reads with the names of a vocabulary.

    Args:
        index: a folder that `VocabularyIndex.build` made.
    """
    from pipeline.text_reader import TextReader
    from pipeline.vocabulary_index import VocabularyIndex

    reader = TextReader(VocabularyIndex.open([index]))

    def read(texts: Sequence[str]) -> list[list[Span]]:
        return [
            [(m["start"], m["end"], m["curie"], m["category"]) for m in mentions if m["curie"] is not None]
            for mentions in reader.read(texts)
        ]

    return read
