import pickle
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.abbreviations import definitions_beside
from pipeline.errors import MateriaError
from pipeline.name_forms import adjectives, normal_form, normal_word, variants
from pipeline.names import NameIndex
from pipeline.preference import Preference


@pytest.fixture(scope="module")
def index(small_vocabulary):
    return NameIndex.from_vocabulary(small_vocabulary)


def found(index, text):
    return [(text[m.start : m.end], m.concept.curie) for m in index.find(text)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Tumours", "tumor"),
        ("Alzheimer's Disease", "alzheimer disease"),
        ("TNF-α", "TNF alpha"),
        ("FK-506", "FK506"),
        ("neuropathies", "neuropathy"),
        ("thromboses", "thrombosis"),
        ("oedema", "edema"),
        ("Sjögren’s syndrome", "Sjogren syndrome"),
        ("carcinomata", "carcinoma"),
        ("sulphates", "sulfate"),
        ("relapses", "relapse"),
    ],
)
def test_spellings_of_one_name_have_one_normal_form(one, other):
    assert normal_form(one) == normal_form(other)


@pytest.mark.parametrize(
    ("one", "other"), [("AIDS", "aid"), ("diabetes", "diabetic"), ("pus", "pu"), ("mass", "mas"), ("CO2", "CO")]
)
def test_different_names_keep_different_normal_forms(one, other):
    assert normal_form(one) != normal_form(other)


@given(st.text(alphabet=st.characters(categories=["Lu", "Ll", "Lo", "Nd"]), min_size=1, max_size=12))
def test_a_normal_word_is_never_empty_and_has_no_space(word):
    assert normal_word(word)
    assert not any(c.isspace() for c in normal_word(word))


def test_inverted_names_are_put_in_running_order():
    assert "Breast Neoplasms" in variants("Neoplasms, Breast")
    assert "Type 2 Diabetes Mellitus" in variants("Diabetes Mellitus, Type 2")
    assert "Autoimmune Hemolytic Anemia" in variants("Anemia, Hemolytic, Autoimmune")
    assert list(variants("Fever, with rash")) == []


def test_adjectives_follow_their_nouns():
    assert [*adjectives("hypertension")] == ["hypertensive"]
    assert [*adjectives("anemia")] == ["anemic"]
    assert [*adjectives("pain")] == []


def test_names_are_found_whatever_their_case_number_and_order(index):
    text = "Duodenal ulcers and TYPE 2 DIABETES MELLITUS; gastrin; dyskinesia"
    assert [curie for _, curie in found(index, text)] == [
        "MESH:D000011",
        "MESH:D000002",
        "MESH:D000014",
        "MESH:D000007",
    ]


def test_the_longest_name_wins(vocabulary_of):
    index = NameIndex.from_vocabulary(
        vocabulary_of(
            ("MESH:1", "Failure Heart", "Disease", ["Heart Failure"]),
            ("MESH:2", "Chronic Heart Failure", "Disease", []),
        )
    )
    assert found(index, "chronic heart failure, heart failure") == [
        ("chronic heart failure", "MESH:2"),
        ("heart failure", "MESH:1"),
    ]


def test_a_name_inside_a_hyphenated_word_is_found_alone(index):
    assert found(index, "Phenobarbital-induced dyskinesia") == [
        ("Phenobarbital", "MESH:D000006"),
        ("dyskinesia", "MESH:D000007"),
    ]


def test_a_name_does_not_match_inside_a_longer_word(index):
    assert found(index, "Metformine, xaspirin, aspirin2, antihypertension") == []


def test_anti_and_non_make_it_another_thing(index):
    assert found(index, "anti-hypertension, non-hypertension, headache-free, nausea-like") == []


def test_names_do_not_run_over_lines_or_enumerations(vocabulary_of):
    index = NameIndex.from_vocabulary(vocabulary_of(("MESH:1", "Chest Pain", "Disease", [])))
    assert found(index, "of the chest\npain was seen. chest, pain. chest. Pain") == []
    assert found(index, "chest-pain") == [("chest-pain", "MESH:1")]


def test_na_is_not_sodium(vocabulary_of):
    """Gilda's old mistake: NA (not available, noradrenaline) taken for Na."""
    index = NameIndex.from_vocabulary(vocabulary_of(("CHEBI:1", "Sodium", "ChemicalEntity", ["Na"])))
    assert found(index, "Data were NA. Serum Na and na fell.") == [("Na", "CHEBI:1")]


def test_cold_is_not_always_a_disease(vocabulary_of):
    index = NameIndex.from_vocabulary(vocabulary_of(("MESH:D003139", "Common Cold", "Disease", ["Cold"])))
    assert found(index, "cold water, the cold pressor test, in the cold") == []
    assert found(index, "He caught a cold after the common cold season.") == [
        ("cold", "MESH:D003139"),
        ("common cold", "MESH:D003139"),
    ]


