"""Training a recogniser of entities on annotated corpora. The result is the folder of a spaCy pipeline, which `spacy.load` opens.

`meta.json` of the folder says what it learned from: labels, numbers of documents and entities, a hash of the documents, the seed.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pipeline.errors import MateriaError
from pipeline.gold_corpus import GoldCorpus, read_gold_corpus
from pipeline.hashing import hash_json
from pipeline.names import NameIndex
from pipeline.ner.labels import Entity, gold_entities
from pipeline.vocabularies import load_vocabulary

if TYPE_CHECKING:
    from spacy.language import Language

__all__ = ["documents_of", "train_ner", "train_pipeline"]

#: Version of the folders, raised when what is learned from the same documents changes.
VERSION = "1.0.0"

#: A document to learn from: identifier, text, entities.
Example = tuple[str, str, list[Entity]]


def train_ner(train: Sequence[str], out: str, *, vocabulary: Sequence[str] = (), seed: int = 0) -> dict[str, Any]:
    """Train a recogniser on annotated files and write its pipeline into a folder, as a whole or not at all.

    Args:
        train: files in any format that keeps annotations.
        out: the folder; replaced where it holds a pipeline already.
        vocabulary: files of vocabularies whose names are features.
        seed: recorded; nothing in this training is random.

    Returns:
        What was learned from, as JSON-like values.

    Raises:
        MateriaError: a file cannot be used, no document holds an annotation, or `out` is something else than a pipeline.
    """
    folder = Path(out)
    if folder.exists() and not (folder / "meta.json").is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise MateriaError(
            "is there already, and is no trained pipeline", file=out, remedy="Name another folder, or remove this one"
        )
    examples = documents_of(read_gold_corpus(train))
    with train_pipeline(examples, vocabulary=vocabulary, seed=seed) as (nlp, report), _staged(folder) as staged:
        nlp.to_disk(staged)
    return report


def documents_of(corpus: GoldCorpus) -> list[Example]:
    """Identifier, text and gold entities of each document of a corpus."""
    names = ["doc_id", "text", "annotations"]
    columns = (batch.select(names).to_pydict() for batch in corpus.documents)
    return [
        (doc_id, text, gold_entities(annotations))
        for column in columns
        for doc_id, text, annotations in zip(*(column[name] for name in names), strict=True)
    ]


@contextmanager
def train_pipeline(
    examples: Sequence[Example], *, vocabulary: Sequence[str] = (), seed: int = 0
) -> Iterator[tuple[Language, dict[str, Any]]]:
    """Train a recogniser on documents: a spaCy pipeline of `materia_words` and `materia_ner`, and what it was made from.

    An index of the vocabulary's names is kept in a temporary folder as long as the context is open.

    Raises:
        MateriaError: no document with an entity is left to learn from.
    """
    if not any(entities for _, _, entities in examples):  # CRFsuite crashes on nothing
        raise MateriaError(
            f"No entity is left to learn from in {len(examples)} documents",
            remedy="Give training files with annotations, of other documents than are judged on",
        )
    import spacy

    from pipeline.ner.component import EntityRecogniser
    from pipeline.ner.recogniser import learn

    with TemporaryDirectory(prefix="materia-names.") as temporary:
        names = Path(temporary) / "names" if vocabulary else None
        if names:
            NameIndex.build(load_vocabulary(list(vocabulary), lambda _: None), names)
        with _progress("Training") as step:
            recogniser, unlearned = learn(examples, names, step)
        nlp = spacy.blank("en", config={"nlp": {"tokenizer": {"@tokenizers": "materia_words"}}})
        component = nlp.add_pipe("materia_ner")
        assert isinstance(component, EntityRecogniser)
        component.recogniser = recogniser
        kinds = Counter(kind for _, _, entities in examples for _, _, kind in entities)
        report = {
            "labels": recogniser.labels,
            "documents": len(examples),
            "entities": dict(sorted(kinds.items())),
            "overlapping": unlearned.overlapping,
            "inside_words": unlearned.inside_words,
            "documents_hash": hash_json(sorted(examples)),
            "vocabulary": len(NameIndex.open(names)) if names else 0,
            "seed": seed,
        }
        nlp.meta.update(
            name="materia_ner", version=VERSION, description="Entities, by a recogniser trained with Materia"
        )
        nlp.meta["materia"] = report
        yield nlp, report


@contextmanager
def _staged(folder: Path) -> Iterator[Path]:
    """A folder beside the one given, which takes its place in the end."""
    staged, old = folder.with_name(f".{folder.name}.staged"), folder.with_name(f".{folder.name}.old")
    for rest in (staged, old):
        shutil.rmtree(rest, ignore_errors=True)
    staged.mkdir(parents=True)
    try:
        yield staged
        if folder.exists():
            folder.replace(old)
        staged.replace(folder)
    finally:
        for rest in (staged, old):
            shutil.rmtree(rest, ignore_errors=True)


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal's standard error; elsewhere nothing."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
