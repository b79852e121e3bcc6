"""Old name indexes: kept while something was made with them, compared with the one in force, and made whole for who links."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from upath import UPath

from assets.build import build
from assets.home import Home
from assets.name_versions import INPUT, changed_since, linking_folder
from assets.stages import STAGES
from pipeline.errors import MateriaError
from pipeline.vocabulary_index import VocabularyIndex

TERM = "[Term]\nid: DOID:1\nname: gout\n"


def with_synonym(name: str) -> str:
    return f'{TERM}synonym: "{name}" EXACT []\n'


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "names.obo").write_text(f"format-version: 1.2\n\n{TERM}")
    (tmp_path / "papers.jsonl").write_text('{"id": "1", "text": "Gout."}\n')
    return Home(UPath(tmp_path / "home"), (str(tmp_path / "papers.jsonl"),), (str(tmp_path / "names.obo"),))


def name(home: Home, *terms: str) -> str:
    """Build the index of some terms; its version."""
    Path(home.vocabulary[0]).write_text("\n".join(["format-version: 1.2\n", *terms]))
    build(home, "name_index")
    manifest = home.dataset("name_index").manifest()
    assert manifest is not None
    return manifest.data_version


def test_which_names_changed_since_a_version_is_known_while_mentions_were_made_with_it(home: Home) -> None:
    build(home, "mentions")
    (made,) = home.dataset("mentions").manifests().values()
    first = made.inputs[INPUT]
    assert not changed_since(home, first)
    second = name(home, with_synonym("podagra"))
    third = name(home, with_synonym("podagra"), "[Term]\nid: DOID:2\nname: asthma\n")
    assert changed_since(home, first).forms.keys() == {("podagra",), ("asthma",)}
    assert changed_since(home, second).forms.keys() == {("asthma",)}
    assert changed_since(home, third).may_hold(pa.array(["Podagra"])).to_pylist() == [False]
    fourth = name(home, TERM)
    # Nothing was made with the second, and it is gone; with the first the mentions still are.
    assert changed_since(home, second) is None
    assert first == fourth
    build(home, "mentions")
    name(home, with_synonym("arthritis urica"))
    assert changed_since(home, third) is None
    assert changed_since(home, None) is None
    shutil.rmtree(home.path / "cache")
    assert changed_since(home, first) is None


def test_the_linker_s_index_is_made_when_somebody_asks_it_and_kept(home: Home) -> None:
    with pytest.raises(MateriaError, match="not been built"):
        linking_folder(home)
    name(home, with_synonym("podagra"))
    folder = Path(linking_folder(home))
    index = VocabularyIndex.open([str(folder)])
    assert (index.linking.concept(0), index.matcher.lookup("podagra").curie) == ("DOID:1", "DOID:1")
    written = (folder / "linker" / "index.json").stat().st_mtime_ns
    assert linking_folder(home) == str(folder)
    assert (folder / "linker" / "index.json").stat().st_mtime_ns == written
    name(home, TERM)
    assert Path(linking_folder(home)).parent == folder.parent
    assert not folder.exists()


def test_an_index_is_the_same_bytes_whatever_was_known_before(home: Home, tmp_path: Path) -> None:
    terms = [TERM, with_synonym("Neoplasms, Renal").replace("DOID:1", "DOID:2").replace("gout", "sick kidney")]
    for some in ([TERM], terms, [*terms, "[Term]\nid: DOID:3\nname: AIDS\n"], terms):
        name(home, *some)
        manifest = home.dataset("name_index").manifest()
        clean = Home(UPath(tmp_path / f"clean {len(some)}"), home.literature, home.vocabulary)
        build(clean, "name_index")
        assert clean.dataset("name_index").manifest() == manifest
        shutil.rmtree(clean.path)


def test_stages_that_read_with_names_are_those_that_need_the_index() -> None:
    from assets.name_versions import _READERS

    assert {stage.name for stage in STAGES if "name_index" in {need.asset for need in stage.needs}} == set(_READERS)