def test_lead_is_a_metal_only_beside_its_words(vocabulary_of):
    index = NameIndex.from_vocabulary(vocabulary_of(("MESH:D007854", "Lead", "ChemicalEntity", [])))
    assert found(index, "This may lead to death; lead author; 12-lead") == []
    assert found(index, "blood lead and lead poisoning") == [("lead", "MESH:D007854")] * 2


def test_impact_and_other_everyday_words_are_no_names(vocabulary_of):
    words = ["IMPACT", "Role", "Disease", "Patients", "A", "42", "of", "the"]
    vocabulary = vocabulary_of(*[(f"X:{n}", word, "Disease", []) for n, word in enumerate(words)])
    assert found(NameIndex.from_vocabulary(vocabulary), "the impact of the role of disease in patients: a 42") == []


def test_initials_of_a_disease_need_a_definition(index):
    assert found(index, "ALF was seen; NIDDM was seen") == [("NIDDM", "MESH:D000002")]


def test_initials_of_a_disease_count_beside_another_name_of_it(index):
    assert found(index, "Acute liver failure killed. ALF is rare, alf is not.") == [
        ("Acute liver failure", "MESH:D000013"),
        ("ALF", "MESH:D000013"),
    ]
    assert index.lookup("ALF") is None


def test_initials_with_a_digit_are_the_names_of_genes(vocabulary_of):
    index = NameIndex.from_vocabulary(vocabulary_of(("MESH:1", "Wilms Tumor", "Disease", ["WT1", "WT"])))
    assert found(index, "WT1 in Wilms tumor (WT)") == [("Wilms tumor", "MESH:1"), ("WT", "MESH:1")]


def test_the_initials_of_a_disease_give_way_to_a_chemical(vocabulary_of):
    concepts = [("MESH:1", "Pneumonia, Pneumocystis", "Disease", ["PCP"]), ("MESH:2", "Phencyclidine", "Drug", ["PCP"])]
    index = NameIndex.from_vocabulary(vocabulary_of(*concepts))
    assert found(index, "PCP was taken; no pneumocystis pneumonia") == [
        ("PCP", "MESH:2"),
        ("pneumocystis pneumonia", "MESH:1"),
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Neurotoxicity Syndromes", "neurotoxic, neurotoxicity"),
        ("Drug Overdose", "overdoses, drug overdose"),
        ("C2 Deficiency", "C2-deficient, C2 deficiency"),
        ("Kidney Failure", "renal failure, kidney failures"),
        ("Seizures", "seizure, seizures"),
    ],
)
def test_a_condition_is_found_in_its_other_forms(vocabulary_of, name, text):
    index = NameIndex.from_vocabulary(vocabulary_of(("MESH:1", name, "Disease", [])))
    assert [surface for surface, _ in found(index, text)] == text.split(", ")


def test_liver_is_no_liver_disease(vocabulary_of):
    vocabulary = vocabulary_of(
        ("MESH:1", "Liver Diseases", "Disease", []), ("MESH:2", "Anxiety Disorders", "Disease", [])
    )
    assert found(NameIndex.from_vocabulary(vocabulary), "the liver, anxiety") == [("anxiety", "MESH:2")]


def test_unusable_classes_are_not_linked(vocabulary_of):
    vocabulary = vocabulary_of(
        ("MESH:1", "Sick Leave", "InformationContentEntity", []), ("MESH:2", "Paris", "GeographicLocation", [])
    )
    assert found(NameIndex.from_vocabulary(vocabulary), "sick leave in Paris") == []


def test_analgesia_is_not_pain_agnosia(vocabulary_of):
    """A synonym in a lesser vocabulary loses to the preferred name of a concept that is not linked."""
    concepts = [("MESH:D000698", "Analgesia", "Procedure", []), ("DOID:1", "pain agnosia", "Disease", ["analgesia"])]
    assert found(NameIndex.from_vocabulary(vocabulary_of(*concepts)), "analgesia and pain agnosia") == [
        ("pain agnosia", "DOID:1")
    ]


def test_the_preferred_vocabulary_wins_a_homonym_whatever_the_order_of_rows(vocabulary_of):
    concepts = [
        ("DOID:9", "asthma", "Disease", []),
        ("HP:9", "Asthma", "PhenotypicFeature", []),
        ("MESH:9", "Asthma", "Disease", []),
    ]
    for rows in (concepts, concepts[::-1]):
        assert found(NameIndex.from_vocabulary(vocabulary_of(*rows)), "asthma") == [("asthma", "MESH:9")]
    first = NameIndex.from_vocabulary(vocabulary_of(*concepts), Preference(default=["HP", "DOID"]))
    assert found(first, "asthma") == [("asthma", "HP:9")]


def test_an_exact_name_of_a_lesser_vocabulary_outranks_a_related_one(vocabulary_of):
    concepts = [
        ("MESH:1", "Chorea", "Disease", ["related:saint vitus dance"]),
        ("DOID:2", "saint vitus dance", "Disease", []),
    ]
    assert found(NameIndex.from_vocabulary(vocabulary_of(*concepts)), "Saint Vitus dance") == [
        ("Saint Vitus dance", "DOID:2")
    ]


