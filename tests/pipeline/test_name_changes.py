from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import MateriaError
from pipeline.extractor import Extractor
from pipeline.name_changes import NameChanges, _may_be_in, changed_names
from pipeline.name_forms import WORD, folded_letters, normal_word
from pipeline.names import NameIndex
from pipeline.tables import VOCABULARY
from pipeline.text_reader import TextReader
from pipeline.vocabulary_index import VocabularyIndex


def concept(curie, name, category="biolink:Disease", synonyms=(), xrefs=(), translations=()):
    empty = dict.fromkeys(VOCABULARY.names)
    return empty | {
        "curie": curie,
        "name": name,
        "category": category,
        "synonyms": [{"name": n, "scope": s} for n, s in synonyms],
        "xrefs": [*xrefs],
        "translations": [{"name": n, "language": "zh", "scope": "exact"} for n in translations],
        "parents": [],
    }


def index_of(folder, *rows):
    return NameIndex.build(pa.Table.from_pylist([*rows], VOCABULARY), folder)


def changes(tmp_path, old, new):
    index_of(tmp_path / "old", *old)
    index_of(tmp_path / "new", *new)
    return changed_names(tmp_path / "old", tmp_path / "new")


GOUT = concept("MESH:D006073", "Gout", synonyms=[("Podagra attack", "exact")])
ASTHMA = concept("MESH:D001249", "Asthma")


def test_nothing_changed_names_nothing(tmp_path):
    found = changes(tmp_path, [GOUT, ASTHMA], [ASTHMA, GOUT])
    assert not found
    assert found.may_hold(pa.array(["Gout and asthma."])).to_pylist() == [False]


def test_a_synonym_more_is_the_name_that_changed_and_only_texts_with_it_may_be_read_otherwise(tmp_path):
    more = concept("MESH:D006073", "Gout", synonyms=[("Podagra attack", "exact"), ("Tophaceous oedema", "exact")])
    found = changes(tmp_path, [GOUT, ASTHMA], [more, ASTHMA])
    assert [*found.forms] == [("tophaceous", "edema")]
    texts = ["Gout.", "Tophaceous  Edemas", "TOPHACEOUS-OEDEMA", "tophaceous gout, oedema", None, ""]
    assert found.may_hold(pa.array(texts, pa.string())).to_pylist() == [False, True, True, False, False, False]
    assert found.may_hold(pa.chunked_array([texts[:2], texts[2:]])).to_pylist() == [
        False,
        True,
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Sjogren syndrome", "Sjögren’s syndrome"),
        ("Neuropathy", "the neuropathies"),
        ("beta thalassemia", "β-thalassaemias"),
        ("sulfite toxicity", "sulphite toxicities"),
        ("Tumor", "TUMOURS"),
        ("糖尿病肾病", "糖尿病腎病變的患者"),
        ("DNA disease", "ＤＮＡ disease"),
        ("not known disease", "cannot known disease (NKD)"),
    ],
)
def test_whatever_the_spelling(tmp_path, name, text):
    found = changes(tmp_path, [ASTHMA], [ASTHMA, concept("X:1", name)])
    assert found.may_hold(pa.array([text])).to_pylist() == [True]


def test_a_name_in_capitals_concerns_texts_with_the_capitals(tmp_path):
    found = changes(tmp_path, [ASTHMA], [ASTHMA, concept("MESH:C1", "Aspirin", "biolink:Drug", [("FAST", "exact")])])
    texts = pa.array(["a fast test", "a FAST test", "FASTs", "aspirins"])
    assert found.may_hold(texts).to_pylist() == [False, True, True, True]


def test_a_new_class_a_merge_or_a_removal_changes_the_names_of_the_concept(tmp_path):
    symptom = concept("MESH:D001249", "Asthma", "biolink:PhenotypicFeature")
    assert [*changes(tmp_path, [GOUT, ASTHMA], [GOUT, symptom]).forms] == [("asthma",)]
    folded = concept("UMLS:C1", "Asthma bronchiale", xrefs=["MESH:D001249"])
    plain = concept("UMLS:C1", "Asthma bronchiale")
    assert ("asthma", "bronchiale") in changes(tmp_path, [ASTHMA, plain], [ASTHMA, folded]).forms
    assert set(changes(tmp_path, [GOUT, ASTHMA], [ASTHMA]).forms) == {("gout",), ("podagra", "attack")}


