"""The relation of two marked mentions of a passage, or that there is none: `[E1] aspirin [/E1] caused [E2] bleeding [/E2]`.

Files are annotated corpora (`pipeline.gold_corpus`): sentences with marked pairs, DDI, PubTator and BioC with relations. Candidates are
those of extraction (`pipeline.relations.pairs`): all pairs of the types that the relations join, of which those without a
relation are `no relation`. So is the model (`pipeline.relations.marked_pairs`), and the folder plugs into
`extraction.relations`.

The metric is micro-F1 over the relations; `no relation` counts for nothing, as in BC5CDR, BioRED and DDI. Where every row has a
relation, as in SciBERT's sentences of ChemProt, micro-F1 over all classes is the accuracy, and is what SciBERT's table has
(Beltagy et al. 2019, arXiv:1903.10676). Cost: reading 1 ms a pair.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import MateriaError, SetAside
from pipeline.gold_corpus import read_gold_corpus
from pipeline.hashing import hash_fields
from pipeline.relations.finetuned import NO_RELATION, TASK
from pipeline.relations.marking import add_markers, mark
from pipeline.relations.mix import fit_temperature
from pipeline.relations.pair_words import pair_words
from pipeline.relations.pairs import Level, Scheme, examples, gold_reading, learn_scheme
from pipeline.relations.views import Passage, views_of
from pipeline.relations.wide import log_softmax
from training.statistics.outcomes import Outcomes, count_labels
from training.tasks.base import Example, Features, Task
from training.tasks.loading import load_with_head, numbered

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerFast

    from training.tasks.config import TaskDataConfig

__all__ = ["PairExample", "RelationExtraction"]

_COLUMNS: Final = ["doc_id", "file", "member", "record", "text", "annotations", "relations"]
#: How files of marked sentences call pairs without a relation.
_NONE: Final = frozenset({"no relation", "no_relation", "none", "false", "negative"})
_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class PairExample(Example[str]):
    """A pair with its relation. `texts` holds the passage, `marks` the two mentions.

    Attributes:
        level: whether relations hold between identifiers of a document or between mentions.
        types: of the two mentions.
        turned: whether the second is the subject.
    """

    level: Level = "mention"
    types: tuple[str, str] = ("", "")
    turned: bool = False


class RelationExtraction(Task[str]):
    """A relation for each pair.

    Args:
        labels: with `no relation` where there are pairs without one.
        level, ends, reversed: what the pairs are, as `Scheme.to_dict` has them: what extraction needs to make the same.
        temperature: what scores are divided by before they become probabilities.
        threshold: of the probability that a pair is related at all, in extraction.
        calibrated_on: validation pairs that these two were fitted to; 0: not fitted.
    """

    name: ClassVar[str] = TASK
    metric: ClassVar[str] = "micro_f1"

    def __init__(
        self,
        labels: Sequence[str],
        *,
        level: Level = "mention",
        ends: Sequence[Sequence[str]] = (),
        reversed: Sequence[Sequence[str]] = (),
        temperature: float = 1.0,
        threshold: float = 0.5,
        calibrated_on: int = 0,
    ) -> None:
        super().__init__(labels)
        self._scheme = Scheme.from_dict({"level": level, "labels": labels, "ends": ends, "reversed": reversed})
        self._temperature, self._threshold, self._calibrated_on = temperature, threshold, calibrated_on

    def arguments(self) -> dict[str, Any]:
        """What the pairs are, and how scores become probabilities."""
        scheme = self._scheme.to_dict()
        return {
            **{name: scheme[name] for name in ("level", "ends", "reversed")},
            "temperature": self._temperature,
            "threshold": self._threshold,
            "calibrated_on": self._calibrated_on,
        }

    @classmethod
    def read(cls, files: Sequence[str], settings: TaskDataConfig) -> Iterator[PairExample | SetAside]:
        """The candidate pairs of annotated corpora; a relation that is between no two of them is set aside (`no-candidate`).

        Candidates are of the types that relations join in these files or in those to learn from.

        Raises:
            MateriaError: a file is missing, empty or in no known format, or there is no annotation or no relation.
        """
        if not files:
            return
        corpus = read_gold_corpus(files)
        yield from corpus.set_aside
        learned = (
            () if tuple(files) == settings.train or not settings.train else read_gold_corpus(settings.train).documents
        )
        scheme = learn_scheme([*corpus.documents, *learned])
        for batch in corpus.documents:
            for row in batch.select(_COLUMNS).to_pylist():
                yield from _pairs(row, scheme)

    @classmethod
    def learn(cls, examples: Sequence[Example[str]]) -> RelationExtraction:
        """Labels and types of the pairs.

        Raises:
            MateriaError: all pairs have the same label.
        """
        labels = sorted({example.target for example in examples})
        if len(labels) < 2:
            problem = (
                f"there is nothing to tell apart among {len(examples):,} pairs: all have the label {', '.join(labels)}"
            )
            raise MateriaError(problem, remedy="Give training files with pairs of at least two labels")
        pairs = [example for example in examples if isinstance(example, PairExample)]
        turned: Counter[tuple[str, str, str]] = Counter()
        for pair in pairs:
            if pair.target != NO_RELATION and pair.types[0] != pair.types[1]:
                turned[pair.target, *pair.types] += 1 if pair.turned else -1
        levels = Counter(pair.level for pair in pairs)
        return cls(
            labels,
            level=max(sorted(levels), key=lambda level: levels[level]),
            ends=sorted({pair.types for pair in pairs}),
            reversed=sorted(key for key, count in turned.items() if count > 0),
        )

    def check(self, examples: Sequence[Example[str]]) -> None:
        """Refuse relations that training lacks."""
        strange = [example for example in examples if example.target not in self.labels]
        if strange:
            labels = sorted({example.target for example in strange})
            named = "; ".join(example.id for example in strange[:_NAMED])
            more = f"; and {len(strange) - _NAMED:,} more" if len(strange) > _NAMED else ""
            raise MateriaError(
                f"{len(strange):,} pairs have labels that training lacks ({', '.join(labels[:_NAMED])}): {named}{more}",
                remedy="Take them out, or give training files that have these labels",
            )

    def make_model(self, encoder: Path, tokenizer: PreTrainedTokenizerFast) -> nn.Module:
        """A MarkedPairClassifier. The tokenizer learns the markers."""
        from pipeline.relations.marked_pairs import MarkedPairClassifier

        model: MarkedPairClassifier = load_with_head(MarkedPairClassifier, encoder, **numbered(self.labels))
        model.know(tokenizer)
        return model

    def features(
        self, examples: Sequence[Example[str]], tokenizer: PreTrainedTokenizerFast, max_length: int
    ) -> list[Features]:
        """A row each, with markers; what is too long is cut as `pipeline.relations.marking` says."""
        add_markers(tokenizer)
        numbers = {label: number for number, label in enumerate(self.labels)}
        made = []
        for place, example in enumerate(examples):
            tokens = mark(Passage(example.texts[0], *example.marks), tokenizer, max_length)
            inputs = {"input_ids": tokens.input_ids, "attention_mask": [1] * len(tokens.input_ids)}
            text = [0 if end else -1 for _, end in tokens.offsets]
            made.append(Features(place, inputs, numbers.get(example.target, -100), tokens.offsets, text))
        return made

    def bags(self, examples: Sequence[Example[str]]) -> list[list[str]]:
        """Words of the passage, by where they stand to the two mentions."""
        return [pair_words(Passage(example.texts[0], *example.marks)) for example in examples]

    def calibrate(
        self,
        examples: Sequence[Example[str]],
        features: Sequence[Features],
        logits: Sequence[NDArray[np.float32]],
    ) -> None:
        """Fit temperature and threshold to validation pairs; one class only tells nothing."""
        if len({example.target for example in examples}) < 2 or NO_RELATION not in self.labels:
            return
        order = sorted(self.labels, key=lambda label: (label != NO_RELATION, label))
        vote = log_softmax(np.stack(logits).astype(np.float64))[:, [self.labels.index(label) for label in order]]
        mix = fit_temperature(vote, np.array([order.index(example.target) for example in examples]))
        self._temperature, self._threshold = 1.0 / mix.weights[0], mix.threshold
        self._calibrated_on = len(examples)

    def predict(
        self,
        examples: Sequence[Example[str]],
        features: Sequence[Features],
        logits: Sequence[NDArray[np.float32]],
    ) -> list[str]:
        """The likeliest label of each pair."""
        return [self.labels[int(scores.argmax())] for scores in logits]

    def outcomes(self, examples: Sequence[Example[str]], predicted: Sequence[str]) -> Outcomes:
        """Relations, by document and label; micro-F1 over them."""
        gold = [_counted(example.target) for example in examples]
        return count_labels(
            "micro_f1", [example.document for example in examples], gold, [_counted(label) for label in predicted]
        )

    def figures(self, examples: Sequence[Example[str]], predicted: Sequence[str]) -> dict[str, float]:
        """Micro-F1, macro-F1, accuracy, and the F1 of each relation."""
        outcomes = self.outcomes(examples, predicted)
        right, wrong, missed = outcomes.counts.sum(axis=0).T
        f1 = 2 * right / (2 * right + wrong + missed)
        same = [example.target == label for example, label in zip(examples, predicted, strict=True)]
        return {
            "micro_f1": outcomes.value(),
            "macro_f1": float(f1.mean()) if len(f1) else 0.0,
            "accuracy": float(np.mean(same)) if same else 0.0,
            **{f"f1 {label}": float(value) for label, value in zip(outcomes.classes, f1, strict=True)},
        }


def _counted(label: str) -> frozenset[str]:
    return frozenset() if label == NO_RELATION else frozenset({label})


def _pairs(row: dict[str, Any], scheme: Scheme) -> Iterator[PairExample | SetAside]:
    reading = gold_reading(row, scheme.level)
    found = examples(row, reading, scheme)
    keys = [entity.key for entity in reading.entities]
    subjects = {
        (relation["type"], relation["arguments"][0]["reference"], relation["arguments"][1]["reference"])
        for relation in row["relations"]
    }
    where = row["file"] + (f"/{row['member']}" if row["member"] else "")
    document = row["doc_id"]
    if document.startswith("materia:"):  # named by its content, of which the marks are no part
        document = f"materia:{hash_fields(row['text'])[:16]}"
    for example, view in zip(found, views_of(reading, [(e.a, e.b) for e in found]), strict=True):
        a, b = reading.entities[example.a], reading.entities[example.b]
        yield PairExample(
            id=f"{where}, record {row['record'] + 1}, {_words(view.passage)} ({a.key} - {b.key})",
            document=document,
            texts=(view.passage.text,),
            target=NO_RELATION if example.label.casefold() in _NONE or not example.label else example.label,
            marks=(view.passage.a, view.passage.b),
            level=scheme.level,
            types=(a.type, b.type),
            turned=(example.label, b.key, a.key) in subjects,
        )
    related = {frozenset((keys[example.a], keys[example.b])) for example in found}
    for kind, *ends in sorted(subjects):
        if frozenset(ends) not in related:
            detail = (
                f"The relation {kind} is between no two annotations of a {_SPAN[scheme.level]}: {' and '.join(ends)}"
            )
            yield SetAside(where, row["doc_id"], "no-candidate", detail)


def _words(passage: Passage) -> str:
    return " - ".join(passage.text[start:end] for start, end in (passage.a, passage.b))


_SPAN: Final[dict[Level, str]] = {"document": "document", "mention": "sentence"}
