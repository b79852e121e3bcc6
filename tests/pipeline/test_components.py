import pickle
from importlib.metadata import entry_points

import pytest
import spacy
from spacy.tokens import Doc

from pipeline.components import build_pipeline
from pipeline.vocabulary_index import VocabularyIndex

pytestmark = pytest.mark.filterwarnings("error::UserWarning")


@pytest.fixture(scope="module")
def nlp(small_vocabulary_path):
    return build_pipeline(VocabularyIndex.open([small_vocabulary_path]))


def mentions(doc):
    return [(m["text"], m["curie"], m["expanded"]) for m in doc._.materia_mentions]


def test_the_factories_are_entry_points():
    names = {point.name for point in entry_points(group="spacy_factories")}
    assert {"materia_sentencizer", "materia_matcher", "materia_linker"} <= names


def test_the_linker_works_in_any_pipeline(small_vocabulary_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("materia_linker", config={"vocabulary": [small_vocabulary_path]})
    doc = nlp("Metformin for type 2 diabetes.")
    assert [(ent.text, ent.label_, ent.kb_id_) for ent in doc.ents] == [
        ("Metformin", "ChemicalEntity", "MESH:D000003"),
        ("type 2 diabetes", "Disease", "MESH:D000002"),
    ]


def test_the_matcher_hands_its_names_to_the_linker(small_vocabulary_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("materia_matcher", config={"vocabulary": [small_vocabulary_path]})
    nlp.add_pipe("materia_linker")
    assert mentions(nlp("Aspirin and nausea")) == [("Aspirin", "MESH:D000009", None), ("nausea", "MESH:D000001", None)]


def test_the_sentencizer_marks_tokens():
    nlp = spacy.blank("en")
    nlp.add_pipe("materia_sentencizer")
    assert [s.text.strip() for s in nlp("Given i.v. today. It helped.\nNext part").sents] == [
        "Given i.v. today.",
        "It helped.",
        "Next part",
    ]


def test_offsets_are_those_of_the_name_though_the_token_is_longer(nlp):
    doc = nlp("Phenobarbital-induced dyskinesia.")
    assert [doc.text[m["start"] : m["end"]] for m in doc._.materia_mentions] == ["Phenobarbital", "dyskinesia"]
    assert [span.text for span in doc.spans["materia"]] == ["Phenobarbital-induced", "dyskinesia"]


def test_an_abbreviation_is_carried_through_the_document(nlp):
    doc = nlp("Type 2 diabetes (T2D) is common.\nMetformin helps in T2D. T2Ds differ.")
    assert mentions(doc)[1:] == [
        ("T2D", "MESH:D000002", "Type 2 diabetes"),
        ("Metformin", "MESH:D000003", None),
        ("T2D", "MESH:D000002", "Type 2 diabetes"),
        ("T2Ds", "MESH:D000002", "Type 2 diabetes"),
    ]


def test_a_definition_outranks_the_vocabulary(nlp):
    assert mentions(nlp("The national index of dim moths (NIDDM) rose; NIDDM fell.")) == []
    assert mentions(nlp("NIDDM fell.")) == [("NIDDM", "MESH:D000002", None)]


def test_initials_are_linked_where_they_are_defined(nlp):
    assert [c for _, c, _ in mentions(nlp("Acute liver failure (ALF) killed. ALF is rare."))] == ["MESH:D000013"] * 3


def test_locants_and_salts_belong_to_the_chemical(nlp):
    assert [t for t, _, _ in mentions(nlp("5-fluorouracil and metformin hydrochloride were given."))] == [
        "5-fluorouracil",
        "metformin hydrochloride",
    ]


def test_the_salt_of_an_unknown_drug_is_no_mention(vocabulary_of):
    salts = vocabulary_of(("MESH:1", "Sodium", "ChemicalEntity", []), ("MESH:2", "Chlorides", "ChemicalEntity", []))
    nlp = build_pipeline(VocabularyIndex.of(salts))
    assert mentions(nlp("Parecoxib sodium and oxybutynin chloride helped.")) == []
    assert len(mentions(nlp("Serum sodium and urine chloride fell; sodium rose."))) == 3


def test_an_analgesic_effect_is_no_analgesic(nlp):
    assert mentions(nlp("The analgesic effect of aspirin")) == [("aspirin", "MESH:D000009", None)]
    assert len(mentions(nlp("An analgesic was given with aspirin"))) == 2


def test_no_evidence_of_is_negated_and_may_is_hedged(nlp):
    doc = nlp("There was no evidence of nausea. Aspirin may cause headache. It caused hypertension.")
    assert [(m["text"], m["negated"], m["hedged"]) for m in doc._.materia_mentions] == [
        ("nausea", True, False),
        ("Aspirin", False, False),
        ("headache", False, True),
        ("hypertension", False, False),
    ]


def test_a_document_can_be_serialized_and_the_index_pickled(nlp, small_vocabulary_path):
    doc = nlp("Aspirin (ASA) for headache.")
    again = Doc(nlp.vocab).from_bytes(doc.to_bytes())
    assert again._.materia_mentions == doc._.materia_mentions != []
    assert (
        len(pickle.loads(pickle.dumps(VocabularyIndex.open([small_vocabulary_path]).matcher)).lookup("aspirin").curie)
        > 0
    )


def test_hostile_texts_do_not_break_the_pipeline(nlp):
    for text in [
        "",
        " ",
        "(",
        ")(",
        "((((()))))",
        "\x00\x01",
        "....",
        "\U0001f9ea\u0301 aspirin",
        "(a" * 500,
        "é" * 1000,
    ]:
        doc = nlp(text)
        assert all(text[m["start"] : m["end"]] == m["text"] for m in doc._.materia_mentions)


def test_the_linker_links_what_an_entity_ruler_set(small_vocabulary_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns(
        [{"label": "DRUG", "pattern": "Metformine"}, {"label": "DRUG", "pattern": "Xyzzyplugh"}]
    )
    nlp.add_pipe("materia_linker", config={"vocabulary": [small_vocabulary_path]})
    doc = nlp("Metformine and Xyzzyplugh for nausea.")
    # Nausea is a name of the vocabulary, but no entity of this pipeline; what fits no concept stays, unlinked.
    assert [(ent.text, ent.label_, ent.kb_id_) for ent in doc.ents] == [
        ("Metformine", "DRUG", "MESH:D000003"),
        ("Xyzzyplugh", "DRUG", ""),
    ]
    assert [(m["curie"], m["finder"]) for m in doc._.materia_mentions] == [
        ("MESH:D000003", "doc.ents"),
        (None, "doc.ents"),
    ]
    assert [ent.text for ent in nlp("Nausea").ents] == []


def test_a_recogniser_of_any_model_goes_before_the_dictionary(small_vocabulary_path, tmp_path):
    other = spacy.blank("en")
    other.add_pipe("entity_ruler").add_patterns([{"label": "Disease", "pattern": "severe nausea"}])
    other.to_disk(tmp_path / "ruler")
    nlp = build_pipeline(VocabularyIndex.open([small_vocabulary_path]), ner=str(tmp_path / "ruler"))
    found = nlp("Metformin caused severe nausea.")._.materia_mentions
    assert [(m["text"], m["curie"], m["finder"].split("@")[0]) for m in found] == [
        ("Metformin", "MESH:D000003", "dictionary.v2"),
        ("severe nausea", "MESH:D000001", "ruler"),
    ]


def test_documents_in_a_stream_are_read_as_one_by_one(nlp):
    texts = ["Aspirin for headache.", "", "Type 2 diabetes (T2D). T2D."] * 30
    assert [mentions(doc) for doc in nlp.pipe(texts, batch_size=7)] == [mentions(nlp(text)) for text in texts]
