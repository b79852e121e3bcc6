"""A tokenizer trained on a corpus and the names of its graph, in a folder that is written whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from training.data.shards import read_texts
from training.data.tokenizers import train_tokenizer

if TYPE_CHECKING:
    from training.config import PretrainingConfig
    from training.sources import Sources

__all__ = ["train_corpus_tokenizer"]


def train_corpus_tokenizer(
    sources: Sources, entities: Iterable[str], config: PretrainingConfig, *, folder: Path
) -> None:
    """Train a tokenizer on the training shards and the names of entities, and write it.

    Args:
        entities: CURIEs; one without a name is read as it is.
        config: family of the backbone, sizes of the tokenizer.
        folder: where it goes, and where nothing is yet; written beside it first.
    """

    def texts() -> Iterator[str]:
        yield from read_texts(sources.train)
        yield from (sources.names.get(curie) or curie for curie in entities)

    made = train_tokenizer(config.backbone.family, texts, config.tokenizer, max_length=config.data.max_length)
    staged = folder.with_name(f".staged-{folder.name}")
    made.save_pretrained(staged)
    staged.rename(folder)
