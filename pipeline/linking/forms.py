"""The normal forms that a vocabulary's name is found by, and the kind of concept it names."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.name_forms import adjectives, normal_form, organ_variant, variants

__all__ = ["KINDS", "forms_of", "kind_of"]

#: Kinds of concept. Each has a matrix of its own, so that a search for one kind reads no names of another.
KINDS: tuple[str, ...] = ("condition", "chemical", "gene", "other")

_KIND_OF = {
    **dict.fromkeys(("Disease", "PhenotypicFeature", "DiseaseOrPhenotypicFeature"), "condition"),
    **dict.fromkeys(
        (
            "ChemicalEntity", "SmallMolecule", "Drug", "ChemicalRole", "MolecularMixture", "ComplexMolecularMixture",
            "ChemicalMixture", "MolecularEntity",
        ),
        "chemical",
    ),
    **dict.fromkeys(("Gene", "Protein", "Polypeptide", "NucleicAcidEntity", "GeneFamily", "RNAProduct"), "gene"),
}  # fmt: skip


def kind_of(category: str) -> str:
    """The kind of a Biolink class, of `KINDS`.

    >>> kind_of("biolink:Disease"), kind_of("biolink:Procedure")
    ('condition', 'other')
    """
    return _KIND_OF.get(category.removeprefix("biolink:"), "other")


def forms_of(name: str) -> Iterator[tuple[tuple[str, ...], bool]]:
    """The normal forms of a name, with whether a rule made them from it: adjectives, words of organs.

    >>> [*forms_of("Diseases, Renal")]
    [(('disease', 'renal'), False), (('renal', 'disease'), False), (('kidney', 'disease'), True)]
    """
    form = normal_form(name)
    if not form:
        return
    yield form, False
    for variant in variants(name):
        other = normal_form(variant)
        if other and other != form:
            yield other, False
            form = other
    if len(form) == 1:
        for adjective in adjectives(form[0]):
            yield (adjective,), True
    elif (swapped := organ_variant(form)) != form:
        yield swapped, True
