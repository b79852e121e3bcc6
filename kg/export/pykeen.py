"""Believed claims as labelled triples for PyKEEN: `train.tsv`, `valid.tsv`, `test.tsv` by the split of the home.

Each line is subject, predicate and object as CURIEs, as `pykeen.triples.TriplesFactory.from_path` reads them. A triple of an
embedding is true or not there, so a claim that more speaks against than for is left out. `entities.tsv` and `relations.tsv` give
each label its number (in the order of labels, over all three files), its name and its class: with them a model trained on one
file knows the entities of the others.

Cost: a million claims take 1.5 seconds of processor time and 0.3 GiB.

Format: https://pykeen.readthedocs.io/en/stable/byo/data.html.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from kg.export.base import Evidence
from kg.export.graph import Graph
from kg.export.text import cell, sum_of_matches, write_lines

__all__ = ["PyKeen"]

_SPLITS: Final = {"train": "train", "valid": "validation", "test": "test"}


class PyKeen:
    """Exporter of PyKEEN's labelled triples."""

    name = "pykeen.v1"
    needs = ("triples", "vocabulary")
    single_file = False
    evidence: Evidence = "never"
    believed_only = True

    def write(self, graph: Graph, target: Path) -> dict[str, int]:
        """Write the triples of each split, and the tables of labels."""
        for file, split in _SPLITS.items():
            sql = f"""SELECT concat_ws(chr(9), subject, predicate, object) || chr(10) AS text FROM claims
                      WHERE split = '{split}' ORDER BY subject, predicate, object"""  # noqa: S608
            _write(graph, target / f"{file}.tsv", sql, file)
        entities = f"""SELECT concat_ws(chr(9), row_number() OVER (ORDER BY curie) - 1, curie,
                              {cell("coalesce(name, curie)")}, category) || chr(10) AS text
                       FROM nodes ORDER BY curie"""  # noqa: S608
        relations = """SELECT concat_ws(chr(9), row_number() OVER (ORDER BY predicate) - 1, predicate) || chr(10) AS text
                       FROM (SELECT DISTINCT predicate FROM claims) ORDER BY predicate"""
        return {
            "entities": _write(graph, target / "entities.tsv", entities, "entities", "id\tlabel\tname\tcategory\n"),
            "relations": _write(graph, target / "relations.tsv", relations, "relations", "id\tlabel\n"),
        }

    def recount(self, target: Path) -> dict[str, int]:
        """Lines of the files."""
        lines = {
            name: sum_of_matches(target / f"{name}.tsv", lines=b"\n")["lines"]
            for name in (*_SPLITS, "entities", "relations")
        }
        claims = sum(lines[name] for name in _SPLITS)
        return {"claims": claims, "entities": lines["entities"] - 1, "relations": lines["relations"] - 1}


def _write(graph: Graph, path: Path, sql: str, what: str, header: str = "") -> int:
    with path.open("wb") as output:
        output.write(header.encode())
        return write_lines(graph, output, sql, what)
