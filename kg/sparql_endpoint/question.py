"""A question, what it may cost, its answer, and why it may have none."""

from __future__ import annotations

from dataclasses import dataclass
from tempfile import SpooledTemporaryFile

from pipeline.errors import MateriaError

__all__ = ["Answer", "Limits", "NoAnswerError", "Question"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What questions may cost.

    Attributes:
        timeout_s: seconds a question may run, and may wait before that.
        memory_mib: MiB of memory each process may use.
        answer_mib: MiB an answer may have.
        workers: questions answered at once.
        waiting: questions that may wait for their turn.
    """

    timeout_s: float = 30
    memory_mib: int = 2048
    answer_mib: int = 64
    workers: int = 4
    waiting: int = 100


@dataclass(frozen=True, slots=True)
class Question:
    """A SPARQL query and how it wants to be answered.

    Attributes:
        result_type: media type of the answer to SELECT and ASK; None where none is acceptable.
        graph_type: media type of the answer to CONSTRUCT and DESCRIBE; None where none is acceptable.
        default_graph: IRIs of the graphs asked together, in place of all; `named_graphs`: those that GRAPH may name.
    """

    sparql: str
    result_type: str | None = "application/sparql-results+json"
    graph_type: str | None = "text/turtle"
    default_graph: tuple[str, ...] = ()
    named_graphs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer: its media type, the version of the store that gave it, its bytes from the start."""

    media_type: str
    version: str
    size: int
    body: SpooledTemporaryFile[bytes]


class NoAnswerError(MateriaError):
    """Why a question has no answer.

    Attributes:
        reason: `malformed`, `refused`, `form` (none that is accepted), `limit`, `busy`, `missing` (no store) or `failed`.
    """

    def __init__(self, reason: str, problem: str, remedy: str) -> None:
        super().__init__(problem, remedy=remedy)
        self.reason = reason
