"""An encoder that knows nothing: what pretraining adds is measured against it."""

from __future__ import annotations

from pathlib import Path


def encoder_like(model: Path, folder: Path, seed: int) -> Path:
    """An encoder of the sizes and the tokenizer of another one, with random weights."""
    import torch
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    torch.manual_seed(seed)
    AutoModel.from_config(AutoConfig.from_pretrained(model)).save_pretrained(folder)
    AutoTokenizer.from_pretrained(model).save_pretrained(folder)
    return folder
