"""What is merged and what is not: small vocabularies as concepts, through the real tables and the real join."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import SetAside
from pipeline.storage import TableSink
from pipeline.tables import VOCABULARY, VOCABULARY_MERGES
from pipeline.vocabularies.base import Concept
from pipeline.vocabularies.categories import Rule, load_rules
from pipeline.vocabularies.join import joined
from pipeline.vocabularies.merge import renames
from pipeline.vocabularies.parts import PART_TABLES, flatten
from pipeline.vocabularies.source_tables import SourceTables

Row = dict[str, Any]


def tables_of(folder: Path, number: int, concepts: Sequence[Concept], aside: list[SetAside]) -> SourceTables:
    paths = {name: folder / f"{number}-{name}.parquet" for name in PART_TABLES}
    sinks = {name: TableSink(paths[name], schema) for name, schema in PART_TABLES.items()}
    for tables in flatten(concepts, f"file{number}", aside.append):
        for name, rows in tables.items():
            sinks[name].write(rows)
    for sink in sinks.values():
        sink.close()
    return SourceTables(f"file{number}", *map(str, paths.values()), parsed=True)


def join(
    *files: Sequence[Concept], rules: list[Rule] | None = None, **options: Any
) -> tuple[pa.Table, pa.Table, list[SetAside]]:
    aside: list[SetAside] = []
    with tempfile.TemporaryDirectory() as folder:
        sources = [tables_of(Path(folder), number, concepts, aside) for number, concepts in enumerate(files)]
        with joined(sources, aside.append, rules=load_rules() if rules is None else rules, **options) as result:
            concepts = pa.Table.from_batches(result.concepts, VOCABULARY)
            return concepts, pa.Table.from_batches(result.merges, VOCABULARY_MERGES), aside


def rows_of(table: pa.Table) -> dict[str, Row]:
    return {row["curie"]: row for row in table.to_pylist()}


def outcomes(merges: pa.Table) -> list[tuple[str, str | None, str, str, str | None]]:
    return [(r["curie"], r["merged_into"], r["other"], r["why"], r["refused"]) for r in merges.to_pylist()]


def test_an_exact_match_makes_one_concept_with_all_names() -> None:
    disease = [
        Concept(
            "DOID:1", "cold", (("common cold", "exact"), ("chill", "related")), definition="A cold.", xrefs=("UMLS:C1",)
        ),
        Concept("DOID:2", "head cold", parents=("DOID:1",)),
    ]
    mesh = [Concept("MESH:D1", "Common Cold", (("chill", "narrow"),), translations=(("zh", "感冒", "exact"),))]
    mappings = [Concept("DOID:1", "", matches=(("MESH:D1", "exact"), ("ICD10:J00", "broad")))]
    table, merges, aside = join(disease, mesh, mappings)
    rows = rows_of(table)
    assert sorted(rows) == ["DOID:2", "MESH:D1"]
    assert rows["DOID:2"]["parents"] == ["MESH:D1"]
    assert rows["MESH:D1"] == {
        "curie": "MESH:D1",
        "name": "Common Cold",
        "synonyms": [
            {"name": "chill", "scope": "narrow"},
            {"name": "cold", "scope": "exact"},
            {"name": "common cold", "scope": "exact"},
        ],
        "category": "biolink:Disease",
        "definition": "A cold.",
        "parents": [],
        "xrefs": ["DOID:1", "UMLS:C1"],
        "sources": ["file0", "file1", "file2"],
        "translations": [{"language": "zh", "name": "感冒", "scope": "exact"}],
        "matches": [{"curie": "DOID:1", "predicate": "exact"}, {"curie": "ICD10:J00", "predicate": "broad"}],
    }
    assert merges.to_pylist() == [
        {
            "curie": "DOID:1",
            "merged_into": "MESH:D1",
            "other": "MESH:D1",
            "why": "exact-match",
            "source": "file2",
            "refused": None,
        }
    ]
    assert aside == []
    assert renames(merges)["DOID:1"] == "MESH:D1"


def test_a_close_or_broad_match_merges_nothing() -> None:
    kinds = ("close", "narrow", "broad", "related")
    concepts = [Concept("A:1", "a", matches=tuple((f"B:{kind}", kind) for kind in kinds))]
    table, merges, _ = join([*concepts, *(Concept(f"B:{kind}", kind) for kind in kinds)])
    assert table.num_rows == 5
    assert merges.num_rows == 0


def test_two_concepts_of_one_vocabulary_never_become_one() -> None:
    """Neither directly nor through a third: the later statement is refused, and the log says so."""
    concepts = [
        Concept("MESH:D1", "a", matches=(("MESH:D2", "exact"), ("DOID:1", "exact"))),
        Concept("MESH:D2", "b", matches=(("DOID:1", "exact"),)),
        Concept("DOID:1", "c"),
    ]
    table, merges, _ = join(concepts)
    assert table["curie"].to_pylist() == ["MESH:D1", "MESH:D2"]
    assert outcomes(merges) == [
        ("DOID:1", "MESH:D1", "MESH:D1", "exact-match", None),
        ("DOID:1", None, "MESH:D2", "exact-match", "same-prefix"),
        ("MESH:D2", None, "MESH:D1", "exact-match", "same-prefix"),
    ]


def test_a_group_is_proved_link_by_link_and_named_by_the_preferred_prefix() -> None:
    chain = [
        Concept("Z:1", "z", matches=(("DOID:1", "exact"),)),
        Concept("Y:1", "y", matches=(("Z:1", "exact"),)),
        Concept("DOID:1", "d"),
    ]
    table, merges, _ = join(chain)
    assert table["name"].to_pylist() == ["d"]
    assert outcomes(merges) == [
        ("Y:1", "DOID:1", "Z:1", "exact-match", None),
        ("Z:1", "DOID:1", "DOID:1", "exact-match", None),
    ]
    assert join(chain, prefix_order=["Y"])[0]["curie"].to_pylist() == ["Y:1"]


def test_a_retired_identifier_is_replaced_whether_or_not_an_older_file_has_it() -> None:
    older = [
        Concept("DOID:9", "old name"),
        Concept("X:1", "x", parents=("DOID:9", "DOID:8"), matches=(("DOID:8", "broad"),)),
    ]
    newer = [Concept("DOID:1", "new name", alternatives=("DOID:9", "DOID:8"))]
    table, merges, _ = join(older, newer)
    rows = rows_of(table)
    assert sorted(rows) == ["DOID:1", "X:1"]
    assert rows["X:1"]["parents"] == ["DOID:1"]
    assert rows["X:1"]["matches"] == [{"curie": "DOID:1", "predicate": "broad"}]
    assert rows["DOID:1"]["name"] == "new name"
    assert rows["DOID:1"]["synonyms"] == [{"name": "old name", "scope": "exact"}]
    assert rows["DOID:1"]["xrefs"] == ["DOID:8", "DOID:9"]
    assert rows["DOID:1"]["matches"] == []
    assert outcomes(merges) == [
        ("DOID:8", "DOID:1", "DOID:1", "alternative-id", None),
        ("DOID:9", "DOID:1", "DOID:1", "alternative-id", None),
    ]


def test_a_retired_identifier_that_is_in_use_or_has_two_heirs_is_left_alone() -> None:
    concepts = [
        Concept("DOID:1", "a", alternatives=("DOID:2", "DOID:7")),
        Concept("DOID:2", "b", alternatives=("DOID:7",)),
    ]
    table, merges, _ = join(concepts)
    assert table["curie"].to_pylist() == ["DOID:1", "DOID:2"]
    assert outcomes(merges) == [
        ("DOID:2", None, "DOID:1", "alternative-id", "still-used"),
        ("DOID:7", None, "DOID:1", "alternative-id", "ambiguous"),
        ("DOID:7", None, "DOID:2", "alternative-id", "ambiguous"),
    ]


def test_identifiers_that_retire_each_other_are_one_concept() -> None:
    table, merges, _ = join([Concept("X:1", "a", alternatives=("X:2",))], [Concept("X:2", "b", alternatives=("X:1",))])
    assert table.num_rows == 1
    assert merges.num_rows == 1


def test_a_one_to_one_cross_reference_merges_and_can_be_switched_off() -> None:
    concepts = [
        Concept("DOID:1", "a", xrefs=("MESH:C1", "UMLS:C1")),
        Concept("MESH:C1", "b", category="biolink:Disease"),
    ]
    assert outcomes(join(concepts)[1]) == [("DOID:1", "MESH:C1", "MESH:C1", "one-to-one-xref", None)]
    assert join(concepts)[0].num_rows == 1
    table, merges, _ = join(concepts, merge_cross_references=False)
    assert (table.num_rows, merges.num_rows) == (2, 0)
    assert rows_of(table)["DOID:1"]["xrefs"] == ["MESH:C1", "UMLS:C1"]


def test_cross_references_that_are_not_one_to_one_merge_nothing() -> None:
    several_to_one = [
        Concept("DOID:1", "a", xrefs=("OMIM:1",)),
        Concept("DOID:2", "b", xrefs=("OMIM:1",)),
        Concept("OMIM:1", "c"),
    ]
    one_to_several = [Concept("DOID:1", "a", xrefs=("OMIM:1", "OMIM:2")), Concept("OMIM:1", "c")]
    back_elsewhere = [Concept("DOID:1", "a", xrefs=("OMIM:1",)), Concept("OMIM:1", "c", xrefs=("DOID:2",))]
    for concepts in (several_to_one, one_to_several, back_elsewhere):
        table, merges, _ = join(concepts)
        assert table.num_rows == len(concepts)
        assert {outcome[-1] for outcome in outcomes(merges)} == {"ambiguous"}


def test_cross_references_between_kinds_merge_only_where_the_kinds_agree() -> None:
    concepts = [
        Concept("HP:1", "a", category="biolink:PhenotypicFeature", xrefs=("DOID:1", "X:1")),
        Concept("DOID:1", "b", category="biolink:Disease"),
        Concept("X:1", "c", xrefs=("DOID:1",)),  # of unknown kind: agrees with either, but not with both
    ]
    table, merges, _ = join(concepts)
    assert table["curie"].to_pylist() == ["DOID:1", "HP:1"]
    assert outcomes(merges) == [
        ("HP:1", None, "DOID:1", "one-to-one-xref", "different-kind"),
        ("X:1", "DOID:1", "DOID:1", "one-to-one-xref", None),
        ("X:1", None, "HP:1", "one-to-one-xref", "different-kind"),
    ]
    assert rows_of(table)["DOID:1"]["category"] == "biolink:Disease"


def test_a_merge_beside_concepts_without_one_is_no_internal_error() -> None:
    """Guards against https://github.com/duckdb/duckdb/issues/24807, which these concepts met."""
    concepts = [
        Concept("A:1", "one", category="biolink:Disease"),
        Concept("MESH:2", ""),
        Concept("B:3", "two"),
        Concept("B:2", "one", matches=(("A:1", "exact"), ("A:1", "exact"))),
    ]
    assert join(concepts, threads=1)[0]["curie"].to_pylist() == ["A:1", "B:3"]


