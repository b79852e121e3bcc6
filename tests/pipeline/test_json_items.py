"""Values out of large JSON: the same as a whole parse gives, and nothing that grows with what is not wanted."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.json_items import JsonError, json_items

SCALARS = st.none() | st.booleans() | st.integers(-(2**31), 2**31) | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=3), v, max_size=3), max_leaves=8
)


def items(text, *places):
    return list(json_items(io.BytesIO(text.encode()), places))


@given(st.lists(VALUES, max_size=5), st.lists(VALUES, max_size=5), VALUES)
def test_what_stands_at_the_places_comes_out_in_order(nodes, edges, other):
    document = json.dumps({"x": other, "graphs": [{"nodes": nodes, "y": other, "edges": edges}]})
    found = items(document, "graphs.item.nodes.item", "graphs.item.edges.item")
    assert [value for place, value in found if "nodes" in place] == nodes
    assert [value for place, value in found if "edges" in place] == edges
    assert len(found) == len(nodes) + len(edges)


def test_what_came_before_a_break_stands():
    found = []
    with pytest.raises(JsonError):
        for item in json_items(io.BytesIO(b'{"a": [{"b": 1}, {"b": 2}, {"b"'), ("a.item",)):
            found.append(item)
    assert found == [("a.item", {"b": 1}), ("a.item", {"b": 2})]


def test_nesting_without_end_and_huge_numbers_cost_little():
    deep = '{"x": ' + "[" * 1_000_000 + "]" * 1_000_000 + ', "a": [7]}'
    assert items(deep, "a.item") == [("a.item", 7)]
    assert items('{"a": [' + "[" * 1000 + "]" * 1000 + ", 1]}", "a.item") == [("a.item", None), ("a.item", 1)]
    with pytest.raises(JsonError):
        items('{"a": [' + "9" * 100_000 + "]}", "a.item")


def test_a_text_without_end_is_refused_and_a_large_value_passed_over():
    with pytest.raises(JsonError, match="16 MiB"):
        items('{"a": ["' + "x" * (20 << 20), "a.item")
    large = json.dumps({"a": [["x" * (1 << 20)] * 20, 1]})
    assert items(large, "a.item") == [("a.item", None), ("a.item", 1)]


def test_a_byte_order_mark_is_no_content():
    assert items('\ufeff{"a": [1]}', "a.item") == [("a.item", 1)]
