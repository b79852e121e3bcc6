"""Entities of texts: spans with types, learned as one IOB2 tag for each word piece, and read from the first piece of each word.

Long documents are read in windows with overlap, and decoded as `pipeline.ner.token_classifier` decodes them in extraction: the folder
that comes of this is a recogniser that `extraction.ner` names. Gold is what files of annotations mark, whole: of overlapping mentions the
longest is learned, and those that it hides count as missed; so does one that ends inside a piece, and was learned wider.
Scores are exact span and type, micro F1 over documents; where tokens are words they are seqeval's in strict IOB2 (a test compares).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import MateriaError, SetAside
from pipeline.gold_corpus import read_gold_corpus
from pipeline.ner.labels import Entity, gold_entities
from pipeline.ner.tag_sequences import TagSequences
from pipeline.ner.token_classifier import PIECE_TAGS, decode_spans
from pipeline.ner.windows import Window, cut_windows, most_central, words_of
from pipeline.ner.word_tags import tags_of_types, word_tags
from training.statistics.outcomes import Outcomes, count_labels
from training.tasks.base import Example, Features, Task
from training.tasks.loading import load_with_head, numbered

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerFast

    from training.tasks.config import TaskDataConfig

__all__ = ["Entities", "EntityRecognition"]

#: The entities of a text, in order.
Entities = tuple[Entity, ...]

_IGNORED = -100  # torch's cross entropy passes over it


class EntityRecognition(Task[Entities]):
    """Finds entities; its labels are their types."""

    name: ClassVar[str] = "entity_recognition.v1"
    metric: ClassVar[str] = "micro_f1"

    @classmethod
    def read(cls, files: Sequence[str], settings: TaskDataConfig) -> Iterator[Example[Entities] | SetAside]:
        """Annotated documents: PubTator, BioC, IOB (CoNLL) and what else keeps annotations; one that comes twice counts once."""
        if not files:
            return
        corpus = read_gold_corpus(files)
        yield from corpus.set_aside
        columns = (batch.select(["file", "doc_id", "text", "annotations"]).to_pylist() for batch in corpus.documents)
        for row in chain.from_iterable(columns):
            entities = tuple(gold_entities(row["annotations"]))
            yield Example(f"{row['file']} {row['doc_id']}", row["doc_id"], (row["text"],), entities)

    @classmethod
    def learn(cls, examples: Sequence[Example[Entities]]) -> Self:
        """The types of the training examples."""
        types = sorted({kind for example in examples for _, _, kind in example.target})
        if not types:
            raise MateriaError(
                f"No entity is left to learn from in {len(examples)} documents",
                remedy="Give training files with annotations",
            )
        return cls(types)

    def check(self, examples: Sequence[Example[Entities]]) -> None:
        """Refuse types that the training examples lack."""
        unknown = {e.id: {kind for _, _, kind in e.target} - {*self.labels} for e in examples}
        rows = [f"{name} ({', '.join(sorted(kinds))})" for name, kinds in unknown.items() if kinds]
        if rows:
            raise MateriaError(
                f"{len(rows)} documents have types that the training files lack: {', '.join(rows[:5])}"
                + (", ..." if len(rows) > 5 else ""),
                remedy=f"Train on files that have them, or judge on the types that were learned: {', '.join(self.labels)}",
            )

    def make_model(self, encoder: Path, tokenizer: PreTrainedTokenizerFast) -> nn.Module:
        """A token classifier of transformers, whose configuration says what its tags mean."""
        from transformers import AutoModelForTokenClassification

        tags = tags_of_types(self.labels)
        model = load_with_head(AutoModelForTokenClassification, encoder, **numbered(tags))
        setattr(model.config, PIECE_TAGS, "IOB2")
        made: nn.Module = model
        return made

    def features(
        self, examples: Sequence[Example[Entities]], tokenizer: PreTrainedTokenizerFast, max_length: int
    ) -> list[Features]:
        """The windows of each text, with the tag of each piece."""
        numbers = {tag: number for number, tag in enumerate(tags_of_types(self.labels))}
        made: list[Features] = []
        for place, (windows, tags) in enumerate(self._tagged(examples, tokenizer, max_length, Counter())):
            for window in windows:
                labels = [
                    _IGNORED if word is None else numbers[_tag(*tags[word], start)]
                    for (start, _), word in zip(window.offsets, window.words, strict=True)
                ]
                text = [-1 if word is None else 0 for word in window.words]
                made.append(Features(place, {**window.inputs}, labels, [*window.offsets], text))
        return made

    def unlearned(self, examples: Sequence[Example[Entities]], tokenizer: PreTrainedTokenizerFast) -> dict[str, int]:
        """Numbers of mentions that are not learned as they stand, by reason (see `word_tags`)."""
        counts: Counter[str] = Counter()
        for _ in self._tagged(examples, tokenizer, 512, counts):
            pass
        return {reason: number for reason, number in sorted(counts.items()) if number}

    def _tagged(
        self,
        examples: Sequence[Example[Entities]],
        tokenizer: PreTrainedTokenizerFast,
        length: int,
        counts: Counter[str],
    ) -> Iterator[tuple[list[Window], dict[int, tuple[str, int]]]]:
        """The windows of each text, and by the number of a word its tag and where it starts."""
        cut = cut_windows([example.texts[0] for example in examples], tokenizer, length)
        for example, windows in zip(examples, cut, strict=True):
            words = most_central([window.offsets for window in windows], [window.words for window in windows])
            entities = [entity for entity in example.target if entity[2] in self.labels]
            tags = word_tags(example.texts[0], [(word.start, word.end) for word in words], entities, counts)
            yield windows, {word.word: (tag, word.start) for word, tag in zip(words, tags, strict=True)}

    def predict(
        self, examples: Sequence[Example[Entities]], features: Sequence[Features], logits: Sequence[NDArray[np.float32]]
    ) -> list[Entities]:
        """The entities of each text, by the likeliest valid tags of its windows together."""
        tags = TagSequences(tags_of_types(self.labels), strict=True)
        predicted: list[Entities] = [()] * len(examples)
        for place, group in groupby(range(len(features)), lambda number: features[number].example):
            windows = [*group]
            offsets = [features[number].offsets for number in windows]
            text = examples[place].texts[0]
            words = [words_of(text, features[n].offsets, [part < 0 for part in features[n].text]) for n in windows]
            found = decode_spans(text, offsets, words, [logits[number] for number in windows], tags)
            predicted[place] = tuple((span.start, span.end, span.label) for span in found)
        return predicted

    def outcomes(self, examples: Sequence[Example[Entities]], predicted: Sequence[Entities]) -> Outcomes:
        """Exact spans with exact types, by document and type."""
        documents: list[str] = []
        gold: list[frozenset[str]] = []
        said: list[frozenset[str]] = []
        for example, entities in zip(examples, predicted, strict=True):
            right, found = _types_at(example.target), _types_at(entities)
            # A place is a thing with types; (0, 0) has none, so that a document without entities counts as one.
            for place in sorted({(0, 0), *right, *found}):
                documents.append(example.document)
                gold.append(right.get(place, frozenset()))
                said.append(found.get(place, frozenset()))
        return count_labels("micro_f1", documents, gold, said)

    def figures(self, examples: Sequence[Example[Entities]], predicted: Sequence[Entities]) -> dict[str, float]:
        """What seqeval reports: precision, recall, F1 and support, over all, as means over the types, and by type."""
        outcomes = self.outcomes(examples, predicted)
        counts = outcomes.counts.sum(axis=0)
        by_type = np.array([_scores(row) for row in counts]).reshape(-1, 4)
        precision, recall, f1, support = _scores(counts.sum(axis=0))
        macro = by_type[:, 2].mean() if len(by_type) else 0.0
        weighted = by_type[:, 2] @ by_type[:, 3] / support if support else 0.0
        figures = {"micro_f1": f1, "precision": precision, "recall": recall, "support": support}
        figures |= {"macro_f1": float(macro), "weighted_f1": float(weighted)}
        for kind, row in zip(outcomes.classes, by_type.tolist(), strict=True):
            figures |= {f"{kind}.{name}": value for name, value in zip(_REPORTED, row, strict=True)}
        return figures


def _types_at(entities: Entities) -> dict[tuple[int, int], frozenset[str]]:
    types: defaultdict[tuple[int, int], set[str]] = defaultdict(set)
    for start, end, kind in entities:
        types[start, end].add(kind)
    return {place: frozenset(some) for place, some in types.items()}


def _tag(tag: str, start: int, place: int) -> str:
    """The tag of a token at a place, of a word with a tag that starts somewhere: what follows the word's first token goes on."""
    return tag if place == start or tag == "O" else f"I-{tag[2:]}"


_REPORTED = ("precision", "recall", "f1", "support")


def _scores(counts: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """Precision, recall, F1 and support from true positives, false positives and false negatives; 0 where nothing is."""
    right, wrong, missed = counts.tolist()
    said, gold = right + wrong, right + missed
    return (
        right / said if said else 0.0,
        right / gold if gold else 0.0,
        2 * right / (said + gold) if said + gold else 0.0,
        gold,
    )
