"""Learning to link from annotated mentions: what they name is remembered, and the weights of the re-ranker are fitted again.

What a memory is worth must be learned on mentions that it does not hold. So the documents are parted into folds, the candidates of a fold
are made with a memory of the other folds, and the weights fitted on all of them; then the memory of all documents is written.
The fit stays near the weights that ship with the project, so that a few documents already help. Those were fitted by `fit_weights` on the
training documents of BC5CDR and NCBI Disease, without a memory. Cost: 20 seconds for 9,000 mentions.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.errors import MateriaError
from pipeline.gold_corpus import read_gold_corpus
from pipeline.linking.encoder import NameEncoder
from pipeline.linking.gold import GoldDocument, concept_of_identifier, gold_documents
from pipeline.linking.index import LinkingIndex
from pipeline.linking.linker import FEATURES, NONE_FEATURES, Linker, Rows
from pipeline.linking.memory import build_memory
from pipeline.linking.reranker import Reranker, fit, shipped_reranker
from pipeline.vocabularies import load_vocabulary

__all__ = ["fit_weights", "learn_linker", "train_linker"]

_FOLDS = 8
_BATCH = 64


def train_linker(
    train: Sequence[str], vocabulary: Sequence[str], out: Path, *, encoder: str | None = None
) -> dict[str, Any]:
    """Learn from annotated files and write a model folder for `Linker.open`.

    Args:
        train: files with annotations, in any format that keeps them.
        vocabulary: vocabulary files, the same as will be linked to.
        out: the folder.
        encoder: folder or name of a Hugging Face encoder that the linker will be used with, so that its worth is learned.

    Returns:
        Counts of documents, mentions and remembered names, and the threshold of "none of these".

    Raises:
        MateriaError: a file is missing, empty, or in no known format, or links no mention to a concept of the vocabulary.
    """
    table = load_vocabulary(list(vocabulary), lambda _: None)
    documents = gold_documents(read_gold_corpus(train).documents, concept_of_identifier(table))
    with tempfile.TemporaryDirectory(prefix="materia.") as folder:
        return learn_linker(documents, table, LinkingIndex.build(table, Path(folder)), Path(out), encoder)


def learn_linker(
    documents: Sequence[GoldDocument], table: pa.Table, index: LinkingIndex, out: Path, encoder: str | None = None
) -> dict[str, Any]:
    """The same for documents that are read already and an index of the table [VOCABULARY]."""
    if not any(right for document in documents for right in document.right):
        raise MateriaError(
            "The training files link no mention to a concept of the vocabulary",
            remedy="Give files with linked mentions, and the vocabulary whose identifiers they use",
        )
    categories = dict(zip(table.column("curie").to_pylist(), table.column("category").to_pylist(), strict=True))
    documents = sorted(documents, key=lambda document: document.doc_id)
    folds = [documents[n::_FOLDS] for n in range(min(_FOLDS, len(documents)))]
    encodes = NameEncoder(encoder) if encoder else None
    parts: list[tuple[Rows, npt.NDArray[np.bool_]]] = []
    for fold in folds:
        others = [document for other in folds if other is not fold for document in other]
        with tempfile.TemporaryDirectory(prefix="materia.") as folder:
            linker = Linker(index, memory=build_memory(others, Path(folder), categories), encoder=encodes)
            parts += _examples(linker, fold)
    reranker = _fit(parts, shipped_reranker())
    memory = build_memory(documents, out, categories)
    reranker.save(out / "weights.json")
    return {
        "documents": len(documents),
        "mentions": sum(len(document.queries) for document in documents),
        "remembered_names": len(memory.meant),
        "none_threshold": round(reranker.none_threshold, 4),
    }


def fit_weights(
    documents: Sequence[GoldDocument],
    index: LinkingIndex,
    *,
    prior: Reranker | None = None,
    only: Collection[str] | None = None,
) -> Reranker:
    """General weights from annotated documents, none of whose mentions is remembered; `prior` and `only` as `fit` has them."""
    return _fit(_examples(Linker(index, Reranker({}, {}, 0.0)), documents), prior, only)


def _examples(linker: Linker, documents: Sequence[GoldDocument]) -> list[tuple[Rows, npt.NDArray[np.bool_]]]:
    """Candidates of gold mentions in batches, and which of them are right."""
    parts = []
    for start in range(0, len(documents), _BATCH):
        batch = documents[start : start + _BATCH]
        rows = linker.rows([(document.text, document.queries) for document in batch])
        answers = [right for document in batch for right in document.right]
        curies = {number: linker.index.concept(number) for number in np.unique(rows.concepts).tolist()}
        right = (curies[c] in answers[g] for c, g in zip(rows.concepts.tolist(), rows.groups.tolist(), strict=True))
        parts.append((rows, np.fromiter(right, np.bool_, len(rows.concepts))))
    return parts


def _fit(
    parts: Sequence[tuple[Rows, npt.NDArray[np.bool_]]], prior: Reranker | None, only: Collection[str] | None = None
) -> Reranker:
    sizes = np.cumsum([0, *(len(rows.none_features) for rows, _ in parts)])
    groups = np.concatenate([rows.groups + size for (rows, _), size in zip(parts, sizes, strict=False)])
    return fit(
        np.concatenate([rows.features for rows, _ in parts]),
        groups,
        np.concatenate([right for _, right in parts]),
        np.concatenate([rows.none_features for rows, _ in parts]),
        names=list(FEATURES),
        none_names=NONE_FEATURES,
        prior=prior,
        only=only,
    )
