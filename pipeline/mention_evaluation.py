"""Extraction judged end to end against gold files: the same readers, vocabulary, finders and linker as a build.

Only the texts of the gold files are read for finding mentions; their annotations are used for scoring alone. With training files, a
recogniser and a linker are trained on them, less the papers of the gold files, and read with as a build reads that is configured
with them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.errors import MateriaError
from pipeline.gold_corpus import GoldCorpus, read_gold_corpus, without_documents
from pipeline.mentions import find_mentions, mention_workers
from pipeline.score_mentions import score
from pipeline.vocabularies import load_vocabulary
from pipeline.vocabulary_index import VocabularyIndex

__all__ = ["evaluate_mentions", "train_models"]


def evaluate_mentions(
    gold: Sequence[str], vocabulary: Sequence[str], *, train: Sequence[str] = (), workers: int = 1
) -> dict[str, Any]:
    """Span and identifier both right, for diseases and chemicals, on gold files.

    Args:
        gold: files with annotations, in any format that keeps them: PubTator, BioC.
        vocabulary: vocabulary files.
        train: files with annotations to train a recogniser and a linker on; the dictionary alone is judged without.
        workers: processes to read with.

    Returns:
        precision, recall, f1, and the same by_type, with counts; `set_aside`, the records and annotations of the files that could
        not be used; `trained_on`, the number of documents.

    Raises:
        MateriaError: a file is missing, empty, or in no known format, or no training document is left.
    """
    table = load_vocabulary(list(vocabulary), lambda _: None)
    corpus = read_gold_corpus(gold)
    training = without_documents(read_gold_corpus(train), corpus.doc_ids) if train else None
    with tempfile.TemporaryDirectory(prefix="materia.") as folder:
        index = VocabularyIndex.of(table, Path(folder))
        _ = index.matcher
        models = train_models(training, table, index, Path(folder)) if training else {}
        with mention_workers([folder], workers, **models) as pool:
            found: list[pa.RecordBatch] = list(find_mentions(corpus.documents, pool))
    aside = len(corpus.set_aside) + (len(training.set_aside) if training else 0)
    trained_on = sum(rows.num_rows for rows in training.documents) if training else 0
    return {**score(corpus.documents, found), "set_aside": aside, "trained_on": trained_on}


def train_models(corpus: GoldCorpus, table: pa.Table, index: VocabularyIndex, folder: Path) -> dict[str, str]:
    """Train a recogniser and a linker on a corpus.

    Args:
        table: the vocabulary [VOCABULARY], and `index` its indexes.
        folder: where the two folders of models are to stand.

    Returns:
        The folders, as the arguments `ner` and `linker` of `mention_workers`.

    Raises:
        MateriaError: no document is left to learn from, or none of its mentions is linked to the vocabulary.
    """
    from pipeline.linking.gold import concept_of_identifier, gold_documents
    from pipeline.linking.training import learn_linker
    from pipeline.ner.training import documents_of, train_pipeline

    if not corpus.documents:
        raise MateriaError(
            "Every training document stands in the gold files too", remedy="Train on other documents than are judged on"
        )
    with train_pipeline(documents_of(corpus)) as (nlp, _):
        nlp.to_disk(folder / "ner-model")
    documents = gold_documents(corpus.documents, concept_of_identifier(table))
    learn_linker(documents, table, index.linking, folder / "linker-model")
    return {"ner": str(folder / "ner-model"), "linker": str(folder / "linker-model")}
