import pytest
import spacy

from pipeline.errors import MateriaError
from pipeline.finders import FoundSpan, category_of_label, finder_name, load_finder


def test_a_spacy_folder_is_a_recogniser(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "CHEMICAL", "pattern": "aspirin"}])
    nlp.to_disk(tmp_path / "ruler")
    finder = load_finder(str(tmp_path / "ruler"))
    assert finder.find(["😀 aspirin e\u0301 aspirin", ""]) == [
        [FoundSpan(2, 9, "CHEMICAL", 1.0), FoundSpan(13, 20, "CHEMICAL", 1.0)],
        [],
    ]


def test_the_name_of_a_model_says_its_content_and_no_path(tmp_path):
    nlp = spacy.blank("en")
    (tmp_path / "other").mkdir()
    nlp.to_disk(tmp_path / "one")
    nlp.to_disk(tmp_path / "other" / "one")
    assert finder_name(str(tmp_path / "one")) == finder_name(str(tmp_path / "other" / "one"))
    assert "/" not in finder_name(str(tmp_path / "one"))
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path / "one")
    assert finder_name(str(tmp_path / "one")) != finder_name(str(tmp_path / "other" / "one"))


def test_what_is_no_recogniser_is_said_in_one_sentence(tmp_path):
    with pytest.raises(MateriaError, match="no such folder, nor an installed model"):
        load_finder("en_no_such_model")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MateriaError, match="empty one"):
        load_finder(str(tmp_path / "empty"))
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "notes.txt").write_text("notes")
    with pytest.raises(MateriaError, match="holds no model"):
        load_finder(str(tmp_path / "text"))
    (tmp_path / "text" / "meta.json").write_text("{")
    with pytest.raises(MateriaError, match="cannot be loaded"):
        load_finder(str(tmp_path / "text"))


def test_labels_of_models_stand_for_classes():
    labels = ["CHEMICAL", "Disease", "DiseaseOrPhenotypicFeature", "GeneOrGeneProduct", "brand", "ENTITY", "CellLine"]
    assert [category_of_label(label).removeprefix("biolink:") for label in labels] == [
        "ChemicalEntity",
        "Disease",
        "DiseaseOrPhenotypicFeature",
        "Gene",
        "ChemicalEntity",
        "NamedThing",
        "CellLine",
    ]
