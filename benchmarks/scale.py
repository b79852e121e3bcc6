"""Past one machine, and past ten thousand papers: what builds of other sizes and on other engines cost, and that their bytes are the same.

    python benchmarks/scale.py documents FOLDER --copies 95 --buckets 512 [--real FOLDER]
    python benchmarks/scale.py plot FOLDER ... [--out docs/scale.png]
    python benchmarks/scale.py cluster FOLDER [--nodes 3]
    python benchmarks/scale.py overhead FOLDER [--rounds 2]
    python benchmarks/scale.py plan FOLDER

Each subcommand says what it does (`--help`). MATERIA_DATA names the data sets; `real_build.py` says what is built. What FOLDER holds
already is used, so a command that was broken off goes on. A million documents (95 copies) take 9 GiB of disk.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def main() -> None:
    """Run a subcommand."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = options.add_subparsers(dest="command", required=True)

    one = commands.add_parser("documents", help="build so many documents, then add one paper; prints costs by stage")
    one.add_argument("folder", type=Path)
    one.add_argument("--copies", type=int, default=1, help="how often the large file is read")
    one.add_argument("--papers", type=int, help="only so many papers of the large file, for small builds")
    one.add_argument("--buckets", type=int, default=64)
    one.add_argument("--real", type=Path, help="folder in which the real build was measured, to compare with")

    one = commands.add_parser("plot", help="plot costs against the number of documents")
    one.add_argument("folders", type=Path, nargs="+")
    one.add_argument("--out", type=Path, default=Path("docs/scale.png"))

    one = commands.add_parser(
        "cluster", help="build on a Ray cluster with the home in an object store; kill a node, and the head"
    )
    one.add_argument("folder", type=Path)
    one.add_argument("--nodes", type=int, default=3, help="of one core each")

    one = commands.add_parser("overhead", help="two nodes of one core under Ray against two processes without, in turn")
    one.add_argument("folder", type=Path)
    one.add_argument("--rounds", type=int, default=2)

    one = commands.add_parser("plan", help="is `materia plan` right for the real build, on both engines")
    one.add_argument("folder", type=Path)

    given = options.parse_args()
    if given.command != "plot":
        given.folder.mkdir(parents=True, exist_ok=True)
    if given.command == "documents":
        from scaling.documents import documents

        documents(given.folder.resolve(), given.copies, given.buckets, given.papers, given.real)
    elif given.command == "cluster":
        from scaling.cluster import cluster

        cluster(given.folder.resolve(), given.nodes)
    elif given.command == "overhead":
        from scaling.overhead import overhead

        overhead(given.folder.resolve(), given.rounds)
    elif given.command == "plan":
        from scaling.planned import planned

        planned(given.folder.resolve())
    else:
        from scaling.plot import plot

        plot(given.folders, given.out)


if __name__ == "__main__":
    main()
