"""A build of so many documents: what each stage costs, and what one more paper costs then."""

from __future__ import annotations

from pathlib import Path

from real_build import RealBuild

from scaling.figures import figures_of, kept_figures, table

__all__ = ["documents"]


def documents(folder: Path, copies: int, buckets: int, papers: int | None, real: Path | None) -> None:
    """Lay out, build, add a paper, and print what it cost. Goes on where an earlier run was broken off.

    Args:
        folder: takes the inputs, the home and `scale.json`.
        copies, buckets, papers: as of `RealBuild`.
        real: a folder that the real build was measured in by this command, to be compared with.
    """
    build = RealBuild(folder, copies, buckets, papers)
    found = kept_figures(folder)
    if found is None:
        begun, cost = build.home.exists(), build.build()
        found = figures_of(build.home)
        found.built = {} if begun else cost._asdict()
        found.keep(folder)
    else:
        build.take_back()
        build.build()
    found.nothing = build.build()._asdict()
    build.add(1)
    found.added = build.build()._asdict()
    found.keep(folder)
    print(table(found, kept_figures(real) if real else None))
