"""Relations judged against gold: precision, recall and F1 over all and by type, by a trained classifier or by the pattern tier.

Relations count as their task counts them: as pairs of identifiers in a document where the corpus gives identifiers (BC5CDR,
BioRED), else as pairs of mentions (DDI, ChemProt).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.errors import MateriaError
from pipeline.gold_corpus import GoldCorpus, read_gold_corpus
from pipeline.relations.patterns_tier import pattern_relations
from pipeline.relations.schemes import CLAIMED_AS
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
    """Precision, recall and F1 of relations."""
    return _evaluate_patterns(read_gold_corpus(gold))


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
    kinds = sorted({item[1] for item in gold})
    by_type = {kind: _score({i for i in gold if i[1] == kind}, {i for i in found if i[1] == kind}) for kind in kinds}
    return {**_score(gold, found), "by_type": by_type}


def _score(gold: set[_Relation], found: set[_Relation]) -> dict[str, float | int]:
    return Score(len(gold & found), len(found), len(gold)).to_dict()
