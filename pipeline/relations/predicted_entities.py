"""Relations between entities that extraction finds itself: a recogniser and a linker trained on the corpus, then the classifier.

Where no vocabulary is given, the names that the training annotations give their identifiers are one: what was never annotated
is then never found, and the figures say how far such names reach.
"""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from pipeline.claims import documents_with_mentions
from pipeline.finders import category_of_label
from pipeline.gold_corpus import GoldCorpus
from pipeline.mention_evaluation import train_models
from pipeline.mentions import find_mentions, mention_workers
from pipeline.parallel import cpu_count
from pipeline.relations.model import Classifier
from pipeline.relations.prediction import mentioned_reading, related_pairs
from pipeline.tables import VOCABULARY
from pipeline.vocabularies import load_vocabulary
from pipeline.vocabulary_index import VocabularyIndex

__all__ = ["annotated_vocabulary", "predicted_mentions", "predicted_relations"]


def predicted_relations(
    classifier: Classifier, learn: GoldCorpus, judge: GoldCorpus, vocabulary: Sequence[str]
) -> set[tuple[str, str, str, str]]:
    """Relations (document, type, one end, other end) of documents of which the text alone is read.

    Args:
        learn: what the recogniser and the linker are trained on.
        judge: the documents to read.
        vocabulary: vocabulary files; none for the names of `learn`.
    """
    mentions = predicted_mentions(learn, judge, vocabulary)
    documents = list(documents_with_mentions(judge.documents, mentions))
    readings = [mentioned_reading(text, rows, classifier.scheme) for _, text, _, rows in documents]
    return {
        (documents[found.document][0][0], found.label, found.a.key, found.b.key)
        for found in related_pairs(classifier, readings)
    }


def predicted_mentions(learn: GoldCorpus, judge: GoldCorpus, vocabulary: Sequence[str]) -> list[pa.RecordBatch]:
    """The mentions [MENTIONS] that extraction finds in the texts of a corpus, by a recogniser and a linker trained on another.

    Args:
        learn, judge, vocabulary: as for `predicted_relations`.
    """
    table = load_vocabulary(list(vocabulary), lambda _: None) if vocabulary else annotated_vocabulary(learn)
    with tempfile.TemporaryDirectory(prefix="materia.") as folder:
        index = VocabularyIndex.build(table, Path(folder))
        models = train_models(learn, table, index, Path(folder))
        with mention_workers([folder], cpu_count(), **models) as pool:
            return list(find_mentions(judge.documents, pool))


def annotated_vocabulary(corpus: GoldCorpus) -> pa.Table:
    """The names of a corpus's annotations as a vocabulary [VOCABULARY]: of each identifier the most frequent one is preferred."""
    names: dict[str, Counter[str]] = defaultdict(Counter)
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for batch in corpus.documents:
        for marked in batch.column("annotations").to_pylist():
            for annotation in marked or ():
                if len(annotation["identifiers"]) == 1:
                    names[annotation["identifiers"][0]][annotation["text"]] += 1
                    kinds[annotation["identifiers"][0]][annotation["type"]] += 1
    rows = []
    for curie in sorted(names):
        preferred, *others = sorted(names[curie], key=lambda name: (-names[curie][name], name))
        kind = min(kinds[curie], key=lambda kind: (-kinds[curie][kind], kind))
        rows.append(
            {
                "curie": curie,
                "name": preferred,
                "synonyms": [{"name": name, "scope": "exact"} for name in sorted(others)],
                "category": category_of_label(kind),
                "definition": None,
                "parents": [],
                "xrefs": [],
                "sources": ["annotations"],
                "translations": [],
                "matches": [],
            }
        )
    return pa.Table.from_pylist(rows, schema=VOCABULARY)
