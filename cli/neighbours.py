"""The concepts nearest to a concept by its vector: cosine, exact.

CONCEPT is a CURIE, or a name that one concept of the vocabulary has. Vectors are those of the last build, or of a folder that
`materia embed --out` wrote. Without --model the embedding with the highest MRR on validation serves.

Examples:
  materia neighbours MESH:D008687
  materia neighbours metformin --model rotate --k 20
  materia neighbours disease_or_syndrome --embeddings vectors/seed-13 --json
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path

from assets.home import Home, open_home
from pipeline.errors import MateriaError

_ASSET = "kg_embeddings"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of `materia neighbours`."""
    parser.add_argument("concept", metavar="CONCEPT", help="a CURIE or a name")
    parser.add_argument("--model", metavar="NAME", help="transe, distmult, rotate or complex")
    parser.add_argument("--k", type=int, default=10, metavar="N", help="how many to list (default: 10)")
    parser.add_argument("--embeddings", metavar="DIR", help="a folder of embeddings, in place of those of the home")
    parser.add_argument("--json", action="store_true", help="print a JSON object")


def run(options: argparse.Namespace) -> int:
    """List the neighbours as a table, or as JSON."""
    from kg.claim_search import find_concept, names_of
    from kg.embeddings.neighbours import nearest
    from pipeline.readers.base import clean

    if options.k < 1:
        raise MateriaError("is no number of neighbours", file=f"--k {options.k}", remedy="Give 1 or more")
    if options.embeddings and options.model:
        raise MateriaError("--model chooses among those of a home", remedy="Leave it out, or leave out --embeddings")
    home = open_home(options.home)
    folder = Path(options.embeddings) if options.embeddings else _folder(home, options.model)
    curie, found_by = options.concept, "identifier"
    if home.dataset("vocabulary").manifest():
        try:
            concept = find_concept(home.url, options.concept, "subject", home.config.buckets)
            curie, found_by = concept.curie, concept.found_by
        except MateriaError as error:
            # A folder of someone's own graph may know what the home's vocabulary does not.
            if not options.embeddings or not error.problem.startswith("no concept"):
                raise
    (found,) = nearest(folder, [curie], options.k)
    names = names_of(home.url, [curie, *(one.curie for one in found)]) if home.dataset("vocabulary").manifest() else {}
    if options.json:
        listed = [asdict(one) | {"name": names.get(one.curie)} for one in found]
        values = {"curie": curie, "name": names.get(curie), "embeddings": folder.name, "neighbours": listed}
        print(json.dumps(values, indent=1, ensure_ascii=False))
        return 0
    found = [
        replace(one, curie=clean(one.curie)) for one in found
    ]  # no name of a stranger's file moves a terminal's cursor
    how = "" if found_by == "identifier" else f" (by {found_by} {options.concept!r})"
    print(f"{clean(curie)} {names.get(curie, '')}".rstrip() + f"{how}: nearest by cosine in {folder.name}")
    width = max((len(one.curie) for one in found), default=0)
    for one in found:
        count = f"{one.triples:,} triple{'s' if one.triples != 1 else ''}"
        print(f"  {one.similarity:6.3f}  {one.curie:<{width}}  {names.get(one.curie, '')}  ({count})")
    return 0


def _folder(home: Home, model: str | None) -> Path:
    """The folder of an embedding of the home: of a scorer, or the one with the highest MRR on validation."""
    from kg.embeddings.tables import read_json

    folders = {folder.name.rsplit("-", 1)[0]: folder for folder in home.dataset(_ASSET).folders()}
    if not folders:
        raise MateriaError("holds no embeddings", file=str(home.url), remedy=f"Run: materia build --until {_ASSET}")
    if model is None:
        reports = {name: read_json(folder / "report.json") for name, folder in folders.items()}
        model = max(folders, key=lambda name: reports[name]["metrics"].get("validation", {}).get("mrr", 0.0))
    if model not in folders:
        raise MateriaError(
            "is no embedding of this home", file=f"--model {model}", remedy=f"Choose one of {', '.join(folders)}"
        )
    return folders[model]
