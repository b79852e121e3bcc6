"""Masked language modelling: tell the tokens that were masked (Devlin et al., NAACL 2019), words and entities as wholes."""

from __future__ import annotations

from typing import Any, ClassVar

from torch.nn import functional

from training.objectives.base import Objective, Outcome, Step

__all__ = ["MaskedLM"]


class MaskedLM(Objective):
    """Cross-entropy over the vocabulary, at the masked places only: the others are not projected, which saves most work."""

    name: ClassVar[str] = "masked_lm.v1"

    def outcome(self, backbone: Any, step: Step) -> Outcome:
        """Mean over the masked tokens of the step."""
        states = step.states.flatten(0, 1)[step.text.masked]
        logits = backbone.cls.predictions(states)
        labels = step.text.masked_labels
        loss = functional.cross_entropy(logits, labels, reduction="sum") / max(1, len(labels))
        return Outcome(loss, len(labels), logits.argmax(-1), labels)
