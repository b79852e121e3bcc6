"""Pretrain a language model on text and graph together: one encoder, one loss, one step for all objectives.

Here the parts are put together: tokenizer, backbone, objectives, stream and triples; the loop is in `training.trainer`.

    RUN/tokenizer/, RUN/step-.../   what a stopped run goes on from; gone when the model is written
    RUN/trace.csv                   losses, step by step
    RUN/tensorboard/                event files
    OUT/                            the model

Rejected: the transformers Trainer, which takes one loss from one model output and one data set, and would be bent twice to
take four losses from two streams, and whose resume begins an epoch again and skips.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from kg.embeddings.determinism import deterministic
from kg.embeddings.encode import EncodedTriples, encode_triples
from pipeline.errors import MateriaError
from training.data.graph import GraphIndex
from training.data.links import LinkSampler
from training.data.loader import TextLoader
from training.data.names import EncodedNames
from training.data.shards import predicates_of, read_texts
from training.data.tokenizers import make_tokenizer
from training.evaluate import evaluate_links, evaluate_text
from training.manifest import CODE_VERSION, make_manifest, write_record
from training.model import make_model, save_model
from training.model_card import model_card
from training.sources import Sources
from training.trainer.checkpoint import last_checkpoint
from training.trainer.loop import Fitted, StepReport, Trainer
from training.trainer.machine import make_accelerator
from training.trainer.trace import ends, write_plot, write_windows

if TYPE_CHECKING:
    from training.config import PretrainingConfig

__all__ = ["pretrain"]
