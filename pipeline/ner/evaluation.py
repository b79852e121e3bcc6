"""Exact spans and types of a recogniser against gold: precision, recall and F1, over all and by type (as CoNLL-2003 scores).

A gold mention counts once whatever its identifiers; those that overlap others, or end inside words, count too, also where none
can be found: nothing is made easier for us. A discontinuous one counts from its first to its last character.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pipeline.errors import MateriaError
from pipeline.gold_corpus import read_gold_corpus, without_documents
from pipeline.ner.training import Example, documents_of, train_pipeline
from pipeline.score_mentions import Score

if TYPE_CHECKING:
    from spacy.language import Language

__all__ = ["evaluate_ner", "score_entities"]


def evaluate_ner(
    train: Sequence[str],
    gold: Sequence[str],
    *,
    vocabulary: Sequence[str] = (),
    first: int | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Train on some files and judge on others. Documents that stand in both are not learned from.

    Args:
        train: files to learn from; may be empty where `first` is given.
        gold: files to judge on.
        vocabulary: files of vocabularies whose names are features.
        first: judge on so many documents of the gold files alone, in their order, and learn from the others of them, too.
        seed: recorded; nothing in this training is random.

    Returns:
        precision, recall, f1, right, predicted, gold, by_type (the same for each type), and what was learned from.

    Raises:
        MateriaError: a file cannot be used, or no document holds an annotation.
    """
    judged = documents_of(read_gold_corpus(gold))
    learned: list[Example] = []
    if first is not None:
        if not 0 < first <= len(judged):
            raise MateriaError(
                f"--first {first}: the gold files hold {len(judged)} documents",
                remedy="Give a number of documents to judge on, less than there are",
            )
        judged, learned = judged[:first], judged[first:]
    ids = {doc_id for doc_id, _, _ in judged}
    shared = 0
    if train:
        corpus = read_gold_corpus(train)
        shared = len(corpus.doc_ids & ids)
        known = ids | {doc_id for doc_id, _, _ in learned}
        learned += documents_of(without_documents(corpus, frozenset(known)))
    with train_pipeline(learned, vocabulary=vocabulary, seed=seed) as (nlp, report):
        figures = score_entities(nlp, judged)
    return {**figures, "judged_documents": len(judged), "shared_documents": shared, "training": report}


def score_entities(nlp: Language, examples: Sequence[Example]) -> dict[str, Any]:
    """Judge the entities of a spaCy pipeline, nested ones too where it tells them: exact span and exact type."""
    gold = {(doc_id, *entity) for doc_id, _, entities in examples for entity in entities}
    docs = nlp.pipe(((text, doc_id) for doc_id, text, _ in examples), as_tuples=True)
    found = {
        (doc_id, e.start_char, e.end_char, e.label_)
        for doc, doc_id in docs
        for e in doc.spans.get("materia_ner", doc.ents)
    }
    by_type = {
        kind: _score({g for g in gold if g[3] == kind}, {f for f in found if f[3] == kind})
        for kind in sorted({g[3] for g in gold})
    }
    return {**_score(gold, found), "by_type": by_type}


def _score(gold: set[tuple[str, int, int, str]], found: set[tuple[str, int, int, str]]) -> dict[str, float | int]:
    return Score(len(gold & found), len(found), len(gold)).to_dict()
