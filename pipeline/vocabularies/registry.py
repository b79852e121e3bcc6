"""The table of vocabulary loaders, and how a file finds its loader."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pipeline.curated.mapping import TableMapping
from pipeline.vocabularies.babelon import Babelon
from pipeline.vocabularies.base import Loader
from pipeline.vocabularies.bioportal_csv import BioportalCsv
from pipeline.vocabularies.cmeie import Cmeie
from pipeline.vocabularies.ctd import Ctd
from pipeline.vocabularies.curated_table import CuratedTable
from pipeline.vocabularies.kgx_nodes import KgxJson, KgxJsonl, KgxTsv
from pipeline.vocabularies.medic import Medic
from pipeline.vocabularies.mesh_tree import MeshTree
from pipeline.vocabularies.mesh_xml import MeshXml
from pipeline.vocabularies.mrconso import Mrconso
from pipeline.vocabularies.mrdef import Mrdef
from pipeline.vocabularies.mrrel import Mrrel
from pipeline.vocabularies.mrsty import Mrsty
from pipeline.vocabularies.obo import Obo
from pipeline.vocabularies.obographs import ObographsJson
from pipeline.vocabularies.rdf import Rdf
from pipeline.vocabularies.sssom import Sssom
from pipeline.vocabularies.tsv import Tsv

__all__ = ["HEAD_BYTES", "LOADERS", "recognise"]

_NLM: tuple[Loader, ...] = (Mrconso(), Mrrel(), Mrsty(), Mrdef(), MeshXml(), MeshTree())
_GRAPHS: tuple[Loader, ...] = (KgxTsv(), KgxJsonl(), KgxJson(), Sssom())
_ONTOLOGIES: tuple[Loader, ...] = (ObographsJson(), Rdf(), Obo())
_TABLES: tuple[Loader, ...] = (BioportalCsv(), Babelon(), Ctd(), Medic(), CuratedTable(), Cmeie(), Tsv())
#: Every loader by its name; a file goes to the first that recognises it, so narrow formats stand before wide ones.
LOADERS: Final[dict[str, Loader]] = {loader.name: loader for loader in (*_NLM, *_GRAPHS, *_ONTOLOGIES, *_TABLES)}

#: How many uncompressed bytes of a file a loader may look at to recognise it.
HEAD_BYTES: Final = 65_536


def recognise(head: bytes, name: str, tables: Sequence[TableMapping] = ()) -> Loader | None:
    """The loader of a file, from its first uncompressed bytes and its base name; None where none knows it.

    `tables` are mappings of a user's own tables, which go before everything else.
    """
    if tables and (own := CuratedTable(tables)).recognises(head, name):
        return own
    return next((loader for loader in LOADERS.values() if loader.recognises(head, name)), None)
