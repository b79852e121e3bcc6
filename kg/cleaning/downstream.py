"""What a corpus must not hold of downstream tests: the names of their documents, and the runs of words in them.

A run is 13 words, as in GPT-3 (Brown et al. 2020, appendix C) and after it; a test text that is shorter counts as one run where it has
8 words or more, which is the least there too. A Chinese character says less than a word, so runs that are half Chinese or more are
longer (`test_ngram_han`). Only hashes are kept: 12 bytes a word of the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from kg.cleaning.config import CleaningConfig
from kg.cleaning.downstream_files import DownstreamDocument, read_downstream_file
from kg.cleaning.words import Numbers, Words, normal_form, runs_of, words_of
from pipeline.duck import connect, file_list
from pipeline.errors import MateriaError, SetAside
from pipeline.inventory import list_files
from pipeline.storage import file_sha256

__all__ = ["DownstreamTests", "TestRuns", "downstream_identity", "gather_tests", "read_downstream_tests"]

_SHORTEST = 8
_DOCUMENTS = 4096
_Numbers32 = np.ndarray[Any, np.dtype[np.int32]]


class TestRuns(NamedTuple):
    """Runs of one length: their sorted hashes, and the document of each as a place in `labels`."""

    hashes: Numbers
    documents: _Numbers32


@dataclass(frozen=True)
class DownstreamTests:
    """What a corpus must not hold.

    Attributes:
        labels: every test document as a person finds it, sorted.
        names: what documents are called (CURIEs), and the label of the test document so called.
        runs: by length, and by whether they are Chinese by half or more; None where a text that is shorter than a run
            counts whole.
    """

    labels: list[str]
    names: dict[str, str]
    runs: dict[tuple[int, bool | None], TestRuns]


def downstream_identity(files: Sequence[str]) -> list[list[str]]:
    """Name and SHA-256 of every file, sorted: what skip keys hold of them, wherever they lie.

    Raises:
        MateriaError: a file does not exist.
    """
    return sorted([file.name, file_sha256(file.path)] for path in files for file in list_files([path]))


def read_downstream_tests(
    files: Sequence[str],
    config: CleaningConfig,
    set_aside: Callable[[SetAside], None],
    documents: Sequence[str] = (),
) -> DownstreamTests:
    """Read the files of downstream tests; their order does not matter.

    Args:
        files: paths or URLs of files and folders, in the forms of `downstream_files.py`.
        set_aside: told of each record that cannot be read.
        documents: Parquet files of DOCUMENTS, whose aliases say what else the test documents are called.

    Raises:
        MateriaError: a file does not exist, or nothing in it can be read.
    """
    return gather_tests(chain.from_iterable(_read(path, set_aside) for path in files), config, documents)


def gather_tests(
    found: Iterable[DownstreamDocument], config: CleaningConfig, documents: Sequence[str] = ()
) -> DownstreamTests:
    """Test documents from wherever they come, a few thousand in memory at a time; `documents` as in `read_downstream_tests`."""
    gathered, rest = _Gathered(config), iter(found)
    while some := list(islice(rest, _DOCUMENTS)):
        gathered.add(some)
    return gathered.tests(documents)


def _read(path: str, set_aside: Callable[[SetAside], None]) -> Iterator[DownstreamDocument]:
    count, first = 0, None
    for item in read_downstream_file(path):
        if isinstance(item, SetAside):
            first = first or item
            set_aside(item)
        else:
            count += 1
            yield item
    if not count:
        problem, _, remedy = first.detail.rstrip(".").partition(". ") if first else ("it holds no document", "", "")
        raise MateriaError(
            f"nothing can be read of this file of test documents: {problem[0].lower()}{problem[1:]}",
            file=path,
            remedy=remedy or "Get it again, or take it out of corpus.test_documents",
        )


class _Gathered:
    """The names and runs of test documents, as they come."""

    def __init__(self, config: CleaningConfig) -> None:
        self._config = config
        self._labels: list[str] = []
        self._names: dict[str, str] = {}
        self._runs: dict[tuple[int, bool | None], list[TestRuns]] = {}

    def add(self, documents: Sequence[DownstreamDocument]) -> None:
        owners = np.repeat(
            np.arange(len(self._labels), len(self._labels) + len(documents), dtype=np.int32),
            [len(document.texts) for document in documents],
        )
        self._labels += [document.label for document in documents]
        for document in documents if self._config.test_ids else ():
            for name in document.names:
                self._names[name] = min(document.label, self._names.get(name, document.label))
        if self._config.test_ngram is None:
            return
        texts = pa.array([text for document in documents for text in document.texts], pa.string())
        words = words_of(normal_form(texts))
        for kind, runs, text in _runs(words, self._config.test_ngram, self._config.test_ngram_han):
            self._runs.setdefault(kind, []).append(TestRuns(runs, owners[text]))

    def tests(self, documents: Sequence[str]) -> DownstreamTests:
        labels, places = np.unique(np.array(self._labels, object), return_inverse=True)
        runs = {}
        for kind, parts in self._runs.items():
            hashes = np.concatenate([part.hashes for part in parts])
            owners = places[np.concatenate([part.documents for part in parts])]
            order = np.lexsort((owners, hashes))
            different, first = np.unique(hashes[order], return_index=True)
            runs[kind] = TestRuns(different, owners[order][first].astype(np.int32))
        names = _with_aliases(self._names, documents) if documents and self._names else self._names
        return DownstreamTests(labels.tolist(), names, runs)


def _runs(
    words: Words, n: int, n_han: int
) -> Iterator[tuple[tuple[int, bool | None], Numbers, np.ndarray[Any, np.dtype[np.int64]]]]:
    """Length and kind, hash, and text of each run; a text shorter than a run is one of its own length."""
    texts = np.arange(len(words.offsets) - 1)
    for length, han in ((n, False), (n_han, True)):
        runs = runs_of(words, length, han)
        if len(runs.hashes):
            yield (length, han), runs.hashes, np.repeat(texts, np.diff(runs.offsets))
    lengths = np.diff(words.offsets)
    whole = np.where(2 * words.sums(words.han) >= lengths, n_han, n)
    short = (lengths < whole) & (lengths * n >= _SHORTEST * whole)
    for length in np.unique(lengths[short]).tolist():
        alone = short & (lengths == length)
        yield (length, None), runs_of(words.of(alone), length).hashes, texts[alone]


def _with_aliases(names: dict[str, str], documents: Sequence[str]) -> dict[str, str]:
    """The names, and those that the documents of these files go by beside one of them."""
    rows = f"SELECT doc_id AS document, aliases FROM read_parquet({file_list(documents)}, hive_partitioning = false)"  # noqa: S608
    with connect() as connection:
        connection.register("given", pa.table({"name": list(names), "label": list(names.values())}))
        connection.execute(
            f"""
            CREATE TABLE called AS SELECT document, unnest(list_append(aliases, document)) AS name
            FROM ({rows}) WHERE len(aliases) > 0
            """  # noqa: S608
        )
        found = connection.execute(
            """
            SELECT other.name, min(given.label) FROM given JOIN called one ON one.name = given.name
            JOIN called other ON other.document = one.document GROUP BY other.name
            """
        ).fetchall()
    return dict(found) | names
