"""Settings from files and command lines: what is merged, what is set, what is a mistake and what was meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from pipeline.errors import MateriaError
from pipeline.settings import merged, parse_settings, set_keys

# As a schema has it: a key is a section wherever it stands, or a value. Between a section, a value and a section again no merging
# can be associative.
VALUES = st.dictionaries(st.sampled_from("abc"), st.integers(0, 3), max_size=3)
SETTINGS = st.recursive(
    VALUES,
    lambda below: st.builds(
        lambda values, sections: {**values, **sections},
        VALUES,
        st.dictionaries(st.sampled_from("xyz"), below, max_size=3),
    ),
    max_leaves=8,
)


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid")
    steps: int = 1
    width: int = 2


class Whole(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = "a"
    section: Section = Section()


@given(SETTINGS, SETTINGS, SETTINGS)
def test_merging_is_a_monoid_in_which_the_last_counts(one, two, three):
    assert merged(one, merged(two, three)) == merged(merged(one, two), three)
    assert merged(one, {}) == merged({}, one) == merged(one, one) == one


def test_a_section_takes_the_place_of_a_value_and_a_value_that_of_a_section():
    assert merged({"probing": None}, {"probing": {"phrasings": 1}}) == {"probing": {"phrasings": 1}}
    assert merged({"probing": {"phrasings": 1}}, {"probing": None}) == {"probing": None}


def test_keys_are_set_one_by_one_and_their_values_are_yaml():
    before = {"section": {"steps": 3, "width": 4}}
    assert set_keys(before, ["section.steps=5", "name=b", "other={x: [1, no]}"]) == {
        "section": {"steps": 5, "width": 4}, "name": "b", "other": {"x": [1, False]}
    }  # fmt: skip
    assert before == {"section": {"steps": 3, "width": 4}}
    for wrong in ("section.steps", "=3"):
        with pytest.raises(MateriaError, match="sets nothing. Write --set section.key=value"):
            set_keys({}, [wrong])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"nane": "b"}, "f: nane: there is no such key; did you mean name?. Correct it."),
        ({"section": {"widht": 3}}, "section.widht: there is no such key; did you mean width?"),
        ({"steps": 3}, "steps: there is no such key; did you mean section.steps?"),
        ({"unlike": 3}, "f: unlike: there is no such key. Correct it."),
        ({"section": 3}, "section: input should be keys and values"),
        ({"section": {"steps": "x"}}, "section.steps: input should be a valid integer"),
        ([], "f: holds no settings (key: value)"),
    ],
)
def test_a_mistake_names_its_key_and_what_was_meant(values, said):
    with pytest.raises(MateriaError) as error:
        parse_settings(Whole, values, "f", remedy="Correct it")
    assert said in str(error.value)