def test_a_merged_concept_gives_what_the_naming_one_lacks() -> None:
    concepts = [
        Concept("A:1", "a", matches=(("B:1", "exact"),)),
        Concept("B:1", "b", category="biolink:Gene", definition="B."),
    ]
    (row,) = join(concepts)[0].to_pylist()
    assert (row["curie"], row["category"], row["definition"]) == ("A:1", "biolink:Gene", "B.")


def test_parts_add_to_what_another_file_names_and_the_rest_is_told_once() -> None:
    parts = [
        Concept("X:1", "", (("also", "exact"),), definition="D."),
        *(Concept(f"X:{n}", "") for n in range(2, 1002)),
    ]
    table, _, aside = join(parts, [Concept("X:1", "named")])
    (row,) = table.to_pylist()
    assert (row["name"], row["definition"], row["sources"]) == ("named", "D.", ["file0", "file1"])
    (record,) = aside
    assert (record.file, record.reason, record.record) == ("file0", "no-name", "1000 concepts")
    assert record.detail.startswith("No file names these concepts that this one describes (X:10, X:100, X:1000, ...).")
    assert join(parts[1:])[0].num_rows == 0


def test_half_a_surrogate_pair_sets_its_concept_aside() -> None:
    table, _, aside = join(
        [Concept("X:1", "good"), Concept("X:2", "\ud800"), Concept("X:3", "x", (("\udc00", "exact"),))]
    )
    assert table["curie"].to_pylist() == ["X:1"]
    assert [record.reason for record in aside] == ["not-unicode", "not-unicode"]


