"""What a user may set about the backbone: a family with sizes, or a model that is there already. Imports no torch."""

from __future__ import annotations

import json
from typing import Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.content import model_folder
from pipeline.errors import MateriaError

__all__ = ["LANGUAGE_OF", "BackboneConfig", "Family", "Language"]

Family = Literal["bert", "gpt2", "llama", "xlnet"]
#: How a backbone learns language: to tell masked tokens, the next token, or tokens in the order of a permutation.
Language = Literal["masked", "causal", "permutation"]

LANGUAGE_OF: Final[dict[Family, Language]] = {
    "bert": "masked",
    "gpt2": "causal",
    "llama": "causal",
    "xlnet": "permutation",
}

_SIZES = ("layers", "hidden", "heads", "feed_forward", "dropout")


class BackboneConfig(BaseModel):
    """The language model that is trained."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    family: Family = Field("bert", description="bert, gpt2, llama or xlnet; of a pretrained model, what it is")
    pretrained: str | None = Field(
        None,
        description="folder of a Hugging Face model to go on from, or its name in the local cache; none: a new one",
    )
    layers: int = Field(2, ge=1, description="transformer layers of a new model")
    hidden: int = Field(128, ge=2, description="width of its hidden states")
    heads: int = Field(2, ge=1, description="its attention heads")
    feed_forward: int = Field(512, ge=1, description="width of its feed-forward layers")
    dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="its dropout of hidden states and attention (llama: attention); 0.1 for many epochs",
    )
    gradient_checkpointing: bool = Field(
        False, description="compute states again in the backward pass: a third more time, far less memory"
    )

    @model_validator(mode="after")
    def _sizes_fit(self) -> BackboneConfig:
        if self.hidden % self.heads:
            raise ValueError(f"hidden ({self.hidden}) must be a multiple of heads ({self.heads})")
        if self.family in ("llama", "xlnet") and self.hidden // self.heads % 2:
            raise ValueError(f"hidden / heads ({self.hidden // self.heads}) must be even for {self.family}")
        given = [name for name in _SIZES if getattr(self, name) != type(self).model_fields[name].default]
        if self.pretrained and given:
            raise ValueError(f"{given[0]} is that of the pretrained model: leave it out, or leave out pretrained")
        return self

    def resolved(self) -> BackboneConfig:
        """The same, with the family of the pretrained model where one is named.

        Raises:
            MateriaError: there is no such model, it is of no family here, or of another than was asked for.
        """
        if self.pretrained is None:
            return self
        folder = model_folder(self.pretrained)
        try:
            found = json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise MateriaError(
                "holds no Hugging Face model: its config.json is missing or names no model_type",
                file=self.pretrained,
                remedy="Give the folder of a model as save_pretrained writes it",
            ) from error
        if found not in get_args(Family):
            raise MateriaError(
                f"is a model of the kind {found!r}, and none of {', '.join(get_args(Family))}",
                file=self.pretrained,
                remedy="Give a model of one of these families",
            )
        if self.family not in ("bert", found):  # bert is what stands there where nobody chose
            raise MateriaError(
                f"is a {found}, and not the {self.family} that backbone.family asks for",
                file=self.pretrained,
                remedy="Leave out family, or give another model",
            )
        return self.model_copy(update={"family": found})

    @property
    def language(self) -> Language:
        """How its family learns language."""
        return LANGUAGE_OF[self.family]
