"""Cut what is kept of Biolink's predicates out of the model, into the table that `pipeline.biolink_predicates` reads.

Usage: python benchmarks/make_biolink_predicates.py biolink-model.yaml.gz > pipeline/biolink_predicates.tsv

The table in the package was made from Biolink model 4.4.4 (https://github.com/biolink/biolink-model, Apache-2.0).
"""

from __future__ import annotations

import argparse
import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

COLUMNS = ("predicate", "parent", "mixins", "inverse", "symmetric", "deprecated", "domain", "range", "opposite")


def table(model: Mapping[str, Any]) -> str:
    """Slots below `related to`, sorted by name, as lines of tab-separated text. Domain and range are as stated: none inherited."""
    slots = model["slots"]

    def below(name: str | None) -> bool:
        return name in slots and (name == "related to" or below(slots[name].get("is_a")))

    # An inverse is mostly stated on one side only; so is, sometimes, an opposite, and one opposite is no slot at all.
    inverses = {slot["inverse"]: name for name, slot in slots.items() if "inverse" in slot}
    opposites = {name: slot.get("annotations", {}).get("opposite_of") for name, slot in slots.items()}
    opposites |= {other: name for name, other in opposites.items() if other and not opposites.get(other)}

    def row(name: str) -> tuple[str, ...]:
        slot = slots[name]
        return (
            _predicate(name),
            _predicate(slot.get("is_a")),
            ",".join(sorted(map(_predicate, slot.get("mixins", [])))),
            _predicate(slot.get("inverse", inverses.get(name))),
            "yes" if slot.get("symmetric") else "",
            "yes" if slot.get("deprecated") else "",
            _class(slot.get("domain")),
            _class(slot.get("range")),
            _predicate(opposites.get(name) if below(opposites.get(name)) else None),
        )

    rows = [COLUMNS, *(row(name) for name in sorted(filter(below, slots)))]
    return "".join("\t".join(cells) + "\n" for cells in rows)


def _predicate(name: str | None) -> str:
    return name.replace(" ", "_") if name else ""


def _class(name: str | None) -> str:
    return "".join(word[0].upper() + word[1:] for word in name.split()) if name else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    options = parser.parse_args()
    print(table(yaml.safe_load(gzip.decompress(options.model.read_bytes()))), end="")


if __name__ == "__main__":
    main()
