"""The stage that says in PROV-O where the corpus comes from, and puts it into the index of the graph.

It comes after the corpus, and the graph does not depend on it: `graph_index` keeps in the index what it finds of it (`provenance_files`),
so each of the two brings the index up to date by its own difference.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from filecmp import cmp
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from assets.graph import graph_files, index_state, put_into_index
from assets.home import Home
from assets.stage import Job, Need, Stage
from kg.corpus import SHARDS
from kg.generations import current_generation
from kg.origins import graphs_of
from pipeline.hashing import BUCKET_SQL, hash_fields
from pipeline.storage import WHOLE

__all__ = ["make_stage"]

_STAGES_PART: Final = "stages"
_PARTS: Final = pa.schema([("part", pa.string()), ("digest", pa.string())])


def make_stage(planned: tuple[Stage, ...]) -> Stage:
    """The stage, which tells of all these others."""

    def provenance(job: Job) -> None:
        """Which papers each shard rests on, which file each paper is from, which code made what: PROV-O, asked by SPARQL.

        Stands in the named graph `materia:provenance` of the graph's index. A bucket in which nothing changed is kept.
        """
        _provenance(job, planned)

    return Stage(
        "provenance",
        "corpus",
        provenance,
        needs=(
            Need("graph_index"),
            Need(SHARDS, "bucket"),
            Need("live_documents"),
            Need("literature_inventory"),
            Need("vocabulary"),
            Need("graph_evidence"),
        ),
        settings=lambda home: [home.config.buckets, _told(planned)],
        version="2",
        fingerprint=_made_from,
        present=_is_in_the_index,
        kinds=("rdf", "oxigraph"),
    )


def _told(planned: tuple[Stage, ...]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Of each stage its name, the version of its code, and the stages that it reads: of a bucketed asset the shuffle that writes it."""
    makers = {stage.shuffled: stage.name for stage in planned if stage.shuffled}
    return [
        (
            stage.name,
            stage.code_version,
            tuple(dict.fromkeys(makers.get(need.asset, need.asset) for need in stage.needs)),
        )
        for stage in planned
    ]


def _made_from(home: Home, key: str) -> Mapping[str, str]:
    """Statements name inputs and skip keys of shards, so a shard made of other inputs counts as changed, whatever its rows."""
    shards = home.dataset(SHARDS).manifests()
    made = {f"{SHARDS}/{k}": hash_fields(m.skip_key, m.data_version) for k, m in shards.items()}
    for asset in ("live_documents", "literature_inventory", "vocabulary", "graph_evidence"):
        manifest = home.dataset(asset).manifest()
        made[f"{asset}/{WHOLE}"] = hash_fields(manifest.skip_key, manifest.data_version) if manifest else ""
    return made


def _is_in_the_index(home: Home) -> bool:
    """Whether the index holds just these files: another build of the graph may have made it anew without them."""
    generation, files = current_generation(index_state(home)), _files(home)
    held = generation.nquads[-len(files) :] if generation and files else []
    # Where the disk knows no links, the index has copies.
    return len(held) == len(files) and all(
        one.exists() and (one.samefile(other) or cmp(one, other, shallow=False))
        for one, other in zip(held, files, strict=True)
    )


def _files(home: Home) -> list[Path]:
    return [Path(path) for path in home.dataset("provenance").paths(WHOLE, ".nq")]


def _provenance(job: Job, planned: tuple[Stage, ...]) -> None:
    from kg.prov import PlannedStage, paper_lines, shard_lines, stage_lines, write_sorted
    from pipeline.duck import connect, file_list

    shards, live = job.dataset(SHARDS), job.dataset("live_documents").paths()
    manifests = shards.manifests()
    stages = [PlannedStage(*stage) for stage in _told(planned)]
    sources = _sources(job.home)
    with connect() as connection:
        connection.execute(
            "CREATE TEMP TABLE papers AS SELECT doc_id, version, status, file, "  # noqa: S608
            f"{BUCKET_SQL.format('doc_id', job.home.config.buckets)} AS bucket "
            f"FROM read_parquet({file_list(live)}) WHERE status <> 'deleted'"
        )
        papers = dict(connection.execute(_DIGESTS).fetchall())
        digests = {
            key: hash_fields(m.skip_key, m.data_version, papers.get(bucket))
            for bucket, (key, m) in enumerate(sorted(manifests.items()))
        } | {_STAGES_PART: hash_fields(repr(stages), repr(sources))}
        standing = _standing(job)
        files: list[Path] = []
        counts: dict[str, int] = {}
        for number, (part, digest) in enumerate(digests.items()):
            if (kept := standing.get(part)) and kept[0] == digest:
                job.writer.keep(kept[1])
                files.append(Path(*job.dataset("provenance").fetch([kept[1]])))
                counts[part] = kept[2]
                continue
            if part == _STAGES_PART:
                lines = tuple(stage_lines(stages, sources))
            else:
                mine = connection.execute(_PAPERS, {"bucket": number}).fetchall()
                shards.fetch(manifests[part].files)
                lines = (*shard_lines(manifests[part], job.home.path / SHARDS), *paper_lines(mine))
            path = job.writer.file(f"{part}/provenance.nq")
            counts[part] = write_sorted(lines, path)
            files.append(path)
    table = pa.table({"part": list(digests), "digest": list(digests.values())}, schema=_PARTS)
    job.writer.state("parts", _PARTS).write(table)
    job.writer.summary["quads"] = sum(counts.values())
    job.writer.summary["quads_by_part"] = counts
    put_into_index(job.home, graph_files(job.home), files)


_DIGESTS: Final = """
    SELECT bucket, sha256(string_agg(concat_ws(chr(31), doc_id, version, status, file), chr(10) ORDER BY doc_id))
    FROM papers GROUP BY bucket
"""
_PAPERS: Final = "SELECT doc_id, version, status, file FROM papers WHERE bucket = $bucket ORDER BY doc_id"


def _standing(job: Job) -> dict[str, Any]:
    """Of each part that is in force: the digest of what it was made from, its file, and how many statements it has."""
    import pyarrow.parquet as pq

    path = job.dataset("provenance").state("parts") if job.previous else None
    if job.previous is None or path is None:
        return {}
    digests = dict(zip(*pq.read_table(path).to_pydict().values(), strict=True))
    entries = {entry.path.partition("/")[0]: entry for entry in job.previous.files if entry.path.endswith(".nq")}
    counts = job.previous.summary["quads_by_part"]
    return {part: (digest, entries[part], counts[part]) for part, digest in digests.items()}


def _sources(home: Home) -> list[Any]:
    """Every file that was read, sorted by name."""
    from kg.prov import SourceFile

    table = home.dataset("literature_inventory").read(columns=["file", "sha256", "format"])
    files = [SourceFile(r["file"], r["sha256"], "documents", r["format"]) for r in table.to_pylist()]
    vocabulary = home.dataset("vocabulary").manifest()
    for place, sha256 in vocabulary.inputs.items() if vocabulary else ():
        if re.fullmatch(r"\d+/.+", place):
            files.append(SourceFile(place.partition("/")[2], sha256, "vocabulary"))
    files += [SourceFile(name, g["sha256"], "graph_evidence", g["format"]) for name, g in graphs_of(home.url).items()]
    return sorted(files, key=lambda file: (file.name, file.read_by))
