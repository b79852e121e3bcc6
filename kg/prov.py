"""Where the corpus comes from as PROV-O: which papers a shard rests on, which file each paper was read from, what made them of what.

    <materia:shard/train/03/HASH>   a prov:Entity ; prov:wasDerivedFrom <a paper>, ... ; prov:wasGeneratedBy <an activity> .
    <a paper>                       a prov:Entity ; prov:wasDerivedFrom <materia:file/NAME> .
    <materia:activity/corpus_shards/03/HASH>  a prov:Activity ; prov:used <materia:partition/...>, ... .
    <materia:stage/corpus_shards>   a prov:Activity ; prov:wasInformedBy <materia:stage/...> ; prov:wasAssociatedWith <code> .

All stands in the named graph `materia:provenance`, beside the graph itself, in which each piece of evidence already names its paper
by prov:wasDerivedFrom: so one question goes from a claim over its papers to files and shards. IRIs are made of names and hashes;
there is no clock. A row of a shard has no statement of its own (`materia trace` reads it from the tables): 49,000 rows would be
half a million statements more.

Cost: 12 ms of processor time for a bucket of three shards from 520 papers. Format: https://www.w3.org/TR/prov-o/.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import pyarrow.compute as pc
import pyarrow.parquet as pq

from kg.corpus import SHARDS
from pipeline.curies import expand
from pipeline.storage import Manifest

__all__ = ["GRAPH", "PlannedStage", "SourceFile", "paper_lines", "shard_lines", "stage_lines", "write_sorted"]

#: The named graph of all that is said here.
GRAPH: Final = "materia:provenance"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that was read: its name in the home, its SHA-256, the stage that reads it, and the reader's name where one is known."""

    name: str
    sha256: str
    read_by: str
    format: str | None = None


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """A stage, the version of its code, and the stages whose output it reads."""

    name: str
    code_version: str
    needs: tuple[str, ...]


def shard_lines(manifest: Manifest, folder: Path | str) -> Iterator[str]:
    """Statements about the shards of one bucket and what made them.

    Args:
        manifest: of the bucket in `corpus_shards`.
        folder: where its files are.
    """
    key = manifest.partition
    activity = f"materia:activity/{SHARDS}/{key}/{manifest.skip_key[:16]}"
    yield _line(activity, "rdf:type", _iri("prov:Activity"))
    yield _line(activity, "prov:wasInformedBy", _iri(f"materia:stage/{SHARDS}"))
    yield _line(activity, "prov:wasAssociatedWith", _iri(_agent(SHARDS, manifest.code_version)))
    for name, version in manifest.inputs.items():
        partition = f"materia:partition/{name}/{version[:16]}"
        yield _line(activity, "prov:used", _iri(partition))
        yield _line(partition, "rdf:type", _iri("prov:Entity"))
        yield _line(partition, "rdfs:label", _text(name))
        yield _line(partition, "materia:data_version", _text(version))
    for entry in manifest.files:
        if not entry.rows or not entry.path.startswith("split="):
            continue
        place = entry.path.rpartition("/")[0]
        split = place.partition("/")[0].removeprefix("split=")
        shard = f"materia:shard/{split}/{key}/{entry.sha256[:16]}"
        yield _line(shard, "rdf:type", _iri("prov:Entity"))
        yield _line(shard, "rdfs:label", _text(f"{SHARDS}/{place}"))
        yield _line(shard, "materia:sha256", _text(entry.sha256))
        yield _line(shard, "materia:split", _text(split))
        yield _line(shard, "materia:rows", _integer(entry.rows))
        yield _line(shard, "prov:wasGeneratedBy", _iri(activity))
        with pq.ParquetFile(f"{folder}/{entry.path}") as file:
            lists = file.read(columns=["doc_ids"], use_threads=False)["doc_ids"]
        for doc_id in pc.unique(pc.list_flatten(lists)).to_pylist():
            yield _line(shard, "prov:wasDerivedFrom", _iri(doc_id))


def paper_lines(papers: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Statements about live papers, given as doc_id, version, status and file."""
    for doc_id, version, status, file in papers:
        yield _line(doc_id, "rdf:type", _iri("prov:Entity"))
        yield _line(doc_id, "materia:version", _integer(version))
        yield _line(doc_id, "materia:status", _text(status))
        yield _line(doc_id, "prov:wasDerivedFrom", _iri(_file(file)))


def stage_lines(stages: Iterable[PlannedStage], files: Iterable[SourceFile]) -> Iterator[str]:
    """Statements about the stages, their code, and the files that they read."""
    for stage in stages:
        name, agent = f"materia:stage/{stage.name}", _agent(stage.name, stage.code_version)
        yield _line(name, "rdf:type", _iri("prov:Activity"))
        yield _line(name, "rdfs:label", _text(stage.name))
        yield _line(name, "prov:wasAssociatedWith", _iri(agent))
        yield _line(agent, "rdf:type", _iri("prov:SoftwareAgent"))
        yield _line(agent, "rdfs:label", _text(f"materia {stage.name} {stage.code_version}"))
        for need in stage.needs:
            yield _line(name, "prov:wasInformedBy", _iri(f"materia:stage/{need}"))
    for file in files:
        name = _file(file.name)
        yield _line(name, "rdf:type", _iri("prov:Entity"))
        yield _line(name, "rdfs:label", _text(file.name))
        yield _line(name, "materia:sha256", _text(file.sha256))
        yield _line(f"materia:stage/{file.read_by}", "prov:used", _iri(name))
        if file.format is not None:
            yield _line(name, "materia:format", _text(file.format))


def write_sorted(lines: Iterable[str], path: Path) -> int:
    """Write statements as N-Quads in the order of their bytes, each once; return how many."""
    encoded = sorted({line.encode() for line in lines})
    path.write_bytes(b"".join(encoded))
    return len(encoded)


def _agent(stage: str, code_version: str) -> str:
    return f"materia:code/{stage}/{code_version}"


def _file(name: str) -> str:
    return f"materia:file/{name}"


@lru_cache(1 << 14)
def _iri(curie: str) -> str:
    return f"<{expand(curie)}>"


def _text(text: str) -> str:
    escaped = text.translate(_ESCAPES)
    return f'"{escaped}"'


def _integer(number: int) -> str:
    return f'"{number}"^^{_iri("xsd:integer")}'


_ESCAPES: Final = {code: f"\\u{code:04X}" for code in (*range(32), 127)} | {
    8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\",
}  # fmt: skip


def _line(subject: str, predicate: str, value: str) -> str:
    return f"{_iri(subject)} {_iri(predicate)} {value} {_GRAPH}\n"


_GRAPH: Final = f"<{expand(GRAPH)}> ."
