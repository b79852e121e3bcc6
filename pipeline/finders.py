"""Recognisers that anyone may bring in place of the dictionary: spaCy and scispaCy models, and Hugging Face token classifiers.

A recogniser is a name or a folder, and answers with character spans, so whatever its tokens are, offsets are those of the text. A
spaCy model runs whole and says what it put into `doc.ents`; a token classifier reads windows of its own length, each token judged
where it stands farthest from a window's edge, and B-, I- and bare labels are joined into spans. Rejected: sourcing components of
another model into our pipeline, which ties both to one vocabulary and one tokenizer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from pipeline.biolink import CATEGORIES
from pipeline.content import folder_hash
from pipeline.errors import MateriaError
from pipeline.linking.types import family_of

__all__ = ["Finder", "FoundSpan", "category_of_label", "finder_name", "load_finder"]

#: The Biolink class of a span for the family its label belongs to.
_CLASS_OF_FAMILY = {
    "disease": "biolink:Disease",
    "chemical": "biolink:ChemicalEntity",
    "gene": "biolink:Gene",
    "organism": "biolink:OrganismTaxon",
    "anatomy": "biolink:AnatomicalEntity",
    "process": "biolink:BiologicalProcess",
    "procedure": "biolink:Procedure",
}
#: The Biolink class of a type of CMeEE, which are no words of a family.
_CLASS_OF_CODE = {
    "dis": "biolink:Disease",
    "sym": "biolink:PhenotypicFeature",
    "dru": "biolink:Drug",
    "equ": "biolink:Device",
    "pro": "biolink:Procedure",
    "bod": "biolink:AnatomicalEntity",
    "ite": "biolink:ClinicalMeasurement",
    "mic": "biolink:OrganismTaxon",
    "dep": "biolink:AdministrativeEntity",
}
_REMEDY = (
    "Give a folder that `materia train ner` or spaCy wrote, the name of an installed spaCy model, "
    "or a folder of a Hugging Face token classifier"
)
_BATCH = 16
_STRIDE = 64


class FoundSpan(NamedTuple):
    """A span of a text at code points [start, end), its label as the model has it, and how sure the model is, in [0, 1]."""

    start: int
    end: int
    label: str
    score: float


class Finder(Protocol):
    """What finds spans in texts. `name` says which model it is, and which version of it."""

    name: str

    def find(self, texts: Sequence[str]) -> list[list[FoundSpan]]:
        """The spans of each text, in order."""
        ...


def category_of_label(label: str) -> str:
    """The Biolink class that a model's label stands for; NamedThing where it says nothing.

    >>> [category_of_label(label) for label in ("CHEMICAL", "SpecificDisease", "CellLine", "sym", "ENTITY")]
    ['biolink:ChemicalEntity', 'biolink:Disease', 'biolink:CellLine', 'biolink:PhenotypicFeature', 'biolink:NamedThing']
    """
    name = label.removeprefix("biolink:")
    if f"biolink:{name}" in CATEGORIES:
        return f"biolink:{name}"
    return _CLASS_OF_CODE.get(name) or _CLASS_OF_FAMILY.get(family_of(name) or "", "biolink:NamedThing")


def finder_name(model: str) -> str:
    """Name and version of a model, as the column `finder` and skip keys have it: no path of this machine is in it.

    Raises:
        MateriaError: there is no such model.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return f"{folder.resolve().name}@{folder_hash(folder)[:12]}"
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"{model}-{version(model)}"
    except (PackageNotFoundError, ValueError) as error:
        raise MateriaError(
            f"{model}: there is no such folder, nor an installed model of that name", remedy=_REMEDY
        ) from error


def load_finder(model: str) -> Finder:
    """The recogniser at a folder, or installed under a name.

    Raises:
        MateriaError: there is none, or what is there recognises nothing.
    """
    name = finder_name(model)
    folder = Path(model).expanduser()
    try:
        if (folder / "config.json").is_file():
            return TokenClassifierFinder(folder, name)
        if not folder.is_dir() or (folder / "meta.json").is_file():
            return SpacyFinder(model, name)
    except MateriaError:
        raise
    except Exception as error:  # whatever spaCy, torch or a model's own code stumbles over
        reason = str(error).splitlines()[0] if str(error) else ""
        raise MateriaError(
            f"cannot be loaded ({type(error).__name__}: {reason})", file=model, remedy=_REMEDY
        ) from error
    raise MateriaError("holds no model (neither meta.json nor config.json)", file=model, remedy=_REMEDY)


class SpacyFinder:
    """Any spaCy or scispaCy model that sets `doc.ents`, and ours, which tells entities inside others too. It knows no probabilities,
    so its spans are as good as one another.
    """

    def __init__(self, model: str, name: str) -> None:
        import spacy

        self.name = name
        self._nlp = spacy.load(model)
        self._nlp.max_length = 1 << 30  # texts come in pieces of bounded length already

    def find(self, texts: Sequence[str]) -> list[list[FoundSpan]]:
        """The entities of each text."""
        with self._nlp.memory_zone():
            return [
                [FoundSpan(e.start_char, e.end_char, e.label_, 1.0) for e in doc.spans.get("materia_ner", doc.ents)]
                for doc in self._nlp.pipe(texts)
            ]


