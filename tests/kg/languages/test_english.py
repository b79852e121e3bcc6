"""English: names in running text, the synonyms that may stand for them, and definitions."""

import re
from html import unescape

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kg.languages import Concept, language_of
from kg.languages.base import visible
from kg.languages.english_definitions import definition_words
from kg.languages.english_names import running_order, surface_name


@pytest.mark.parametrize(
    ("name", "curie", "category", "expected"),
    [
        ("Diabetes Mellitus, Type 2", "MESH:1", "biolink:Disease", "type 2 diabetes mellitus"),
        (
            "Anti-Inflammatory Agents, Non-Steroidal",
            "MESH:1",
            "biolink:ChemicalEntity",
            "non-steroidal anti-inflammatory agents",
        ),
        ("Carcinoma, Non-Small-Cell Lung", "MESH:1", "biolink:Disease", "non-small-cell lung carcinoma"),
        ("Lymphoma, Large B-Cell, Diffuse", "MESH:1", "biolink:Disease", "diffuse large B-cell lymphoma"),
        ("Cardiomyopathy, Dilated, 1A", "MESH:1", "biolink:Disease", "dilated cardiomyopathy 1A"),
        ("Osteopetrosis, Autosomal Recessive 4", "MESH:1", "biolink:Disease", "autosomal recessive osteopetrosis 4"),
        ("Parkinson Disease", "MESH:1", "biolink:Disease", "Parkinson disease"),
        ("Lymphoma, Non-Hodgkin", "MESH:1", "biolink:Disease", "non-Hodgkin lymphoma"),
        ("Kidney Diseases", "MESH:1", "biolink:Disease", "kidney diseases"),
        ("Giacheti Syndrome", "MESH:1", "biolink:Disease", "Giacheti syndrome"),
        ("Nephrotic Syndrome", "MESH:1", "biolink:Disease", "nephrotic syndrome"),
        ("von Hippel-Lindau Disease", "MESH:1", "biolink:Disease", "von Hippel-Lindau disease"),
        ("Mucocutaneous Lymph Node Syndrome", "MESH:1", "biolink:Disease", "mucocutaneous lymph node syndrome"),
        ("HIV Infections", "MESH:1", "biolink:Disease", "HIV infections"),
        (
            "MUSCULAR DYSTROPHY, LIMB-GIRDLE, TYPE 2A",
            "OMIM:1",
            "biolink:Disease",
            "type 2A limb-girdle muscular dystrophy",
        ),
        ("Seborrheic dermatitis", "HP:1", "biolink:PhenotypicFeature", "seborrheic dermatitis"),
        ("Koolen de Vries syndrome", "DOID:1", "biolink:Disease", "Koolen de Vries syndrome"),
        ("Wolff-Parkinson-White Syndrome", "MESH:1", "biolink:Disease", "Wolff-Parkinson-White syndrome"),
        ("Receptors, Adrenergic, alpha-2", "MESH:1", "biolink:Protein", "alpha-2 adrenergic receptors"),
        ("M&#233;ni&#232;re Disease", "MESH:1", "biolink:Disease", "Ménière disease"),
        ("Duodenal Ulcer", "MESH:1", "biolink:Disease", "duodenal ulcers"),
        ("Vitamin D", "MESH:1", "biolink:SmallMolecule", "vitamin D"),
        (
            "Knuckle pads, leuconychia, and deafness",
            "MESH:1",
            "biolink:Disease",
            "knuckle pads, leuconychia, and deafness",
        ),
        ("TP53", "HGNC:1", "biolink:Gene", "TP53"),
        ("Helicobacter pylori", "NCBITaxon:1", "biolink:OrganismTaxon", "Helicobacter pylori"),
        ("Epi\u202elep\u00adsy\x07\u200b\x00", "MESH:1", "biolink:Disease", "epilepsy"),
        ("Asthma <i>severe</i>\nform", "MESH:1", "biolink:Disease", "asthma severe form"),
    ],
)
def test_names_stand_in_running_text_as_a_writer_would_put_them(name, curie, category, expected):
    assert surface_name(name, curie, category).text == expected


@pytest.mark.parametrize(
    "name",
    [
        "Seizures",
        "Adrenergic beta-Antagonists",
        "Receptors, Dopamine D2",
        "Arrhythmias, Cardiac",
        "Wounds and Injuries",
        "Kidney Calculi",
        "Proto-Oncogene Proteins c-jun",
        "Ivory epiphyses of the 4th toe",
        "Nausea and vomiting",
        "NSAIDs",
    ],
)
def test_plural_names(name):
    assert surface_name(name, "MESH:1", "biolink:Disease").plural


@pytest.mark.parametrize(
    "name",
    [
        "Diabetes Mellitus",
        "Herpes Zoster",
        "Hepatitis B",
        "Prurigo nodularis",
        "AIDS",
        "KRAS",
        "Tacrolimus",
        "Rabies",
        "Stress",
        "Deficiency of proteins",
        "Acanthosis Nigricans",
        "Carcinoma of Lungs",
        "Pancreas",
    ],
)
def test_names_that_only_look_plural(name):
    assert not surface_name(name, "MESH:1", "biolink:Disease").plural


@example("ß")
@example("[0]")
@example("\x1b")
@example("&lt;i&gt;")
@given(st.text(min_size=1, max_size=60))
def test_any_name_gives_some_words_on_one_line(name):
    surface = surface_name(name, "MESH:1", "biolink:Disease")
    assert surface.text or not re.sub(r"<[^<>]*>", "", visible(unescape(name))).strip()
    assert len(surface.text.splitlines()) <= 1
    assert len(surface.initial) == len(surface.text)


