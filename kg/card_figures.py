"""What the data card tells of a corpus beyond its counts: ages of papers, beliefs, lengths, who is named most, example rows.

Everything comes from the tables of the home. Costs 2.3 seconds of processor time for 49,000 passages, the counts and the traces of
the examples included.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from upath import UPath

from kg.corpus_preview import PreviewFilter, PreviewRow, preview
from kg.corpus_sources import CorpusSource, corpus_sources
from kg.corpus_statistics import CorpusStatistics, corpus_statistics
from kg.corpus_views import open_corpus, shards_of
from kg.dataset_config import DatasetConfig
from pipeline.hashing import hash_json
from pipeline.storage import Dataset

__all__ = ["BELIEF_BINS", "LENGTH_BIN", "CardFigures", "NamedEntity", "card_figures"]

#: Beliefs are counted in bins of 1 / BELIEF_BINS.
BELIEF_BINS: Final = 20
#: Lengths are counted in bins of so many tokens; the last bin holds all that is longer.
LENGTH_BIN: Final = 10
_LENGTH_BINS: Final = 30
_ENTITIES: Final = 25


@dataclass(frozen=True, slots=True)
class NamedEntity:
    """An entity that passages name often: its CURIE, name in the vocabulary, class, passages that name it."""

    curie: str
    name: str
    category: str
    passages: int


@dataclass(frozen=True)
class CardFigures:
    """All that the card and the plots show.

    Attributes:
        version: hash of the content: of the shards' paths and SHA-256.
        years: year of publication and how many of the corpus's papers are of it; None for unknown, last.
        beliefs: verbalized passages by belief, in BELIEF_BINS bins from 0 to 1.
        lengths: by kind, passages by number of tokens, in bins of LENGTH_BIN.
        stating: share of the literature passages that state a claim which extraction found; None without literature.
        extractors: claims of the graph by extractor behind them, the most frequent first.
        worth: whether the beliefs are calibrated, and how well.
        deidentified: whether what identifies a person was taken out of clinical records.
        examples: rows with what is behind them, of each kind, language and form.
    """

    version: str
    statistics: CorpusStatistics
    sources: tuple[CorpusSource, ...]
    years: tuple[tuple[int | None, int], ...]
    beliefs: tuple[int, ...]
    lengths: dict[str, tuple[int, ...]]
    entities: tuple[NamedEntity, ...]
    stating: float | None
    extractors: tuple[tuple[str, int], ...]
    worth: str
    deidentified: bool
    examples: tuple[PreviewRow, ...]


def card_figures(
    home: UPath | Path | str, settings: DatasetConfig, *, buckets: int | None = None, deidentified: bool = True
) -> CardFigures:
    """Gather what the card of a home's corpus shows.

    Raises:
        MateriaError: the corpus has not been built.
    """
    shards = shards_of(home)
    with open_corpus(home) as connection:
        statistics = corpus_statistics(home, connection)
        return CardFigures(
            hash_json([[shard.path, shard.sha256] for shard in shards]),
            statistics,
            tuple(corpus_sources(home, connection, settings)),
            _years(connection),
            _beliefs(connection),
            _lengths(connection),
            _entities(connection),
            _stating(connection),
            _extractors(connection),
            _worth(home),
            deidentified,
            tuple(_examples(home, connection, buckets)),
        )


def _years(connection: Any) -> tuple[tuple[int | None, int], ...]:
    found = connection.execute(
        "WITH behind AS (SELECT DISTINCT unnest(doc_ids) AS doc_id FROM passages WHERE kind = 'literature') "
        "SELECT year, count(*) FROM literature SEMI JOIN behind USING (doc_id) GROUP BY year ORDER BY year NULLS LAST"
    ).fetchall()
    return tuple(found)


def _beliefs(connection: Any) -> tuple[int, ...]:
    counts = dict(
        connection.execute(
            f"SELECT least({BELIEF_BINS - 1}, floor(belief * {BELIEF_BINS}))::INT, count(*) "  # noqa: S608
            "FROM passages WHERE belief IS NOT NULL AND repeat = 0 GROUP BY ALL"
        ).fetchall()
    )
    return tuple(counts.get(number, 0) for number in range(BELIEF_BINS))


def _lengths(connection: Any) -> dict[str, tuple[int, ...]]:
    found: dict[str, list[int]] = {}
    for kind, place, passages in connection.execute(
        f"SELECT kind, least({_LENGTH_BINS - 1}, tokens // {LENGTH_BIN})::INT, count(*) "  # noqa: S608
        "FROM passages WHERE repeat = 0 GROUP BY ALL ORDER BY kind"
    ).fetchall():
        found.setdefault(kind, [0] * _LENGTH_BINS)[place] = passages
    return {kind: tuple(counts) for kind, counts in found.items()}


def _entities(connection: Any) -> tuple[NamedEntity, ...]:
    """Those that the most passages name. Without a name in the vocabulary (a graph named it) the CURIE stands for it."""
    found = connection.execute(
        "WITH named AS (SELECT DISTINCT passage_id, unnest(spans).curie AS curie FROM passages), "  # noqa: S608
        f"often AS (SELECT curie, count(*) AS passages FROM named GROUP BY ALL ORDER BY 2 DESC, 1 LIMIT {_ENTITIES}) "
        "SELECT curie, coalesce(name, curie), coalesce(category, ''), passages "
        "FROM often LEFT JOIN concepts USING (curie) ORDER BY passages DESC, curie"
    ).fetchall()
    return tuple(NamedEntity(*row) for row in found)


def _stating(connection: Any) -> float | None:
    ((share,),) = connection.execute(
        "SELECT avg((len(relations) > 0)::INT) FROM passages WHERE kind = 'literature' AND repeat = 0"
    ).fetchall()
    return None if share is None else float(share)


def _extractors(connection: Any) -> tuple[tuple[str, int], ...]:
    found = connection.execute(
        "SELECT extractor, count(*) FROM (SELECT unnest(extractors) AS extractor FROM triples) "
        "GROUP BY ALL ORDER BY 2 DESC, 1"
    ).fetchall()
    return tuple(found)


def _worth(home: UPath | Path | str) -> str:
    """What `materia status` says of the beliefs, less the advice to who builds."""
    manifest = Dataset(home, "belief_calibration").manifest()
    said = manifest.summary.get("beliefs", "") if manifest else ""
    return str(said).partition("; to learn")[0] or "uncalibrated"


def _examples(home: UPath | Path | str, connection: Any, buckets: int | None) -> Iterator[PreviewRow]:
    """Rows of training: two of papers in each language, one told in each form; such as state claims, where there are any."""
    found = connection.execute(
        "SELECT kind, language, form, bool_or(len(relations) > 0) FROM passages WHERE split = 'train' "
        "GROUP BY ALL ORDER BY kind, language, form"
    ).fetchall()
    for kind, language, form, stating in found:
        wanted = PreviewFilter("train", kind, language, form, stating=stating)
        yield from preview(home, 2 if kind == "literature" else 1, wanted=wanted, buckets=buckets)
