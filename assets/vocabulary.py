"""The stage that reads vocabularies: ontologies and lists of names, joined into one table of concepts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from upath import UPath

from assets.home import Home
from assets.stage import Check, Job, Stage
from pipeline.storage import file_sha256
from pipeline.tables import VOCABULARY
from pipeline.vocabularies import LOADERS
from pipeline.vocabularies.name_categories import VERSION as NAME_CATEGORIES

__all__ = ["STAGES"]


def _vocabulary_files(home: Home, key: str) -> Mapping[str, str]:
    from pipeline.vocabularies import list_vocabularies

    files = list_vocabularies(home.vocabulary)
    # The order counts: the first file that names a concept gives its preferred name.
    return {f"{place:03d}/{path.name}": file_sha256(UPath(path)) for place, path in enumerate(files)}


def vocabulary(job: Job) -> None:
    """Every concept of the vocabularies: CURIE, names, Biolink class, parents, cross-references.

    A CURIE that several vocabularies describe is one concept with all its names. Terms without a name and clauses that
    cannot be read are set aside with the reason.
    """
    from pipeline.vocabularies import load_vocabulary

    table = load_vocabulary(list(job.home.vocabulary), job.writer.set_aside)
    job.writer.table("vocabulary.parquet", VOCABULARY).write(table)
    job.writer.summary["concepts"] = table.num_rows
    job.writer.summary["categories"] = dict(sorted(Counter(table["category"].to_pylist()).items()))
    job.check("some_concept", table.num_rows > 0, concepts=table.num_rows)


STAGES = [
    Stage(
        "vocabulary",
        "vocabulary",
        vocabulary,
        version="-".join([*sorted(LOADERS), NAME_CATEGORIES]),
        tables=(VOCABULARY,),
        kinds=("python", "parquet"),
        fingerprint=_vocabulary_files,
        checks=(Check("some_concept", "The vocabularies must hold at least one concept."),),
    )
]
