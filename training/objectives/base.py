"""What every objective is: a loss over one step, with the parameters that only it needs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from training.backbones.base import Backbone, Encoded
from training.data.batches import LinkBatch, TextBatch

__all__ = ["HeadSpec", "Objective", "Outcome", "Step"]


@dataclass(frozen=True)
class HeadSpec:
    """What objectives must know to make their parameters.

    Attributes:
        hidden: width of the encoder's states.
        relations: predicates of the graph, sorted.
        classes: classes of relation classification; the first is "no relation".
        entities: entities of the graph, sorted.
    """

    hidden: int
    relations: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """One batch after the encoder's pass, which the objectives share.

    Attributes:
        text: the sequences and what is asked about them.
        encoded: states of the sequences; None where no objective of the step reads text.
        links: triples of the step, None where no objective asks for them.
        name_states: (entities, hidden) states of the names in `links`; None where no objective reads them.
    """

    text: TextBatch
    encoded: Encoded | None
    links: LinkBatch | None = None
    name_states: Tensor | None = None

    @property
    def states(self) -> Tensor:
        """(rows, tokens, hidden) states of the sequences."""
        assert self.encoded is not None, "an objective that reads text must say so"
        return self.encoded.states


@dataclass(frozen=True)
class Outcome:
    """The loss of an objective over one step.

    Attributes:
        loss: mean over the examples, a scalar; zero where there are none.
        examples: number of examples it is the mean of.
        scores: (asked, classes), or (asked,) log-odds where the answer is yes or no.
        labels: (asked,) true classes, IGNORE where one does not count.
    """

    loss: Tensor
    examples: int
    scores: Tensor
    labels: Tensor

    @property
    def predictions(self) -> Tensor:
        """(asked,) most likely classes. Training does not ask for them: they would cost 2% of a step."""
        return self.scores.argmax(-1) if self.scores.ndim > 1 else (self.scores > 0).long()

    @classmethod
    def empty(cls, like: Tensor) -> Outcome:
        """That of a step without examples."""
        return cls(like.new_zeros(()), 0, like.new_zeros(0), like.new_zeros(0).long())


class Objective(nn.Module, ABC):
    """A pretraining objective. Its parameters are its head; the backbone's own stay with the backbone.

    Args:
        config: its section of the configuration.
        spec: what its parameters are made for.
    """

    #: Name and version, as they enter lineage.
    name: ClassVar[str]
    #: Whether it asks for the targets of the language objective.
    asks_targets: ClassVar[bool] = False
    #: Whether it reads the states of the sequences.
    reads_text: ClassVar[bool] = True
    #: Whether it reads the names of entities.
    reads_names: ClassVar[bool] = False
    #: Whether it needs triples.
    uses_graph: ClassVar[bool] = False

    def __init__(self, config: Any, spec: HeadSpec) -> None:
        super().__init__()
        self.config = config
        self.spec = spec

    @abstractmethod
    def outcome(self, backbone: Backbone, step: Step) -> Outcome:
        """The loss of one step."""
