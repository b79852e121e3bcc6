"""Precision and recall of linked mentions against a gold corpus: span and identifier both right.

What counts follows the strict reading of BioCreative V CDR (Wei et al. 2016, doi:10.1093/database/baw032):

- A gold mention with a composite identifier `A|B` stands for one item (span, A) and one (span, B), so a system that gives one
  of the two has found half of it.
- A gold mention of `-1` has no right answer: nothing is to be found there, and what is predicted there is wrong.
- A gold identifier without a prefix is a MeSH identifier. One that the vocabulary lacks still counts as missed.
- Classes are compared as the two types of the corpus: Disease (also phenotypic features) and Chemical (all chemicals).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
from upath import UPath

from pipeline.errors import MateriaError

__all__ = ["TYPE_OF_CATEGORY", "GoldMention", "Score", "read_gold", "score"]

#: The type of the corpora for a Biolink class; mentions of other classes are not judged.
TYPE_OF_CATEGORY = {
    "biolink:Disease": "Disease",
    "biolink:PhenotypicFeature": "Disease",
    "biolink:DiseaseOrPhenotypicFeature": "Disease",
    "biolink:ChemicalEntity": "Chemical",
    "biolink:ChemicalRole": "Chemical",
    "biolink:SmallMolecule": "Chemical",
    "biolink:Drug": "Chemical",
    "biolink:MolecularMixture": "Chemical",
    "biolink:ComplexMolecularMixture": "Chemical",
    "biolink:ChemicalMixture": "Chemical",
    "biolink:MolecularEntity": "Chemical",
}


@dataclass(frozen=True, slots=True, order=True)
class GoldMention:
    """One gold item: document, span in code points of `title newline abstract`, type, and one identifier as a CURIE."""

    doc_id: str
    start: int
    end: int
    type: str
    curie: str


@dataclass(frozen=True, slots=True)
class Score:
    """Counts and their ratios. precision = right / predicted, recall = right / gold, f1 their harmonic mean."""

    right: int
    predicted: int
    gold: int

    @property
    def precision(self) -> float:
        """Share of predictions that are right; 0 where there are none."""
        return self.right / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """Share of gold items that are found; 0 where there are none."""
        return self.right / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        total = self.predicted + self.gold
        return 2 * self.right / total if total else 0.0

    def to_dict(self) -> dict[str, float | int]:
        """The figures as JSON-like values, ratios rounded to four decimals."""
        return {
            "precision": round(self.precision, 4),
            "recall": round(self.recall, 4),
            "f1": round(self.f1, 4),
            **asdict(self),
        }


def read_gold(path: UPath | str, types: Iterable[str] = ("Disease", "Chemical")) -> tuple[set[str], set[GoldMention]]:
    """Documents and gold items of a PubTator file (tab-separated: PMID, start, end, text, type, identifiers).

    Raises:
        MateriaError: where the file holds no annotation, or an offset is no number.
    """
    wanted = set(types)
    documents: set[str] = set()
    items: set[GoldMention] = set()
    for number, line in enumerate(UPath(path).read_text(encoding="utf-8").splitlines(), 1):
        if "|t|" in line[:40]:
            documents.add(f"PMID:{line.partition('|')[0]}")
            continue
        fields = line.split("\t")
        if len(fields) < 6 or fields[4] not in wanted:
            continue
        try:
            start, end = int(fields[1]), int(fields[2])
        except ValueError as error:
            remedy = "Give offsets as whole numbers in columns 2 and 3"
            raise MateriaError(
                "has an offset that is no number", file=str(path), record=f"line {number}", remedy=remedy
            ) from error
        items.update(
            GoldMention(f"PMID:{fields[0]}", start, end, fields[4], curie) for curie in _identifiers(fields[5])
        )
    if not items:
        raise MateriaError(
            "holds no annotation of the types asked for",
            file=str(path),
            remedy="Give a PubTator file with gold mentions",
        )
    return documents, items


def _identifiers(text: str) -> Iterator[str]:
    for part in text.replace("+", "|").split("|"):
        identifier = part.strip()
        if identifier and identifier != "-1":
            yield identifier if ":" in identifier else f"MESH:{identifier}"


def score(gold: UPath | str, predicted: Iterable[pa.RecordBatch]) -> dict[str, Any]:
    """Precision, recall and F1 of predicted mentions [MENTIONS] against a PubTator file, over all and by type.

    Predictions in documents that the file does not hold, of other classes, or without a link, are left out.
    """
    documents, items = read_gold(gold)
    found: set[GoldMention] = set()
    for batch in predicted:
        columns = [batch.column(name).to_pylist() for name in ("doc_id", "start", "end", "category", "curie")]
        for doc_id, start, end, category, curie in zip(*columns, strict=True):
            kind = TYPE_OF_CATEGORY.get(category)
            if kind and curie and doc_id in documents:
                found.add(GoldMention(doc_id, start, end, kind, curie))
    kinds = sorted({item.type for item in items})
    by_type = {
        kind: _score({i for i in items if i.type == kind}, {i for i in found if i.type == kind}).to_dict()
        for kind in kinds
    }
    return {**_score(items, found).to_dict(), "by_type": by_type}


def _score(gold: set[GoldMention], found: set[GoldMention]) -> Score:
    return Score(len(gold & found), len(found), len(gold))
