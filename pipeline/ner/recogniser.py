"""A linear-chain conditional random field over the words of a document (Lafferty et al. 2001), trained by CRFsuite.

Cost, on one core: BC5CDR's 480 documents are learned and its 483 others read in 37 s; 134 abstracts a second are read.
Exact spans and types on BC5CDR, train to dev: F1 .862, and .884 with the names of MEDIC and MeSH as features.
Rejected, by four-fold cross-validation on train: a second pass that sees what a first says of a word elsewhere in the document
(0.3 points for 3.5 times the training and 5 times the reading), longer windows, n-grams of words, features of the whole
string between spaces, letter 3- and 5-grams (nothing, or worse), and features of one document alone left out (worse by 0.2).

Where entities nest, as in CMeEE, each of the layers (see `layers`) has a field of its own, and a span is found where its words have its
tags with a probability of `_LEAST` at least: the best sequence misses too many (F1 .50 for .52, on sentences 501 to 1375).
Cost on CMeEE: 3,500 sentences are learned with 61,000 names in 90 s.
This module imports pycrfsuite, so import it where it is used.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pycrfsuite

from pipeline.errors import MateriaError
from pipeline.han import has_han
from pipeline.names import NameIndex
from pipeline.ner.chinese_features import chinese_features
from pipeline.ner.features import features, places
from pipeline.ner.known import Counts, Known
from pipeline.ner.labels import Entity, Unlearned, decode, encode
from pipeline.ner.layers import layers_of
from pipeline.ner.words import Words, cut

__all__ = ["Recogniser", "learn"]

_ITERATIONS = 80
_SETTINGS = {"c1": 0.05, "c2": 0.05, "max_iterations": _ITERATIONS, "feature.minfreq": 1}
# Where entities nest: chosen by cross-validation on CMeEE's sentences 501 to 4000.
_LAYERED_SETTINGS = _SETTINGS | {"c2": 0.5}
_LEAST = 0.25
_LONGEST = 40


class Recogniser:
    """Finds the entities of texts. Its state is a folder: JSON, CRFsuite's own format, and an index of names where it has one."""

    def __init__(self, known: Known, models: Sequence[bytes], vocabulary: Path | None = None) -> None:
        self._known = known
        self._models = [*models]
        self._vocabulary = vocabulary
        self._names = NameIndex.open(vocabulary) if vocabulary else None
        self._taggers = [pycrfsuite.Tagger() for _ in models]
        for tagger, model in zip(self._taggers, self._models, strict=True):
            tagger.open_inmemory(model)

    @property
    def labels(self) -> list[str]:
        """The types it can give, sorted."""
        return sorted({tag[2:] for tagger in self._taggers for tag in tagger.labels() if tag != "O"})

    def find(self, text: str) -> list[Entity]:
        """The entities of a text, in order: [start, end) in code points, and the type. Those of one layer do not overlap."""
        words = cut(text)
        rows = _rows(text, words, self._known, self._names)
        if len(self._taggers) > 1:
            return sorted({(start, end, kind) for start, end, kind, _ in self._likely(words, rows)})
        tags: list[str] = []
        for first, last in words.sentences:
            tags += self._taggers[0].tag(rows[first:last])
        return decode(words, tags)

    def _likely(self, words: Words, rows: list[list[str]]) -> Iterator[tuple[int, int, str, float]]:
        """What each layer gives with some probability, the likeliest first where two overlap."""
        for tagger in self._taggers:
            kinds = sorted({tag[2:] for tag in tagger.labels() if tag != "O"})
            known = frozenset(tagger.labels())
            for first, last in words.sentences:
                tagger.set(rows[first:last])
                found = sorted(_spans(tagger, kinds, known, last - first), key=lambda s: (-s[3], s))
                taken: list[tuple[int, int]] = []
                for start, after, kind, probability in found:
                    if all(after <= a or start >= b for a, b in taken):
                        taken.append((start, after))
                        yield words.spans[first + start][0], words.spans[first + after - 1][1], kind, probability

    def save(self, folder: Path) -> None:
        """Write its state into a folder, which is made where it is missing."""
        folder.mkdir(parents=True, exist_ok=True)
        known = json.dumps(self._known.to_json(), ensure_ascii=False, separators=(",", ":"))
        (folder / "known.json").write_text(known, encoding="utf-8")
        for number, model in enumerate(self._models):
            (folder / _tagger_file(number)).write_bytes(model)
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
            models = [(folder / _tagger_file(0)).read_bytes()]
            while (path := folder / _tagger_file(len(models))).is_file():
                models.append(path.read_bytes())
            return cls(known, models, folder / "names" if (folder / "names").is_dir() else None)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise MateriaError(
                f"holds no recogniser that can be read ({type(error).__name__})",
                file=str(folder),
                remedy="Train it again with `materia train ner`",
            ) from error


