"""What the types and relations of annotated corpora mean in Biolink's terms: the one table that training and judging share.

Sources of the schemes: CID of BC5CDR (Wei et al. 2016, doi:10.1093/database/baw032), BioRED (Luo et al. 2022,
doi:10.1093/bib/bbac282), CMeIE (Guan et al. 2020, doi:10.1007/978-3-030-60450-9_22), DDI (Herrero-Zazo et al. 2013,
doi:10.1016/j.jbi.2013.07.011), ChemProt (Krallinger et al. 2017). CMeIE's relations to figures and phrases (causes, risks, ages,
prognoses) and its differential diagnoses have no meaning here.
A relation that is missing here is learned and judged all the same; as evidence it says `biolink:related_to`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["CATEGORY_OF_TYPE", "CLAIMED_AS", "GROUP_OF_RELATION", "MEANINGS", "Meaning", "category_of"]


class Meaning(NamedTuple):
    """A relation as evidence.

    Attributes:
        predicate: a Biolink predicate.
        direction: of an effect, where the relation says one.
        reverse: whether the object of the relation is the subject of the predicate: 药物治疗 goes from disease to drug.
    """

    predicate: str
    direction: str | None = None
    reverse: bool = False


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
    "疾病": "biolink:Disease",
    "症状": "biolink:PhenotypicFeature",
    "药物": "biolink:Drug",
    "检查": "biolink:DiagnosticAid",
    "部位": "biolink:AnatomicalEntity",
    "手术治疗": "biolink:Treatment",
    "其他治疗": "biolink:Treatment",
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
    "临床表现": Meaning("biolink:has_phenotype"),
    "侵及周围组织转移的症状": Meaning("biolink:has_phenotype"),
    "相关（症状）": Meaning("biolink:has_manifestation"),
    "相关（导致）": Meaning("biolink:causes"),
    "相关（转化）": Meaning("biolink:develops_into"),
    "并发症": Meaning("biolink:contributes_to"),
    "病理分型": Meaning("biolink:subclass_of", reverse=True),
    "同义词": Meaning("biolink:same_as"),
    "药物治疗": Meaning("biolink:treats", reverse=True),
    "手术治疗": Meaning("biolink:treats", reverse=True),
    "化疗": Meaning("biolink:treats", reverse=True),
    "放射治疗": Meaning("biolink:treats", reverse=True),
    "辅助治疗": Meaning("biolink:treats", reverse=True),
    "实验室检查": Meaning("biolink:diagnoses", reverse=True),
    "影像学检查": Meaning("biolink:diagnoses", reverse=True),
    "组织学检查": Meaning("biolink:diagnoses", reverse=True),
    "内窥镜检查": Meaning("biolink:diagnoses", reverse=True),
    "辅助检查": Meaning("biolink:diagnoses", reverse=True),
    "筛查": Meaning("biolink:diagnoses", reverse=True),
    "发病部位": Meaning("biolink:disease_has_location"),
    "转移部位": Meaning("biolink:affects"),
    "外侵部位": Meaning("biolink:affects"),
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
