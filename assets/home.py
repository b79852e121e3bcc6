"""A home: the folder where everything a build makes lives, and the record of what it is built from.

    HOME/home.json     sources, configuration, retraction list (absolute paths stay here and go nowhere else)
    HOME/<asset>/      the tables and files of an asset (pipeline.storage)
    HOME/history.jsonl seconds and memory of every stage that ran (outside the law: it holds clocks)
    HOME/history/      what builds remember (outside the law too)
    HOME/cache/        what may be removed at any time: hashes of input files, what was read in texts (outside the law)
    HOME/dagster/      Dagster's own records

A home that was never given sources uses the bundled sample, so that a bare `materia build` or a click in the UI has
something to do.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from upath import UPath

import pipeline
from assets.config import Config, parse_config
from assets.lock import hold
from assets.renamed_settings import renamed
from pipeline.curated.mapping import TableMapping, load_table_mapping
from pipeline.errors import MateriaError
from pipeline.file_hashes import FileHashes
from pipeline.files import is_local
from pipeline.graphs.files import open_graphs
from pipeline.graphs.mapping import load_mapping
from pipeline.hashing import bucket_name
from pipeline.inventory import LiteratureFile, list_files
from pipeline.small_files import read_text, write_text
from pipeline.sources import printable, reaching, refuse_credentials
from pipeline.storage import Dataset, look_again
from pipeline.vocabularies import list_vocabularies
from pipeline.working_folder import working_folder
from training.config import PretrainingConfig
from training.data.config import DataConfig

__all__ = ["DEFAULT_HOME", "OUTSIDE_THE_LAW", "SAMPLE", "Home", "open_home"]

DEFAULT_HOME = "materia-home"
#: What in a home is outside of the law of equal bytes, by the beginnings of paths: where it was built, what it is built from, histories,
#: caches, locks, Dagster's records, and the files of Oxigraph, whose statements are those of the N-Quads.
OUTSIDE_THE_LAW = ("cache", "dagster", "history", "home.json", ".lock", "graph_index/store", "graph_index/server")
#: The bundled sample: literature and vocabulary that ship with the package.
SAMPLE = Path(pipeline.__file__).parent / "sample"
_RECORD = "home.json"
#: What was to be the URL of a home in an object store, and would be a folder `s3:` of this one.
_NO_BUCKET = re.compile(r"(?:s3a?|gc?s|az|abfss?):(?!//[^/])")
#: Few enough buckets that the sample's shards can be read one by one, and short steps, so that all of it takes a minute.
_SAMPLE_CONFIG = Config(buckets=8, small_file_groups=1, pretraining=PretrainingConfig(data=DataConfig(rows=4)))


@dataclass(frozen=True)
class Home:
    """A home folder and what is recorded in it. Immutable: `configure` returns the changed one and stores it."""

    url: UPath
    literature: tuple[str, ...] = (str(SAMPLE / "literature"),)
    vocabulary: tuple[str, ...] = (str(SAMPLE / "vocabulary"),)
    config: Config = _SAMPLE_CONFIG
    retracted: tuple[str, ...] = ()
    #: Sources of clinical records, read like literature but de-identified.
    records: tuple[str, ...] = ()
    #: Formats by patterns of file names, in the order in which they are tried.
    formats: tuple[tuple[str, str], ...] = ()
    recorded: bool = False
    graphs: tuple[str, ...] = ()
    graph_mapping: str | None = None

    def dataset(self, asset: str) -> Dataset:
        """The partitions of an asset in this home."""
        if asset not in self._datasets:
            self._datasets[asset] = Dataset(self.url, asset)
        return self._datasets[asset]

    def look_again(self) -> None:
        """Forget what is known of the partitions: other processes wrote some."""
        self._datasets.clear()
        look_again(self.url)

    @cached_property
    def _datasets(self) -> dict[str, Dataset]:
        return {}

    def literature_files(self) -> list[LiteratureFile]:
        """Every file of the literature and of the clinical records, sorted by name."""
        return list_files(self.literature, self.records, dict(self.formats))

    def file_hashes(self, kind: str) -> FileHashes:
        """Hashes of input files of one kind, as far as they are remembered; to be used as a context manager."""
        return FileHashes(self.path / "cache" / "file_hashes" / f"{kind}.json")

    def tables(self) -> list[TableMapping]:
        """The mappings of tables that the configuration names."""
        return [load_table_mapping(name) for name in self.config.vocabulary.tables]

    @property
    def path(self) -> Path:
        """The local folder that goes with the home, for files that only this machine uses (Dagster's records, caches, an index)."""
        return working_folder(self.url)

    @property
    def buckets(self) -> list[str]:
        """Partition keys of the bucketed assets."""
        return [bucket_name(i, self.config.buckets) for i in range(self.config.buckets)]

    def configure(
        self,
        literature: Sequence[str] | None = None,
        vocabulary: Sequence[str] | None = None,
        config: Config | None = None,
        *,
        records: Sequence[str] | None = None,
        formats: Sequence[tuple[str, str]] | None = None,
        graphs: Sequence[str] | None = None,
        graph_mapping: str | None = None,
    ) -> Home:
        """The home with new sources or settings, recorded. What is not given stays; of `()` nothing is left (no graphs, say).

        Raises:
            MateriaError: where a source is missing or empty, or the number of buckets would change in a home that holds a
                graph; nothing is recorded then.
            HomeBusyError: somebody builds in this home; nothing is recorded either.
        """
        if config is None and not self.recorded and (literature or vocabulary or records):
            config = Config()
        # Whoever brings only records does not want the sample's papers among them.
        papers = () if records and not self.recorded else self.literature
        if config and config.buckets != self.config.buckets and self.dataset("evidence_by_bucket").manifests():
            raise MateriaError(
                f"was made with {self.config.buckets} buckets and cannot change to {config.buckets}",
                file=str(self.url),
                remedy="Set buckets back, or build into a new home",
            )
        changed = replace(
            self,
            literature=papers if literature is None else tuple(map(_absolute, literature)),
            vocabulary=tuple(map(_absolute, vocabulary)) if vocabulary else self.vocabulary,
            config=config or self.config,
            records=self.records if records is None else tuple(map(_absolute, records)),
            formats=self.formats if formats is None else tuple(formats),
            recorded=True,
            graphs=self.graphs if graphs is None else tuple(map(_absolute, graphs)),
            graph_mapping=_absolute(graph_mapping) if graph_mapping else self.graph_mapping,
        )
        if changed != self:
            # Look before recording: a mistyped path must not become what the next bare build reads.
            if literature is not None or records is not None or formats is not None:
                changed.literature_files()
            if vocabulary:
                list_vocabularies(changed.vocabulary, tables=changed.tables())
            if graphs:
                open_graphs(list_files(changed.graphs), lambda _: None, changed.tables())
            if graph_mapping:
                load_mapping(changed.graph_mapping)
            with self.lock():  # who builds here goes by the record, and so does every node that works for it
                now = open_home(str(self.url))
                if now != self:  # others recorded something since this home was opened
                    return now.configure(
                        literature, vocabulary, config,
                        records=records, formats=formats, graphs=graphs, graph_mapping=graph_mapping,
                    )  # fmt: skip
                changed._store()
        return changed

    def retract(self, documents: Iterable[str]) -> Home:
        """The home with these documents on its retraction list, recorded. The list is an input, as a file of literature is.

        Raises:
            HomeBusyError: somebody builds in this home; nothing is recorded then.
        """
        return self._with_retracted({*documents}, frozenset())

    def unretract(self, documents: Iterable[str]) -> Home:
        """The home without these documents on its retraction list, recorded. Raises as `retract`."""
        return self._with_retracted(frozenset(), {*documents})

    def _with_retracted(self, more: Set[str], fewer: Set[str]) -> Home:
        with self.lock():
            now = open_home(str(self.url))  # others may have put some on the list since
            changed = replace(now, retracted=tuple(sorted({*now.retracted, *more} - fewer)), recorded=True)
            if changed != now:
                changed._store()
        return changed

    def _store(self) -> None:
        sample = (str(SAMPLE / "literature"),) == self.literature and (str(SAMPLE / "vocabulary"),) == self.vocabulary
        record: dict[str, Any] = {
            "schema": "materia.home.v1",
            # The sample's place moves with the installation, so it is recorded by name.
            "literature": "sample" if sample else list(self.literature),
            "vocabulary": "sample" if sample else list(self.vocabulary),
            "retracted": list(self.retracted),
            "records": list(self.records),
            "formats": [list(pair) for pair in self.formats],
            "graphs": list(self.graphs),
            "graph_mapping": self.graph_mapping,
            "config": self.config.model_dump(mode="json"),
        }
        write_text(self.url, _RECORD, json.dumps(record, indent=1) + "\n")

    @contextmanager
    def lock(self, timeout_s: float = 5.0) -> Iterator[None]:
        """Hold the home for writing: one build at a time. The lock goes when its holder dies.

        Raises:
            HomeBusyError: naming the holder where the home stays taken for `timeout_s` seconds.
        """
        with hold(self.url, timeout_s):
            look_again(self.url)  # others may have built before
            yield


def _absolute(path: str) -> str:
    if "://" in path or not path.strip():
        refuse_credentials(path)
        return path
    given = Path(path).expanduser()
    # A link to a file or folder keeps its own name, which the names of documents' files and their order start with.
    return os.path.normpath(given.parent.resolve() / given.name)


def _url_of(path: str) -> UPath:
    with reaching(path):
        return UPath(path.rstrip("/") if "://" in path else path)


def open_home(path: str | None = None) -> Home:
    """The home at a path: given, or in MATERIA_HOME, or `materia-home` in this folder. It need not exist yet."""
    given = path or os.environ.get("MATERIA_HOME") or DEFAULT_HOME
    if _NO_BUCKET.match(given):
        raise MateriaError(
            "names no bucket", file=given, remedy="Write it as s3://BUCKET/FOLDER, gs:// or az:// likewise"
        )
    url = _url_of(_absolute(given))
    if is_local(url) and url.exists() and not url.is_dir():
        raise MateriaError("is a file, not a folder", file=str(url), remedy="Name a folder with --home")
    # The databases of Dagster's records are opened by URL.
    if set("?%") & set(str(url)) or printable(str(url)) != str(url):
        problem = "holds `?`, `%`, a control character or bytes that are not UTF-8 in its path"
        raise MateriaError(problem, file=printable(str(url)), remedy="Name another folder with --home")
    look_again(url)
    record = url / _RECORD
    try:
        values = json.loads(read_text(url, _RECORD))
        home = Home(
            url,
            retracted=tuple(values["retracted"]),
            records=tuple(values.get("records", ())),
            formats=tuple((pattern, format_) for pattern, format_ in values.get("formats", ())),
            graphs=tuple(values.get("graphs", ())),
            graph_mapping=values.get("graph_mapping"),
            config=parse_config(renamed(values["config"]), str(record)),
            recorded=True,
        )
        if values["literature"] != "sample":
            home = replace(home, literature=tuple(values["literature"]), vocabulary=tuple(values["vocabulary"]))
        return home
    except FileNotFoundError:
        return Home(url)
    except (OSError, ValueError, KeyError, TypeError) as error:
        remedy = "Remove it, and give the sources again: materia build --literature PATH --vocabulary PATH"
        raise MateriaError(f"cannot be read ({error})", file=str(record), remedy=remedy) from error
