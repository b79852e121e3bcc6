"""Linking judged on gold mentions: is the right concept the first, among the first five, among the first thirty.

`gold` says what counts as a question and as a right answer. The linker sees the text of the document, the spans and the types of its gold
mentions, never their identifiers. Recall at 1 takes the best candidate whether or not its probability passes the threshold
of "none of these"; how well that threshold does is reported apart (`none`).
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.errors import MateriaError
from pipeline.gold_corpus import read_gold_corpus, without_documents
from pipeline.linking.gold import GoldDocument, concept_of_identifier, gold_documents
from pipeline.linking.index import LinkingIndex
from pipeline.linking.linker import Linker
from pipeline.linking.training import learn_linker
from pipeline.vocabularies import load_vocabulary

__all__ = ["evaluate_linking", "judge"]

_DEPTHS = (1, 5, 30)
_BATCH = 64


def evaluate_linking(
    gold: Sequence[str], vocabulary: Sequence[str], *, train: Sequence[str] = (), encoder: str | None = None
) -> dict[str, Any]:
    """Recall of the right concept for gold mentions.

    Args:
        gold: files with annotations, in any format that keeps them: PubTator, BioC.
        vocabulary: vocabulary files.
        train: files with annotations to learn from; documents that are also in `gold` are left out.
        encoder: folder or name of a Hugging Face encoder that re-ranks what is unsure.

    Returns:
        `n` gold mentions, `recall@1`, `recall@5`, `recall@30`, the share whose identifier is in the vocabulary (`gold_in_vocabulary`),
        the same `by_type`, figures of `none`, `mentions_per_second` of linking alone, `index_seconds`, `peak_mib` of the whole process.

    Raises:
        MateriaError: a file is missing, empty, or in no known format, or the gold links no mention.
    """
    table = load_vocabulary(list(vocabulary), lambda _: None)
    corpus = read_gold_corpus(gold)
    concept_of = concept_of_identifier(table)
    documents = gold_documents(corpus.documents, concept_of)
    if not any(document.queries for document in documents):
        raise MateriaError("The gold links no mention to an identifier", remedy="Give a file with linked gold mentions")
    with tempfile.TemporaryDirectory(prefix="materia.") as folder:
        started = time.perf_counter()
        index = LinkingIndex.build(table, Path(folder) / "index")
        seconds = time.perf_counter() - started
        model = None
        if train:
            model = Path(folder) / "model"
            known = without_documents(read_gold_corpus(train), corpus.doc_ids)
            learn_linker(gold_documents(known.documents, concept_of), table, index, model, encoder)
        linker = Linker.open(index, model, encoder)
        figures = judge(linker, documents)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        **figures,
        "index_seconds": round(seconds, 2),
        "peak_mib": round(peak, 1),
        "set_aside": len(corpus.set_aside),
    }


def judge(linker: Linker, documents: Sequence[GoldDocument]) -> dict[str, Any]:
    """The figures of a linker on gold documents."""
    started = time.perf_counter()
    ranks, sure = [], []
    for start in range(0, len(documents), _BATCH):
        batch = documents[start : start + _BATCH]
        rank, probability = _ranks(linker, batch)
        ranks.append(rank)
        sure.append(probability >= linker.none_threshold)
    seconds = time.perf_counter() - started
    rank, linked = np.concatenate(ranks), np.concatenate(sure)
    types = np.asarray([query.type for document in documents for query in document.queries])
    known = np.asarray([bool(right) for document in documents for right in document.right])
    by_type = {str(kind): _recalls(rank[types == kind], known[types == kind]) for kind in sorted(set(types))}
    return {
        **_recalls(rank, known),
        "by_type": by_type,
        "none": _none_figures(rank == 0, linked, known),
        "mentions_per_second": round(len(rank) / seconds, 1),
    }


def _ranks(linker: Linker, documents: Sequence[GoldDocument]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """For each mention the place of its first right candidate, from 0 (-1 for none), and the probability of the best candidate."""
    rows = linker.rows([(document.text, document.queries) for document in documents])
    order, probability = linker.order(rows)
    right = [answer for document in documents for answer in document.right]
    rank = np.full(len(right), -1, np.int64)
    best = np.zeros(len(right))
    groups = rows.groups[order]
    starts = np.searchsorted(groups, np.arange(len(right)))
    places = np.arange(len(order)) - starts[groups]
    keep = places < max(_DEPTHS)
    curies = {number: linker.index.concept(number) for number in np.unique(rows.concepts[order[keep]]).tolist()}
    for place, group, row in zip(places[keep].tolist(), groups[keep].tolist(), order[keep].tolist(), strict=True):
        if place == 0:
            best[group] = probability[row]
        if rank[group] < 0 and curies[int(rows.concepts[row])] in right[group]:
            rank[group] = place
    return rank, best


def _recalls(rank: npt.NDArray[np.int64], known: npt.NDArray[np.bool_]) -> dict[str, float | int]:
    found = {f"recall@{depth}": round(float(np.mean((rank >= 0) & (rank < depth))), 4) for depth in _DEPTHS}
    return {"n": len(rank), **found, "gold_in_vocabulary": round(float(known.mean()), 4)}


def _none_figures(
    right: npt.NDArray[np.bool_], linked: npt.NDArray[np.bool_], known: npt.NDArray[np.bool_]
) -> dict[str, float]:
    """Precision and recall of the links that pass the threshold, and how many of the mentions without a concept are told so."""
    made = int(linked.sum())
    good = int((linked & right).sum())
    absent = ~known
    return {
        "link_precision": round(good / made, 4) if made else 0.0,
        "link_recall": round(good / len(right), 4),
        "absent_recognised": round(float((~linked)[absent].mean()), 4) if absent.any() else 1.0,
    }
