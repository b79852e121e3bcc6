"""Differences of two builds: each way in which a claim may differ, and each reason, on the smallest builds that show it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from kg.config import FusionConfig, SplitConfig
from kg.difference import Build, Difference, compare
from kg.difference_text import difference_lines
from kg.fusion import fuse
from kg.tables import TRIPLES
from pipeline.errors import MateriaError
from pipeline.hashing import bucket_name, bucket_of
from pipeline.storage import Dataset
from pipeline.tables import EVIDENCE, LIVE_DOCUMENTS, VOCABULARY, VOCABULARY_MERGES
from tests.kg.conftest import evidence_row

SPLITS = SplitConfig()
METFORMIN, DIABETES = "MESH:D008687", "MESH:D003924"
Make = Callable[..., Build]


def put(
    home: Path, asset: str, key: str, schema: pa.Schema, rows: pa.Table | list[dict[str, Any]], code: str = "1"
) -> None:
    table = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows, schema)
    with Dataset(home, asset).writer(key) as writer:
        writer.table(f"{key}/{asset}.parquet", schema).write(table)
        writer.commit(skip_key="k", code_version=code, inputs={})


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A function that makes a build of rows of evidence: live documents and vocabulary are those the rows name, unless given."""
    made = 0

    def build(
        rows: list[dict[str, Any]],
        *,
        buckets: int = 3,
        live: dict[str, dict[str, Any]] | None = None,
        concepts: dict[str, dict[str, Any]] | None = None,
        merges: dict[str, str] | None = None,
        fusion: FusionConfig | None = None,
        code: str = "1",
    ) -> Build:
        nonlocal made
        made += 1
        home = tmp_path / f"home-{made}"
        fusion = fusion or FusionConfig()
        rows = [evidence_row(**row) for row in rows]
        texts = {row["doc_id"]: {"text_hash": row["text_hash"], "retracted": row["retracted"]} for row in rows}
        documents = [
            {
                "doc_id": name,
                "version": 1,
                "text_hash": about["text_hash"],
                "status": "retracted" if about["retracted"] else "active",
            }
            | (live or {}).get(name, {})
            for name, about in sorted(
                (texts | {name: {"text_hash": name, "retracted": False} for name in live or {}}).items()
            )
        ]
        put(home, "live_documents", "all", LIVE_DOCUMENTS, documents)
        curies = sorted({row[end] for row in rows for end in ("subject", "object")} | set(concepts or {}))
        vocabulary = [
            {"curie": curie, "name": f"name of {curie}"} | (concepts or {}).get(curie, {}) for curie in curies
        ]
        put(home, "vocabulary", "all", VOCABULARY, vocabulary)
        joined = [{"curie": old, "merged_into": new} for old, new in sorted((merges or {}).items())]
        put(home, "vocabulary_merges", "all", VOCABULARY_MERGES, joined)
        for bucket in range(buckets):
            key = bucket_name(bucket, buckets)
            mine = [row for row in rows if bucket_of(row["subject"], buckets) == bucket]
            put(home, "evidence_by_bucket", key, EVIDENCE, sorted(mine, key=lambda row: row["evidence_id"]))
            fused = fuse(Dataset(home, "evidence_by_bucket").paths(key), fusion, SPLITS)
            put(home, "triples", key, TRIPLES, fused, code)
        return Build(home, {f"fusion.{name}": value for name, value in fusion.model_dump().items()})

    return build


def counted(difference: Difference) -> dict[str, int]:
    return {way: count for way, count in (difference.triples or {}).items() if count}


def text(difference: Difference) -> str:
    from rich.console import Console

    console = Console(width=200, highlight=False)
    with console.capture() as captured:
        for line in difference_lines(difference):
            console.print(line)
    return captured.get()


@pytest.mark.parametrize("buckets", [3, 5])
def test_equal_builds_do_not_differ_whatever_their_buckets(make: Make, buckets: int) -> None:
    rows = [{"subject": f"MESH:{i}", "doc_id": f"PMID:{i}"} for i in range(7)]
    difference = compare(make(rows), make(rows, buckets=buckets))
    assert difference.equal
    assert text(difference).strip() == "The two builds know the same."


@pytest.mark.parametrize("buckets", [3, 5])
def test_a_new_paper_makes_a_claim_stronger_and_another_new(make: Make, buckets: int) -> None:
    before = [{}]
    after = [{}, {"doc_id": "PMID:2", "sentence": "It helps."}, {"doc_id": "PMID:2", "object": "MESH:X"}]
    difference = compare(make(before), make(after, buckets=buckets))
    assert counted(difference) == {"new": 1, "stronger": 1}
    assert difference.reasons == {"document-new": 2}
    assert difference.documents is not None
    assert difference.documents.examples == {"new": ("PMID:2",)}
    new, stronger = difference.largest
    assert (new.object, new.changes, new.belief[0]) == ("MESH:X", ("new",), None)
    assert stronger.evidence is not None
    assert (stronger.evidence.change, stronger.evidence.sentence) == ("new", "It helps.")
    assert "stronger name of MESH:D008687 treats name of MESH:D003924  0.760 -> 0.912  (document-new)" in text(
        difference
    )
    assert "+ PMID:2 (trigger.v1, document-new): “It helps.”" in text(difference)


