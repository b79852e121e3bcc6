"""How the special tokens of a family stand in a sequence.

Masked (BERT): [CLS] A [SEP], or [CLS] A [SEP] B [SEP]. Causal (GPT-2, Llama): beginning, A, end, so that the first word is
predicted too, and the end learned. Permutation (XLNet): A <sep> <cls>, as it was pretrained.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

from pipeline.errors import MateriaError
from training.data.batches import Language

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

__all__ = ["SpecialTokens", "special_tokens", "text_tokenizer"]

_NEEDED: Final[dict[Language, tuple[str, ...]]] = {
    "masked": ("cls_token", "sep_token", "mask_token", "pad_token"),
    "causal": ("eos_token",),
    "permutation": ("sep_token", "cls_token", "pad_token"),
}


class SpecialTokens(NamedTuple):
    """Token numbers. `before` stands at the beginning of a sequence, `after` after each part, `last` at its end; None where the
    family has none. `mask` is None but for masked models.
    """

    before: int | None
    after: int
    last: int | None
    pad: int
    mask: int | None

    def around(self, parts: int) -> int:
        """How many of them a sequence of so many parts has."""
        return (self.before is not None) + parts + (self.last is not None)


def special_tokens(tokenizer: PreTrainedTokenizerFast, language: Language) -> SpecialTokens:
    """The special tokens for a language objective.

    Raises:
        MateriaError: where the tokenizer lacks one, or is none of the fast ones, which tell where each token stands in the text.
    """
    name = getattr(tokenizer, "name_or_path", "") or None
    if not getattr(tokenizer, "is_fast", False):
        raise MateriaError(
            "the tokenizer does not tell where tokens stand in the text",
            file=name,
            remedy="Use one that transformers loads as a fast tokenizer",
        )
    for role in _NEEDED[language]:
        if getattr(tokenizer, role) is None:
            raise MateriaError(
                f"the tokenizer has no {role}, which {language} language modelling needs",
                file=name,
                remedy="Use the tokenizer of the backbone's family, or train one on the corpus",
            )
    cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
    if language == "masked":
        return SpecialTokens(cls, sep, None, tokenizer.pad_token_id, tokenizer.mask_token_id)
    if language == "permutation":
        return SpecialTokens(None, sep, cls, tokenizer.pad_token_id, None)
    end, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
    return SpecialTokens(tokenizer.bos_token_id, end, None, end if pad is None else pad, None)


def text_tokenizer(tokenizer: PreTrainedTokenizerFast) -> Tokenizer:
    """A copy of the tokenizer that reads text and nothing else.

    It neither pads nor cuts, whatever the original was last asked for, and a text that holds "[SEP]" or "</s>" holds these characters.
    """
    from tokenizers import Tokenizer

    described = json.loads(tokenizer.backend_tokenizer.to_str())
    described |= {"padding": None, "truncation": None, "post_processor": None}
    # The special tokens get names that no text has. (The library's own switch for it does not survive pickling.)
    special = [token for token in described["added_tokens"] if token["special"]]
    hidden = {token["content"]: f"\0{token['content']}" for token in special}
    for token in special:
        token["content"] = hidden[token["content"]]
    model = described["model"]
    if isinstance(model["vocab"], dict):
        model["vocab"] = {hidden.get(piece, piece): number for piece, number in model["vocab"].items()}
    else:
        model["vocab"] = [[hidden.get(piece, piece), score] for piece, score in model["vocab"]]
    if "unk_token" in model:
        model["unk_token"] = hidden.get(model["unk_token"], model["unk_token"])
    return Tokenizer.from_str(json.dumps(described))
