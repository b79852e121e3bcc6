"""Biolink's predicates: what the shipped table says, and that it is what the model says."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from pipeline.biolink import CATEGORIES, ancestors_of
from pipeline.biolink_predicates import (
    CATEGORY_MIXINS,
    PREDICATES,
    categories_of,
    is_predicate,
    parse_predicate,
    predicate_ancestors,
)


def test_a_predicate_says_what_it_is_a_kind_of_and_between_what_it_holds() -> None:
    treats = PREDICATES["biolink:treats"]
    assert treats.parent == "biolink:treats_or_applied_or_studied_to_treat"
    assert treats.inverse == "biolink:treated_by"
    assert (treats.domain, treats.range) == ("biolink:ChemicalOrDrugOrTreatment", "biolink:DiseaseOrPhenotypicFeature")
    assert not treats.symmetric
    assert PREDICATES["biolink:interacts_with"].symmetric
    assert PREDICATES["biolink:exacerbates_condition"].opposite == "biolink:ameliorates_condition"
    assert PREDICATES["biolink:binds"].deprecated


def test_mixins_are_ancestors_too() -> None:
    assert predicate_ancestors("biolink:ameliorates_condition") == (
        "biolink:ameliorates_condition",
        "biolink:affects",
        "biolink:treats",
        "biolink:related_to_at_instance_level",
        "biolink:treats_or_applied_or_studied_to_treat",
        "biolink:related_to",
    )
    assert predicate_ancestors("biolink:heals") == ("biolink:heals",)


def test_a_domain_that_is_not_stated_is_that_of_the_nearest_ancestor() -> None:
    assert PREDICATES["biolink:exact_match"].domain == "biolink:NamedThing"
    assert PREDICATES["biolink:directly_physically_interacts_with"].domain == "biolink:NamedThing"


def test_a_domain_covers_its_kinds_and_leaves_open_what_is_said_too_generally() -> None:
    conditions = categories_of("biolink:DiseaseOrPhenotypicFeature")
    assert {"biolink:Disease", "biolink:PhenotypicFeature", "biolink:NamedThing"} <= conditions
    assert conditions.isdisjoint({"biolink:Gene", "biolink:Drug", "biolink:PathologicalProcess"})
    assert {"biolink:SmallMolecule", "biolink:Treatment"} <= categories_of("biolink:ChemicalOrDrugOrTreatment")
    assert (
        categories_of("biolink:NamedThing")
        == categories_of(None)
        == categories_of("biolink:OntologyClass")
        == set(CATEGORIES)
    )


def test_predicates_form_a_tree_and_inverses_go_both_ways() -> None:
    for curie, predicate in PREDICATES.items():
        assert predicate_ancestors(curie)[-1] == "biolink:related_to"
        others = {predicate.parent, predicate.inverse, predicate.opposite, *predicate.mixins} - {None}
        assert others <= PREDICATES.keys()
        if predicate.inverse is not None:
            assert PREDICATES[predicate.inverse].inverse == curie
            assert not predicate.symmetric


def test_the_predicates_are_those_that_the_triggers_use_and_more() -> None:
    triggers = (files("pipeline.lexicons") / "triggers.en.yaml").read_text()
    assert {f"biolink:{name}" for name in re.findall(r"biolink:([a-z_]+)", triggers)} <= PREDICATES.keys()
    assert parse_predicate("https://w3id.org/biolink/vocab/treats") == "biolink:treats"
    assert parse_predicate("biolink:heals") is None
    assert not is_predicate("biolink:heals")


@pytest.mark.realdata
def test_the_table_is_what_the_script_cuts_from_the_model(materia_data: Path) -> None:
    script = Path(__file__).parents[2] / "benchmarks" / "make_biolink_predicates.py"
    model = materia_data / "vocabulary" / "biolink-model.yaml.gz"
    made = subprocess.run([sys.executable, script, model], check=True, capture_output=True, text=True)
    assert made.stdout == (files("pipeline") / "biolink_predicates.tsv").read_text(encoding="utf-8")


@pytest.mark.realdata
def test_the_table_holds_the_model_itself(materia_data: Path) -> None:
    import yaml

    text = gzip.decompress((materia_data / "vocabulary" / "biolink-model.yaml.gz").read_bytes())
    model = yaml.load(text, yaml.CSafeLoader)
    slots = {f"biolink:{name.replace(' ', '_')}": slot for name, slot in model["slots"].items()}
    assert {name for name, slot in slots.items() if _below(name, slots)} == PREDICATES.keys()
    for curie, predicate in PREDICATES.items():
        slot = slots[curie]
        assert predicate.parent == _slot(slot.get("is_a"))
        assert predicate.symmetric == slot.get("symmetric", False)
        assert predicate.domain == _nearest(curie, "domain", slots)
        assert predicate.range == _nearest(curie, "range", slots)
        if "inverse" in slot:
            assert predicate.inverse == _slot(slot["inverse"])
    for mixin, tops in CATEGORY_MIXINS.items():
        covered = _kinds(mixin, model["classes"]) & CATEGORIES.keys()
        assert sorted(c for c in covered if covered.isdisjoint(ancestors_of(c)[1:])) == sorted(tops)


def _slot(name: str | None) -> str | None:
    return f"biolink:{name.replace(' ', '_')}" if name else None


def _class(name: str) -> str:
    return "biolink:" + "".join(word[0].upper() + word[1:] for word in name.split())


def _below(curie: str | None, slots: dict[str, Any]) -> bool:
    return curie == "biolink:related_to" or (curie is not None and _below(_slot(slots[curie].get("is_a")), slots))


def _nearest(curie: str | None, key: str, slots: dict[str, Any]) -> str | None:
    if curie is None:
        return None
    return _class(slots[curie][key]) if key in slots[curie] else _nearest(_slot(slots[curie].get("is_a")), key, slots)


def _kinds(curie: str, classes: dict[str, Any]) -> set[str]:
    """A class or mixin and all below it, by is_a and mixins alike."""
    found, waiting = {curie}, [curie]
    while waiting:
        name = waiting.pop()
        for other, content in classes.items():
            above = {_class(a) for a in (content.get("is_a"), *content.get("mixins", ())) if a}
            if name in above and _class(other) not in found:
                found.add(_class(other))
                waiting.append(_class(other))
    return found
