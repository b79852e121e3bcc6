"""Exact spans and types of a recogniser against gold: precision, recall and F1, over all and by type (as CoNLL-2003 scores).

A gold mention counts once whatever its identifiers; those that overlap others, or end inside words, count too although none
can be found: nothing is made easier for us. A discontinuous one counts from its first to its last character.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pipeline.gold_corpus import read_gold_corpus, without_documents
from pipeline.ner.training import Example, documents_of, train_pipeline
from pipeline.score_mentions import Score

if TYPE_CHECKING:
    from spacy.language import Language

__all__ = ["evaluate_ner", "score_entities"]


def evaluate_ner(
    train: Sequence[str], gold: Sequence[str], *, vocabulary: Sequence[str] = (), seed: int = 0
) -> dict[str, Any]:
    """Train on some files and judge on others. Documents that stand in both are not learned from.

    Returns:
        precision, recall, f1, right, predicted, gold, by_type (the same for each type), and what was learned from.

    Raises:
        MateriaError: a file cannot be used, or no document holds an annotation.
    """
    judged = read_gold_corpus(gold)
    corpus = read_gold_corpus(train)
    learned = without_documents(corpus, judged.doc_ids)
    with train_pipeline(documents_of(learned), vocabulary=vocabulary, seed=seed) as (nlp, report):
        figures = score_entities(nlp, documents_of(judged))
    shared = len(corpus.doc_ids & judged.doc_ids)
    return {**figures, "judged_documents": len(judged.doc_ids), "shared_documents": shared, "training": report}


def score_entities(nlp: Language, examples: Sequence[Example]) -> dict[str, Any]:
    """Judge the `doc.ents` of a spaCy pipeline: exact span and exact type."""
    gold = {(doc_id, *entity) for doc_id, _, entities in examples for entity in entities}
    docs = nlp.pipe(((text, doc_id) for doc_id, text, _ in examples), as_tuples=True)
    found = {(doc_id, e.start_char, e.end_char, e.label_) for doc, doc_id in docs for e in doc.ents}
    by_type = {
        kind: _score({g for g in gold if g[3] == kind}, {f for f in found if f[3] == kind})
        for kind in sorted({g[3] for g in gold})
    }
    return {**_score(gold, found), "by_type": by_type}


def _score(gold: set[tuple[str, int, int, str]], found: set[tuple[str, int, int, str]]) -> dict[str, float | int]:
    return Score(len(gold & found), len(found), len(gold)).to_dict()
