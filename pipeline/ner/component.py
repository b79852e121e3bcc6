"""The recogniser as a component of a spaCy pipeline: `materia_ner`, which sets `doc.ents`.

It reads the text and not the tokens, so it stands in any pipeline. Where the tokens are `materia_words`, as in the folders that
training writes, entities are exact; else they are widened to whole tokens. This module imports spaCy; import it where it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import srsly
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import DummyTokenizer, ensure_path, filter_spans, registry

from pipeline.errors import MateriaError
from pipeline.ner.recogniser import Recogniser
from pipeline.ner.words import make_tokenizer

__all__ = ["EntityRecogniser", "make_recogniser", "make_word_tokenizer"]


class EntityRecogniser:
    """Sets `doc.ents` to what a trained recogniser finds; it must be trained or read from disk first."""

    def __init__(self) -> None:
        self.recogniser: Recogniser | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """The types it can give."""
        return tuple(self.recogniser.labels) if self.recogniser else ()

    def __call__(self, doc: Doc) -> Doc:
        """Set the entities of a document."""
        if self.recogniser is None:
            raise MateriaError(
                "The component materia_ner has not been trained",
                remedy="Load a folder that `materia train ner` wrote, with spacy.load(folder)",
            )
        found = (
            doc.char_span(start, end, label=kind, alignment_mode="expand")
            for start, end, kind in self.recogniser.find(doc.text)
        )
        doc.set_ents(filter_spans([span for span in found if span is not None]))
        return doc

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Write its files into a folder."""
        folder = ensure_path(path)
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in self._files().items():
            (folder / name).write_bytes(data)

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> EntityRecogniser:
        """Read what `to_disk` wrote."""
        self.recogniser = Recogniser.from_files({file.name: file.read_bytes() for file in ensure_path(path).iterdir()})
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Its files as one string of bytes, which goes to other processes."""
        data: bytes = srsly.msgpack_dumps(self._files())
        return data

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> EntityRecogniser:
        """Read what `to_bytes` gave."""
        self.recogniser = Recogniser.from_files(srsly.msgpack_loads(data))
        return self

    def _files(self) -> dict[str, bytes]:
        return self.recogniser.to_files() if self.recogniser else {}


@Language.factory("materia_ner", assigns=["doc.ents"])
def make_recogniser(nlp: Language, name: str) -> EntityRecogniser:
    """Factory of the recogniser, untrained."""
    return EntityRecogniser()


@registry.tokenizers("materia_words")
def make_word_tokenizer() -> Callable[[Language], DummyTokenizer]:
    """The tokenizer of trained pipelines, by its name in their configuration."""
    return make_tokenizer
