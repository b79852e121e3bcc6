"""Predicates of the Biolink model: which there are, which is a kind of which, and between what they may hold.

The slots below `related to` of Biolink 4.4.4 (https://w3id.org/biolink), itself included. Deprecated ones are kept and
marked, since older graphs hold them. They ship as a table, cut from the model by `benchmarks/make_biolink_predicates.py`;
why nothing is looked up on the web is told in `pipeline.biolink`.

Some predicates are mixins (`treats` is one): a predicate is a kind of its parent and of its mixins alike. Some domains
and ranges are mixins of classes, which are no categories themselves; `categories_of` tells the categories they cover.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from pipeline.biolink import CATEGORIES, ancestors_of

__all__ = [
    "CATEGORY_MIXINS",
    "PREDICATES",
    "Predicate",
    "categories_of",
    "is_predicate",
    "parse_predicate",
    "predicate_ancestors",
]

_IRI = "https://w3id.org/biolink/vocab/"


@dataclass(frozen=True)
class Predicate:
    """A predicate; all names are CURIEs.

    Attributes:
        parent: the predicate it is a kind of (is_a); None for `biolink:related_to` alone.
        inverse: the predicate that says the same of object and subject; None where there is none, or it is symmetric.
        symmetric: whether it says the same of object and subject.
        domain: class or mixin of the subject, the nearest that it or an ancestor states. `biolink:NamedThing` is any.
        range: class or mixin of the object, likewise.
        opposite: the predicate that cannot hold of the same pair in the same setting, as the model has it.
        mixins: predicates it is a kind of beside its parent.
        deprecated: whether the model advises against it.
    """

    parent: str | None
    inverse: str | None
    symmetric: bool
    domain: str | None
    range: str | None
    opposite: str | None
    mixins: tuple[str, ...] = ()
    deprecated: bool = False


#: Mixins of classes that are a domain or a range, and the topmost categories that they cover. Two are left out, and so
#: rule nothing out: OntologyClass and PhysicalEssenceOrOccurrent are not given to classes that plainly are of them (Protein).
CATEGORY_MIXINS: Final[dict[str, tuple[str, ...]]] = {
    f"biolink:{mixin}": tuple(f"biolink:{name}" for name in names.split())
    for mixin, names in {
        "ChemicalEntityOrGeneOrGeneProduct": "ChemicalEntity Gene GeneFamily Polypeptide ProteinDomain ProteinFamily "
        "RegulatoryRegion",
        "ChemicalOrDrugOrTreatment": "ChemicalEntity Treatment",
        "GeneOrGeneProduct": "Gene NucleosomeModification PosttranslationalModification Protein RNAProduct",
        "GeneProductMixin": "NucleosomeModification PosttranslationalModification Protein RNAProduct",
        "GenomicEntity": "CodingSequence Gene GenomicBackgroundExposure Genome Genotype Haplotype NucleicAcidEntity "
        "NucleosomeModification ReagentTargetedGene RegulatoryRegion SequenceVariant",
        "Occurrent": "Activity BiologicalProcessOrActivity EnvironmentalProcess Phenomenon Procedure",
        "ThingWithTaxon": "BiologicalEntity GenomicBackgroundExposure NucleicAcidEntity",
    }.items()
}


def _read() -> dict[str, Predicate]:
    text = (files("pipeline") / "biolink_predicates.tsv").read_text(encoding="utf-8")
    rows = {row["predicate"]: row for row in csv.DictReader(text.splitlines(), delimiter="\t")}

    def stated(name: str, column: str) -> str | None:
        """What the predicate states, or the nearest of its ancestors that states something."""
        while not rows[name][column] and rows[name]["parent"]:
            name = rows[name]["parent"]
        return _curie(rows[name][column])

    return {
        f"biolink:{name}": Predicate(
            parent=_curie(row["parent"]),
            inverse=_curie(row["inverse"]),
            symmetric=row["symmetric"] == "yes",
            domain=stated(name, "domain"),
            range=stated(name, "range"),
            opposite=_curie(row["opposite"]),
            mixins=tuple(f"biolink:{mixin}" for mixin in row["mixins"].split(",") if mixin),
            deprecated=row["deprecated"] == "yes",
        )
        for name, row in rows.items()
    }


def _curie(name: str) -> str | None:
    return f"biolink:{name}" if name else None


#: Every predicate by its CURIE, sorted.
PREDICATES: Final[dict[str, Predicate]] = _read()


def is_predicate(curie: str) -> bool:
    """Whether Biolink has this predicate."""
    return curie in PREDICATES


@cache
def predicate_ancestors(curie: str) -> tuple[str, ...]:
    """The predicate itself and all it is a kind of, by parents and mixins, nearest first; only itself where it is not known.

    >>> predicate_ancestors("biolink:treats")[:2]
    ('biolink:treats', 'biolink:treats_or_applied_or_studied_to_treat')
    """
    found = [curie]
    for name in found:  # grows while it is read: breadth first
        predicate = PREDICATES.get(name)
        above = (predicate.parent, *predicate.mixins) if predicate else ()
        found.extend(other for other in above if other and other not in found)
    return tuple(found)


@cache
def categories_of(name: str | None) -> frozenset[str]:
    """Categories that a domain or range does not rule out: those below it, and those above it, which leave it open.

    All of them for None and for what is neither a category nor a mixin.

    >>> "biolink:Drug" in categories_of("biolink:ChemicalOrDrugOrTreatment"), "biolink:Gene" in categories_of("biolink:Disease")
    (True, False)
    """
    tops = CATEGORY_MIXINS.get(name or "", (name,))
    if not any(top in CATEGORIES for top in tops):
        return frozenset(CATEGORIES)
    above = {ancestor for top in tops if top for ancestor in ancestors_of(top)}
    return frozenset(c for c in CATEGORIES if c in above or not set(tops).isdisjoint(ancestors_of(c)))


def parse_predicate(text: str) -> str | None:
    """The predicate as a CURIE, from a CURIE or an IRI, with underscores or spaces; None where Biolink has no such one.

    >>> parse_predicate("biolink:treats"), parse_predicate("biolink:interacts with"), parse_predicate("biolink:heals")
    ('biolink:treats', 'biolink:interacts_with', None)
    """
    name = text.removeprefix(_IRI) if text.startswith(_IRI) else text.removeprefix("biolink:")
    curie = f"biolink:{name.replace(' ', '_')}"
    return curie if curie in PREDICATES else None
