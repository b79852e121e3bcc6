"""Recognisers that anyone may bring in place of the dictionary: spaCy and scispaCy models, and Hugging Face token classifiers.

A recogniser is a name or a folder, and answers with character spans, so whatever its tokens are, offsets are those of the text. A
spaCy model runs whole and says what it put into `doc.ents`; for a token classifier see `ner.token_classifier`. Rejected: sourcing
components of another model into our pipeline, which ties both to one vocabulary and one tokenizer.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    "or a folder of a Hugging Face token classifier, such as `materia finetune entity_recognition` writes"
)


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
            from pipeline.ner.token_classifier import TokenClassifierFinder

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
