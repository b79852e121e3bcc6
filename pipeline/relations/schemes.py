"""What the types and relations of annotated corpora mean in Biolink's terms: the one table that training and judging share.

Sources of the schemes: CID of BC5CDR (Wei et al. 2016, doi:10.1093/database/baw032), BioRED (Luo et al. 2022,
doi:10.1093/bib/bbac282), DDI (Herrero-Zazo et al. 2013, doi:10.1016/j.jbi.2013.07.011), ChemProt (Krallinger et al. 2017).
A relation that is missing here is learned and judged all the same; as evidence it says `biolink:related_to`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["CATEGORY_OF_TYPE", "CLAIMED_AS", "GROUP_OF_RELATION", "MEANINGS", "Meaning", "category_of"]


class Meaning(NamedTuple):
    """A relation as evidence: a Biolink predicate, and the direction of an effect where it says one."""

    predicate: str
    direction: str | None = None


#: Biolink class of an annotation's type.
CATEGORY_OF_TYPE: Final[dict[str, str]] = {
    "Chemical": "biolink:ChemicalEntity",
    "ChemicalEntity": "biolink:ChemicalEntity",
    "Disease": "biolink:Disease",
    "DiseaseOrPhenotypicFeature": "biolink:DiseaseOrPhenotypicFeature",
    "GeneOrGeneProduct": "biolink:Gene",
    "Gene": "biolink:Gene",
    "SequenceVariant": "biolink:SequenceVariant",
    "OrganismTaxon": "biolink:OrganismTaxon",
    "CellLine": "biolink:CellLine",
    "drug": "biolink:Drug",
    "drug_n": "biolink:ChemicalEntity",
    "brand": "biolink:Drug",
    "group": "biolink:ChemicalEntity",
}

#: What a relation of a corpus says.
MEANINGS: Final[dict[str, Meaning]] = {
    "CID": Meaning("biolink:causes"),
    "effect": Meaning("biolink:pharmacologically_interacts_with"),
    "mechanism": Meaning("biolink:pharmacologically_interacts_with"),
    "advise": Meaning("biolink:pharmacologically_interacts_with"),
    "int": Meaning("biolink:pharmacologically_interacts_with"),
    "ddi": Meaning("biolink:pharmacologically_interacts_with"),
    "Association": Meaning("biolink:associated_with"),
    "Positive_Correlation": Meaning("biolink:positively_correlated_with"),
    "Negative_Correlation": Meaning("biolink:negatively_correlated_with"),
    "Bind": Meaning("biolink:physically_interacts_with"),
    "Drug_Interaction": Meaning("biolink:pharmacologically_interacts_with"),
    "Conversion": Meaning("biolink:derives_into"),
    "INHIBITOR": Meaning("biolink:affects", "decreased"),
    "DOWNREGULATOR": Meaning("biolink:affects", "decreased"),
    "INDIRECT-DOWNREGULATOR": Meaning("biolink:affects", "decreased"),
    "AGONIST-INHIBITOR": Meaning("biolink:affects", "decreased"),
    "ANTAGONIST": Meaning("biolink:affects", "decreased"),
    "ACTIVATOR": Meaning("biolink:affects", "increased"),
    "UPREGULATOR": Meaning("biolink:affects", "increased"),
    "INDIRECT-UPREGULATOR": Meaning("biolink:affects", "increased"),
    "AGONIST": Meaning("biolink:affects", "increased"),
    "AGONIST-ACTIVATOR": Meaning("biolink:affects", "increased"),
    "SUBSTRATE": Meaning("biolink:is_substrate_of"),
    "PRODUCT-OF": Meaning("biolink:is_output_of"),
    "SUBSTRATE_PRODUCT-OF": Meaning("biolink:is_substrate_of"),
}

#: Relations that are judged together: the groups of ChemProt that its task evaluates.
GROUP_OF_RELATION: Final[dict[str, str]] = {
    "ACTIVATOR": "CPR:3",
    "UPREGULATOR": "CPR:3",
    "INDIRECT-UPREGULATOR": "CPR:3",
    "INHIBITOR": "CPR:4",
    "DOWNREGULATOR": "CPR:4",
    "INDIRECT-DOWNREGULATOR": "CPR:4",
    "AGONIST": "CPR:5",
    "AGONIST-ACTIVATOR": "CPR:5",
    "AGONIST-INHIBITOR": "CPR:5",
    "ANTAGONIST": "CPR:6",
    "SUBSTRATE": "CPR:9",
    "PRODUCT-OF": "CPR:9",
    "SUBSTRATE_PRODUCT-OF": "CPR:9",
}

#: Claims of the pattern tier that count as a relation of a corpus. Chemical-induces-disease holds for every way of a chemical to bring
#: a disease about, worsen it, or make it likelier; a chemical associated with a disease mostly does (77% on BC5CDR train).
CLAIMED_AS: Final[dict[str, str]] = {
    "biolink:causes": "CID",
    "biolink:contributes_to": "CID",
    "biolink:has_side_effect": "CID",
    "biolink:has_adverse_event": "CID",
    "biolink:exacerbates_condition": "CID",
    "biolink:predisposes_to_condition": "CID",
    "biolink:promotes_condition": "CID",
    "biolink:associated_with": "CID",
}


def category_of(kind: str) -> str:
    """The Biolink class of an annotation's type; `biolink:NamedThing` where the scheme is not known."""
    return CATEGORY_OF_TYPE.get(kind, "biolink:NamedThing")
