"""The table of backbones, by the name a configuration uses. To add one: one file, one line here and one in `config`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from pipeline.content import model_folder
from training.backbones.base import Backbone, Encoded
from training.backbones.bert import Bert
from training.backbones.config import BackboneConfig
from training.backbones.gpt2 import GPT2
from training.backbones.llama import Llama
from training.backbones.xlnet import XLNet

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["BACKBONES", "Backbone", "Encoded", "load_backbone", "make_backbone"]

BACKBONES: Final[dict[str, type[Backbone]]] = {member.family: member for member in (Bert, GPT2, Llama, XLNet)}


def make_backbone(config: BackboneConfig, tokenizer: PreTrainedTokenizerFast, max_length: int) -> Backbone:
    """The backbone that a configuration asks for: the pretrained one, or a new one for a tokenizer.

    Args:
        config: see `BackboneConfig`.
        tokenizer: what turns the texts into numbers.
        max_length: tokens of the longest sequence; a new model gets so many positions.

    Raises:
        MateriaError: there is no such model, the tokenizer or the length does not fit it, or gradient checkpointing is
            asked for and there is none.
    """
    config = config.resolved()
    family = BACKBONES[config.family]
    if config.pretrained is None:
        backbone = family.from_config(config, tokenizer, max_length)
    else:
        backbone = family.from_pretrained(model_folder(config.pretrained), config.pretrained)
    backbone.check_tokenizer(tokenizer, max_length, config.pretrained or f"new {config.family}")
    if config.gradient_checkpointing:
        backbone.enable_gradient_checkpointing()
    return backbone


def load_backbone(folder: Path) -> Backbone:
    """The backbone in a folder that `Backbone.save` wrote.

    Raises:
        MateriaError: there is none.
    """
    config = BackboneConfig(pretrained=str(folder)).resolved()
    return BACKBONES[config.family].from_pretrained(folder, folder.name)
