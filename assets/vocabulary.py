"""The stage that reads vocabularies: ontologies and lists of names, joined into one table of concepts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from assets.home import Home
from assets.memory import remember_vocabulary
from assets.stage import Check, Job, Stage
from pipeline.graphs import NAMING
from pipeline.graphs.files import open_graphs
from pipeline.hashing import hash_fields
from pipeline.inventory import list_files
from pipeline.sources import printable
from pipeline.storage import Manifest
from pipeline.tables import VOCABULARY, VOCABULARY_MERGES, table_schema, table_version
from pipeline.vocabularies import LOADERS, list_vocabularies
from pipeline.vocabularies.base import OnSetAside
from pipeline.vocabularies.categories import load_rules, rules_hash
from pipeline.vocabularies.join import VERSION as JOIN
from pipeline.vocabularies.name_categories import VERSION as NAME_CATEGORIES
from pipeline.vocabularies.source_tables import SourceTables

__all__ = ["MERGES", "SOURCES", "STAGES"]

#: What each vocabulary file says, a partition a file: kept so that only a file that changed is parsed.
SOURCES = "vocabulary_sources"
#: Which concepts were joined into which, and why.
MERGES = "vocabulary_merges"
#: What the files say but for names, in their order.
_SOURCE_HASHES = table_schema(
    "source_hashes", 1, {"without_names": (pa.string(), "a hash of each file's parts and links")}
)


def _vocabulary_files(home: Home, key: str) -> Mapping[str, str]:
    files = _files(home, lambda _: None)
    # The order counts: the first file that names a concept gives its preferred name.
    with home.file_hashes("vocabulary") as known:
        hashes = {f"{place:03d}/{printable(path.name)}": known.sha256(UPath(path)) for place, path in enumerate(files)}
    hashes |= {"categories": rules_hash(home.config.vocabulary.categories)}
    return hashes | ({"tables": hash_fields(*(one.version for one in home.tables()))} if home.tables() else {})


def _files(home: Home, set_aside: OnSetAside) -> list[UPath]:
    """The vocabularies, then the graphs whose nodes only their names identify, where they are not among them."""
    tables = home.tables()
    files = list_vocabularies(home.vocabulary, set_aside, tables)
    given = {str(path) for path in files}
    graphs = open_graphs(list_files(home.graphs), lambda _: None, tables) if home.graphs else []  # its own stage tells
    named = [graph.path for graph in graphs if graph.reader.name in NAMING]
    return files + [path for path in named if str(path) not in given]


def vocabulary(job: Job) -> None:
    """Every concept of the vocabularies: CURIE, names, Biolink class, parents, cross-references.

    A CURIE that several vocabularies describe is one concept with all its names, and so are concepts that are said to be
    exactly the same; `vocabulary_merges` has the log. Terms without a name and clauses that cannot be read are set aside
    with the reason. A graph whose nodes have no identifiers but their names (a table) is read as a vocabulary too.
    """
    from pipeline.vocabularies.source_tables import read_sources

    set_aside = job.writer.set_aside
    sources = read_sources(_files(job.home, set_aside), job.dataset(SOURCES), set_aside, job.home.tables())
    said = [source.without_names for source in sources]
    job.writer.state("sources", _SOURCE_HASHES).write(pa.table({"without_names": said}, schema=_SOURCE_HASHES))
    if job.previous is not None and _only_names_changed(job, job.previous, said):
        _take_names(job, job.previous, sources)
    else:
        _join(job, sources)


def _only_names_changed(job: Job, previous: Manifest, said: list[str]) -> bool:
    """Whether the files, their order and the rules are as they were but for synonyms and translations."""
    dataset = job.dataset("vocabulary")
    goals, before = dataset.state("goals"), dataset.state("sources")
    if goals is None or before is None or not _log_stands(job.home):
        return False
    rules_changed = {"categories", "tables"} & job.changed_inputs()
    same = pq.read_table(before, partitioning=None)["without_names"].to_pylist() == said
    return same and not rules_changed and pq.read_metadata(goals).num_rows > 0


def _take_names(job: Job, previous: Manifest, sources: Sequence[SourceTables]) -> None:
    """The concepts as they are, with the synonyms and translations of the files. No check looks at these."""
    from pipeline.vocabularies.join import with_names

    dataset = job.dataset("vocabulary")
    goals = dataset.state("goals")
    assert goals is not None
    concepts = job.writer.table("vocabulary.parquet", VOCABULARY)
    for rows in with_names(dataset.batches(batch_size=8192), goals, sources, job.writer.set_aside):
        concepts.write(rows)
    for entry in previous.files:
        if entry.path.startswith(("_state/all/goals-", "_state/all/judged-")):
            job.writer.keep(entry)
    job.writer.summary |= {name: value for name, value in previous.summary.items() if name != "checks"}
    job.checks |= previous.summary["checks"]


def _join(job: Job, sources: Sequence[SourceTables]) -> None:
    from kg.validation import figures, of_severity, validate_concepts
    from pipeline.vocabularies.join import PART_GOALS, joined
    from pipeline.vocabularies.judged_names import JUDGED_NAMES, NameJudge

    settings = job.home.config.vocabulary
    concepts = job.writer.table("vocabulary.parquet", VOCABULARY)
    kept = job.dataset("vocabulary").state("judged") if job.previous else None
    judged = NameJudge(pq.read_table(kept, partitioning=None) if kept else None)
    categories: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    with (
        job.dataset(MERGES).writer() as log,
        joined(
            sources,
            job.writer.set_aside,
            rules=load_rules(settings.categories),
            prefix_order=settings.prefix_order,
            merge_cross_references=settings.merge_cross_references,
            classify=judged,
        ) as result,
    ):
        for rows in result.concepts:
            concepts.write(rows)
            categories.update(rows["category"].to_pylist())
        merges = log.table("merges.parquet", VOCABULARY_MERGES)
        for rows in result.merges:
            merges.write(rows)
            outcomes.update(reason or "merged" for reason in rows["refused"].to_pylist())
        goals = job.writer.state("goals", PART_GOALS)
        for rows in result.goals:
            goals.write(rows)
        written = log.commit(skip_key=JOIN, code_version=table_version(VOCABULARY_MERGES), inputs={})
    job.writer.state("judged", JUDGED_NAMES).write(judged.asked())
    job.writer.summary["merge_log"] = written.data_version
    job.writer.summary["concepts"] = concepts.rows
    job.writer.summary["categories"] = dict(sorted(categories.items()))
    job.writer.summary["merges"] = dict(sorted(outcomes.items()))
    job.check("some_concept", concepts.rows > 0, concepts=concepts.rows)
    concepts.close()
    found = validate_concepts([str(concepts.path)], threads=job.workers)
    violations, warnings = of_severity(found, "violation"), of_severity(found, "warning")
    job.check("concepts_are_sound", not violations, **figures(violations))
    job.check("concepts_are_plausible", not warnings, **figures(warnings))


def _log_stands(home: Home) -> bool:
    """Whether the log is the one that the concepts were written with: a build may have been killed between the two."""
    concepts, log = home.dataset("vocabulary").manifest(), home.dataset(MERGES).manifest()
    return concepts is not None and log is not None and concepts.summary.get("merge_log") == log.data_version


STAGES = [
    Stage(
        "vocabulary",
        "vocabulary",
        vocabulary,
        settings=lambda home: home.config.vocabulary.model_dump(exclude={"categories", "tables"}),
        version="-".join([*sorted(LOADERS), NAME_CATEGORIES, JOIN]),
        tables=(VOCABULARY, VOCABULARY_MERGES),
        kinds=("duckdb", "parquet"),
        fingerprint=_vocabulary_files,
        present=_log_stands,
        remember=remember_vocabulary,
        checks=(
            Check("some_concept", "The vocabularies must hold at least one concept."),
            Check(
                "concepts_are_sound",
                "No cycles of is_a, contradictory mappings, missing names, unknown classes or malformed identifiers.",
                blocking=False,
            ),
            Check(
                "concepts_are_plausible", "Superclasses and exact matches are of the concept's kind.", blocking=False
            ),
        ),
    )
]
