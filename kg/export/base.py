"""What an exporter is: a format that others read, written from the tables of a home.

An exporter writes files and, by reading them again with a reader of that format, counts what they hold. Which claims are
written, staging, the comparison of counts and the manifest are the same for all of them and stand in `kg.export.export`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from kg.export.graph import Graph

__all__ = ["Evidence", "Exporter", "Selection"]

#: Whether a format carries the evidence rows themselves: it must, it may (`--with-evidence`), or it has no place for them.
Evidence = Literal["always", "optional", "never"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which claims are wanted, and whether their evidence comes too.

    Attributes:
        minimum_belief: claims believed less are left out.
        predicates: Biolink predicates as CURIEs; all where empty.
        splits: train, validation, test; all where empty.
        with_evidence: the evidence rows too, in a format that may hold them.
    """

    minimum_belief: float = 0.0
    predicates: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    with_evidence: bool = False

    @property
    def filters(self) -> bool:
        """Whether any claim could be left out."""
        return self.minimum_belief > 0 or bool(self.predicates or self.splits)


class Exporter(Protocol):
    """A member of the family of exporters."""

    @property
    def name(self) -> str:
        """Name and version: `kgx.v1`. Raise the version when the output changes."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The assets it is made from."""

    @property
    def single_file(self) -> bool:
        """Whether it is one file; else a folder of files."""

    @property
    def evidence(self) -> Evidence:
        """Whether it carries evidence rows."""

    @property
    def believed_only(self) -> bool:
        """Whether a claim is left out that has more against it than for it, because the format cannot say `not`."""

    def write(self, graph: Graph, target: Path) -> dict[str, int]:
        """Write the file, or fill the empty folder; say how many of what `recount` does not count (nodes, mappings)."""

    def recount(self, target: Path) -> dict[str, int]:
        """Read what was written and count it: `claims`, and `evidence` where claims or rows carry it."""
