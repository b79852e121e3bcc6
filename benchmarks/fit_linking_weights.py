"""The weights that the linker ships with, fitted anew: `pipeline/linking/weights.json`, and the snapshot of words, `words.json.gz`.

Weights are fitted on the training documents of BC5CDR and NCBI Disease (never on the others), with MEDIC and MeSH's names as the vocabulary
and no mention remembered; then those of the hierarchy alone, with MeSH's tree beside these names, so that a vocabulary without parents
is linked to as if there were no such features. The words are counted over the names of MEDIC, DOID, HP and MeSH. Run it after a
change of features or index:

    python benchmarks/fit_linking_weights.py [--words] [--out FOLDER]

Two minutes on one core. The same inputs give the same bytes.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pipeline import linking
from pipeline.gold_corpus import read_gold_corpus
from pipeline.linking.gold import concept_of_identifier, gold_documents
from pipeline.linking.hierarchy import HIERARCHY_FEATURES
from pipeline.linking.index import LinkingIndex
from pipeline.linking.reranker import Reranker
from pipeline.linking.training import fit_weights
from pipeline.linking.words import learn_words, save_words
from pipeline.vocabularies import load_vocabulary

DATA = Path(os.environ.get("MATERIA_DATA", Path(__file__).parents[2] / "shared" / "data"))
VOCABULARY = ("medic_2012-07-06.txt.gz", "mesh_names.tsv.gz")
NAMES = ("medic_2012-07-06.txt.gz", "doid_2016-03-04.obo.gz", "hp_2013-11-30.obo.gz", "mesh_names.tsv.gz")
TREE = "mesh2015_tree_numbers.tsv.gz"
TRAIN = ("bc5cdr/train.pubtator", "ncbi_disease/train.pubtator")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--words", action="store_true", help="count the words of names first")
    parser.add_argument("--out", type=Path, default=Path(linking.__file__).parent, help="where to write")
    options = parser.parse_args()
    if options.words:
        concepts = []
        for name in NAMES:
            table = load_vocabulary([str(DATA / "vocabulary" / name)], lambda _: None)
            columns = (table.column(column).to_pylist() for column in ("name", "synonyms"))
            concepts += [[name, *(s["name"] for s in synonyms or ())] for name, synonyms in zip(*columns, strict=True)]
        (options.out / "words.json.gz").write_bytes(save_words(learn_words(concepts)))
    general = fitted(VOCABULARY)
    with_tree = fitted((*VOCABULARY, TREE), general)
    hierarchy = {name: with_tree.weights[name] for name in HIERARCHY_FEATURES}
    reranker = replace(general, weights=general.weights | hierarchy)
    reranker.save(options.out / "weights.json")
    print(f"threshold of none {reranker.none_threshold:.3f}, hierarchy {hierarchy}")


def fitted(vocabulary: Sequence[str], prior: Reranker | None = None) -> Reranker:
    """Weights fitted with a vocabulary; those of the hierarchy alone where the others are given."""
    table = load_vocabulary([str(DATA / "vocabulary" / name) for name in vocabulary], lambda _: None)
    concept_of = concept_of_identifier(table)
    documents = [
        document
        for name in TRAIN
        for document in gold_documents(read_gold_corpus([str(DATA / "annotated" / name)]).documents, concept_of)
    ]
    with tempfile.TemporaryDirectory(prefix="materia.") as folder:
        index = LinkingIndex.build(table, Path(folder))
        return fit_weights(documents, index, prior=prior, only=HIERARCHY_FEATURES if prior else None)


if __name__ == "__main__":
    main()
