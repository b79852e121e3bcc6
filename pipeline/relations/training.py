"""Training of the relation classifier, from a gold corpus to a folder.

Both halves are trained on all documents. What joins them (weights, calibration, threshold) is fitted to what the same halves,
trained on two thirds of the documents, say of the other third. Everything is chosen on the training files alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.errors import MateriaError
from pipeline.gold_corpus import read_gold_corpus
from pipeline.hashing import fraction_of
from pipeline.relations.mix import fit_mix
from pipeline.relations.model import Classifier, Voter, save_classifier, votes
from pipeline.relations.pairs import Scheme, examples, gold_reading, learn_scheme
from pipeline.relations.views import View, views_of
from pipeline.relations.wide import Wide, train_wide

__all__ = ["GoldPairs", "fit", "fit_with_folds", "fold_of", "gold_pairs", "mix_fold_of", "train_relations"]

_FOLDS = 3
_L2 = {"document": 30.0, "mention": 3.0}
_EPOCHS = 6
#: Networks of a classifier, from seeds one apart. Where each mention is a pair of its own there are examples enough to gain by two.
_NETWORKS = {"document": 1, "mention": 2}


@dataclass(frozen=True, slots=True)
class GoldPairs:
    """Candidate pairs of gold documents, in one row each.

    Attributes:
        doc_ids: the document of each pair.
        ends: keys of its two entities.
        views: what the models see of it.
        labels: its label: 0 for none, else 1 + its place among the labels of the scheme.
        missed: relations of the gold that are no candidates.
    """

    doc_ids: list[str]
    ends: list[tuple[str, str]]
    views: list[View]
    labels: npt.NDArray[np.int64]
    missed: int

    def where(self, keep: Callable[[str], bool]) -> GoldPairs:
        """The pairs of the documents that `keep` accepts. What was missed is shared out by their number."""
        places = [place for place, doc_id in enumerate(self.doc_ids) if keep(doc_id)]
        missed = round(self.missed * len(places) / max(len(self.doc_ids), 1))
        return GoldPairs(
            [self.doc_ids[p] for p in places],
            [self.ends[p] for p in places],
            [self.views[p] for p in places],
            self.labels[places],
            missed,
        )


def train_relations(train: Sequence[str], out: str, *, seed: int = 0) -> dict[str, Any]:
    """Train a classifier on gold files and write its folder.

    Args:
        train: files with relations: BC5CDR, BioRED, ChemProt, DDI, or any other in their formats.
        out: folder to write.
        seed: of the network.

    Returns:
        what was learned from: documents, pairs, relations.

    Raises:
        MateriaError: a file is missing or holds no relation.
    """
    corpus = read_gold_corpus(train)
    scheme = learn_scheme(corpus.documents)
    pairs = gold_pairs(corpus.documents, scheme)
    classifier = fit(pairs, scheme, seed=seed)
    save_classifier(classifier, Path(out))
    return classifier.report


def gold_pairs(documents: Sequence[pa.RecordBatch], scheme: Scheme) -> GoldPairs:
    """The candidate pairs of gold documents [DOCUMENTS]."""
    number = {label: place for place, label in enumerate(("", *scheme.labels))}
    doc_ids: list[str] = []
    ends: list[tuple[str, str]] = []
    views: list[View] = []
    labels: list[int] = []
    gold = 0
    for batch in documents:
        for row in batch.select(["doc_id", "text", "annotations", "relations"]).to_pylist():
            reading = gold_reading(row, scheme.level)
            found = examples(row, reading, scheme)
            doc_ids += [row["doc_id"]] * len(found)
            ends += [(reading.entities[e.a].key, reading.entities[e.b].key) for e in found]
            views += views_of(reading, [(e.a, e.b) for e in found])
            labels += [number.get(e.label, 0) for e in found]
            gold += len(row["relations"])
    array = np.array(labels, dtype=np.int64)
    return GoldPairs(doc_ids, ends, views, array, gold - int((array > 0).sum()))


def fold_of(doc_id: str, folds: int) -> int:
    """The fold of a document: by a hash of its name, so that no other document moves it."""
    return int(folds * fraction_of("fold", doc_id))


def mix_fold_of(doc_id: str) -> int:
    """The fold of a document while a classifier is trained: another than `fold_of` gives it, so that evaluation by folds stays apart."""
    return fold_of(f"mix {doc_id}", _FOLDS)


def fit(pairs: GoldPairs, scheme: Scheme, *, seed: int = 0) -> Classifier:
    """A classifier for the pairs of a corpus.

    Raises:
        MateriaError: the documents are too few to hold some out.
    """
    return fit_with_folds(pairs, scheme, seed=seed)[0]


def fit_with_folds(pairs: GoldPairs, scheme: Scheme, *, seed: int = 0) -> tuple[Classifier, dict[int, Classifier]]:
    """A classifier, and what tells how it does on documents it has not seen: the halves of each fold, joined by the same mix.

    Returns:
        the classifier; by fold, the one whose halves saw no document with that `mix_fold_of`. The few numbers of the mix and the
        threshold did see them.

    Raises:
        MateriaError: the documents are too few to hold some out.
    """
    count = len(scheme.labels) + 1
    folds: dict[int, tuple[Wide, tuple[Voter, ...]]] = {}
    unseen: list[list[npt.NDArray[np.float64]]] = []
    truth: list[npt.NDArray[np.int64]] = []
    for fold in range(_FOLDS):
        inside = pairs.where(lambda doc_id, fold=fold: mix_fold_of(doc_id) != fold)  # type: ignore[misc]
        outside = pairs.where(lambda doc_id, fold=fold: mix_fold_of(doc_id) == fold)  # type: ignore[misc]
        if inside.views and outside.views:
            folds[fold] = _halves(inside, scheme, count, seed)
            unseen.append(votes(*folds[fold], outside.views))
            truth.append(outside.labels)
    if not unseen:
        raise MateriaError(
            f"{len(set(pairs.doc_ids))} documents with candidate pairs are too few to learn relations from",
            remedy="Give more annotated documents",
        )
    joined = [np.concatenate(parts) for parts in zip(*unseen, strict=True)]
    mix = fit_mix(joined, np.concatenate(truth), pairs.missed)
    wide, deep = _halves(pairs, scheme, count, seed)
    report = {
        "documents": len(set(pairs.doc_ids)),
        "pairs": len(pairs.views),
        "relations": int((pairs.labels > 0).sum()),
    }
    apart = {fold: Classifier(scheme, *halves, mix) for fold, halves in folds.items()}
    return Classifier(scheme, wide, deep, mix, report=report), apart


def _halves(pairs: GoldPairs, scheme: Scheme, count: int, seed: int) -> tuple[Wide, tuple[Voter, ...]]:
    from pipeline.relations.deep import train_deep

    wide = train_wide([view.features for view in pairs.views], pairs.labels, count, _L2[scheme.level])
    deep = tuple(
        train_deep(pairs.views, pairs.labels, count, epochs=_EPOCHS, seed=seed + number)
        for number in range(_NETWORKS[scheme.level])
    )
    return wide, deep