def test_a_hundred_thousand_levels_of_parents_and_a_chain_of_matches_take_no_time_to_speak_of() -> None:
    deep = [Concept(f"HP:{n}", "x", parents=(f"HP:{n - 1}",)) for n in range(1, 100_000)]
    chain = [Concept(f"P{n}:1", "x", matches=((f"P{n + 1}:1", "exact"),)) for n in range(5_000)]
    start = time.perf_counter()
    table, _, _ = join([Concept("HP:0", "root"), *deep, *chain], rules=[Rule("ancestor", "HP:0", "biolink:Gene")])
    assert time.perf_counter() - start < 60
    assert table.filter(pa.compute.equal(table["category"], "biolink:Gene")).num_rows == 100_000
    assert table.num_rows == 100_001


CURIES = st.sampled_from([f"{prefix}:{number}" for prefix in ("MESH", "DOID", "A", "B") for number in range(4)])
CONCEPTS = st.builds(
    Concept,
    CURIES,
    st.sampled_from(["", "one", "two", "three"]),
    category=st.sampled_from([None, "biolink:Disease", "biolink:Gene"]),
    parents=st.lists(CURIES, max_size=2).map(tuple),
    xrefs=st.lists(CURIES, max_size=2).map(tuple),
    alternatives=st.lists(CURIES, max_size=1).map(tuple),
    matches=st.lists(st.tuples(CURIES, st.sampled_from(["exact", "broad"])), max_size=2).map(tuple),
)


