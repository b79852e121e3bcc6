"""Documents of downstream tests, read from whatever files hold them: their names, and the runs of words in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kg.cleaning.config import CleaningConfig
from kg.cleaning.words import Numbers
from pipeline.errors import SetAside

__all__ = ["DownstreamTests", "read_downstream_tests"]


@dataclass(frozen=True)
class DownstreamTests:
    """What a corpus must not hold.

    Attributes:
        documents: how many there are.
        names: names of documents (CURIEs) and the test document each stands for.
        runs: sorted hashes of runs of words, by length of the run.
    """

    documents: int
    names: dict[str, str]
    runs: dict[int, Numbers]


def read_downstream_tests(
    files: Sequence[str], config: CleaningConfig, set_aside: Callable[[SetAside], None], documents: Sequence[str] = ()
) -> DownstreamTests:
    """Read the files of downstream tests.

    Args:
        files: paths or URLs; see the module for the formats.
        set_aside: told of each record that cannot be read.
        documents: Parquet files of DOCUMENTS, whose aliases say what else the test documents are called.

    Raises:
        MateriaError: a file is missing, unreadable, or holds no document.
    """
    raise NotImplementedError
