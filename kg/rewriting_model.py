"""A Hugging Face model that rewords: any seq2seq or causal model, from a folder or from the local cache, greedy.

Decoding is a function of the text alone, so that a passage is reworded alike whichever others are reworded with it: batches
always have the same number of rows (the last one is filled up), lengths are rounded up to multiples of 32, and only texts of
one such length share a batch. Kernels are chosen by shape, and a row's result does not depend on the rows beside it; with
batches of changing size it does, in the last bit, and now and then in a word. Rejected: sampling and beams (the first needs
a random state a passage, the second costs several times as much for wordings that the check refuses more often).

What transformers decodes a second depends on the model alone; this module adds nothing that counts. Heavy imports are inside.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from kg.config import RewritingConfig
from pipeline.errors import MateriaError
from pipeline.quiet_loading import quiet

__all__ = ["RewritingModel"]

_STEP = 32
# Templates of chat models may write today's date; rewriting must not depend on it.
_DATE = datetime(2025, 1, 1)


class RewritingModel:
    """The model of a configuration; loaded when the first text is reworded."""

    def __init__(self, config: RewritingConfig) -> None:
        self.config = config

    def rewrite(
        self, texts: Sequence[str], language: str, progress: Callable[[int], object] = lambda _: None
    ) -> list[str | None]:
        """What the model makes of each text, on one line; None where a text is longer than the model reads.

        Args:
            texts: passages in one language, in any order.
            language: ISO 639-1 code; chooses the prompt.
            progress: told how many more texts are done.

        Raises:
            MateriaError: there is no such model.
        """
        import torch

        found: list[str | None] = [None] * len(texts)
        prompts = [self._tokens(text, language) for text in texts]
        for places in self._batches(prompts):
            rows = [prompts[place] for place in places]
            rows += [rows[-1]] * (self.config.batch_size - len(rows))
            with torch.inference_mode():
                written = self._decode(rows)
            for place, text in zip(places, written, strict=False):
                found[place] = " ".join(text.split())
            progress(len(places))
        return found

    def _batches(self, prompts: list[list[int]]) -> Iterator[list[int]]:
        """Places of prompts of one rounded length, as many as a batch has at most; those the model cannot read are left out."""
        by_length: defaultdict[int, list[int]] = defaultdict(list)
        for place, prompt in enumerate(prompts):
            if 2 * _rounded(prompt) + _STEP <= self._longest:
                by_length[_rounded(prompt)].append(place)
        for _, places in sorted(by_length.items()):
            for start in range(0, len(places), self.config.batch_size):
                yield places[start : start + self.config.batch_size]

    def _decode(self, prompts: list[list[int]]) -> list[str]:
        tokenizer, model = self._loaded
        import torch

        length = _rounded(prompts[0])
        pad = model.generation_config.pad_token_id
        ids = torch.full((len(prompts), length), pad, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            # A causal model goes on at the right end, so what fills its rows up stands on the left.
            start = 0 if model.config.is_encoder_decoder else length - len(prompt)
            ids[row, start : start + len(prompt)] = torch.tensor(prompt)
            mask[row, start : start + len(prompt)] = 1
        settings = copy.deepcopy(model.generation_config)
        settings.max_new_tokens = length + _STEP
        device = model.device
        made = model.generate(input_ids=ids.to(device), attention_mask=mask.to(device), generation_config=settings)
        if not model.config.is_encoder_decoder:
            made = made[:, length:]
        decoded: list[str] = tokenizer.batch_decode(made, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return decoded

    def _tokens(self, text: str, language: str) -> list[int]:
        tokenizer, model = self._loaded
        prompt = self.config.prompts.get(language, "{text}").replace("{text}", text)
        if not model.config.is_encoder_decoder and tokenizer.chat_template:
            turns = [{"role": "user", "content": prompt}]
            prompt = tokenizer.apply_chat_template(
                turns, tokenize=False, add_generation_prompt=True, enable_thinking=False, strftime_now=_DATE.strftime
            )
            return list(tokenizer(prompt, add_special_tokens=False)["input_ids"])
        return list(tokenizer(prompt)["input_ids"])

    @property
    def _longest(self) -> int:
        """Tokens that fit the model: of prompt and answer together where it is causal; more than any where it does not say."""
        config = self._loaded[1].config
        longest = getattr(config, "max_position_embeddings", None) or 1 << 30
        return int(longest) * (2 if config.is_encoder_decoder else 1)

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        """Tokenizer and model, set to decode greedily."""
        import torch
        from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

        folder = self.config.folder()
        try:
            with quiet():
                settings = AutoConfig.from_pretrained(folder, local_files_only=True)
                kind = AutoModelForSeq2SeqLM if settings.is_encoder_decoder else AutoModelForCausalLM
                tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
                model = kind.from_pretrained(folder, local_files_only=True, dtype=getattr(torch, self.config.precision))
        except (OSError, ValueError, KeyError) as error:
            raise MateriaError(
                f"holds no seq2seq or causal Hugging Face model with its tokenizer ({type(error).__name__})",
                file=self.config.model,
                remedy="Give the folder of a model and its tokenizer as save_pretrained writes them",
            ) from error
        _make_greedy(model, tokenizer)
        return tokenizer, model.to("cuda" if torch.cuda.is_available() else "cpu").eval()


def _make_greedy(model: Any, tokenizer: Any) -> None:
    """Take out of a model's own settings what makes it sample or search, and give it a token to fill rows up with."""
    settings = model.generation_config
    settings.do_sample, settings.num_beams, settings.num_return_sequences = False, 1, 1
    settings.temperature = settings.top_p = settings.top_k = settings.max_length = None
    if settings.pad_token_id is None:
        end = settings.eos_token_id
        settings.pad_token_id = tokenizer.pad_token_id or (end[0] if isinstance(end, list) else end) or 0


def _rounded(prompt: Sequence[int]) -> int:
    return -(-max(len(prompt), 1) // _STEP) * _STEP
