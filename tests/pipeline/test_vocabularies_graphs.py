"""Nodes of KGX and mappings of SSSOM, in small files to the published specifications.

KGX: https://github.com/biolink/kgx/blob/master/specification/kgx-format.md.
SSSOM: https://mapping-commons.github.io/sssom/spec-formats-tsv/.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path

import pytest

from pipeline.errors import SetAside
from pipeline.vocabularies import LOADERS, recognise
from pipeline.vocabularies.base import Concept

SAMPLES = Path(__file__).parent / "vocabulary_samples"
EDGES = "id\tsubject\tpredicate\tobject\tcategory\te1\ne1\tA:1\tbiolink:treats\tB:1\tbiolink:Association\tx\n"


def concepts(loader: str, content: str | bytes | None = None) -> tuple[dict[str, Concept], list[SetAside]]:
    data = (SAMPLES / loader).read_bytes() if content is None else content
    aside: list[SetAside] = []
    stream = io.BytesIO(data.encode() if isinstance(data, str) else data)
    return {one.curie: one for one in LOADERS[loader].load(stream, "file", aside.append)}, aside


def test_a_table_of_nodes() -> None:
    found, aside = concepts("kgx_tsv.v1")
    assert aside == []
    assert found["MONDO:0005180"] == Concept(
        "MONDO:0005180",
        "Parkinson disease",
        (("paralysis agitans", "exact"), ("PD", "exact")),
        "biolink:Disease",  # the most special of three
        "A movement disorder.",
        xrefs=("DOID:14330", "UMLS:C0030567"),
        matches=(("MESH:D010300", "exact"),),
    )
    assert found["CHEBI:15765"] == Concept("CHEBI:15765", "")  # a part: NamedThing says nothing


@pytest.mark.parametrize("loader", ["kgx_jsonl.v1", "kgx_json.v1"])
def test_nodes_in_json(loader: str) -> None:
    found, aside = concepts(loader)
    assert aside == []
    assert sorted(found) == ["HGNC:11138", "MONDO:0005180"]
    assert found["MONDO:0005180"].category == "biolink:Disease"
    assert ("paralysis agitans", "exact") in found["MONDO:0005180"].synonyms


def test_scopes_and_equivalent_identifiers() -> None:
    found, _ = concepts("kgx_jsonl.v1")
    assert ("shaking palsy", "narrow") in found["MONDO:0005180"].synonyms
    assert found["HGNC:11138"].matches == (("NCBIGene:6622", "exact"),)


@pytest.mark.parametrize(
    "edges",
    [
        EDGES,
        '{"id": "e1", "subject": "A:1", "predicate": "biolink:treats", "object": "B:1", "category": ["biolink:Association"]}\n',
        '{"edges": [{"id": "e1", "subject": "A:1", "predicate": "biolink:treats", "object": "B:1", "category": []}]}',
        '{"graphs": [{"nodes": [{"id": "http://purl.obolibrary.org/obo/X_1", "lbl": "x"}]}]}',
        '{"nodes": [{"id": 1, "name": "x"}], "links": []}',
    ],
)
def test_edges_and_other_graphs_are_not_claimed(edges: str) -> None:
    found = recognise(edges.encode(), "file")
    assert found is None or not found.name.startswith(("kgx", "tsv"))


def test_nodes_behind_edges_and_a_file_that_breaks_off() -> None:
    whole = (SAMPLES / "kgx_json.v1").read_text("utf-8")
    parsed = json.loads(whole)
    turned = json.dumps({"edges": parsed["edges"] * 1000, "nodes": parsed["nodes"]})
    assert concepts("kgx_json.v1", turned)[0] == concepts("kgx_json.v1")[0]
    found, aside = concepts("kgx_json.v1", whole[: whole.index("HGNC:11138")])
    assert list(found) == ["MONDO:0005180"]
    assert [(one.record, one.reason) for one in aside] == [("node 2", "malformed-json")]


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        ('{"id": "no curie", "category": []}', "no-identifier"),
        ('{"id": ["A:1"], "name": 5, "category": []}', "invalid-field"),
        ('{"id": "A:1", "name": "\\ud800", "category": []}', "invalid-field"),
        ('{"id": "A:1", "name": {"a": []}, "category": []}', "invalid-field"),
        ('{"id": "A:1", "category": ["Nonsense"]}', "unknown-category"),
        ('{"id": "A:1", "deprecated": true}', "obsolete"),
        ('{"id": ' + "[" * 10_000 + "]" * 10_000 + "}", "invalid-field"),
        ('{"id": ' + "9" * 10_000 + "}", None),
        ("[]", "malformed-json"),
        ("{", "malformed-json"),
        ("", None),
    ],
)
def test_a_bad_node_is_set_aside_and_the_others_stay(node: str, reason: str | None) -> None:
    good = '{"id": "X:1", "category": ["biolink:Gene"], "name": "x"}'
    found, aside = concepts("kgx_jsonl.v1", f"{good}\n{node}\n{good}\n".replace("X:1", "X:0", 1))
    assert {"X:0", "X:1"} <= set(found)
    if reason is not None and "[[" not in node:
        assert [one.reason for one in aside] == [reason]
    found, aside = concepts("kgx_json.v1", f'{{"nodes": [{good}, {node or good}, {good}]}}')
    assert "X:1" in found


def test_a_node_larger_than_any_is_passed_over_and_a_text_without_end_ends_the_json() -> None:
    good = '{"id": "X:1", "category": ["biolink:Gene"], "name": "x"}'
    for monster in ('{"a": [' + "[]," * 1_200_000 + "[]]}", '{"a": "' + "x" * 20_000_000 + '"}'):
        found, aside = concepts("kgx_json.v1", f'{{"nodes": [{good}, {monster}]}}')
        assert list(found) == ["X:1"]
        assert [one.reason for one in aside] == ["malformed-json"]


def test_json_nested_without_end_and_long_numbers() -> None:
    good = '{"id": "X:1", "category": ["biolink:Gene"], "name": "x"}'
    for monster in ('{"a":' * 300_000, "[" * 300_000, "9" * 5_000, "9" * 300_000):
        for text in (f'{{"nodes": [{good}, {monster}', f'{{"a": {monster}', f'{{"nodes": {monster}'):
            recognise(text[:65_536].encode(), "file")
            found, aside = concepts("kgx_json.v1", text)
            assert list(found) == (["X:1"] if good in text else [])
            assert [one.reason for one in aside] == ["malformed-json"]


def test_mappings() -> None:
    found, aside = concepts("sssom.v1")
    assert found == {
        "MONDO:0005180": Concept(
            "MONDO:0005180",
            "",
            xrefs=("UMLS:C0030567",),
            matches=(("MESH:D010300", "exact"), ("DOID:14330", "close")),
        ),
        "HP:0001337": Concept("HP:0001337", "", matches=(("MP:0000745", "broad"),)),  # `human:` is HP by the curie_map
    }
    assert Counter(one.reason for one in aside) == {"negated-mapping": 1, "unknown-predicate": 1}


def test_mappings_without_a_header_and_with_nothing_mapped() -> None:
    table = "subject_id\tpredicate_id\tobject_id\nA:1\tskos:exactMatch\tsssom:NoTermFound\nA:1\tskos:exactMatch\tA:1\nno\tskos:exactMatch\tB:1\nA:2\towl:equivalentClass\tB:2"
    assert recognise(table.encode(), "x") is LOADERS["sssom.v1"]
    found, aside = concepts("sssom.v1", table)
    assert list(found) == ["A:2"]
    assert [one.reason for one in aside] == ["no-match", "self-match", "no-identifier"]


@pytest.mark.parametrize(
    "header",
    [
        "[" * 10_000,
        "a: [",
        "a: &a {b: c}\nd: &d {<<: [*a, *a, *a, *a]}\n"
        + "".join(f"k{n}: &d {{<<: [*d, *d, *d, *d]}}\n" for n in range(40)),
        "x" * 100_000,
        "- &a [*a]",
        "? {a: b}\n: c",
        "curie_map: 7",
        "curie_map: {a: [b], mesh: http://id.nlm.nih.gov/mesh/}",
    ],
)
def test_a_hostile_header_does_no_harm(header: str) -> None:
    comment = "".join(f"#{line}\n" for line in header.split("\n"))
    table = (SAMPLES / "sssom.v1").read_text("utf-8")
    found, aside = concepts("sssom.v1", comment + table[table.index("subject_id") :])
    assert "MONDO:0005180" in found
    assert {one.reason for one in aside} <= {"bad-header", "negated-mapping", "unknown-predicate"}
