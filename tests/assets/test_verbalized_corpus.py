"""The graph told in a build: with sentences of one's own, in part, and again after a change of either."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from assets.build import build
from assets.config import load_config
from assets.home import SAMPLE, Home, open_home
from pipeline.errors import MateriaError

OWN = "predicates:\n  biolink:treats:\n    present: helps against|help against\n    infinitive: help against\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home of one file of the sample, built as far as the corpus."""
    folder = tmp_path_factory.mktemp("verbalized")
    (folder / "papers").mkdir()
    shutil.copy(SAMPLE / "literature" / "pubmed26n0001.xml", folder / "papers")
    home = configured(folder, "buckets: 2")
    build(home, "verbalized_corpus")
    return home


def configured(folder: Path, settings: str) -> Home:
    (folder / "materia.yaml").write_text(settings, encoding="utf-8")
    config = load_config(str(folder / "materia.yaml"))
    return open_home(str(folder / "home")).configure([str(folder / "papers")], [str(SAMPLE / "vocabulary")], config)


def told(home: Home) -> dict[str, list[str]]:
    """The texts of each form."""
    texts: dict[str, list[str]] = {}
    for key in home.buckets:
        for row in home.dataset("verbalized_corpus").read(key).to_pylist():
            texts.setdefault(row["form"], []).append(row["text"])
    return texts


def test_every_form_is_told_and_a_template_of_ones_own_changes_its_predicate_alone(home: Home) -> None:
    before = told(home)
    assert {"fact", "paragraph", "chain", "quotation"} <= set(before)
    folder = Path(str(home.url)).parent
    (folder / "mine.yaml").write_text(OWN, encoding="utf-8")
    own = configured(folder, "buckets: 2\ncorpus: {templates: {en: mine.yaml}}")
    build(own, "verbalized_corpus")
    after = told(own)
    assert any(" helps against " in text for text in after["fact"])
    assert not any(" treats " in text for text in after["fact"])
    changed = set(after["fact"]) - set(before["fact"])
    assert changed
    assert all("help" in text for text in changed)

    # Only an edit of the file builds the corpus again, not the name it is under.
    version = {key: manifest.data_version for key, manifest in own.dataset("verbalized_corpus").manifests().items()}
    (folder / "mine.yaml").rename(folder / "other.yaml")
    moved = configured(folder, "buckets: 2\ncorpus: {templates: {en: other.yaml}}")
    build(moved, "verbalized_corpus")
    assert {k: m.data_version for k, m in moved.dataset("verbalized_corpus").manifests().items()} == version

    plain = configured(folder, "buckets: 2\ncorpus: {forms: [fact]}")
    build(plain, "verbalized_corpus")
    assert told(plain) == {"fact": before["fact"]}
    assert all(plain.dataset("triple_context").read(key).num_rows == 0 for key in plain.buckets)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("corpus: {languages: [xx]}", "there are no templates for the language 'xx'. Choose one of: "),
        ("corpus: {templates: {en: wrong.yaml}}", "wrong.yaml, line 2: x:y has no words"),
        ("corpus: {templates: {en: none.yaml}}", "none.yaml: does not exist"),
        ("corpus: {templates: {zh: wrong.yaml}}", "there are templates for zh, which languages does not name"),
        ("corpus: {forms: [poem]}", "corpus.forms.0: "),
        ("corpus: {languages: []}", "corpus.languages: "),
    ],
)
def test_a_mistake_is_told_before_anything_is_built(tmp_path: Path, settings: str, said: str) -> None:
    (tmp_path / "wrong.yaml").write_text("predicates:\n  x:y: 3\n", encoding="utf-8")
    with pytest.raises(MateriaError) as error:
        configured(tmp_path, settings)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "home").exists()
