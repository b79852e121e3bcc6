"""What somebody means who names a document, a file or a concept: every name it has in the tables, and how it was found.

A document goes by any of its names (PMID, PMC, DOI), a file by its name in the home, by the end of that name or by its path, a
concept by CURIE or name. They are tried in this order. Nothing is guessed: what has no match is refused, with what is most like it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from tempfile import gettempdir
from typing import Final, Literal

import pyarrow as pa
from upath import UPath

from kg.claim_search import find_concept
from kg.origins import graphs_of
from pipeline.duck import connect, table_view
from pipeline.errors import MateriaError, saying_disk_full
from pipeline.readers.identifiers import identifier, pmid_curie
from pipeline.storage import Dataset
from pipeline.tables import DOCUMENTS, LITERATURE_INVENTORY

__all__ = ["Kind", "Target", "find_documents", "find_target", "like_documents", "saying_damaged", "spelling"]

Kind = Literal["document", "literature file", "vocabulary file", "graph file", "concept"]

_SHOWN: Final = 5
_NAME_ONE: Final = "Name a document (PMID:9570492), a file or a concept of this home"
_PREFIX: Final = re.compile(r"(?:PMID:|PMC(?:ID)?:?|DOI:)", re.IGNORECASE)
_NUMBER: Final = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class Target:
    """A document, file or concept.

    Attributes:
        name: what it goes by in the home.
        label: title of a document, preferred name of a concept, SHA-256 of a file; None where there is none.
        ids: every name that tables may know it by: the names of a document, the CURIE of a concept; none of a file.
    """

    kind: Kind
    name: str
    label: str | None = None
    ids: tuple[str, ...] = ()


def find_target(home: UPath | Path | str, words: str) -> Target:
    """The document, file or concept that the words name.

    Raises:
        MateriaError: nothing has this name, several files or concepts have, nothing was built yet, or a table is damaged.
    """
    words = words.strip()
    if not words:
        raise MateriaError("no document, file or concept was named", remedy=_NAME_ONE)
    if not Dataset(home, "documents").manifests():
        raise MateriaError("holds no build yet", file=str(home), remedy="Run: materia build")
    if found := find_documents(home, [words]).get(words):
        return found
    with saying_damaged(home):
        return _file_or_concept(home, words)


def _file_or_concept(home: UPath | Path | str, words: str) -> Target:
    if file := _file(home, words):
        return file
    if _PREFIX.fullmatch(words):
        raise MateriaError(f"{words!r} is a prefix with no identifier after it", remedy=_NAME_ONE)
    buckets = len(Dataset(home, "triples").manifests())
    if _looks_like_a_document(words) or _looks_like_a_file(words) or not Dataset(home, "vocabulary").manifest():
        like = like_documents(home, words) if _looks_like_a_document(words) else _like_files(home, words)
        raise _nothing(words, f"Did you mean {', '.join(like)}?" if like else _NAME_ONE)
    try:
        concept = find_concept(home, words, "subject", buckets)
    except MateriaError as error:
        if not error.problem.startswith("no concept"):
            raise
        raise _nothing(words, error.remedy) from error
    return Target("concept", concept.curie, concept.name, (concept.curie,))


def _nothing(words: str, remedy: str) -> MateriaError:
    return MateriaError(f"{words!r} is the name of no document, file or concept of this home", remedy=remedy)


@contextmanager
def saying_damaged(home: UPath | Path | str) -> Iterator[None]:
    """What DuckDB and Arrow say of a file that is missing or spoiled, as one sentence.

    Raises:
        MateriaError: a file of the home cannot be read.
    """
    import duckdb

    try:
        with saying_disk_full(gettempdir()):
            yield
    except (duckdb.OutOfMemoryException, duckdb.InterruptException):
        raise
    except (MateriaError, duckdb.Error, pa.ArrowException, OSError) as error:
        if isinstance(error, MateriaError) and not isinstance(error.__cause__, duckdb.Error):
            raise
        error = error.__cause__ or error  # `pipeline.duck` has a sentence of its own, which knows no home
        said = next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")
        raise MateriaError(
            f"has a file that is missing or damaged ({said})",
            file=str(home),
            remedy="Run: materia doctor --mend, then materia build",
        ) from error


def find_documents(home: UPath | Path | str, names: Iterable[str]) -> dict[str, Target]:
    """The documents that names stand for, by name; what names none is left out.

    A name is a CURIE or anything that is read as one (`PMC13901`, `https://doi.org/10.1/x`); a bare number is a PMID.
    Documents that several sources hold under different names are one: the names of all of them are its ids, and the first
    of PMID, PMC, DOI is its name.
    """
    asked = {name: spelling(name) for name in names}
    with saying_damaged(home), connect(threads=1) as connection:
        dataset = Dataset(home, "documents")
        table_view(connection, "documents", dataset.paths_of(), DOCUMENTS)
        connection.execute(
            "CREATE TEMP TABLE named AS "
            "SELECT doc_id, title, list_prepend(doc_id, coalesce(aliases, [])) AS names FROM documents"
        )
        found: dict[str, Target] = {}
        wanted = pa.table({"asked": list(asked), "name": [asked[name] for name in asked]})
        connection.register("wanted", wanted)
        connection.execute("CREATE TEMP TABLE known AS SELECT DISTINCT asked, name FROM wanted")
        connection.execute("CREATE TEMP TABLE one AS SELECT doc_id, unnest(names) AS name FROM named")
        for _ in range(_STEPS):
            connection.execute(_GROW)
        for asked_for, ids, title in connection.execute(_FOUND).fetchall():
            found[asked_for] = Target("document", min(ids, key=_rank), title, tuple(sorted(ids)))
    return found


#: Names lead to rows and rows to names; papers are joined in three steps at most (`pipeline.live`).
_STEPS: Final = 3
_GROW: Final = """
    INSERT INTO known
    SELECT DISTINCT k.asked, other.name
    FROM known k JOIN one ON one.name = k.name JOIN one other ON other.doc_id = one.doc_id
    WHERE (k.asked, other.name) NOT IN (SELECT (asked, name) FROM known)
