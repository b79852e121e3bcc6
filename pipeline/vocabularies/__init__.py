"""Vocabularies: what concepts there are, what they are called, what they are.

Each format has a loader (one file a loader, all in `LOADERS`); `load_vocabulary` joins any number of files into one
table.
"""

from pipeline.vocabularies.base import Concept, Loader
from pipeline.vocabularies.load import load_vocabulary
from pipeline.vocabularies.registry import LOADERS, recognise
from pipeline.vocabularies.sources import list_vocabularies

__all__ = ["LOADERS", "Concept", "Loader", "list_vocabularies", "load_vocabulary", "recognise"]
