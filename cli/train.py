"""Train what extraction can use in place of its rules: a recogniser of entities, a linker, a classifier of relations.

Each becomes a folder that a configuration names (see docs/configuration.md), or that anyone's spaCy pipeline loads.

Examples:
  materia train ner --train train.pubtator --out models/ner
  materia train linker --train train.pubtator --vocabulary medic.txt mesh_names.tsv --out models/linker
  materia train relations --train train.pubtator --out models/cid
  materia finetune relation_extraction --model path/to/bert --train ddi.zip --out models/ddi
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from pipeline.errors import MateriaError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of `materia train`."""
    parser.add_argument("what", choices=list(_TRAININGS), help="what to train")
    parser.add_argument(
        "--train",
        nargs="+",
        action="extend",
        metavar="FILE",
        required=True,
        help="files with annotations to learn from",
    )
    parser.add_argument(
        "--out", metavar="DIR", required=True, help="folder of the result; made, or replaced as a whole"
    )
    parser.add_argument("--vocabulary", nargs="+", action="extend", metavar="PATH", help="vocabulary files")
    parser.add_argument(
        "--encoder",
        metavar="DIR",
        help="of linker: a Hugging Face encoder that re-ranks",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of training (default: 0)")
    parser.add_argument("--json", action="store_true", help="print what was trained as JSON")


def run(options: argparse.Namespace) -> int:
    """Train, and say what was made."""
    report = _TRAININGS[options.what](options)
    if options.json:
        print(json.dumps(report, indent=1))
    else:
        print(f"Wrote {options.out}: " + ", ".join(f"{name} {value}" for name, value in report.items()))
    return 0


def _ner(options: argparse.Namespace) -> dict[str, Any]:
    from pipeline.ner.training import train_ner

    return train_ner(options.train, options.out, vocabulary=options.vocabulary or (), seed=options.seed)


def _linker(options: argparse.Namespace) -> dict[str, Any]:
    if not options.vocabulary:
        raise MateriaError("train linker lacks --vocabulary PATH ...", remedy="Give the vocabularies to link to")
    from pipeline.linking.training import train_linker

    return train_linker(options.train, options.vocabulary, options.out, encoder=options.encoder)


def _relations(options: argparse.Namespace) -> dict[str, Any]:
    from pipeline.relations.training import train_relations

    return train_relations(options.train, options.out, seed=options.seed)


_TRAININGS = {"ner": _ner, "linker": _linker, "relations": _relations}
