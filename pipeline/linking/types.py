"""Whether a concept can be what a mention's type says it is: types of corpora and recognisers against Biolink classes.

Classes are compared by families, because corpora and vocabularies draw finer lines in different places: a finding of one is a
disease of the other, a drug class is a chemical or a role.
"""

from __future__ import annotations

from functools import cache

from pipeline.biolink import ancestors_of

__all__ = ["FAMILIES", "family_of"]

#: The families, and what belongs to each: Biolink classes with what is below them, and words of corpora in lower case.
FAMILIES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "disease": (
        ("DiseaseOrPhenotypicFeature",),
        (
            "disease",
            "diseaseclass",
            "specificdisease",
            "compositemention",
            "modifier",
            "disorder",
            "phenotype",
            "symptom",
        ),
    ),
    "chemical": (
        ("ChemicalEntity", "ChemicalRole"),
        ("chemical", "drug", "brand", "group", "drug_n", "simple_chemical"),
    ),
    "gene": (
        ("Gene", "GeneFamily", "Polypeptide", "ProteinFamily", "Transcript", "GeneOrGeneProduct", "ProteinDomain"),
        ("gene", "protein", "geneorgeneproduct", "gene_or_gene_product"),
    ),
    "organism": (("OrganismTaxon", "CellularOrganism", "Virus", "Bacterium"), ("species", "organism", "taxon")),
    "anatomy": (("AnatomicalEntity",), ("anatomy", "organ", "tissue", "cell")),
    "process": (("BiologicalProcessOrActivity",), ("process", "pathway")),
    "procedure": (("Procedure", "ClinicalIntervention", "Treatment"), ("procedure",)),
}


@cache
def family_of(kind: str | None) -> str | None:
    """The family of a Biolink class (`biolink:Disease`) or of a corpus's word (`Disease`), None where it says nothing.

    >>> [family_of(kind) for kind in ("biolink:PhenotypicFeature", "SpecificDisease", "biolink:ChemicalRole", "Gizmo", None)]
    ['disease', 'disease', 'chemical', None, None]
    """
    if not kind:
        return None
    name = kind.removeprefix("biolink:")
    above = {c.removeprefix("biolink:") for c in ancestors_of(f"biolink:{name}")} | {name}
    for family, (classes, words) in FAMILIES.items():
        if above.intersection(classes) or name.lower() in words:
            return family
    return None
