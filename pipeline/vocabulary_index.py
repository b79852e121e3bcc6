"""The indexes of a vocabulary that extraction reads with: one that finds names in texts, one that links what others found.

Both are folders of mapped arrays, `matcher/` and `linker/`, side by side in one folder: built once, opened by every process. Each is
opened when it is first asked for, so that finding names does not wait for the linker's. Where only a vocabulary is given, they are
made in a temporary folder that lives as long as this process.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pipeline.names import NameIndex
from pipeline.preference import DEFAULT_PREFERENCE, Preference

if TYPE_CHECKING:
    import pyarrow as pa

    from pipeline.linking.index import LinkingIndex

__all__ = ["LINKER", "MATCHER", "VocabularyIndex"]

#: The folders of the two indexes.
MATCHER, LINKER = "matcher", "linker"

_TEMPORARY: list[TemporaryDirectory[str]] = []


class VocabularyIndex:
    """The matcher's and the linker's index of one vocabulary, in a folder."""

    def __init__(
        self, folder: Path, vocabulary: pa.Table | None = None, preference: Preference = DEFAULT_PREFERENCE
    ) -> None:
        self.folder = folder
        self._vocabulary, self._preference = vocabulary, preference

    @classmethod
    def build(cls, vocabulary: pa.Table, folder: Path, preference: Preference = DEFAULT_PREFERENCE) -> VocabularyIndex:
        """Make both indexes of a table [VOCABULARY] in a folder; homonyms mean what is preferred."""
        made = cls.of(vocabulary, folder, preference)
        _ = made.matcher, made.linking
        return made

    @classmethod
    def of(
        cls, vocabulary: pa.Table, folder: Path | None = None, preference: Preference = DEFAULT_PREFERENCE
    ) -> VocabularyIndex:
        """The indexes of a table [VOCABULARY], each made when it is first asked for; in a temporary folder by default."""
        if folder is None:
            temporary = TemporaryDirectory(prefix="materia-names.")
            _TEMPORARY.append(temporary)
            folder = Path(temporary.name)
        return cls(folder, vocabulary, preference)

    @classmethod
    def open(cls, paths: Sequence[str], preference: Preference = DEFAULT_PREFERENCE) -> VocabularyIndex:
        """The indexes at a folder that `build` made, or of vocabularies: Parquet files of the vocabulary table, or any files
        or folders that `load_vocabulary` reads. An index is what it was built as: only vocabularies take a preference.

        Raises:
            MateriaError: a file is missing or in no known format.
        """
        if len(paths) == 1 and (Path(paths[0]) / MATCHER).is_dir():
            return cls(Path(paths[0]))
        if all(path.endswith(".parquet") for path in paths):
            import pyarrow as pa
            import pyarrow.parquet as pq

            tables = [pq.read_table(path, partitioning=None) for path in paths]
            return cls.of(pa.concat_tables(tables), preference=preference)
        from pipeline.vocabularies import load_vocabulary

        return cls.of(load_vocabulary([*paths], lambda _: None), preference=preference)

    @cached_property
    def matcher(self) -> NameIndex:
        """What finds the names in a text."""
        folder = self.folder / MATCHER
        if self._vocabulary is None:
            return NameIndex.open(folder)
        return NameIndex.build(self._vocabulary, folder, self._preference)

    @cached_property
    def linking(self) -> LinkingIndex:
        """What finds the names like a text."""
        from pipeline.linking.index import LinkingIndex

        folder = self.folder / LINKER
        if self._vocabulary is None:
            return LinkingIndex.open(folder)
        return LinkingIndex.build(self._vocabulary, folder, self._preference)
