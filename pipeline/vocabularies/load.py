"""Vocabulary files to one table, in one call, for notebooks; a build keeps the files' tables and streams the result."""

from __future__ import annotations

from collections.abc import Sequence
from tempfile import TemporaryDirectory

import pyarrow as pa
from upath import UPath

from pipeline.curated.mapping import TableMapping
from pipeline.curies import PREFIX_ORDER
from pipeline.errors import MateriaError
from pipeline.storage import Dataset
from pipeline.tables import VOCABULARY
from pipeline.vocabularies.base import OnSetAside
from pipeline.vocabularies.categories import load_rules
from pipeline.vocabularies.join import joined
from pipeline.vocabularies.source_tables import read_sources
from pipeline.vocabularies.sources import list_vocabularies

__all__ = ["load_vocabulary"]


def load_vocabulary(
    paths: Sequence[str | UPath],
    set_aside: OnSetAside,
    *,
    categories: str | UPath | None = None,
    prefix_order: Sequence[str] = PREFIX_ORDER,
    merge_cross_references: bool = True,
    tables: Sequence[TableMapping] = (),
) -> pa.Table:
    """The concepts of all files as a table with the schema `VOCABULARY`, one row a CURIE, sorted by CURIE.

    Args:
        paths: files, folders or fsspec URLs, in order of precedence. gzip is recognised by content.
        set_aside: called for each record or clause that cannot be used.
        categories: a YAML file of category rules that go before the shipped ones.
        prefix_order: prefixes in the order in which they name what is merged; others follow, by the alphabet.
        merge_cross_references: whether a one-to-one cross-reference merges two concepts.
        tables: mappings of tables of one's own (`pipeline.curated.mapping`).

    Raises:
        MateriaError: a file is missing, empty, damaged, of no known format, or holds no usable concept.
    """
    rules = load_rules(categories)
    files = list_vocabularies(paths, set_aside, tables)
    if not files:
        raise MateriaError("no vocabulary is given", remedy="Name at least one vocabulary file")
    with TemporaryDirectory(prefix="materia-vocabulary.") as folder:
        sources = read_sources(files, Dataset(folder, "sources"), set_aside, tables)
        with joined(
            sources,
            set_aside,
            rules=rules,
            prefix_order=prefix_order,
            merge_cross_references=merge_cross_references,
        ) as vocabulary:
            return pa.Table.from_batches(vocabulary.concepts, VOCABULARY)
