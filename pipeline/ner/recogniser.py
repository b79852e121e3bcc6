"""A linear-chain conditional random field over the words of a document (Lafferty et al. 2001), trained by CRFsuite.

Cost, on one core: BC5CDR's 480 documents take half a minute to learn and an abstract 4 ms to read.
This module imports pycrfsuite, so import it where it is used.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pycrfsuite

from pipeline.ner.features import features
from pipeline.ner.known import Counts, Known
from pipeline.ner.labels import Entity, Unlearned, decode, encode
from pipeline.ner.words import cut

__all__ = ["Recogniser", "learn"]

_ITERATIONS = 80
_SETTINGS = {"c1": 0.05, "c2": 0.05, "max_iterations": _ITERATIONS, "feature.minfreq": 1}
#: A feature that only one document has cannot be told from that document's own ways.
_LEAST_DOCUMENTS = 2


class Recogniser:
    """Finds the entities of texts. Its state is JSON and CRFsuite's own format."""

    def __init__(self, known: Known, model: bytes) -> None:
        self.known = known
        self.model = model
        self._tagger = pycrfsuite.Tagger()
        self._tagger.open_inmemory(model)

    @property
    def labels(self) -> list[str]:
        """The types it can give, sorted."""
        return sorted({tag[2:] for tag in self._tagger.labels() if tag != "O"})

    def find(self, text: str) -> list[Entity]:
        """The entities of a text, in order, none of them overlapping: [start, end) in code points, and the type."""
        words = cut(text)
        rows = features(words, self.known)
        tags: list[str] = []
        for first, last in words.sentences:
            tags += self._tagger.tag(rows[first:last])
        return decode(words, tags)

    def to_files(self) -> dict[str, bytes]:
        """Its state, by file name."""
        known = json.dumps(self.known.to_json(), ensure_ascii=False, separators=(",", ":"))
        return {"known.json": known.encode(), "tagger.crfsuite": self.model}

    @classmethod
    def from_files(cls, files: dict[str, bytes]) -> Recogniser:
        """What `to_files` gave."""
        return cls(Known.from_json(json.loads(files["known.json"])), files["tagger.crfsuite"])


def learn(
    documents: Sequence[tuple[str, str, list[Entity]]], step: Callable[[int, int], None] = lambda done, total: None
) -> tuple[Recogniser, Unlearned]:
    """Train on documents: identifier, text, entities.

    Args:
        step: told how many of how many steps are done.
    """
    unlearned = Unlearned()
    words = [cut(text) for _, text, _ in documents]
    tags = [encode(w, entities, unlearned) for w, (_, _, entities) in zip(words, documents, strict=True)]
    counts = Counts()
    for (doc_id, _, _), w, t in zip(documents, words, tags, strict=True):
        counts.add(doc_id, w, t)
    known = counts.known()
    rows = [
        features(w, counts.known_without(doc_id, known)) for (doc_id, _, _), w in zip(documents, words, strict=True)
    ]
    seen = Counter(feature for document in rows for feature in {f for row in document for f in row})
    kept = {feature for feature, count in seen.items() if count >= _LEAST_DOCUMENTS}
    trainer = _Trainer(step)
    for w, document, t in zip(words, rows, tags, strict=True):
        for first, last in w.sentences:
            trainer.append([[f for f in row if f in kept] for row in document[first:last]], t[first:last])
    with TemporaryDirectory() as folder:
        path = Path(folder) / "tagger"
        trainer.train(str(path))
        return Recogniser(known, path.read_bytes()), unlearned


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
