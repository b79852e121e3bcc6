"""Learn how reliable extractors are from annotated documents, and judge on others whether beliefs then mean what they say.

What is judged is what the build would believe, document by document: evidence by the extractors themselves, fused by `kg.fusion.fuse`,
over all claims that could be made of a document, not only those that are made. A claim that no extractor makes has no triple; it is
judged at the rate at which such claims held in training (belief 0 would say that it is surely false).

The classifier of relations knows its training documents by heart, so its reliability is learned from what its folds say of documents
that they have not seen. Cost: on BC5CDR (480 documents to learn from, 483 to judge) 71 processor seconds, of which training takes 55.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from kg.gold_claims import GoldClaims, gold_claims
from kg.judged_beliefs import judge_beliefs
from kg.reliability import File, Judgement, LearnedFrom, Reliabilities
from kg.reliability_learning import learn_extractors, posterior_mean
from pipeline.errors import MateriaError
from pipeline.gold_corpus import GoldCorpus, read_gold_corpus, without_documents
from pipeline.inventory import list_files
from pipeline.relations.model import Classifier, load_classifier, save_classifier
from pipeline.relations.pairs import Scheme, learn_scheme
from pipeline.relations.training import fit_with_folds, gold_pairs, mix_fold_of
from pipeline.storage import file_sha256

__all__ = ["calibrate"]

Entities = Literal["gold", "predicted"]


@dataclass(frozen=True, slots=True)
class _Readers:
    """The classifier that is judged, and for each document to learn from the one that may speak of it."""

    scheme: Scheme
    judged: Classifier
    learning: Callable[[str], Classifier]


def calibrate(
    train: Sequence[str],
    gold: Sequence[str],
    *,
    entities: Entities = "gold",
    vocabulary: Sequence[str] = (),
    classifier: str | None = None,
    keep_classifier: str | None = None,
    seed: int = 0,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Reliabilities, dict[str, Any]]:
    """Learn reliabilities from `train` and judge them on `gold`.

    Args:
        train: files with annotations to learn from; documents that stand in the gold too are left out.
        gold: files with annotations to judge on.
        entities: whose mentions the gold's documents are read with: its own, or `predicted` ones, found with the vocabulary.
        vocabulary: vocabulary files for predicted entities.
        classifier: folder of one that was trained (`extraction.relations`); without it one is trained on `train`, as that command would.
        keep_classifier: folder to write the trained classifier to.
        seed: of training.
        progress: told of what is being done.

    Returns:
        the reliabilities, and a report: ece, brier_skill, auc, bins, n, and what they are made of (see `judge_beliefs`), with warnings.

    Raises:
        MateriaError: a file is missing or holds nothing to learn from or to judge.
    """
    if classifier is not None and keep_classifier is not None:
        raise MateriaError("no classifier is trained where one is given", remedy="Give one of the two folders")
    if entities == "predicted" and not vocabulary:
        raise MateriaError("predicted entities need a vocabulary", remedy="Give --vocabulary FILE ...")
    judge, given = read_gold_corpus(gold), read_gold_corpus(train)
    learn = without_documents(given, judge.doc_ids)
    if not learn.documents:
        raise MateriaError(
            "Every training document stands in the gold files too", remedy="Learn from other documents than are judged"
        )
    with tempfile.TemporaryDirectory(prefix="materia.") as scratch:
        if classifier is None:
            progress("training a classifier of relations")
            readers = _train(learn, Path(keep_classifier or f"{scratch}/relations"), seed)
        else:
            one = load_classifier(classifier)
            readers = _Readers(one.scheme, one, lambda _: one)
    progress("reading the training documents")
    learned_from = gold_claims(learn, readers.scheme, readers.learning)
    reliabilities = _learn(learned_from, _files(train))
    progress("reading the gold documents")
    mentions = None
    if entities == "predicted":
        from pipeline.relations.predicted_entities import predicted_mentions

        mentions = predicted_mentions(learn, judge, vocabulary)
    claims = gold_claims(judge, readers.scheme, lambda _: readers.judged, mentions=mentions)
    if not claims.candidates.num_rows:
        raise MateriaError(
            "The gold documents mention no two entities of the related types", remedy="Judge on documents that do"
        )
    progress("judging")
    report = judge_beliefs(claims, reliabilities)
    judgement = Judgement(
        files=_files(gold),
        documents=claims.documents,
        **{name: report[name] for name in ("n", "base_rate", "ece", "brier", "brier_skill", "auc", "bins")},
    )
    both = len(given.doc_ids & judge.doc_ids)
    report |= {
        "documents": {"learned": learned_from.documents, "judged": claims.documents, "left_out": both},
        "entities": entities,
        "classifier": readers.judged.name,
        "missed_relations": claims.missed,
        "warnings": _warnings(classifier, both),
    }
    return reliabilities.model_copy(update={"judged_on": judgement}), report


def _warnings(classifier: str | None, both: int) -> list[str]:
    found = []
    if classifier is not None:
        found.append(
            "what the classifier says of the training documents tells of its reliability only if it was not trained on them"
        )
    if both:
        found.append(f"{both} training documents stand in the gold files too and were not learned from")
    return found


def _train(learn: GoldCorpus, folder: Path, seed: int) -> _Readers:
    scheme = learn_scheme(learn.documents)
    if scheme.level == "mention":
        raise MateriaError(
            "These corpora relate single mentions without identifiers, and a graph holds claims about concepts",
            remedy="Calibrate on a corpus that relates identifiers: BC5CDR or BioRED",
        )
    fitted, folds = fit_with_folds(gold_pairs(learn.documents, scheme), scheme, seed=seed)
    save_classifier(fitted, folder)
    judged = load_classifier(folder)
    named = {fold: replace(one, name=judged.name) for fold, one in folds.items()}
    return _Readers(scheme, judged, lambda doc_id: named.get(mix_fold_of(doc_id), judged))


def _learn(claims: GoldClaims, files: tuple[File, ...]) -> Reliabilities:
    true = claims.candidates["true"].to_numpy()
    silent = np.ones(len(true), dtype=bool)
    silent[claims.said()["claim"].to_numpy()] = False
    return Reliabilities(
        learned_from=LearnedFrom(files=files, documents=claims.documents, claims=len(true), true=int(true.sum())),
        extractors=learn_extractors(claims),
        unclaimed=posterior_mean(int(true[silent].sum()), int(silent.sum())),
    )


def _files(paths: Sequence[str]) -> tuple[File, ...]:
    found = {File(name=file.name, sha256=file_sha256(file.path)) for path in paths for file in list_files([path])}
    return tuple(sorted(found, key=lambda file: (file.name, file.sha256)))
