"""A linear-chain conditional random field over the words of a document (Lafferty et al. 2001), trained by CRFsuite.

Cost, on one core: BC5CDR's 480 documents are learned and its 483 others read in 37 s; 134 abstracts a second are read.
Exact spans and types on BC5CDR, train to dev: F1 .862, and .884 with the names of MEDIC and MeSH as features.
Rejected, by four-fold cross-validation on train: a second pass that sees what a first says of a word elsewhere in the document
(0.3 points for 3.5 times the training and 5 times the reading), longer windows, n-grams of words, features of the whole
string between spaces, letter 3- and 5-grams (nothing, or worse), and features of one document alone left out (worse by 0.2).
This module imports pycrfsuite, so import it where it is used.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pycrfsuite

from pipeline.errors import MateriaError
from pipeline.names import NameIndex
from pipeline.ner.features import features, places
from pipeline.ner.known import Counts, Known
from pipeline.ner.labels import Entity, Unlearned, decode, encode
from pipeline.ner.words import Words, cut

__all__ = ["Recogniser", "learn"]

_ITERATIONS = 80
_SETTINGS = {"c1": 0.05, "c2": 0.05, "max_iterations": _ITERATIONS, "feature.minfreq": 1}


class Recogniser:
    """Finds the entities of texts. Its state is a folder: JSON, CRFsuite's own format, and an index of names where it has one."""

    def __init__(self, known: Known, model: bytes, vocabulary: Path | None = None) -> None:
        self._known = known
        self._model = model
        self._vocabulary = vocabulary
        self._names = NameIndex.open(vocabulary) if vocabulary else None
        self._tagger = pycrfsuite.Tagger()
        self._tagger.open_inmemory(model)

    @property
    def labels(self) -> list[str]:
        """The types it can give, sorted."""
        return sorted({tag[2:] for tag in self._tagger.labels() if tag != "O"})

    def find(self, text: str) -> list[Entity]:
        """The entities of a text, in order, none of them overlapping: [start, end) in code points, and the type."""
        words = cut(text)
        rows = features(words, self._known, _in_vocabulary(text, words, self._names))
        tags: list[str] = []
        for first, last in words.sentences:
            tags += self._tagger.tag(rows[first:last])
        return decode(words, tags)

    def save(self, folder: Path) -> None:
        """Write its state into a folder, which is made where it is missing."""
        folder.mkdir(parents=True, exist_ok=True)
        known = json.dumps(self._known.to_json(), ensure_ascii=False, separators=(",", ":"))
        (folder / "known.json").write_text(known, encoding="utf-8")
        (folder / "tagger.crfsuite").write_bytes(self._model)
        if self._vocabulary:
            shutil.copytree(self._vocabulary, folder / "names")

    @classmethod
    def load(cls, folder: Path) -> Recogniser:
        """Read what `save` wrote; an index of names stays where it is.

        Raises:
            MateriaError: the folder holds no recogniser.
        """
        try:
            known = Known.from_json(json.loads((folder / "known.json").read_text(encoding="utf-8")))
            model = (folder / "tagger.crfsuite").read_bytes()
            return cls(known, model, folder / "names" if (folder / "names").is_dir() else None)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise MateriaError(
                f"holds no recogniser that can be read ({type(error).__name__})",
                file=str(folder),
                remedy="Train it again with `materia train ner`",
            ) from error


def learn(
    documents: Sequence[tuple[str, str, list[Entity]]],
    vocabulary: Path | None = None,
    step: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Recogniser, Unlearned]:
    """Train on documents: identifier, text, entities. Nothing in it is random.

    Args:
        vocabulary: the folder of an index of names, which become features.
        step: told how many of how many steps are done.
    """
    unlearned = Unlearned()
    words = [cut(text) for _, text, _ in documents]
    tags = [encode(w, entities, unlearned) for w, (_, _, entities) in zip(words, documents, strict=True)]
    counts = Counts()
    for (doc_id, _, _), w, t in zip(documents, words, tags, strict=True):
        counts.add(doc_id, w, t)
    known = counts.known()
    names = NameIndex.open(vocabulary) if vocabulary else None
    trainer = _Trainer(step)
    for (doc_id, text, _), w, t in zip(documents, words, tags, strict=True):
        rows = features(w, counts.known_without(doc_id, known), _in_vocabulary(text, w, names))
        for first, last in w.sentences:
            trainer.append(rows[first:last], t[first:last])
    with TemporaryDirectory() as folder:
        path = Path(folder) / "tagger"
        trainer.train(str(path))
        return Recogniser(known, path.read_bytes(), vocabulary), unlearned


def _in_vocabulary(text: str, words: Words, names: NameIndex | None) -> list[str]:
    if names is None:
        return []
    return places(words, ((n.start, n.end, n.concept.category.removeprefix("biolink:")) for n in names.find(text)))


class _Trainer(pycrfsuite.Trainer):  # type: ignore[misc]
    """CRFsuite's trainer, which says how far it is."""

    def __init__(self, step: Callable[[int, int], None]) -> None:
        super().__init__(verbose=True)
        self._step = step
        self._done = 0
        self.set_params(_SETTINGS)

    def message(self, message: str) -> None:
        """CRFsuite's log, line by line."""
        if "Iteration #" in message:
            self._done += 1
            self._step(self._done, _ITERATIONS)
