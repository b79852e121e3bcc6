"""What a home gives to fuse a graph, by the names that settings use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import MateriaError

if TYPE_CHECKING:
    import pyarrow as pa

    from training.finetuning.config import GraphFusionConfig

__all__ = ["GraphSources"]


@dataclass(frozen=True)
class GraphSources:
    """Where the parts of a graph lie. Without a home there is none of them: settings then name folders and files.

    Attributes:
        folders: folders of embeddings that settings may name in place of a path (`kg_embeddings/transe`).
        vocabulary: the home's indexes of names, as `VocabularyIndex.open` takes them; empty: none.
        triples: reads kg.tables.TRIPLES, where neighbours are asked for.
    """

    folders: Mapping[str, Path] = field(default_factory=dict)
    vocabulary: Sequence[str] = ()
    triples: Callable[[], pa.Table] | None = None

    def embeddings(self, config: GraphFusionConfig) -> Path:
        """The folder of the embeddings that settings name.

        Raises:
            MateriaError: there is none of this name.
        """
        found = self.folders.get(config.embeddings, Path(config.embeddings))
        if not found.is_dir():
            known = ", ".join(self.folders)
            raise MateriaError(
                f"graph.embeddings is {config.embeddings!r}, and there are no such embeddings",
                remedy=f"Name one of {known}, or a folder"
                if known
                else "Name a folder of embeddings, or a home that has them (materia build --until kg_embeddings)",
            )
        return found

    def names(self, config: GraphFusionConfig) -> Sequence[str]:
        """The vocabulary to link by: the files that settings name, else the home's.

        Raises:
            MateriaError: there is neither.
        """
        found = config.vocabulary or self.vocabulary
        if not found:
            raise MateriaError(
                "graph.vocabulary names no file, and there is no home with a vocabulary to find mentions by",
                remedy="Set graph.vocabulary to vocabulary files, or name a home that is built",
            )
        return found

    def neighbours(self, config: GraphFusionConfig) -> pa.Table | None:
        """The triples to read neighbours from; None where settings ask for none.

        Raises:
            MateriaError: they ask, and there is no home.
        """
        if config.how != "attention":
            return None
        if self.triples is None:
            raise MateriaError(
                "graph.how is attention, which looks at neighbours, and there is no home with triples",
                remedy="Name a home that is built, or set graph.how to gated",
            )
        return self.triples()
