"""How well a model tells the words of held-out literature: per word, perplexity of a causal model, pseudo-perplexity of a masked one.

Words are runs of letters and digits, single ideographs, and marks. A loss is a word's, the sum over its pieces: a tokenizer
of more and shorter pieces gains nothing (per token it would). Every model of a kind is asked the same words, whatever its tokenizer.

A causal model is asked each word after those before it in the row. Of a masked one, which words are taken out follows from the hash
of the passage and the word's place, and a word is masked whole. A share of the words is masked at once, as in pretraining, so
this is not the pseudo-log-likelihood of Salazar et al. (ACL 2020), which masks one token at a time and costs as many passes as
there are tokens. A masked model knows both sides of a word, so the two kinds do not compare.

Passages of one paper stand together: its document is the unit. Verbalized passages are left out: arms of an ablation differ in
whether they ever saw such sentences. Cost: 5 s of processor time for 512 passages (two layers of 128).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from heapq import nsmallest
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from kg.embeddings.determinism import deterministic
from pipeline.errors import MateriaError
from pipeline.hashing import fraction_of
from training.data.shards import Shard, open_shard
from training.evaluation.causal import CausalLanguageModel, is_causal
from training.evaluation.config import PerplexityConfig
from training.evaluation.masked import MaskedLanguageModel
from training.statistics.outcomes import Outcomes, count_means

__all__ = ["Row", "perplexity", "rows_of"]

_WORD = re.compile(r"[\u3400-\u9fff]|[^\W_]+|[^\w\s]|_")
_AT_ONCE = 32


class Row(NamedTuple):
    """Words of a passage that are read together.

    Attributes:
        document: what it is from.
        words: with the space before them, where there is one.
        asked: places of the words that are asked.
    """

    document: str
    words: list[str]
    asked: list[int]


def perplexity(folder: Path, shards: Sequence[Shard], config: PerplexityConfig) -> dict[str, Outcomes]:
    """Perplexity per word on the literature in held-out shards; pseudo-perplexity of a masked model.

    Args:
        folder: any Hugging Face masked or causal language model.
        shards: passages of the test split (kg.tables.PASSAGES).

    Returns:
        per_word, over documents. Words that a model has no room for are not counted.

    Raises:
        MateriaError: the folder holds no such model, or the shards no literature.
    """
    causal = is_causal(folder)
    rows = rows_of(shards, config.model_copy(update={"masked": 1.0}) if causal else config)
    losses_of = (
        partial(_next_losses, CausalLanguageModel(folder))
        if causal
        else partial(_masked_losses, MaskedLanguageModel(folder))
    )
    units, losses = [], []
    with deterministic(0, 1):
        for start in range(0, len(rows), _AT_ONCE):
            part = rows[start : start + _AT_ONCE]
            for row, found in zip(part, losses_of(part), strict=True):
                units += [row.document] * len(found)
                losses += found
    return {"per_word": count_means("perplexity", units, losses, [1.0] * len(losses))}


def rows_of(shards: Sequence[Shard], config: PerplexityConfig) -> list[Row]:
    """What is read of held-out shards, in which words are asked.

    Raises:
        MateriaError: the shards hold no literature.
    """
    rows = [row for passage in _passages(shards, config) for row in _rows(*passage, config)]
    if not rows:
        raise MateriaError(
            "there is no literature in the test split",
            remedy="Build the corpus with a test split and literature, or set perplexity: null in the suite",
        )
    return rows


def _passages(shards: Sequence[Shard], config: PerplexityConfig) -> list[tuple[str, str, str]]:
    """Id, document and text of the passages of literature that are first by the hash in their ids."""

    def literature() -> Iterator[tuple[str, str, str]]:
        columns = ("passage_id", "kind", "doc_ids", "text")
        for shard in shards:
            with open_shard(shard, columns) as file:
                for batch in file.iter_batches(batch_size=1024, columns=list(columns), use_threads=False):
                    for name, kind, documents, text in zip(*(c.to_pylist() for c in batch.columns), strict=True):
                        if kind == "literature":
                            yield name, documents[0] if documents else name, text

    return nsmallest(config.passages, set(literature()))


def _rows(passage: str, document: str, text: str, config: PerplexityConfig) -> Iterator[Row]:
    """A passage in rows of so many words, without those in which nothing is asked."""
    found = list(_WORD.finditer(text))
    words = [f"{' ' if text[m.start() - 1 : m.start()].isspace() else ''}{m.group()}" for m in found]
    for start in range(0, len(words), config.words):
        part = words[start : start + config.words]
        asked = [place for place in range(len(part)) if fraction_of(passage, start + place) < config.masked]
        if asked:
            yield Row(document, part, asked)


def _masked_losses(model: MaskedLanguageModel, rows: Sequence[Row]) -> list[list[float]]:
    """Negative log-probability of each asked word that there is room for, in the order of rows and words."""
    pieces = iter(model.pieces([word for row in rows for word in row.words]))
    filled, places, wanted, sizes = [], [], [], []
    for row in rows:
        tokens: list[int] = []
        own: list[int] = []
        true: list[int] = []
        lengths = []
        for number, _ in enumerate(row.words):
            word = next(pieces)
            if len(tokens) + len(word) > model.room - 2:
                continue
            if number in row.asked and word:
                own += range(len(tokens), len(tokens) + len(word))
                true += word
                lengths.append(len(word))
                word = [model.mask] * len(word)
            tokens += word
        filled.append(tokens)
        places.append(own)
        wanted += true
        sizes.append(lengths)
    likely = model.log_probabilities(filled, places)
    each = iter((-likely[range(len(wanted)), wanted]).tolist())
    return [[sum(next(each) for _ in range(size)) for size in lengths] for lengths in sizes]


def _next_losses(model: CausalLanguageModel, rows: Sequence[Row]) -> list[list[float]]:
    """Negative log-probability of each word that there is room for, after those before it."""
    pieces = iter(model.pieces([word for row in rows for word in row.words]))
    read, sizes = [], []
    for row in rows:
        tokens: list[int] = []
        lengths = []
        for _ in row.words:
            word = next(pieces)
            if word and len(tokens) + len(word) <= model.room:
                tokens += word
                lengths.append(len(word))
        read.append(tokens)
        sizes.append(lengths)
    found = (iter((-likely).tolist()) for likely in model.log_probabilities(read))
    return [[sum(islice(each, size)) for size in lengths] for each, lengths in zip(found, sizes, strict=True)]