def _tagger_file(number: int) -> str:
    return f"tagger-{number + 1}.crfsuite" if number else "tagger.crfsuite"


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
    layers = layers_of(entities for _, _, entities in documents)
    words = [cut(text) for _, text, _ in documents]
    tags = [
        [encode(w, [e for e in entities if e[2] in layer], unlearned) for layer in layers]
        for w, (_, _, entities) in zip(words, documents, strict=True)
    ]
    counts = Counts()
    for (doc_id, _, _), w, t in zip(documents, words, tags, strict=True):
        counts.add(doc_id, w, t)
    known = counts.known()
    names = NameIndex.open(vocabulary) if vocabulary else None
    trainers = [_Trainer(step, number, len(layers)) for number in range(len(layers))]
    for (doc_id, text, _), w, t in zip(documents, words, tags, strict=True):
        rows = _rows(text, w, counts.known_without(doc_id, known), names)
        for first, last in w.sentences:
            items = pycrfsuite.ItemSequence(rows[first:last])
            for trainer, layer in zip(trainers, t, strict=True):
                trainer.append(items, layer[first:last])
    with TemporaryDirectory() as folder:
        models: list[bytes] = []
        while trainers:
            path = Path(folder) / f"tagger{len(models)}"
            trainers.pop(0).train(str(path))
            models.append(path.read_bytes())
        return Recogniser(known, models, vocabulary), unlearned


def _rows(text: str, words: Words, known: Known, names: NameIndex | None) -> list[list[str]]:
    """The features of the words of a text, by its script."""
    if has_han(text):
        return chinese_features(words, known, _all_names(text, words, names))
    return features(words, known, _in_vocabulary(text, words, names))


def _in_vocabulary(text: str, words: Words, names: NameIndex | None) -> list[str]:
    if names is None:
        return []
    return places(words, ((n.start, n.end, n.concept.category.removeprefix("biolink:")) for n in names.find(text)))


def _all_names(text: str, words: Words, names: NameIndex | None) -> Iterator[tuple[int, int, str]]:
    firsts = {start: number for number, (start, _) in enumerate(words.spans)}
    lasts = {end: number for number, (_, end) in enumerate(words.spans)}
    for name in names.find_all(text) if names else ():
        if name.start in firsts and name.end in lasts:
            yield firsts[name.start], lasts[name.end] + 1, name.concept.category.removeprefix("biolink:")


def _spans(
    tagger: pycrfsuite.Tagger, kinds: Sequence[str], known: frozenset[str], count: int
) -> Iterator[tuple[int, int, str, float]]:
    """Every [first, after) of the words set in a tagger whose tags all have a probability of `_LEAST` or more, with the least of them."""

    def probability(place: str, kind: str, number: int) -> float:
        tag = f"{place}-{kind}"
        return float(tagger.marginal(tag, number)) if tag in known else 0.0

    for kind in kinds:
        for first in range(count):
            if (single := probability("U", kind, first)) >= _LEAST:
                yield first, first + 1, kind, single
            least = probability("B", kind, first)
            for number in range(first + 1, min(first + _LONGEST, count)):
                if least < _LEAST:
                    break
                if (last := min(least, probability("L", kind, number))) >= _LEAST:
                    yield first, number + 1, kind, last
                least = min(least, probability("I", kind, number))


class _Trainer(pycrfsuite.Trainer):  # type: ignore[misc]
    """CRFsuite's trainer of one of several layers, which says how far all are."""

    def __init__(self, step: Callable[[int, int], None], layer: int, layers: int) -> None:
        super().__init__(verbose=True)
        self._step = step
        self._done, self._total = layer * _ITERATIONS, layers * _ITERATIONS
        self.set_params(_LAYERED_SETTINGS if layers > 1 else _SETTINGS)

    def message(self, message: str) -> None:
        """CRFsuite's log, line by line."""
        if "Iteration #" in message:
            self._done += 1
            self._step(self._done, self._total)
