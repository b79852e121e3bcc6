"""Relations judged against gold: precision, recall and F1 over all and by type, by a trained classifier or by the pattern tier.

Relations count as their task counts them: as pairs of identifiers in a document where the corpus gives identifiers (BC5CDR,
BioRED), else as pairs of mentions (DDI, ChemProt).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.errors import MateriaError
from pipeline.gold_corpus import GoldCorpus, read_gold_corpus, without_documents
from pipeline.relations.model import Classifier
from pipeline.relations.pairs import learn_scheme
from pipeline.relations.patterns_tier import pattern_relations
from pipeline.relations.schemes import CLAIMED_AS, GROUP_OF_RELATION
from pipeline.relations.training import GoldPairs, fit, fold_of, gold_pairs
from pipeline.score_mentions import Score

__all__ = ["evaluate_relations"]

_Relation = tuple[str, str, str, str]


def evaluate_relations(
    train: Sequence[str],
    gold: Sequence[str],
    *,
    entities: str = "gold",
    vocabulary: Sequence[str] = (),
    folds: int | None = None,
    tier: str = "classifier",
    seed: int = 0,
) -> dict[str, Any]:
    """Precision, recall and F1 of relations, over all and by type.

    Args:
        train: files to learn from; documents that stand in the gold too are left out.
        gold: files to judge on; not needed with `folds`.
        entities: `gold`, or `predicted`: found by extraction with the vocabulary.
        vocabulary: vocabulary files for predicted entities; without them the names of the training annotations serve.
        folds: judge on the training files themselves, in so many folds by document.
        tier: `classifier`, or `patterns`: the trigger patterns between gold entities, without training.
        seed: of training.

    Returns:
        precision, recall, f1 of relations with their type, with counts; `by_type` the same of each; `pairs` of pairs whatever the type;
        `groups` by the groups that a task evaluates, where it has any.

    Raises:
        MateriaError: a file is missing, empty, or holds no relation.
    """
    if tier == "patterns":
        return _evaluate_patterns(read_gold_corpus(gold))
    learn = read_gold_corpus(train)
    if folds is not None:
        if entities != "gold" or folds < 2:
            raise MateriaError("Folds are two or more, over gold entities", remedy="Give --folds 5 --entities gold")
        return _evaluate_folds(learn, folds, seed)
    judge = read_gold_corpus(gold)
    learn = without_documents(learn, judge.doc_ids)
    scheme = learn_scheme(learn.documents)
    classifier = fit(gold_pairs(learn.documents, scheme), scheme, seed=seed)
    report = {**classifier.report, "entities": entities}
    if entities == "gold":
        found = _predicted(classifier, gold_pairs(judge.documents, scheme))
    elif scheme.level == "mention":
        raise MateriaError(
            "These corpora relate single mentions without identifiers, which predicted ones cannot be compared with",
            remedy="Judge them with --entities gold",
        )
    else:
        from pipeline.relations.predicted_entities import predicted_relations

        report["vocabulary"] = "given" if vocabulary else "names of the training annotations"
        found = predicted_relations(classifier, learn, judge, vocabulary)
    return {**report, **_scores(gold_relations(judge), found)}


def _evaluate_folds(corpus: GoldCorpus, folds: int, seed: int) -> dict[str, Any]:
    scheme = learn_scheme(corpus.documents)
    pairs = gold_pairs(corpus.documents, scheme)
    found: set[_Relation] = set()
    for fold in range(folds):
        inside = pairs.where(lambda doc_id, fold=fold: fold_of(doc_id, folds) != fold)  # type: ignore[misc]
        outside = pairs.where(lambda doc_id, fold=fold: fold_of(doc_id, folds) == fold)  # type: ignore[misc]
        found |= _predicted(fit(inside, scheme, seed=seed), outside)
    return {"folds": folds, "pairs_judged": len(pairs.views), **_scores(gold_relations(corpus), found)}


def _predicted(classifier: Classifier, pairs: GoldPairs) -> set[_Relation]:
    labels = classifier.mix.decide(classifier.probabilities(pairs.views))
    return {
        (doc_id, classifier.scheme.labels[label - 1], *ends)
        for doc_id, ends, label in zip(pairs.doc_ids, pairs.ends, labels.tolist(), strict=True)
        if label
    }


def _evaluate_patterns(corpus: GoldCorpus) -> dict[str, Any]:
    judged = set(CLAIMED_AS.values())
    items = {item for item in gold_relations(corpus) if item[1] in judged}
    if not items:
        raise MateriaError(
            f"The gold holds no relation of the types {', '.join(sorted(judged))}",
            remedy="Judge the pattern tier on a corpus that has them: BC5CDR",
        )
    return {"tier": "patterns", **_scores(items, pattern_relations(corpus.documents))}


def gold_relations(corpus: GoldCorpus) -> set[_Relation]:
    """The relations of a corpus between its first two arguments: document, type, subject, object."""
    items = set()
    for batch in corpus.documents:
        for doc_id, relations in zip(
            batch.column("doc_id").to_pylist(), batch.column("relations").to_pylist(), strict=True
        ):
            for relation in relations or ():
                ends = [argument["reference"] for argument in relation["arguments"]]
                items.add((doc_id, relation["type"], ends[0], ends[1]))
    return items


def _scores(gold: set[_Relation], found: set[_Relation]) -> dict[str, Any]:
    """Ends are compared without their order: which of the two is the subject follows from their types, or is not said."""
    right, said = _unordered(gold), _unordered(found)
    kinds = sorted({item[1] for item in right})
    by_type = {kind: _score({i for i in right if i[1] == kind}, {i for i in said if i[1] == kind}) for kind in kinds}
    figures: dict[str, Any] = {**_score(right, said), "by_type": by_type}
    if len(kinds) > 1:
        figures["pairs"] = _score({(i[0], *i[2:]) for i in right}, {(i[0], *i[2:]) for i in said})
    if any(kind in GROUP_OF_RELATION for kind in kinds):
        figures["groups"] = _score(_grouped(right), _grouped(said))
    return figures


def _unordered(items: set[_Relation]) -> set[_Relation]:
    return {(doc_id, kind, *sorted((a, b))) for doc_id, kind, a, b in items}  # type: ignore[misc]


def _grouped(items: set[_Relation]) -> set[_Relation]:
    return {(doc_id, GROUP_OF_RELATION.get(kind, kind), a, b) for doc_id, kind, a, b in items}


def _score(gold: set[Any], found: set[Any]) -> dict[str, float | int]:
    return Score(len(gold & found), len(found), len(gold)).to_dict()