def test_all_may_have_changed_where_there_was_no_index_or_very_much_is_new(tmp_path):
    index_of(tmp_path / "new", *[concept(f"X:{n}", f"disease of kind {n}") for n in range(2500)])
    assert changed_names(tmp_path / "gone", tmp_path / "new") is None
    index_of(tmp_path / "old", ASTHMA)
    assert changed_names(tmp_path / "old", tmp_path / "new") is None
    with pytest.raises(MateriaError):
        changed_names(tmp_path / "new", tmp_path / "gone")


def test_many_names_are_looked_for_word_by_word():
    found = NameChanges({("drug", f"{n}", "disease"): () for n in range(1000)})
    assert found.may_hold(pa.array(["drug disease", "drug999 diseases", "x"])).to_pylist() == [False, True, False]


@given(
    st.text(
        st.characters(categories=["Lu", "Ll", "Lo", "Nd", "Nl", "No"]) | st.sampled_from("aeosulphfity"),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from(
        [
            "",
            "ies",
            "y",
            "itides",
            "itis",
            "oses",
            "sses",
            "yses",
            "omata",
            "our",
            "ours",
            "or",
            "aches",
            "xes",
            "sulphaes",
            "'s",
        ]
    ),
    st.booleans(),
)
def test_what_a_normal_form_is_sought_by_is_in_every_word_that_has_it(stem, ending, capitals):
    for word in WORD.findall((stem + ending).upper() if capitals else stem + ending):
        assert _may_be_in(normal_word(word), folded_letters(word))


WORDS = (
    "gout", "Gouts", "ALS", "als", "FAST", "anaemia", "anemia", "neuropathies", "neuropathy", "β", "beta", "Sjögren's", "colour", "sulphite",
    "Ménière’s", "2", "糖尿病", "腎病", "colitides", "colitis", "disease", "cannot", "not", "it's", "of", "kidney", "renal", "failure", "sodium", "acid", "ic acid",
)  # fmt: skip
NAMES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).flatmap(
    lambda words: st.sampled_from([" ", "-", ", "]).map(lambda joint: joint.join(words))
)
ROWS = st.builds(
    lambda number, name, category, synonyms, xrefs: concept(f"MESH:{number}", name, category, synonyms, xrefs),
    st.integers(0, 5),
    NAMES,
    st.sampled_from(["biolink:Disease", "biolink:SmallMolecule", "biolink:PhenotypicFeature", "biolink:Activity"]),
    st.lists(st.tuples(NAMES, st.sampled_from(["exact", "related"])), max_size=3),
    st.lists(st.sampled_from(["MESH:1", "UMLS:2"]), max_size=1),
)
VOCABULARIES = st.lists(ROWS, max_size=5, unique_by=lambda row: row["curie"])
TEXTS = st.lists(
    st.lists(st.sampled_from([*WORDS, "(", ")", "(ND)", "ND", "(GOD)", "and", "."]), max_size=12).flatmap(
        lambda words: st.sampled_from([" ", "", "-"]).map(lambda joint: joint.join(words).replace("( ", "("))
    ),
    min_size=1,
    max_size=6,
)


@pytest.fixture(scope="module")
def reader():
    with TemporaryDirectory() as folder:
        index_of(Path(folder) / "matcher")
        yield TextReader(VocabularyIndex(Path(folder)))


@settings(max_examples=60)
@given(VOCABULARIES, VOCABULARIES, TEXTS, st.booleans())
def test_a_text_that_holds_no_changed_name_is_read_the_same_with_both(reader, old, new, texts, small):
    if small:
        new = [*old, *(row for row in new[:1] if row["curie"] not in {one["curie"] for one in old})]
    with TemporaryDirectory() as folder:
        read = []
        for name, rows in (("old", old), ("new", new)):
            index_of(Path(folder) / name / "matcher", *rows)
            reader.extractor = Extractor(VocabularyIndex(Path(folder) / name))
            read.append(reader.read(texts))
        found = changed_names(Path(folder) / "old" / "matcher", Path(folder) / "new" / "matcher")
        assert found is not None
        for text, may, before, after in zip(texts, found.may_hold(pa.array(texts)).to_pylist(), *read, strict=True):
            assert may or before == after, text
