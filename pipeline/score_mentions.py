"""Precision and recall of linked mentions against a gold corpus: span and identifier both right.

What counts follows the strict reading of BioCreative V CDR (Wei et al. 2016, doi:10.1093/database/baw032):

- A gold mention with a composite identifier `A|B` stands for one item (span, A) and one (span, B), so a system that gives one
  of the two has found half of it.
- A gold mention of `-1` has no right answer: nothing is to be found there, and what is predicted there is wrong.
- A gold identifier without a prefix is a MeSH identifier. One that the vocabulary lacks still counts as missed.
- A discontinuous gold mention counts from its first to its last character, as predicted ones have no gaps.
- Classes are compared as the two types of the corpus: Disease (also phenotypic features) and Chemical (all chemicals).

Gold is what a reader keeps of any annotated format, as the documents table holds it: offsets are then those of mentions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from pipeline.errors import MateriaError

__all__ = ["TYPE_OF_ANNOTATION", "TYPE_OF_CATEGORY", "GoldMention", "Score", "read_gold", "score"]

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

#: The same two types for those of annotated corpora: BC5CDR, NCBI Disease, BioRED, PubTator.
TYPE_OF_ANNOTATION = {
    "Disease": "Disease",
    "SpecificDisease": "Disease",
    "DiseaseClass": "Disease",
    "CompositeMention": "Disease",
    "Modifier": "Disease",
    "DiseaseOrPhenotypicFeature": "Disease",
    "Chemical": "Chemical",
    "ChemicalEntity": "Chemical",
}


@dataclass(frozen=True, slots=True, order=True)
class GoldMention:
    """One gold item: document, span in code points of the document's text, type, and one identifier as a CURIE."""

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


def read_gold(documents: Iterable[pa.RecordBatch]) -> tuple[set[str], set[GoldMention]]:
    """Names of the documents [DOCUMENTS] and their gold items.

    Raises:
        MateriaError: where no document holds a linked annotation of a disease or chemical.
    """
    names: set[str] = set()
    items: set[GoldMention] = set()
    for batch in documents:
        columns = zip(batch.column("doc_id").to_pylist(), batch.column("annotations").to_pylist(), strict=True)
        for doc_id, gold in columns:
            names.add(doc_id)
            for annotation in gold or ():
                kind = TYPE_OF_ANNOTATION.get(annotation["type"])
                if kind is not None:
                    place = (doc_id, annotation["start"], annotation["end"], kind)
                    items.update(GoldMention(*place, curie) for curie in annotation["identifiers"])
    if not items:
        raise MateriaError(
            "The gold holds no linked annotation of a disease or chemical",
            remedy="Give a file with gold mentions, in PubTator or BioC",
        )
    return names, items


def score(gold: Iterable[pa.RecordBatch], predicted: Iterable[pa.RecordBatch]) -> dict[str, Any]:
    """Precision, recall and F1 of predicted mentions [MENTIONS] against gold documents [DOCUMENTS], over all and by type.

    Predictions in documents that the gold does not hold, of other classes, or without a link, are left out.
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
