"""Export the graph: stage, count again, describe, put in place.

What is written is read again before it counts: its claims and its evidence must be those of the table `triples`, less what was
left out, which is counted with its reason. So no evidence can get lost on the way out without somebody being told.

Beside the export lies a manifest (`manifest.json` in a folder, `NAME.manifest.json` beside a file): format, selection, data
versions of what it was made from, counts, and the SHA-256 of each file. It holds no clock and no path, is written last, and
only what it describes is ever replaced.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from upath import UPath

from kg.export import EXPORTERS
from kg.export.base import Exporter, Selection
from kg.export.graph import Graph, Progress, open_graph
from kg.staging import staging
from pipeline.duck import MEMORY_LIMIT
from pipeline.errors import MateriaError
from pipeline.storage import file_sha256, write_atomically

__all__ = ["MANIFEST", "export_graph", "manifest_path"]

#: Name of the manifest in a folder, and the end of its name beside a file.
MANIFEST: Final = "manifest.json"
_SCHEMA: Final = "materia.export.v1"


def _quiet(what: str, done: int, total: int | None) -> None:
    """Tell nobody."""


def export_graph(
    home: UPath | Path | str,
    format_: str,
    out: Path,
    selection: Selection | None = None,
    *,
    force: bool = False,
    progress: Progress = _quiet,
    threads: int | None = None,
    memory_limit: str = MEMORY_LIMIT,
) -> dict[str, Any]:
    """Write the graph of a home in a format.

    Args:
        home: a home folder, where the tables of a build are.
        format_: a name of EXPORTERS.
        out: the file to write, compressed where its name ends in .gz; or the folder, for a format of several files.
        selection: which claims; all where None.
        force: replace an export that is there.
        progress: told what is written, how many are done, how many there will be.
        threads: worker threads; all cores where None. The result does not depend on it.
        memory_limit: what DuckDB may hold before it spills to disk.

    Returns:
        The manifest.

    Raises:
        MateriaError: the format is unknown or cannot hold what is asked for, the home is not built, there is something in the
            way, or the folder cannot be written to. What was there before is then as it was.
    """
    exporter = _exporter(format_, selection := selection or Selection())
    _check_place(out, exporter, force=force)
    with (
        open_graph(home, exporter, selection, progress, threads=threads, memory_limit=memory_limit) as graph,
        staging(out) as staged,
    ):
        if not exporter.single_file:
            staged.mkdir()
        counts = _write(exporter, graph, staged)
        manifest = {
            "schema": _SCHEMA,
            "format": exporter.name,
            "selection": {
                name: list(value) if isinstance(value, tuple) else value for name, value in asdict(selection).items()
            },
            "inputs": dict(sorted(graph.inputs.items())),
            "of": dict(graph.of),
            "left_out": dict(graph.left_out),
            "counts": counts,
            "files": {
                (str(path.relative_to(staged)) if path != staged else out.name): {
                    "sha256": file_sha256(path),
                    "bytes": path.stat().st_size,
                }
                for path in (sorted(staged.iterdir()) if staged.is_dir() else [staged])
            },
        }
        _put_in_place(staged, out, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
    return manifest


def manifest_path(out: Path, *, single_file: bool) -> Path:
    """Where the manifest of an export stands."""
    return out.with_name(f"{out.name}.{MANIFEST}") if single_file else out / MANIFEST


def _exporter(format_: str, selection: Selection) -> Exporter:
    exporter = EXPORTERS.get(format_)
    if exporter is None:
        raise MateriaError(f"{format_!r} is no format of exports", remedy=f"Use one of {', '.join(EXPORTERS)}")
    if selection.filters and "triples" not in exporter.needs:
        raise MateriaError(
            f"{format_} holds no claims to choose from", remedy="Leave belief, predicates and splits out"
        )
    if selection.with_evidence and exporter.evidence == "never":
        able = ", ".join(name for name, other in EXPORTERS.items() if other.evidence != "never")
        raise MateriaError(f"{format_} has no place for evidence", remedy=f"Leave it out, or use one of {able}")
    return exporter


def _check_place(out: Path, exporter: Exporter, *, force: bool) -> None:
    """Nothing is replaced that is no export, whatever is asked for: a wrong word must not remove somebody's folder."""
    manifest = manifest_path(out, single_file=exporter.single_file)
    if exporter.single_file and out.is_dir():
        problem = "is a folder, and this format is one file"
        raise MateriaError(problem, file=str(out), remedy=f"Name a file: --out {out / 'graph'}")
    if not exporter.single_file and out.exists() and not out.is_dir():
        problem = "is a file, and this format is a folder of files"
        raise MateriaError(problem, file=str(out), remedy="Name another folder with --out")
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not force:
        raise MateriaError("is there already", file=str(out), remedy="Name another place, or replace it with --force")
    try:
        ours = json.loads(manifest.read_text(encoding="utf-8"))["schema"] == _SCHEMA
    except (OSError, ValueError, KeyError, TypeError):
        ours = False
    if not ours:
        problem = f"is no export of materia (it has no {manifest.name}), so it is not replaced"
        raise MateriaError(problem, file=str(out), remedy="Remove it yourself, or name another place")


def _write(exporter: Exporter, graph: Graph, staged: Path) -> dict[str, int]:
    import duckdb

    try:
        others = exporter.write(graph, staged)
    except duckdb.IOException as error:
        problem = f"changed while it was read ({str(error).split(chr(10), 1)[0]})"
        raise MateriaError(problem, file="the graph", remedy="Wait for the build to end, then export again") from error
    held = exporter.recount(staged)
    # Each row of evidence belongs to one claim, so there are as many rows as the claims count.
    wanted = {**others, **graph.wanted}
    wanted["evidence_rows"] = wanted.get("evidence", 0)
    for what, count in held.items():
        if count != wanted[what]:
            problem = f"holds {count:,} {what.replace('_', ' ')} where the graph has {wanted[what]:,}"
            remedy = "Build the graph again; if this stays, report it with the command you gave"
            raise MateriaError(problem, file=exporter.name, remedy=remedy)
    return {**held, **others}


def _put_in_place(staged: Path, out: Path, manifest: str) -> None:
    """By renames; the manifest comes last, and what was there goes only when the new one stands."""
    single = staged.is_file()
    if not single:
        (staged / MANIFEST).write_text(manifest, encoding="utf-8")
        if out.exists():
            out.rename(staged.with_name("before"))
        staged.rename(out)
        return
    place = manifest_path(out, single_file=True)
    place.unlink(missing_ok=True)
    staged.replace(out)
    write_atomically(place, manifest)
