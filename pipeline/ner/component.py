"""The recogniser as a component of a spaCy pipeline: `materia_ner`, which sets `doc.ents` and `doc.spans["materia_ner"]`.

It reads the text and not the tokens, so it stands in any pipeline. Where the tokens are `materia_words`, as in the folders that
training writes, entities are exact; else they are widened to whole tokens. Entities inside others stand in `doc.spans` alone.
This module imports spaCy; import it where it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import srsly
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import DummyTokenizer, filter_spans, registry

from pipeline.errors import MateriaError
from pipeline.ner.recogniser import Recogniser
from pipeline.ner.words import make_tokenizer

__all__ = ["EntityRecogniser", "make_recogniser", "make_word_tokenizer"]


class EntityRecogniser:
    """Sets the entities that a trained recogniser finds; it must be trained or read from disk first."""

    def __init__(self) -> None:
        self.recogniser: Recogniser | None = None
        self._unpacked: TemporaryDirectory[str] | None = None  # lives as long as the index of names in it is read

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
        spans = [span for span in found if span is not None]
        doc.spans["materia_ner"] = spans
        doc.set_ents(filter_spans(spans))
        return doc

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Write what it has learned into a folder."""
        if self.recogniser:
            self.recogniser.save(Path(path))

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> EntityRecogniser:
        """Read what `to_disk` wrote."""
        self.recogniser = Recogniser.load(Path(path))
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """What it has learned as a string of bytes, which may go to other machines."""
        with TemporaryDirectory() as folder:
            self.to_disk(folder)
            files = {str(p.relative_to(folder)): p.read_bytes() for p in sorted(Path(folder).rglob("*")) if p.is_file()}
        data: bytes = srsly.msgpack_dumps(files)
        return data

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> EntityRecogniser:
        """Read what `to_bytes` gave."""
        self._unpacked = TemporaryDirectory(prefix="materia-ner.")
        for name, content in srsly.msgpack_loads(data).items():
            path = Path(self._unpacked.name) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return self.from_disk(self._unpacked.name)


@Language.factory("materia_ner", assigns=["doc.ents", "doc.spans"])
def make_recogniser(nlp: Language, name: str) -> EntityRecogniser:
    """Factory of the recogniser, untrained."""
    return EntityRecogniser()


@registry.tokenizers("materia_words")
def make_word_tokenizer() -> Callable[[Language], DummyTokenizer]:
    """The tokenizer of trained pipelines, by its name in their configuration."""
    return make_tokenizer