"""
_FOUND: Final = """
    SELECT k.asked, list(DISTINCT k.name), arg_min(n.title, (n.doc_id <> k.name, n.doc_id))
    FROM known k JOIN named n ON n.doc_id IN (SELECT name FROM known o WHERE o.asked = k.asked)
    GROUP BY k.asked
"""


def spelling(name: str) -> str:
    """The name of a document as the tables have it: `PMC13901` as `PMC:13901`, a bare number as a PMID."""
    return (pmid_curie(name) if _NUMBER.fullmatch(name.strip()) else identifier(name)) or name.strip()


def _rank(curie: str) -> tuple[int, str]:
    order = ("PMID", "PMC", "DOI")
    prefix = curie.partition(":")[0]
    return (order.index(prefix) if prefix in order else len(order), curie)


def _looks_like_a_document(words: str) -> bool:
    return bool(_NUMBER.fullmatch(words)) or words.upper().startswith(
        ("PMID:", "PMC", "DOI:", "10.", "HTTPS://DOI.ORG")
    )


def _looks_like_a_file(words: str) -> bool:
    return "/" in words or bool(re.search(r"\.[a-z0-9]{2,8}(\.gz|\.bz2|\.zip)?$", words))


def like_documents(home: UPath | Path | str, words: str) -> list[str]:
    """A few names of documents that are most like a word."""
    with saying_damaged(home), connect(threads=1) as connection:
        dataset = Dataset(home, "documents")
        table_view(connection, "documents", dataset.paths_of(), DOCUMENTS)
        rows = connection.execute(
            "SELECT name FROM (SELECT DISTINCT unnest(list_prepend(doc_id, coalesce(aliases, []))) AS name FROM documents) "
            "WHERE levenshtein(name, $name) <= 3 ORDER BY levenshtein(name, $name), name LIMIT 3",
            {"name": spelling(words)},
        ).fetchall()
    return [name for (name,) in rows]


def _files(home: UPath | Path | str) -> dict[str, tuple[Kind, str | None]]:
    """Every file of the home by its name: kind and SHA-256."""
    files: dict[str, tuple[Kind, str | None]] = {}
    vocabulary = Dataset(home, "vocabulary").manifest()
    for place, sha256 in (vocabulary.inputs if vocabulary else {}).items():
        if re.fullmatch(r"\d+/.+", place):
            files[place.partition("/")[2]] = ("vocabulary file", sha256)
    files |= {name: ("graph file", graph["sha256"]) for name, graph in graphs_of(home).items()}
    inventory = Dataset(home, "literature_inventory")
    if inventory.manifest():
        table = inventory.read(columns=LITERATURE_INVENTORY.names[:2])
        pairs = zip(table["file"].to_pylist(), table["sha256"].to_pylist(), strict=True)
        files |= {name: ("literature file", sha256) for name, sha256 in pairs}
    return files


def _file(home: UPath | Path | str, words: str) -> Target | None:
    files = _files(home)
    wanted = words.removeprefix("./")
    found = [name for name in files if name == wanted] or [
        name for name in files if f"/{name}".endswith(f"/{wanted}") or wanted.endswith(f"/{name}")
    ]
    if len(found) > 1:
        listed = ", ".join(found[:_SHOWN])
        raise MateriaError(f"is the end of {len(found)} files' names: {listed}", file=words, remedy="Give one whole")
    if not found:
        return None
    kind, sha256 = files[found[0]]
    return Target(kind, found[0], sha256)


def _like_files(home: UPath | Path | str, words: str) -> list[str]:
    names = list(_files(home))
    return (
        get_close_matches(words, names, n=3, cutoff=0.5)
        or [name for name in names if Path(name).name[:4] == Path(words).name[:4]][:3]
    )
