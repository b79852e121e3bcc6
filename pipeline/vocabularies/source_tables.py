"""The flat tables of every vocabulary file, kept, so that a file that did not change costs its hash only.

Each file has a partition of its own, with the tables of `PART_TABLES` and what was set aside. Its skip key is the SHA-256
of the file and the name and version of its loader: equal means that the file is not parsed again. One table of all files
was rejected, because a change of one file would then parse them all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from upath import UPath

from pipeline.curated.mapping import TableMapping
from pipeline.errors import MateriaError, SetAside
from pipeline.hashing import hash_fields
from pipeline.sources import printable
from pipeline.storage import Dataset, Manifest, file_sha256, partition_key
from pipeline.table_files import COMPRESSION
from pipeline.tables import table_version
from pipeline.vocabularies.base import Loader, OnSetAside
from pipeline.vocabularies.curated_table import CuratedTable
from pipeline.vocabularies.parts import PART_TABLES, flatten
from pipeline.vocabularies.sources import loader_of, read_concepts

__all__ = ["SourceTables", "read_sources"]

_SCHEMAS = [table_version(schema) for schema in PART_TABLES.values()]


@dataclass(frozen=True, slots=True)
class SourceTables:
    """Where the tables of one vocabulary file are.

    Attributes:
        file: base name of the vocabulary file.
        parts: Parquet file of CONCEPT_PARTS.
        names: Parquet file of CONCEPT_NAMES.
        links: Parquet file of CONCEPT_LINKS.
        parsed: whether the file had to be parsed now.
    """

    file: str
    parts: str
    names: str
    links: str
    parsed: bool

    @property
    def without_names(self) -> str:
        """Hash of all that the file says but for synonyms and translations: tables are named by their content."""
        return hash_fields(self.file, *(path.rpartition("/")[2] for path in (self.parts, self.links)))


def read_sources(
    files: Sequence[UPath], dataset: Dataset, set_aside: OnSetAside, tables: Sequence[TableMapping] = ()
) -> list[SourceTables]:
    """The tables of each file, in the order given; parsed where the file is new or changed. Other partitions are deleted.

    Args:
        files: what `list_vocabularies` gave.
        dataset: where the tables are kept.
        set_aside: called for each record or clause that cannot be used, also for what was parsed before.
        tables: mappings of a user's own tables; where one changes, what it read is read again.

    Raises:
        MateriaError: a file is empty, damaged, of no known format, or holds no usable concept.
    """
    found: dict[str, SourceTables] = {}
    same: Counter[str] = Counter()
    for path in files:
        # Two folders may hold files of one name.
        name = printable(path.name)
        key = partition_key(f"{name}/{same[name]}" if same[name] else name)
        same[name] += 1
        loader = loader_of(path, tables)
        mapped = [loader.version] if isinstance(loader, CuratedTable) else []
        skip_key = hash_fields(file_sha256(path), loader.name, *mapped, *_SCHEMAS, COMPRESSION)
        manifest = dataset.manifest(key)
        parsed = manifest is None or manifest.skip_key != skip_key
        if parsed:
            manifest = _parse(path, loader, dataset, key, skip_key)
        for record in dataset.set_aside(key).to_pylist():
            set_aside(SetAside(**record))
        (parts,), (names,), (links,) = (dataset.paths(key, containing=f"{key}/{table}-") for table in PART_TABLES)
        found[key] = SourceTables(name, parts, names, links, parsed)
    for gone in set(dataset.manifests()) - set(found):
        dataset.delete(gone)
    return list(found.values())


def _parse(path: UPath, loader: Loader, dataset: Dataset, key: str, skip_key: str) -> Manifest:
    reasons: Counter[str] = Counter()
    with dataset.writer(key) as writer:

        def count(record: SetAside) -> None:
            reasons[record.reason] += 1
            writer.set_aside(record)

        sinks = {name: writer.table(f"{key}/{name}.parquet", schema) for name, schema in PART_TABLES.items()}
        for tables in flatten(read_concepts(path, count, loader), printable(path.name), count):
            for name, rows in tables.items():
                sinks[name].write(rows)
        if sinks["parts"].rows == 0:
            why = ", ".join(f"{number} {reason}" for reason, number in sorted(reasons.items()))
            problem = f"holds no usable concept{f' (set aside: {why})' if why else ''}"
            remedy = "Check that it is the right file, or leave it out"
            raise MateriaError(problem, file=printable(path.name), remedy=remedy)
        return writer.commit(skip_key=skip_key, code_version=loader.name, inputs={})
