"""YAML that a person wrote: what is read of it, and the one sentence that is said where something is wrong."""

import pytest

from pipeline.errors import MateriaError
from pipeline.yaml_file import parse_yaml, parse_yaml_with_lines


def test_every_value_has_its_line():
    value, lines = parse_yaml_with_lines("a: 1\nb:\n  - x\n  - {c: 2}\n", "f.yaml")
    assert value == {"a": 1, "b": ["x", {"c": 2}]}
    assert lines == {(): 1, ("a",): 1, ("b",): 3, ("b", 0): 3, ("b", 1): 4, ("b", 1, "c"): 4}


def test_an_empty_text_has_no_value():
    assert parse_yaml("", "f.yaml") is None
    assert parse_yaml("# nothing yet\n", "f.yaml") is None


def test_anchors_and_merged_keys_may_be_used():
    text = "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: [*a, *a]\n"
    assert parse_yaml(text, "f.yaml")["b"] == {"x": 1, "y": 3}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "corpus: {}\nfusion: {}\ncorpus: {}\n",
            "f.yaml, line 3: has the key 'corpus' twice, the first time in line 1. ",
        ),
        ("a:\n  b: 1\n  'b': 2\n", "f.yaml, line 3: has the key 'b' twice"),
        ("a:\n  b: 2026-13-40\n", "f.yaml, line 2: is no YAML ('2026-13-40' is no timestamp)"),
        ("a: !!int ''", "f.yaml, line 1: is no YAML ('' is no int)"),
        ("a: !!bool maybe", "f.yaml, line 1: is no YAML ('maybe' is no bool)"),
        ("a: 1\nb: [", "f.yaml, line 2: is no YAML (expected the node content"),
        ("a:\n\tb: 1", "f.yaml, line 2: is no YAML (found character"),
        ("a: 1\n---\nb: 2", "f.yaml, line 2: is no YAML (but found another document)"),
        ("? [a]\n: 1", "f.yaml, line 1: is no YAML (found unhashable key)"),
        ("a: !!python/object/apply:os.getcwd []", "f.yaml, line 1: is no YAML (could not determine a constructor"),
        ("a: \0", "f.yaml: is no YAML (unacceptable character"),
        ("&a [*a]", "is no YAML that can be read: it is nested too deep, or holds itself"),
        ("[" * 5000, "nested too deep"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_line(text, said):
    with pytest.raises(MateriaError) as error:
        parse_yaml(text, "f.yaml")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("link", ["[{}]", "{{{}}}"])
def test_anchors_inside_anchors_that_mean_billions_of_values_are_refused(link):
    lists = link == "[{}]"
    lines = ["a0: &a0 [x, x, x]" if lists else "a0: &a0 {k: x, l: x}"]
    for number in range(1, 30):
        inner = ", ".join([f"*a{number - 1}"] * 9 if lists else [f"k{i}: *a{number - 1}" for i in range(9)])
        lines.append(f"a{number}: &a{number} {link.format(inner)}")
    with pytest.raises(MateriaError, match=r"f\.yaml: means more than 200,000 values"):
        parse_yaml("\n".join(lines), "f.yaml")
