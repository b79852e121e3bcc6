"""What Biolink allows, in the forms that shapes and queries need: sides of predicates, and kinds of categories.

A domain or range is checked against the class of the concept, and only where it rules something out. A concept that is
said to be something more general (a NamedThing) may be of the right class, and is not blamed.

Biolink does not say which classes are disjoint. Here, categories are of one kind where they stand in one branch of the
hierarchy below the general classes, and some branches are one: the model's own mixins lump chemicals, genes and their
products together, and vocabularies call the same thing a procedure or an activity.
"""

from __future__ import annotations

from functools import cache
from typing import Final, Literal

import pyarrow as pa

from pipeline.biolink import CATEGORIES, ancestors_of
from pipeline.biolink_predicates import CATEGORY_MIXINS, PREDICATES, categories_of

__all__ = ["GENERAL", "SIDES", "kinds", "kinds_table", "sides", "sides_table"]

Side = Literal["subject", "object"]
SIDES: Final[tuple[Side, ...]] = ("subject", "object")

#: Classes that leave open what a thing is.
GENERAL: Final = (
    "biolink:NamedThing",
    "biolink:BiologicalEntity",
    "biolink:OrganismalEntity",
    "biolink:PhysicalEntity",
)
#: Branches that name the same things by other sides, each under its first: molecules, organisms, what happens or is done.
_LUMPED: Final[tuple[tuple[str, ...], ...]] = (
    (
        "biolink:ChemicalEntity",
        *CATEGORY_MIXINS["biolink:ChemicalEntityOrGeneOrGeneProduct"],
        *CATEGORY_MIXINS["biolink:GeneOrGeneProduct"],
        *CATEGORY_MIXINS["biolink:GenomicEntity"],
        *("biolink:Exon", "biolink:MacromolecularComplex", "biolink:NucleicAcidSequenceMotif", "biolink:Transcript"),
    ),
    (
        *("biolink:OrganismTaxon", "biolink:Bacterium", "biolink:CellularOrganism", "biolink:IndividualOrganism"),
        *("biolink:PopulationOfIndividualOrganisms", "biolink:Virus"),
    ),
    (
        *("biolink:Activity", "biolink:BiologicalProcessOrActivity", "biolink:ClinicalEntity", "biolink:Event"),
        *("biolink:ExposureEvent", "biolink:Phenomenon", "biolink:Procedure"),
    ),
)


@cache
def sides(side: Side) -> dict[tuple[str, ...], tuple[str, ...]]:
    """For each domain (or range) that rules out something: its predicates, and the categories it allows; all sorted."""
    found: dict[tuple[str, ...], list[str]] = {}
    for curie, predicate in PREDICATES.items():
        allowed = tuple(sorted(categories_of(predicate.domain if side == "subject" else predicate.range)))
        if len(allowed) < len(CATEGORIES):
            found.setdefault(allowed, []).append(curie)
    return {tuple(predicates): allowed for allowed, predicates in sorted(found.items(), key=lambda item: item[1])}


@cache
def kinds() -> dict[str, tuple[str, ...]]:
    """Kinds of which a thing can be one only: the categories of each, sorted. General classes are of no kind."""
    found: dict[str, list[str]] = {}
    for category in CATEGORIES:
        branch = [c for c in ancestors_of(category) if c not in GENERAL]
        if branch:
            lumped = (lump[0] for lump in _LUMPED if not set(lump).isdisjoint(branch))
            found.setdefault(next(lumped, branch[-1]), []).append(category)
    return {kind: tuple(sorted(categories)) for kind, categories in sorted(found.items())}


def sides_table() -> pa.Table:
    """Every category that a side of a predicate allows: side, predicate, category. Sides that rule out nothing are not there."""
    rows = [
        {"side": side, "predicate": predicate, "category": category}
        for side in SIDES
        for predicates, allowed in sides(side).items()
        for predicate in predicates
        for category in allowed
    ]
    return pa.Table.from_pylist(rows)


def kinds_table() -> pa.Table:
    """Every category with its kind; null where it is too general to have one."""
    of = {category: kind for kind, categories in kinds().items() for category in categories}
    return pa.table({"category": list(CATEGORIES), "kind": pa.array([of.get(c) for c in CATEGORIES], pa.string())})
