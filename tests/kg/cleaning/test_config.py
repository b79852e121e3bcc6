"""What is set about cleaning, and what of it enters skip keys."""

import pytest
from pydantic import ValidationError

from assets.config import load_config
from kg.cleaning.config import CleaningConfig
from kg.config import CorpusConfig
from pipeline.errors import MateriaError


def test_test_documents_are_named_relative_to_the_configuration(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "ids.txt").write_text("PMID:1\n")
    (tmp_path / "materia.yaml").write_text(
        "corpus: {test_documents: [tests/ids.txt], cleaning: {near_duplicates: null}}\n"
    )
    corpus = load_config(str(tmp_path / "materia.yaml")).corpus
    assert corpus.test_documents == (str(tmp_path / "tests" / "ids.txt"),)
    assert corpus.cleaning.near_duplicates is None


def test_what_cleaning_depends_on_holds_no_path(tmp_path):
    identities = []
    for folder, text in (("a", "PMID:1\n"), ("b", "PMID:1\n"), ("c", "PMID:2\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "ids.txt").write_text(text)
        identities.append(CorpusConfig(test_documents=(str(tmp_path / folder / "ids.txt"),)).cleaning_identity())
    assert identities[0] == identities[1] != identities[2]
    assert str(tmp_path) not in str(identities)
    with pytest.raises(MateriaError, match="does not exist"):
        CorpusConfig(test_documents=(str(tmp_path / "gone.txt"),)).cleaning_identity()


@pytest.mark.parametrize(
    "wrong", [{"shortest": 0}, {"near_duplicates": 1.5}, {"letters": -1}, {"n": 13}, {"test_ngram": 0}]
)
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValidationError):
        CleaningConfig(**wrong)