def test_a_cross_reference_folds_into_the_preferred_vocabulary(vocabulary_of):
    concepts = [("DOID:1612", "breast cancer", "Disease", []), ("MESH:D001943", "Breast Neoplasms", "Disease", [])]
    vocabulary = vocabulary_of(*concepts, xrefs={"DOID:1612": ["MESH:D001943", "UMLS:C1"]})
    assert found(NameIndex.from_vocabulary(vocabulary), "breast cancer") == [("breast cancer", "MESH:D001943")]


def test_an_ambiguous_cross_reference_does_not_fold(vocabulary_of):
    concepts = [
        ("DOID:1", "early gout", "Disease", []),
        ("DOID:2", "late gout", "Disease", []),
        ("DOID:3", "odd gout", "Disease", []),
        ("MESH:1", "Gout", "Disease", []),
        ("MESH:2", "Arthritis", "Disease", []),
    ]
    xrefs = {"DOID:1": ["MESH:1"], "DOID:2": ["MESH:1"], "DOID:3": ["MESH:1", "MESH:2"]}
    index = NameIndex.from_vocabulary(vocabulary_of(*concepts, xrefs=xrefs))
    assert [c for _, c in found(index, "early gout, late gout, odd gout")] == ["DOID:1", "DOID:2", "DOID:3"]


def test_scores_fall_from_preferred_to_related(vocabulary_of):
    index = NameIndex.from_vocabulary(
        vocabulary_of(("X:1", "Morbus Alpha", "Disease", ["Alpha sickness", "related:alphaism"]))
    )
    scores = [m.concept.score for m in index.find("morbus alpha; alpha sickness; alphaism")]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == 1.0
    assert len(set(scores)) == 3


def test_an_index_survives_pickling(index):
    text = "Metformin for type 2 diabetes"
    assert found(pickle.loads(pickle.dumps(index)), text) == found(index, text) != []


def test_an_index_is_opened_from_its_folder_and_travels_as_its_path(small_vocabulary, tmp_path):
    text = "Metformin for type 2 diabetes"
    built = NameIndex.build(small_vocabulary, tmp_path / "index")
    assert found(NameIndex.open(tmp_path / "index"), text) == found(built, text) != []
    assert len(pickle.dumps(built)) < 300 + len(str(tmp_path))
    assert found(pickle.loads(pickle.dumps(built)), text) == found(built, text)


def test_the_same_vocabulary_gives_the_same_files(small_vocabulary, tmp_path):
    for name in ("one", "other"):
        NameIndex.build(small_vocabulary, tmp_path / name)
    one, other = ({p.name: p.read_bytes() for p in (tmp_path / n).iterdir()} for n in ("one", "other"))
    assert one == other


def test_a_folder_without_an_index_says_so(tmp_path):
    with pytest.raises(MateriaError, match="no index that can be read"):
        NameIndex.open(tmp_path)


def test_words_of_one_hash_are_told_apart(small_vocabulary, monkeypatch):
    monkeypatch.setattr("pipeline.names._hash", lambda word: len(word))
    index = NameIndex.from_vocabulary(small_vocabulary)
    assert [c for _, c in found(index, "Aspirin, gastrin and nothing for nausea")] == [
        "MESH:D000009",
        "MESH:D000014",
        "MESH:D000001",
    ]


def test_an_empty_vocabulary_and_an_empty_text(small_vocabulary, index):
    empty = NameIndex.from_vocabulary(small_vocabulary.slice(0, 0))
    assert found(empty, "aspirin") == []
    assert found(index, "") == []
    assert found(index, "!!! \x00 \U0001f9ea") == []


@given(
    st.lists(
        st.characters() | st.sampled_from(["aspirin", " ", "-", "nausea", "é", "\u0301", "\U0001f9ea"]), max_size=40
    )
)
def test_matches_never_overlap_and_lie_in_the_text(index, pieces):
    text = "".join(pieces)
    matches = list(index.find(text))
    assert all(0 <= m.start < m.end <= len(text) for m in matches)
    assert all(a.end <= b.start for a, b in pairwise(matches))


def test_ten_thousand_homonyms_give_one_answer(vocabulary_of):
    concepts = [(f"DOID:{n:05d}", "samename fever", "Disease", []) for n in range(10_000)]
    index = NameIndex.from_vocabulary(vocabulary_of(*concepts))
    assert isinstance(index, NameIndex)
    assert found(index, "Samename fever") == [("Samename fever", "DOID:00000")]
    assert isinstance(vocabulary_of(*concepts[:1]), pa.Table)


def test_short_forms_beside_a_known_name():
    text = "5-fluorouracil (5-FU), SNP (sodium nitroprusside), aspirin (n=20), nausea (placebo), lithium (Li)"
    spans = [
        (text.index(n), text.index(n) + len(n))
        for n in ("5-fluorouracil", "sodium nitroprusside", "aspirin", "nausea", "lithium")
    ]
    assert {s: text[a:b] for s, (a, b) in definitions_beside(text, spans).items()} == {
        "5-FU": "5-fluorouracil",
        "SNP": "sodium nitroprusside",
        "Li": "lithium",
    }
