"""Put papers on the home's retraction list, so that the next build takes what they say out of graph and corpus; or undo it.

A paper goes by any of its names (PMID, PMC, DOI). What the list holds is an input like any file: after --undo and a build, every
byte is as before. What evidence of retracted papers is worth is set by fusion.retracted in the configuration.

Examples:
  materia retract PMID:9570492 --build
  materia retract PMID:9570492 10.1016/s0140-6736(97)11096-0
  materia retract PMID:9570492 --undo --until corpus
  materia retract --list
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from assets.home import Home, open_home
from assets.stages import until as stages_until
from pipeline.errors import MateriaError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of `materia retract`."""
    parser.add_argument("documents", metavar="DOC", nargs="*", help="a paper, by any of its names")
    parser.add_argument("--undo", action="store_true", help="take the papers off the list again")
    parser.add_argument("--list", action="store_true", help="print the list")
    parser.add_argument("--force", action="store_true", help="also papers that the home does not hold (yet)")
    parser.add_argument("--build", action="store_true", help="build right after")
    parser.add_argument("--until", nargs="+", metavar="ASSET", help="build right after, through these assets")


def run(options: argparse.Namespace) -> int:
    """Change the list, tell what that affects, and build or say how."""
    home = open_home(options.home)
    if options.list:
        print("\n".join(home.retracted) or "No paper is on the list.")
        return 0
    if not options.documents:
        raise MateriaError("no paper was named", file="materia retract", remedy="Name one, or see --list")
    if options.until:
        stages_until(options.until)  # a mistyped asset must not be noticed after the list was changed
    if odd := [name for name in options.documents if not name.strip() or not name.isprintable()]:
        raise MateriaError(
            f"{odd[0]!r} is no name of a paper", file="materia retract", remedy="Give a PMID, PMC or DOI"
        )
    changed = _undo(home, options.documents) if options.undo else _retract(home, options.documents, force=options.force)
    where = f" --home {options.home}" if options.home else ""
    if changed == home:
        print("The list is as it was.")
    if options.build or options.until:
        from cli.main import main

        made = [stage.name for stage in stages_until(None) if home.dataset(stage.name).manifests()]
        until = ["--until", *(options.until or made)] if options.until or made else []
        return main(["build", *(["--home", options.home] if options.home else []), *until])
    if changed != home:
        print(f"Next: materia build{where}")
    return 0


def _retract(home: Home, given: Sequence[str], *, force: bool) -> Home:
    from kg.affected import affected_by
    from kg.affected_target import find_documents, like_documents, spelling

    known = find_documents(home.url, given) if home.dataset("documents").manifests() else {}
    unknown = [name for name in given if name not in known]
    if unknown and not force:
        like = like_documents(home.url, unknown[0]) if home.dataset("documents").manifests() else []
        hint = f"Did you mean {', '.join(like)}?" if like else "Check the identifier."
        raise MateriaError(
            "is no document of this home", file=unknown[0], remedy=f"{hint} --force puts it on the list all the same"
        )
    if known:
        found = affected_by(home.url, list(known.values()), limit=0)
        print(
            f"{found.evidence:,} rows of evidence, {found.triples:,} claims ({found.sole_triples:,} on nothing else), "
            f"{found.rows:,} rows of the corpus in {len(found.shards):,} shards and {len(found.models)} models rest on this."
        )
    for name, target in known.items():
        print(f"retracted {target.name}" + (f" ({name})" if name != target.name else "") + f"  {target.label or ''}")
    for name in unknown:
        print(f"retracted {spelling(name)}, which the home does not hold", file=sys.stderr)
    return home.retract([*(target.name for target in known.values()), *map(spelling, unknown)])


def _undo(home: Home, given: Sequence[str]) -> Home:
    from kg.affected_target import find_documents, spelling

    known = find_documents(home.url, given) if home.dataset("documents").manifests() else {}
    off: set[str] = set()
    for name in given:
        names = {name, spelling(name), *(known[name].ids if name in known else ())}
        listed = names & set(home.retracted)
        if not listed:
            remedy = f"On it: {', '.join(home.retracted[:10])}" if home.retracted else "No paper is on it"
            raise MateriaError("is not on the retraction list", file=name, remedy=remedy)
        off |= listed
    for name in sorted(off):
        print(f"no longer retracted {name}")
    return home.unretract(off)
