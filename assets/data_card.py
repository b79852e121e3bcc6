"""The stage that describes the corpus for those who did not make it.

It stands apart from `corpus`, which models are trained on: a licence that is stated later, or a renamed file, must train nothing again.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from assets.home import Home
from assets.stage import Job, Need, Stage
from kg.corpus_statistics import counted_by_stages
from kg.origins import graphs_of

__all__ = ["STAGES"]


def data_card(job: Job) -> None:
    """What a reader must know of the corpus: counts, sources and licences, ages, beliefs, what was left out, examples with their trace.

    With Croissant metadata beside it; `materia corpus export` puts both in front of the shards.
    """
    from kg.data_card import missing_statements, write_card

    home, config = job.home, job.home.config
    folder = job.writer.folder("card")
    figures = write_card(home.url, folder, config.dataset, buckets=config.buckets, deidentified=config.deidentify)
    job.writer.summary["passages"] = figures.statistics.total("passages")
    job.writer.summary["not_stated"] = missing_statements(config.dataset)


def _from_manifests(home: Home) -> Any:
    """What the card takes from manifests and no table: it may change where no row does.

    A comment in a vocabulary gives it another SHA-256 and the same concepts; a language that nothing can be told in makes counts
    and no passage.
    """
    vocabulary, beliefs = home.dataset("vocabulary").manifest(), home.dataset("belief_calibration").manifest()
    return [
        vocabulary.inputs if vocabulary else {},
        graphs_of(home.url),
        beliefs.summary.get("beliefs") if beliefs else None,
        counted_by_stages(home.url),
    ]


STAGES = [
    Stage(
        "data_card",
        "corpus",
        data_card,
        needs=(
            Need("corpus"),
            Need("corpus_selection"),
            Need("literature_inventory"),
            Need("live_documents"),
            Need("vocabulary"),
            Need("graph_evidence"),
            Need("belief_calibration"),
            Need("triples", "bucket"),
            Need("evidence_by_bucket", "bucket"),
            Need("literature_by_bucket", "bucket"),
            Need("verbalized_corpus", "bucket"),
            Need("literature_corpus", "bucket"),
        ),
        settings=lambda home: [
            home.config.dataset.model_dump(mode="json"),
            home.config.deidentify,
            version("materia"),
            _from_manifests(home),
        ],
        kinds=("duckdb", "markdown"),
    ),
]
