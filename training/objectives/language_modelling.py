"""Language modelling: tell the tokens that the data asks for, from the states that the backbone gives for them.

Masked (Devlin et al., NAACL 2019), words and entities as wholes; causal (Radford et al., 2019); in the order of a
permutation (Yang et al., NeurIPS 2019). What differs lies in the batch and in the backbone; the loss is one: cross-entropy over the
vocabulary, at the targets only. The other places are not projected, which saves most work where one token in seven is masked.
"""

from __future__ import annotations

from typing import ClassVar

from torch.nn import functional

from training.backbones.base import Backbone
from training.objectives.base import Objective, Outcome, Step

__all__ = ["CausalLM", "MaskedLM", "PermutationLM"]


class _LanguageModelling(Objective):
    asks_targets: ClassVar[bool] = True

    def outcome(self, backbone: Backbone, step: Step) -> Outcome:
        """Mean over the targets of the step."""
        assert step.encoded is not None and step.encoded.target_states is not None
        logits, labels = backbone.language_logits(step.encoded.target_states), step.text.target_labels
        loss = functional.cross_entropy(logits, labels, reduction="sum") / max(1, len(labels))
        return Outcome(loss, len(labels), logits.detach(), labels)


class MaskedLM(_LanguageModelling):
    """Tell the masked tokens."""

    name: ClassVar[str] = "masked_lm.v2"


class CausalLM(_LanguageModelling):
    """Tell the next token."""

    name: ClassVar[str] = "causal_lm.v1"


class PermutationLM(_LanguageModelling):
    """Tell the last tokens of a permutation, each from those before it in that order."""

    name: ClassVar[str] = "permutation_lm.v1"
