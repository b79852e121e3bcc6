"""What every objective is: a loss over one step, with the parameters that only it needs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from training.data.batches import TextBatch
from training.data.links import LinkBatch

__all__ = ["HeadSpec", "Objective", "Outcome", "Step"]


@dataclass(frozen=True)
class HeadSpec:
    """What objectives must know to make their parameters.

    Attributes:
        hidden: width of the encoder's states.
        relations: predicates of the graph, sorted.
        classes: classes of relation classification; the first is "no relation".
        gamma: margin of link prediction.
    """

    hidden: int
    relations: tuple[str, ...]
    classes: tuple[str, ...]
    gamma: float


@dataclass(frozen=True)
class Step:
    """One batch after the encoder's pass, which the objectives share.

    Attributes:
        text: the sequences and what is asked about them.
        states: (batch, tokens, hidden) states of the sequences.
        links: triples of the step, None where no objective asks for them.
        name_states: (entities, hidden) state of [CLS] of each name in `links`.
    """

    text: TextBatch
    states: Tensor
    links: LinkBatch | None = None
    name_states: Tensor | None = None


@dataclass(frozen=True)
class Outcome:
    """The loss of an objective over one step.

    Attributes:
        loss: mean over the examples, a scalar; zero where there are none.
        examples: number of examples it is the mean of.
        predictions, labels: (examples,) most likely classes and true ones, for the figures of evaluation.
    """

    loss: Tensor
    examples: int
    predictions: Tensor
    labels: Tensor


class Objective(nn.Module, ABC):
    """A pretraining objective. Its parameters are its head; the backbone's own stay with the backbone."""

    #: Name and version, as they enter lineage.
    name: ClassVar[str]
    #: Whether it needs triples.
    uses_graph: ClassVar[bool] = False

    def __init__(self, spec: HeadSpec) -> None:
        super().__init__()
        self.spec = spec

    @abstractmethod
    def outcome(self, backbone: Any, step: Step) -> Outcome:
        """The loss of one step, given the backbone (a BertForPreTraining) and the encoder's states."""
