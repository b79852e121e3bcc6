"""The category of a MeSH name: stable however names are grouped, safe to load, and as good as its docstring says."""

from __future__ import annotations

import importlib.util
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.biolink import CATEGORIES, ancestors_of, is_kind_of, parse_category
from pipeline.vocabularies.name_categories import BUCKETS, WEIGHTS, classify, name_features

NAMES = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), max_size=12)


@given(NAMES)
@settings(max_examples=50)
def test_a_name_has_the_same_category_alone_and_among_others(names: list[str]) -> None:
    """Guards against runs of characters that reach from one name into the next."""
    assert classify(names) == [classify([name])[0] for name in names]


@given(NAMES)
@settings(max_examples=50)
def test_features_are_sorted_and_in_range_and_every_name_has_some(names: list[str]) -> None:
    rows, features = name_features(names)
    assert set(rows.tolist()) == set(range(len(names)))
    assert ((features >= 0) & (features < BUCKETS)).all()
    key = rows * BUCKETS + features
    assert (np.diff(key) > 0).all()


def test_names_longer_than_a_chunk_keep_their_order() -> None:
    names = ["Ketoprofen", "Sick Leave", "Keratin-6"] * 3000
    assert classify(names) == classify(names[:3]) * 3000


def test_names_it_has_not_seen() -> None:
    kinds = dict(zip(UNSEEN, classify(list(UNSEEN)), strict=True))
    assert kinds == {name: f"biolink:{kind}" for name, kind in UNSEEN.items()}


#: Names made up, or newer than the tree the model was fitted on.
UNSEEN = {
    "Zotaprolol Hydrochloride": "ChemicalEntity",
    "Topiramate": "ChemicalEntity",
    "Mitogen-Activated Protein Kinase 27": "Protein",
    "Bacillus velezensis": "OrganismTaxon",
    "Laparoscopic Hysterotomy": "Procedure",
    "Workplace Policy": "InformationContentEntity",
}


def test_the_weights_are_small_and_hold_no_pickle() -> None:
    path = files("pipeline.vocabularies") / WEIGHTS
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
        assert {str(label) for label in stored["classes"]} <= CATEGORIES.keys()
        assert stored["levels"].shape == (len(stored["classes"]), BUCKETS)
        assert stored["levels"].dtype == np.int8
    assert len(path.read_bytes()) < 300_000


@pytest.mark.realdata
def test_held_out_names_are_told_as_well_as_the_docstring_says(materia_data: Path) -> None:
    script = Path(__file__).parents[2] / "benchmarks" / "train_mesh_categories.py"
    spec = importlib.util.spec_from_file_location("train_mesh_categories", script)
    assert spec is not None
    assert spec.loader is not None
    train = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(train)
    folder = materia_data / "vocabulary"
    sources = ("mesh_names.tsv.gz", "mesh2015_tree_numbers.tsv.gz", "medic_2012-07-06.txt.gz")
    names, classes, held_out, medic = train.examples(*(str(folder / name) for name in sources))
    features = train.matrix(names)
    guess = train.predict(features[held_out], *train.fit(features[~held_out], classes[~held_out]))
    asked = ~medic[held_out]
    truth, guess = classes[held_out][asked], guess[asked]
    chemical = "biolink:ChemicalEntity"
    assert (truth == guess).mean() > 0.83
    assert (truth[guess == chemical] == chemical).mean() > 0.915
    assert (guess[truth == chemical] == chemical).mean() > 0.875


def test_the_hierarchy_of_classes() -> None:
    assert is_kind_of("biolink:Drug", "biolink:ChemicalEntity")
    assert is_kind_of("biolink:Disease", "biolink:DiseaseOrPhenotypicFeature")
    assert not is_kind_of("biolink:ChemicalEntity", "biolink:Drug")
    assert ancestors_of("biolink:Nonsense") == ("biolink:Nonsense",)
    assert [name for name, parent in CATEGORIES.items() if parent is None] == ["biolink:NamedThing"]
    assert parse_category("https://w3id.org/biolink/vocab/SmallMolecule") == "biolink:SmallMolecule"
