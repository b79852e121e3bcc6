"""Next sentence prediction: whether B follows A or is from another passage (Devlin et al., NAACL 2019)."""

from __future__ import annotations

from typing import ClassVar

from torch.nn import functional

from training.backbones.base import Backbone
from training.backbones.bert import Bert
from training.data.batches import IGNORE
from training.objectives.base import Objective, Outcome, Step

__all__ = ["NextSentence"]


class NextSentence(Objective):
    """Cross-entropy over {follows, does not}; sequences without B do not count."""

    name: ClassVar[str] = "next_sentence.v2"

    def outcome(self, backbone: Backbone, step: Step) -> Outcome:
        """Mean over the sequences that have two parts."""
        assert isinstance(backbone, Bert), "only BERT has a head for it"
        asked = step.text.follows != IGNORE
        labels = step.text.follows[asked]
        # Only [CLS] enters, as in BERT's own pooler.
        logits = backbone.next_sentence_logits(backbone.summaries(step.states, step.text.sequences[asked]))
        loss = functional.cross_entropy(logits, labels, reduction="sum") / max(1, len(labels))
        return Outcome(loss, len(labels), logits.detach(), labels)
