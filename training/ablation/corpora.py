"""The corpora that arms read: literature alone, with told triples, or with told triples of a shuffled graph.

Verbalized passages are those of the forms `fact` and `paragraph` in which every sentence affirms one training triple. Other forms
are left out of every arm alike, since they cannot be told wrongly without contradiction: a quotation is a real sentence,
a chain is two triples that share an entity, a definition is no triple; nor can what is denied or contested.

    literature    literature
    told          literature, and what tells the graph
    shuffled      the same passages in the same order, with a graph shuffled by the seed (`retelling`)

Rows stand in the order of a hash of passage and copy, so kinds are mixed, and `told` and `shuffled` give each step the same passages.
DuckDB sorts on disk; what is in memory is a row group, the training triples and the claims. 34,000 passages take 2 s, shuffled 4 s.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from kg.staging import staging
from kg.tables import PASSAGES
from pipeline.duck import connect, stream, table_view
from pipeline.errors import MateriaError
from pipeline.hashing import hash_json
from pipeline.table_files import Layout, TableSink
from training.ablation.arms import CorpusSpec
from training.ablation.retelling import Claim, Retelling, Tellings, shuffle_claims
from training.ablation.shuffled_graph import ShuffledGraph, shuffle_graph
from training.data.shards import Shard
from training.sources import Sources

__all__ = ["FORMS", "Corpora"]

#: Forms of verbalized passages that arms read.
FORMS: Final = ("fact", "paragraph")
#: Raise it where the same inputs give other rows.
_VERSION: Final = "arm_corpus.v1"
_LAYOUT: Final = Layout(rows=1024, compression="zstd")
_WORDS: Final = r"\S+"


class Corpora:
    """Makes corpora in a folder; one that is there already is not made again.

    Args:
        sources: the shards and triples of a home.
        folder: where they lie: `NAME-KEY.parquet`, and what is in them as JSON beside it.
    """

    def __init__(self, sources: Sources, folder: Path) -> None:
        self.sources, self.folder = sources, folder
        self._graphs: dict[int, ShuffledGraph] = {}

    def key(self, spec: CorpusSpec) -> str:
        """The name of all that a corpus is made from."""
        shards = [[shard.name, shard.sha256] for shard in self.sources.train]
        graph = None if spec.name == "literature" else self.sources.triples_hash()
        return hash_json([_VERSION, shards, graph, list(spec)])[:16]

    def shard(self, spec: CorpusSpec) -> Shard:
        """The file of a corpus, made where it is missing.

        Raises:
            MateriaError: there is no literature, or nothing that tells a training triple.
        """
        path = self._path(spec)
        if not path.exists():
            with staging(path.with_suffix("")) as staged:
                staged.mkdir(parents=True)
                counts = self._write(spec, staged / path.name)
                path.with_suffix(".json").write_text(
                    json.dumps(counts, indent=1, sort_keys=True) + "\n", encoding="utf-8"
                )
                (staged / path.name).replace(path)
        return Shard.of(path, self.folder.parent)

    def counts(self, spec: CorpusSpec) -> dict[str, int]:
        """What a corpus that was made holds: passages, words, claims, told_passages, told_words."""
        return dict(json.loads(self._path(spec).with_suffix(".json").read_text(encoding="utf-8")))

    def graph(self, seed: int) -> ShuffledGraph:
        """The shuffled graph of a seed."""
        if seed not in self._graphs:
            self._graphs[seed] = shuffle_graph(self.sources.triples, self._told.kinds(), seed=seed)
        return self._graphs[seed]

    def _path(self, spec: CorpusSpec) -> Path:
        return self.folder / f"{spec.name}-{self.key(spec)}.parquet"

    def _write(self, spec: CorpusSpec, path: Path) -> dict[str, int]:
        again = _Again(self, spec.seed) if spec.name == "shuffled" and spec.seed is not None else None
        counts: Counter[str] = Counter()
        with connect() as connection:
            self._views(connection)
            sink = TableSink(path, PASSAGES, _LAYOUT)
            for batch in stream(connection, self._sql(connection, spec), _LAYOUT.rows):
                rows = pa.table(batch) if again is None else again.told(pa.table(batch))
                sink.write(rows)
                counts += _counts(rows)
            sink.close()
        if not counts["passages"] > counts["told_passages"]:
            raise MateriaError("the corpus holds no literature", remedy="Build the corpus with literature, then ablate")
        return dict(counts)

    def _views(self, connection: Any) -> None:
        """The passages, and `eligible`: ids of those that tell training triples and nothing else."""
        table_view(connection, "passages", [shard.path for shard in self.sources.train], PASSAGES)
        triples = self.sources.triples
        known = triples.filter(pc.equal(triples["split"], "train")).select(["triple_id"])
        connection.register("known", known)
        forms = ", ".join(f"'{form}'" for form in FORMS)
        connection.execute(f"""
            CREATE TEMP TABLE candidates AS SELECT DISTINCT passage_id, relations FROM passages
            WHERE kind = 'verbalized' AND form IN ({forms}) AND len(relations) = len(sentences) AND len(spans) = 2 * len(relations)
        """)  # noqa: S608
        connection.execute("""
            CREATE TEMP TABLE eligible AS SELECT passage_id FROM candidates WHERE passage_id NOT IN (
                SELECT passage_id FROM (SELECT passage_id, unnest(relations).source AS source FROM candidates)
                WHERE source NOT IN (SELECT triple_id FROM known))
        """)

    def _sql(self, connection: Any, spec: CorpusSpec) -> str:
        """The rows of a corpus in their order."""
        copies = "0::BIGINT"
        if spec.name != "literature":
            words = f"sum(len(regexp_extract_all(text, '{_WORDS}')))"
            sql = f"SELECT {words} FILTER (kind = 'literature'), {words} FILTER (passage_id IN (FROM eligible)) FROM passages"  # noqa: S608
            ((literature, told),) = connection.execute(sql).fetchall()
            if not told:
                raise MateriaError(
                    "no passage of the corpus tells a training triple, so there is no graph to read about",
                    remedy="Build the corpus with the verbalized forms fact or paragraph, or leave out the arms that read them",
                )
            factor = 1.0 if spec.ratio is None else spec.ratio * (literature or 0) / told
            drawn = "('0x' || sha256('copy' || passage_id)[1:13])::BIGINT / 16.0 ** 13"
            copies = f"{int(factor)}::BIGINT + ({drawn} < {factor % 1!r})::BIGINT"
        columns = ", ".join(f'"{name}"' for name in PASSAGES.names)
        return f"""
            SELECT {columns} FROM (
                SELECT *, unnest(range(if(kind = 'literature', 1, {copies}))) AS copy FROM passages
                WHERE kind = 'literature' OR passage_id IN (FROM eligible))
            ORDER BY sha256('order' || chr(31) || passage_id || chr(31) || copy)
        """  # noqa: S608

    @cached_property
    def _told(self) -> Tellings:
        """How the passages tell objects, facts before paragraphs."""
        found = Tellings()
        with connect() as connection:
            self._views(connection)
            sql = "FROM passages WHERE passage_id IN (FROM eligible) ORDER BY form, passage_id"
            for batch in stream(connection, sql):
                for row in batch.to_pylist():
                    found.add(row)
        return found

    def _claims(self) -> dict[Claim, int]:
        """How often the literature makes each claim."""
        with connect() as connection:
            self._views(connection)
            sql = """
                SELECT spans[claim.subject + 1].curie, claim.predicate, spans[claim.object + 1].curie, count(*) FROM (
                    SELECT spans, unnest(relations) AS claim FROM passages WHERE kind = 'literature') GROUP BY ALL
            """
            return {(s, p, o): n for s, p, o, n in connection.execute(sql).fetchall()}


class _Again:
    """Rewrites the rows of `told`, in their order, as the shuffled graph has it."""

    def __init__(self, corpora: Corpora, seed: int) -> None:
        self._retelling = Retelling(corpora.graph(seed), corpora._told, corpora.sources.names)
        self._predicates = {claim: iter(made) for claim, made in shuffle_claims(corpora._claims(), seed=seed).items()}

    def told(self, rows: pa.Table) -> pa.Table:
        """The rows; those that make no claim are as they were."""
        claims = pc.greater(pc.fill_null(pc.list_value_length(rows["relations"]), 0), 0)
        changed = [self._row(row) for row in rows.filter(claims).to_pylist()]
        order = pc.sort_indices(pa.concat_arrays([pc.indices_nonzero(pc.invert(claims)), pc.indices_nonzero(claims)]))
        rest = rows.filter(pc.invert(claims)).cast(PASSAGES)
        return pa.concat_tables([rest, pa.Table.from_pylist(changed, PASSAGES)]).take(order)

    def _row(self, row: dict[str, Any]) -> dict[str, Any]:
        if row["kind"] != "literature":
            return self._retelling.passage(row)
        spans = row["spans"]
        made = [(spans[r["subject"]]["curie"], r["predicate"], spans[r["object"]]["curie"]) for r in row["relations"]]
        relations = [
            relation | {"predicate": next(self._predicates[claim])}
            for relation, claim in zip(row["relations"], made, strict=True)
        ]
        return row | {"relations": relations}


def _counts(rows: pa.Table) -> Counter[str]:
    words = pc.count_substring_regex(rows["text"], _WORDS)
    told = pc.not_equal(rows["kind"], "literature")
    claims = pc.sum(pc.list_value_length(rows["relations"])).as_py() or 0
    return Counter(
        passages=rows.num_rows,
        words=pc.sum(words).as_py() or 0,
        claims=claims,
        told_passages=pc.sum(told).as_py() or 0,
        told_words=pc.sum(pc.if_else(told, words, 0)).as_py() or 0,
    )