def test_a_symbol_keeps_its_small_letter_at_the_beginning_of_a_sentence():
    assert surface_name("mRNA", "MESH:1").initial == "mRNA"
    assert surface_name("Deafness, with goiter", "MESH:1").initial == "Deafness, with goiter"


def test_a_list_is_no_inversion():
    assert running_order("mouth, lips, and teeth") == "mouth, lips, and teeth"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("alpha 1-Antitrypsin", "alpha 1-antitrypsin"),
        ("C-Peptide", "C-peptide"),
        ("Receptors, Opioid, mu", "mu opioid receptors"),
        ("HLA-DR Antigens", "HLA-DR antigens"),
        ("Carcinoma, squamous cell of head and neck", "squamous cell carcinoma of head and neck"),
        ("Abnormality of the liver", "abnormalities of the liver"),
        ("Left-to-right shunt", "left-to-right shunts"),
        ("Diverticulum", "diverticula"),
        ("Statin", "statins"),
    ],
)
def test_names_that_were_once_told_badly(name, expected):
    assert surface_name(name, "MESH:1", "biolink:Disease").text == expected


def test_the_order_of_a_name_inverted_twice_is_that_of_a_synonym():
    synonyms = [
        {"name": n, "scope": "exact"} for n in ("Cardiac Sudden Death", "Death, Cardiac Sudden", "Sudden Cardiac Death")
    ]
    concept = Concept("MESH:D016757", "Death, Sudden, Cardiac", "biolink:Disease", synonyms)
    assert language_of("en").name_of(concept).text == "sudden cardiac death"


@pytest.mark.parametrize(
    ("name", "synonym", "taken"),
    [
        ("Hemorrhage", "Bleeding", True),
        ("Anemia", "Anaemia", True),
        ("Kidney Failure", "Renal Failure", True),
        ("Brain Diseases", "Brain Disorders", True),
        ("Coinfection", "co-infection", False),
        ("Vitamin K Deficiency", "deficiency of vitamin K", True),
        ("Epilepsy", "Aura", False),
        ("Cerebral Infarction", "Posterior Choroidal Artery Infarction", False),
        ("Heart Failure", "weak heart", False),
        ("Arthritis, Rheumatoid", "RA", False),
        ("Aicardi-Goutieres Syndrome", "AGS1", False),
        ("Barrett Esophagus", "barretts esophagus", False),
        ("Gastroesophageal Reflux", "gastresophageal reflux", False),
        ("Esophagitis", "Esophagitides", False),
        ("Neoplasms", "Cancer", False),
        ("Bites and Stings", "bites stings", False),
    ],
)
def test_only_what_means_the_same_stands_in_place_of_the_name(name, synonym, taken):
    english = language_of("en")
    concept = Concept("MESH:1", name, "biolink:Disease", [{"name": synonym, "scope": "exact"}])
    others = english.other_names_of(concept, english.name_of(concept))
    assert [other.text.lower() for other in others] == ([synonym.lower()] if taken else [])


def test_a_synonym_of_another_scope_is_not_told():
    english = language_of("en")
    concept = Concept("MESH:1", "Hemorrhage", "biolink:Disease", [{"name": "Bleeding", "scope": "related"}])
    assert english.other_names_of(concept, english.name_of(concept)) == ()


def test_an_acronym_of_the_name_is_given_beside_it_and_not_in_its_place():
    english = language_of("en")
    synonyms = [{"name": n, "scope": "exact"} for n in ("COPD", "COAD")]
    concept = Concept("MESH:1", "Pulmonary Disease, Chronic Obstructive", "biolink:Disease", synonyms)
    name = english.name_of(concept)
    assert english.other_names_of(concept, name) == ()
    assert [text for text, _ in english.opening(concept, name)] == [
        "Chronic obstructive pulmonary disease is also called COPD."
    ]


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ("A lung disease that is located_in the lung. More.", "a lung disease that is in the lung"),
        ("The presence of protein in the urine.", "the presence of protein in the urine"),
        ("The heart cannot pump enough blood.", ""),
        ("A colon cancer that caused by cells.", "a colon cancer that is caused by cells"),
        ("A cancer that has_material_basis_in epithelial cells.", "a cancer that arises from epithelial cells"),
        ("A disease that has_material_basis_in Hepatitis B virus.", "a disease that is caused by Hepatitis B virus"),
        ("A acute otitis media caused by an allergen.", "an acute otitis media caused by an allergen"),
        ("A `severe` (PATO:0000396) form of `periodontitis` (HP:0000165).", "a severe form of periodontitis"),
        ("Inability to react to a test.", ""),
        (None, ""),
    ],
)
def test_a_definition_is_told_where_it_fits_the_frame(definition, expected):
    assert definition_words(definition) == expected


@pytest.mark.parametrize(
    "definition",
    [
        "A lung disease {caused}.",
        "A disorder of attention (e.g. of sight.",
        "An accumulation of the accumulation of fluid.",
    ],
)
def test_a_definition_that_reads_badly_is_left_out(definition):
    assert definition_words(definition) == ""


def test_a_definition_does_not_end_at_an_abbreviation():
    words = definition_words("A type of dystonia of the midline muscles, i.e. the chest muscles. It is rare.")
    assert words == "a type of dystonia of the midline muscles, i.e. the chest muscles"


def test_an_immunoglobulin_in_a_shouted_name_keeps_its_small_letter():
    assert surface_name("GLOMERULONEPHRITIS, IGA", "MESH:D005922", "biolink:Disease").text == "IgA glomerulonephritis"


def test_a_heart_attack_is_counted():
    assert surface_name("Heart Attack", "MESH:D009203", "biolink:Disease").text == "heart attacks"