@given(st.lists(st.lists(CONCEPTS, max_size=8), min_size=1, max_size=3), st.randoms())
@settings(max_examples=15)
def test_laws_of_merging(files: list[list[Concept]], random: Any) -> None:
    """Whatever is said: nothing is lost, no vocabulary loses a difference, the log explains all, and order does not matter."""
    table, merges, _ = join(*files, threads=1)
    rows = rows_of(table)
    named = {concept.curie for file in files for concept in file if concept.name}
    done = {row["curie"]: row["merged_into"] for row in merges.to_pylist() if row["merged_into"]}
    assert len(done) == merges.num_rows - merges["merged_into"].null_count
    assert rows.keys() == named - done.keys()
    assert set(done.values()) <= rows.keys()
    retired = {row["curie"] for row in merges.to_pylist() if row["merged_into"] and row["why"] == "alternative-id"}
    for curie, row in rows.items():
        members = [one for one, into in done.items() if into == curie and one not in retired] + [curie]
        prefixes = [one.split(":")[0] for one in members]
        assert len(prefixes) == len(set(prefixes))
        names = {concept.name for file in files for concept in file if done.get(concept.curie, concept.curie) == curie}
        assert {row["name"], *(one["name"] for one in row["synonyms"])} == names - {""}
        assert curie not in row["parents"] + row["xrefs"]
        assert not done.keys() & (set(row["parents"]) - {one for one in done if done[one] == curie})
    # Rows of a file in another order say the same; only what stands first in a file depends on it.
    shuffled = [random.sample(file, len(file)) for file in files]
    again, merges_again, _ = join(*shuffled, threads=2)
    same_kinds = all(concept.category is None for file in files for concept in file)
    if same_kinds:
        assert merges_again.equals(merges)
        columns = ["curie", "parents", "xrefs", "matches", "sources"]
        assert again.select(columns).equals(table.select(columns))
    assert join(*files, threads=2)[0].equals(table)