class TokenClassifierFinder:
    """A folder that `AutoModelForTokenClassification` loads, with a fast tokenizer."""

    def __init__(self, folder: Path, name: str) -> None:
        from transformers import AutoModelForTokenClassification, AutoTokenizer

        kinds = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("architectures") or []
        if not any(str(kind).endswith("ForTokenClassification") for kind in kinds):
            raise MateriaError(
                f"is a {', '.join(map(str, kinds)) or 'model'}, not a token classifier",
                file=str(folder),
                remedy=_REMEDY,
            )
        self.name = name
        self._tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        if not self._tokenizer.is_fast:
            raise MateriaError(
                "has a tokenizer without offsets", file=str(folder), remedy="Save the model with a fast tokenizer"
            )
        self._model = AutoModelForTokenClassification.from_pretrained(str(folder), local_files_only=True).eval()
        config = self._model.config
        self._labels = [str(config.id2label[number]) for number in range(config.num_labels)]
        longest = int(getattr(config, "max_position_embeddings", None) or 512)
        # RoBERTa's positions begin after its padding's, so two are never used.
        self._length = min(int(self._tokenizer.model_max_length), longest - 2, 512)

    def find(self, texts: Sequence[str]) -> list[list[FoundSpan]]:
        """The spans of each text."""
        # Each by itself: the last digits of a probability depend on what stands in a batch beside it.
        return [_joined(text, self._words(text), self._labels) if text.strip() else [] for text in texts]

    def _words(self, text: str) -> list[tuple[int, int, int, float]]:
        """The words of a text: start, end, number of the label of the first piece, and its probability."""
        import torch

        windows = self._tokenizer(
            [text],
            truncation=True,
            max_length=self._length,
            stride=min(_STRIDE, self._length // 4),
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        # By the number of the word in its text: where a window ends inside a word, the window that has it whole counts.
        best: dict[int, tuple[int, tuple[int, int], int, float]] = {}
        count = len(windows["input_ids"])
        for first in range(0, count, _BATCH):
            some = range(first, min(first + _BATCH, count))
            inputs = self._tokenizer.pad(
                {key: [windows[key][w] for w in some] for key in ("input_ids", "attention_mask")}, return_tensors="pt"
            )
            with torch.inference_mode():
                top = self._model(**inputs).logits.softmax(-1).max(-1)
            for row, window in enumerate(some):
                offsets, word_ids = windows["offset_mapping"][window], windows.word_ids(window)
                for token, place, last in _first_pieces(offsets, word_ids):
                    edge = min(token, len(offsets) - last)
                    word = word_ids[token]
                    if word is not None and (word not in best or best[word][0] < edge):
                        best[word] = (edge, place, int(top.indices[row, token]), float(top.values[row, token]))
        return [(*span, label, p) for _, (_, span, label, p) in sorted(best.items())]


def _first_pieces(
    offsets: Sequence[tuple[int, int]], word_ids: Sequence[int | None]
) -> Iterable[tuple[int, tuple[int, int], int]]:
    """Of each word of a window: its first token, its span in the text, its last token."""
    token = 0
    while token < len(word_ids):
        last = token
        if word_ids[token] is not None:
            while last + 1 < len(word_ids) and word_ids[last + 1] == word_ids[token]:
                last += 1
            yield token, (offsets[token][0], offsets[last][1]), last
        token = last + 1


def _joined(text: str, words: Sequence[tuple[int, int, int, float]], labels: Sequence[str]) -> list[FoundSpan]:
    """Spans of words by their labels: B- begins one, I- and a bare label go on with one of their type, else begin one."""
    spans: list[FoundSpan] = []
    scores: list[float] = []
    open_type = ""
    for start, end, number, probability in words:
        head, _, kind = labels[number].partition("-")
        if head not in ("B", "I", "O", "E", "S", "L", "U"):
            head, kind = "I", labels[number]
        if head == "O" or not kind:
            open_type = ""
            continue
        if kind == open_type and head in ("I", "E", "L"):
            scores.append(probability)
            spans[-1] = FoundSpan(spans[-1].start, end, kind, sum(scores) / len(scores))
        else:
            scores = [probability]
            spans.append(FoundSpan(start, end, kind, probability))
        open_type = "" if head in ("E", "S", "L", "U") else kind
    return [span for found in spans if (span := _stripped(text, found)) is not None]


def _stripped(text: str, span: FoundSpan) -> FoundSpan | None:
    """The span without white space at its ends, which pieces of byte-level tokenizers begin with."""
    piece = text[span.start : span.end]
    start = span.start + len(piece) - len(piece.lstrip())
    end = span.start + len(piece.rstrip())
    return span._replace(start=start, end=end) if start < end else None