def test_a_paper_that_is_gone_takes_its_claim_along(make: Make) -> None:
    rows = [{}, {"doc_id": "PMID:2", "object": "MESH:X"}]
    for live in (None, {"PMID:2": {"status": "deleted"}}):
        difference = compare(make(rows), make(rows[:1], live=live))
        assert counted(difference) == {"gone": 1}
        assert difference.reasons == {"document-gone": 1}
        assert difference.documents is not None
        assert difference.documents.counts["gone"] == 1


def test_a_revised_text(make: Make) -> None:
    difference = compare(make([{"text_hash": "one"}]), make([{"text_hash": "two", "certainty": 0.5}]))
    assert counted(difference) == {"weaker": 1}
    assert difference.reasons == {"document-revised": 1}


@pytest.mark.parametrize(("policy", "way"), [("exclude", "gone"), ("downweight", "weaker")])
def test_a_retraction_and_its_withdrawal(make: Make, policy: Any, way: str) -> None:
    fusion = FusionConfig(retracted=policy)
    good, bad = make([{}], fusion=fusion), make([{"retracted": True}], fusion=fusion)
    difference = compare(good, bad)
    assert counted(difference) == {way: 1}
    assert difference.reasons == {"document-retracted": 1}
    assert "~ PMID:1 (trigger.v1, document-retracted)" in text(difference)
    assert compare(bad, good).reasons == {"document-reinstated": 1}


def test_another_version_of_the_extractor(make: Make) -> None:
    difference = compare(make([{}]), make([{"extractor": "trigger.v2", "probability": 0.9}]))
    assert counted(difference) == {"stronger": 1}
    assert difference.reasons == {"extractor": 1}


def test_the_same_extractor_finds_more_in_the_same_text(make: Make) -> None:
    """The names of other concepts changed, say, or a model that has kept its name."""
    both = {"PMID:1": {"text_hash": "t"}}
    difference = compare(
        make([{"text_hash": "t"}], live=both),
        make(
            [{"text_hash": "t"}, {"text_hash": "t", "object": "MESH:X"}],
            live=both,
        ),
        what=["triples"],
    )
    assert difference.reasons == {"vocabulary": 1}, "the concept is new"
    concepts = {"MESH:X": {}}
    one = make([{"text_hash": "t"}], live=both, concepts=concepts)
    two = make([{"text_hash": "t"}, {"text_hash": "t", "object": "MESH:X"}], live=both, concepts=concepts)
    assert compare(one, two).reasons == {"extraction": 1}


def test_a_merge_of_concepts_moves_the_claim(make: Make) -> None:
    difference = compare(make([{"object": "DOID:9352"}]), make([{"object": DIABETES}], merges={"DOID:9352": DIABETES}))
    assert counted(difference) == {"new": 1, "gone": 1}
    assert difference.reasons == {"vocabulary": 2}
    assert difference.concepts is not None
    assert difference.concepts.examples["merged"] == ("DOID:9352",)
    (gone,) = (change for change in difference.largest if "gone" in change.changes)
    (new,) = (change for change in difference.largest if "new" in change.changes)
    assert gone.moved_to == new.triple_id


def test_an_edge_of_a_graph(make: Make) -> None:
    edge = {"extractor": "sif.v1", "doc_id": "materia:graph/1", "object": "MESH:X"}
    assert compare(make([{}]), make([{}, edge]), what=["triples"]).reasons == {"graph": 1}


def test_other_settings_of_fusion(make: Make) -> None:
    difference = compare(make([{}]), make([{}], fusion=FusionConfig(systematic_error=0.2)))
    assert counted(difference) == {"weaker": 1}
    assert difference.reasons == {"settings": 1}
    assert difference.settings == {"fusion.systematic_error": (0.05, 0.2)}


def test_settings_alone_are_no_difference(make: Make) -> None:
    difference = compare(make([{}]), make([{}], fusion=FusionConfig(retracted="keep")))
    assert difference.equal
    assert "fusion.retracted" in difference.settings


def test_other_reliabilities(make: Make) -> None:
    a, b = make([{}]), make([{}], fusion=FusionConfig(systematic_error=0.2))
    learned = Build(b.url, a.settings | {"fusion.reliabilities": "another hash"})
    assert compare(a, learned).reasons == {"reliabilities": 1}


