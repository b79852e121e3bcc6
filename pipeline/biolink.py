"""Classes of the Biolink model and their hierarchy: what a category may be, and which is a kind of which.

The classes below `NamedThing` of Biolink 4.4.4 (https://w3id.org/biolink, Unni et al. 2022, doi:10.1002/cts.13302),
drawn as an outline: a class that stands one space further in is a kind of the class above it. Mixins are left out. It
ships as data, because the whole model is 15,000 lines of YAML of which only this is needed, and nothing is looked up
on the web.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

__all__ = ["CATEGORIES", "ancestors_of", "is_kind_of", "parse_category"]

_OUTLINE = """
NamedThing
 Activity
  Study
   ClinicalTrial
 AdministrativeEntity
  Agent
 Attribute
  BiologicalSex
   GenotypicSex
   PhenotypicSex
  ChemicalRole
  ClinicalAttribute
   ClinicalCourse
    Onset
   ClinicalMeasurement
   ClinicalModifier
  OrganismAttribute
   PhenotypicQuality
  SeverityValue
  SocioeconomicAttribute
  Zygosity
 BiologicalEntity
  BiologicalProcessOrActivity
   BiologicalProcess
    Behavior
    PathologicalProcess
    Pathway
    PhysiologicalProcess
   MolecularActivity
  CodingSequence
  DiseaseOrPhenotypicFeature
   Disease
   PhenotypicFeature
    BehavioralFeature
    ClinicalFinding
  Exon
  Gene
  GeneFamily
  GeneticInheritance
  Genome
  Genotype
  Haplotype
  MacromolecularComplex
  NucleicAcidSequenceMotif
  NucleosomeModification
  OrganismalEntity
   AnatomicalEntity
    Cell
    CellularComponent
    GrossAnatomicalStructure
    PathologicalAnatomicalStructure
   Bacterium
   CellLine
   CellularOrganism
    Fungus
    Invertebrate
    Mammal
     Human
    Plant
    Vertebrate
   IndividualOrganism
    Case
   LifeStage
   PopulationOfIndividualOrganisms
    StudyPopulation
     Cohort
   Virus
  Polypeptide
   Protein
    ProteinIsoform
  PosttranslationalModification
  ProteinDomain
  ProteinFamily
  ReagentTargetedGene
  RegulatoryRegion
   AccessibleDnaRegion
   TranscriptionFactorBindingSite
  SequenceVariant
   Snv
  Transcript
   RNAProduct
    NoncodingRNAProduct
     MicroRNA
     SiRNA
    RNAProductIsoform
 ChemicalEntity
  ChemicalMixture
   ComplexMolecularMixture
   Food
   MolecularMixture
    Drug
   ProcessedMaterial
  EnvironmentalFoodContaminant
  FoodAdditive
  MolecularEntity
   NucleicAcidEntity
   SmallMolecule
 ClinicalEntity
  ClinicalIntervention
   Hospitalization
 Device
 DiagnosticAid
 Event
 EvidenceType
 ExposureEvent
  BehavioralExposure
  BioticExposure
  ChemicalExposure
   DrugExposure
    DrugToGeneInteractionExposure
  ComplexChemicalExposure
  DiseaseOrPhenotypicFeatureExposure
  EnvironmentalExposure
   GeographicExposure
  GenomicBackgroundExposure
  PathologicalAnatomicalExposure
  PathologicalProcessExposure
  SocioeconomicExposure
  Treatment
 InformationContentEntity
  CommonDataElement
  ConfidenceLevel
  Dataset
  DatasetDistribution
  DatasetSummary
  DatasetVersion
  Evidence
  Publication
   Article
    JournalArticle
   Book
   BookChapter
   DrugLabel
   Patent
   PreprintPublication
   Serial
   WebPage
  RetrievalSource
  StudyVariable
 OrganismTaxon
 Phenomenon
 PhysicalEntity
  MaterialSample
 PlanetaryEntity
  EnvironmentalFeature
  EnvironmentalProcess
  GeographicLocation
   GeographicLocationAtTime
 Procedure
 StudyResult
  ChiSquaredAnalysisResult
  ConceptCountAnalysisResult
  IceesStudyResult
  LogOddsAnalysisResult
  ObservedExpectedFrequencyAnalysisResult
  ProteinLigandAssayResult
  RelativeFrequencyAnalysisResult
  TextMiningStudyResult
"""


def _read(outline: str) -> dict[str, str | None]:
    parents: dict[str, str | None] = {}
    path: list[str] = []
    for line in outline.strip().splitlines():
        label = line.lstrip(" ")
        del path[len(line) - len(label) :]
        parents[f"biolink:{label}"] = path[-1] if path else None
        path.append(f"biolink:{label}")
    return parents


#: Every class as a CURIE, and its direct superclass (None for the root, `biolink:NamedThing`).
CATEGORIES: Final[dict[str, str | None]] = _read(_OUTLINE)

_BY_FOLDED: Final[dict[str, str]] = {name.removeprefix("biolink:").lower(): name for name in CATEGORIES}
_IRI = "https://w3id.org/biolink/vocab/"


@lru_cache(maxsize=1024)
def ancestors_of(category: str) -> tuple[str, ...]:
    """The class itself and its superclasses, nearest first; only itself where it is not known.

    >>> ancestors_of("biolink:Protein")
    ('biolink:Protein', 'biolink:Polypeptide', 'biolink:BiologicalEntity', 'biolink:NamedThing')
    """
    path = [category]
    while (parent := CATEGORIES.get(path[-1])) is not None:
        path.append(parent)
    return tuple(path)


def is_kind_of(category: str, ancestor: str) -> bool:
    """Whether the first class is the second or a subclass of it."""
    return ancestor in ancestors_of(category)


def parse_category(text: str) -> str | None:
    """The class as a CURIE, from a CURIE, an IRI, or a label in any case with or without spaces; None where unknown.

    >>> parse_category("Disease"), parse_category("biolink:phenotypic feature"), parse_category("Sickness")
    ('biolink:Disease', 'biolink:PhenotypicFeature', None)
    """
    label = text.strip().removeprefix(_IRI).removeprefix("biolink:")
    return _BY_FOLDED.get(label.replace(" ", "").replace("_", "").lower())