def test_where_nothing_else_differs_it_is_the_code(make: Make) -> None:
    a, b = make([{}]), make([{}], fusion=FusionConfig(systematic_error=0.2), code="2")
    difference = compare(a, Build(b.url, a.settings))
    assert difference.reasons == {"code": 1}
    assert difference.code == {"triples": ("1", "2")}


def test_a_denial_makes_a_claim_contested_and_is_what_is_quoted(make: Make) -> None:
    rows = [
        {},
        {"doc_id": "PMID:2", "probability": 0.95},
        {"doc_id": "PMID:3", "polarity": False, "sentence": "It does not."},
    ]
    difference = compare(make(rows[:1]), make(rows))
    assert counted(difference) == {"weaker": 1, "contested": 1}
    (claim,) = difference.largest
    assert claim.evidence is not None
    assert (claim.evidence.doc_id, claim.evidence.sentence) == ("PMID:3", "It does not.")
    assert counted(compare(make(rows), make(rows[:1]))) == {"stronger": 1, "settled": 1}


def test_an_opposed_claim_is_a_reason_too(make: Make) -> None:
    other = {"doc_id": "PMID:2", "predicate": "biolink:contraindicated_in"}
    difference = compare(make([{}]), make([{}, other]))
    assert difference.reasons == {"document-new": 2}
    assert {change.predicate: change.changes for change in difference.largest} == {
        "biolink:treats": ("weaker", "contested"),
        "biolink:contraindicated_in": ("new",),
    }


def effect(direction: str | None, document: int) -> dict[str, Any]:
    return {
        "predicate": "biolink:affects",
        "direction": direction,
        "doc_id": f"PMID:{document}",
        "sentence": "It does.",
    }


def test_a_changed_direction_is_told_with_both(make: Make) -> None:
    """Two papers against one turn the claim round; a paper for either side leaves it without a direction."""
    raised, lowered = [effect("increased", 1)], [effect("decreased", 2), effect("decreased", 3)]
    difference = compare(make(raised), make(raised + lowered))
    (claim,) = difference.largest
    assert claim.direction == ("increased", "decreased")
    assert "direction" in claim.changes
    assert "direction increased -> decreased" in text(difference)
    undecided = compare(make(raised), make(raised + lowered[:1]))
    assert undecided.largest[0].direction == ("increased", None)
    assert counted(undecided)["direction"] == 1
    assert "direction increased -> none" in text(undecided)


def test_evidence_of_the_other_direction_speaks_against_the_claim(make: Make) -> None:
    """What lowered the belief in an increase is the paper that says decrease, not another one that says increase."""
    sure = [effect("increased", n) for n in (1, 2)]
    against, along = effect("decreased", 3) | {"probability": 0.6}, effect("increased", 4) | {"probability": 0.9}
    (claim,) = compare(make(sure), make([*sure, against, along])).largest
    assert claim.changes[0] == "weaker"
    assert claim.evidence is not None
    assert claim.evidence.doc_id == "PMID:3"


def test_small_changes_can_be_passed_over(make: Make) -> None:
    a, b = make([{}]), make([{"probability": 0.801}])
    assert counted(compare(a, b)) == {"stronger": 1}
    assert compare(a, b, epsilon=0.01, what=["triples"]).equal


def test_concepts_by_the_way_they_changed(make: Make) -> None:
    a = make([{}], concepts={"A:1": {"name": "one"}, "A:2": {"parents": ["A:1"]}, "A:3": {}, "A:4": {}})
    b = make(
        [{}],
        concepts={
            "A:1": {"name": "uno"},
            "A:2": {},
            "A:4": {"synonyms": [{"name": "four", "scope": "exact"}]},
            "A:5": {},
        },
    )
    difference = compare(a, b)
    assert difference.concepts is not None
    assert difference.concepts.examples == {
        "new": ("A:5",),
        "gone": ("A:3",),
        "renamed": ("A:1",),
        "names": ("A:4",),
        "parents": ("A:2",),
    }
    assert difference.triples is not None
    assert not any(difference.triples.values())


def test_the_largest_changes_come_first_and_the_rest_is_counted(make: Make) -> None:
    rows = [{"doc_id": f"PMID:{i}", "object": f"MESH:{i}", "probability": i / 30} for i in range(1, 20)]
    difference = compare(make([{}]), make([{}, *rows]), limit=3)
    assert [change.object for change in difference.largest] == ["MESH:19", "MESH:18", "MESH:17"]
    assert counted(difference) == {"new": 19}
    assert compare(make([{}]), make([{}, *rows]), limit=3, threads=3).largest == difference.largest


def test_a_folder_that_holds_no_graph_is_one_sentence(make: Make, tmp_path: Path) -> None:
    with pytest.raises(MateriaError, match=r"holds no graph\. Name the home of a finished build\.$"):
        compare(make([{}]), Build(tmp_path / "none"))
