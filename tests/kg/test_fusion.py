"""How evidence becomes belief, told as examples."""

import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kg.claims import OPPOSED_PREDICATES, TRIPLE_ID_SQL, triple_id
from kg.config import FusionConfig, SplitConfig
from kg.fusion import fuse, fuse_by_bucket
from kg.reliability import Extractor, LearnedFrom, Reliabilities, Step
from kg.splits import split_of
from kg.tables import TRIPLES
from pipeline.biolink_predicates import PREDICATES
from pipeline.duck import connect
from pipeline.errors import MateriaError
from pipeline.tables import EVIDENCE

Write = Callable[[list[dict[str, Any]]], list[str]]
SPLITS = SplitConfig()


def believe(write: Write, rows: list[dict[str, Any]], **config: Any) -> dict[str, Any]:
    """The one claim that the rows are about."""
    (claim,) = fuse(write(rows), FusionConfig(**config), SPLITS).to_pylist()
    return claim


def said_by(doc_id: str, times: int = 1, **columns: Any) -> list[dict[str, Any]]:
    return [{"doc_id": doc_id, "sentence": f"Metformin treats type 2 diabetes ({i}).", **columns} for i in range(times)]


def test_one_sentence_is_believed_as_the_formula_says(write_evidence: Write) -> None:
    claim = believe(write_evidence, said_by("PMID:1", probability=0.8, certainty=0.5), systematic_error=0.05)
    assert claim["support"] == round(1 - (0.05 + 0.95 * (1 - 0.8 * 0.5)), 6)
    assert claim["contradiction"] == 0
    assert claim["belief"] == claim["support"]


def test_one_paper_saying_it_fifty_times_moves_belief_less_than_two_papers_saying_it_once(
    write_evidence: Write,
) -> None:
    once = believe(write_evidence, said_by("PMID:1"))
    fifty_times = believe(write_evidence, said_by("PMID:1", times=50))
    two_papers = believe(write_evidence, said_by("PMID:1") + said_by("PMID:2"))
    assert once["belief"] == fifty_times["belief"] < two_papers["belief"]
    assert fifty_times["supporting_evidence"] == 50
    assert fifty_times["supporting_documents"] == 1


def test_the_best_sentence_of_a_paper_counts(write_evidence: Write) -> None:
    rows = [
        {"sentence": "may treat", "certainty": 0.5},
        {"sentence": "treats"},
        {"sentence": "might treat", "certainty": 0.4},
    ]
    assert believe(write_evidence, rows)["belief"] == believe(write_evidence, [{"sentence": "treats"}])["belief"]


def test_an_extractor_never_convinces_beyond_its_systematic_error(write_evidence: Write) -> None:
    rows = [row for i in range(200) for row in said_by(f"PMID:{i}")]
    assert believe(write_evidence, rows, systematic_error=0.05)["belief"] == pytest.approx(0.95, abs=1e-6)


def test_a_second_extractor_convinces_further_by_other_papers(write_evidence: Write) -> None:
    rows = [row for i in range(200) for row in said_by(f"PMID:{i}")]
    rows += [row for i in range(200, 400) for row in said_by(f"PMID:{i}", extractor="dependency.v1")]
    claim = believe(write_evidence, rows, systematic_error=0.05)
    assert claim["belief"] == pytest.approx(1 - 0.05**2, abs=1e-6)
    assert claim["extractors"] == ["dependency.v1", "trigger.v1"]


def test_a_paper_that_two_extractors_read_is_one_paper(write_evidence: Write) -> None:
    """What misleads one reader of a sentence misleads the next: the surer one is taken at its word, the other adds nothing."""
    sure, less_sure = {"probability": 0.8}, {"probability": 0.6, "extractor": "dependency.v1"}
    both = believe(write_evidence, said_by("PMID:1", **sure) + said_by("PMID:1", **less_sure))
    assert both["belief"] == believe(write_evidence, said_by("PMID:1", **sure))["belief"]
    assert (both["supporting_evidence"], both["supporting_documents"]) == (2, 1), "but all of it is kept"
    assert both["extractors"] == ["dependency.v1", "trigger.v1"]


def test_the_surest_reader_is_the_one_whose_word_alone_is_believed_most(write_evidence: Write) -> None:
    """0.8 from an extractor that is often wrong throughout is worth less than 0.7 from one that seldom is."""
    errors = {"trigger": 0.4, "dependency.v1": 0.01}
    rows = said_by("PMID:1", probability=0.8) + said_by("PMID:1", probability=0.7, extractor="dependency.v1")
    assert believe(write_evidence, rows, systematic_errors=errors)["belief"] == round(0.99 * 0.7, 6)


def test_a_paper_that_a_graph_cites_and_an_extractor_reads_is_one_paper(write_evidence: Write) -> None:
    cited = said_by("PMID:1", extractor="kgx_edges.v1", probability=0.9)
    both = believe(write_evidence, said_by("PMID:1") + cited)
    assert both["belief"] == believe(write_evidence, cited)["belief"]


def test_a_graph_whose_edges_name_no_paper_is_one_document(write_evidence: Write) -> None:
    edges = said_by("materia:graph-1f", times=3, extractor="sif.v1")
    assert believe(write_evidence, edges)["belief"] == believe(write_evidence, edges[:1])["belief"]
    beside_a_paper = believe(write_evidence, edges + said_by("PMID:1"))
    assert beside_a_paper["belief"] > believe(write_evidence, said_by("PMID:1"))["belief"]


def test_a_paper_may_speak_on_both_sides(write_evidence: Write) -> None:
    """Once for and once against: a document counts once in each pool."""
    claim = believe(write_evidence, said_by("PMID:1") + said_by("PMID:1", polarity=False))
    assert claim["support"] == claim["contradiction"] > 0
    assert (claim["supporting_documents"], claim["contradicting_documents"]) == (1, 1)


def test_a_denial_contradicts_and_is_not_netted_away(write_evidence: Write) -> None:
    affirmed = believe(write_evidence, said_by("PMID:1"))
    both = believe(write_evidence, said_by("PMID:1") + said_by("PMID:2", polarity=False))
    assert both["support"] == affirmed["support"]
    assert both["contradiction"] == affirmed["support"]
    assert both["belief"] == round(both["support"] * (1 - both["contradiction"]), 6) < affirmed["belief"]
    assert (both["supporting_documents"], both["contradicting_documents"]) == (1, 1)
    assert both["doc_ids"] == ["PMID:1", "PMID:2"]


def test_a_claim_is_contested_when_both_sides_are_strong(write_evidence: Write) -> None:
    strong = said_by("PMID:1") + said_by("PMID:2", polarity=False)
    weak = said_by("PMID:1") + said_by("PMID:2", polarity=False, certainty=0.3)
    assert believe(write_evidence, strong)["contested"] is True
    assert believe(write_evidence, weak)["contested"] is False


def test_a_claim_that_is_only_denied_is_kept_and_not_believed(write_evidence: Write) -> None:
    claim = believe(write_evidence, said_by("PMID:1", polarity=False))
    assert (claim["support"], claim["belief"], claim["supporting_evidence"]) == (0, 0, 0)
    assert claim["contradiction"] > 0.7
    assert claim["contradicting_evidence"] == 1


def test_retracted_papers_are_excluded_by_default(write_evidence: Write) -> None:
    rows = said_by("PMID:1") + said_by("PMID:2", retracted=True)
    claim = believe(write_evidence, rows)
    assert claim == believe(write_evidence, said_by("PMID:1"))
    assert claim["doc_ids"] == ["PMID:1"]


def test_a_claim_made_in_retracted_papers_only_is_not_a_claim(write_evidence: Write) -> None:
    assert fuse(write_evidence(said_by("PMID:2", retracted=True)), FusionConfig(), SPLITS).num_rows == 0


def test_retracted_papers_can_be_worth_less(write_evidence: Write) -> None:
    rows = said_by("PMID:2", retracted=True, probability=0.8)
    claim = believe(write_evidence, rows, retracted="downweight", retracted_weight=0.25, systematic_error=0.05)
    assert claim["belief"] == round(1 - (0.05 + 0.95 * (1 - 0.8 * 0.25)), 6)
    assert claim["doc_ids"] == ["PMID:2"]


def test_retracted_papers_can_be_kept(write_evidence: Write) -> None:
    kept = believe(write_evidence, said_by("PMID:2", retracted=True), retracted="keep")
    assert kept["belief"] == believe(write_evidence, said_by("PMID:2"))["belief"]


def test_opposed_predicates_contradict_each_other(write_evidence: Write) -> None:
    """A drug that is contraindicated in a condition is not one that treats it."""
    table = fuse(
        write_evidence(said_by("PMID:1") + said_by("PMID:2", predicate="biolink:contraindicated_in", probability=0.6)),
        FusionConfig(),
        SPLITS,
    )
    claims = {claim["predicate"]: claim for claim in table.to_pylist()}
    treats, contraindicated = claims["biolink:treats"], claims["biolink:contraindicated_in"]
    assert treats["contradiction"] == contraindicated["support"] > 0
    assert contraindicated["contradiction"] == treats["support"] > 0
    assert treats["contradicting_evidence"] == 0, "the opposed claim's evidence is listed with the opposed claim"


def test_denying_a_claim_does_not_affirm_its_opposite(write_evidence: Write) -> None:
    rows = said_by("PMID:1") + said_by("PMID:2", predicate="biolink:contraindicated_in", polarity=False)
    claims = {c["predicate"]: c for c in fuse(write_evidence(rows), FusionConfig(), SPLITS).to_pylist()}
    assert claims["biolink:treats"]["contradiction"] == 0
    assert claims["biolink:contraindicated_in"]["contradiction"] > claims["biolink:treats"]["support"] - 1e-9


def test_a_paper_that_denies_and_states_the_opposite_counts_once_against(write_evidence: Write) -> None:
    denial = said_by("PMID:2", polarity=False)
    opposite = said_by("PMID:2", predicate="biolink:contraindicated_in")
    alone = fuse(write_evidence(said_by("PMID:1") + denial), FusionConfig(), SPLITS).to_pylist()[0]
    both = fuse(write_evidence(said_by("PMID:1") + denial + opposite), FusionConfig(), SPLITS).to_pylist()
    treats = next(claim for claim in both if claim["predicate"] == "biolink:treats")
    assert treats["contradiction"] == alone["contradiction"]


def test_a_predicate_has_at_most_one_opposite() -> None:
    named = [predicate for pair in OPPOSED_PREDICATES for predicate in pair]
    assert len(named) == len(set(named))
    assert all(a < b for a, b in OPPOSED_PREDICATES)
    assert set(named) <= set(PREDICATES), "each is a predicate of the Biolink model"


def test_causing_does_not_contradict_treating(write_evidence: Write) -> None:
    """Antiarrhythmic drugs treat arrhythmia and cause it: both claims stand."""
    rows = said_by("PMID:1") + said_by("PMID:2", predicate="biolink:causes")
    assert {c["contradiction"] for c in fuse(write_evidence(rows), FusionConfig(), SPLITS).to_pylist()} == {0.0}


def test_the_direction_of_a_claim_matters_but_not_for_its_split(write_evidence: Write) -> None:
    rows = [{"subject": "A:1", "object": "B:1"}, {"subject": "B:1", "object": "A:1"}]
    claims = fuse(write_evidence(rows), FusionConfig(), SPLITS).to_pylist()
    assert len({c["triple_id"] for c in claims}) == 2
    assert {c["split"] for c in claims} == {split_of("A:1", "B:1", SPLITS)}


def test_ids_are_sorted_and_rows_are_sorted_by_id(write_evidence: Write) -> None:
    rows = [{"doc_id": f"PMID:{i % 7}", "subject": f"MESH:{i % 3}", "sentence": str(i)} for i in range(40)]
    table = fuse(write_evidence(rows), FusionConfig(), SPLITS)
    assert table.schema.equals(TRIPLES)
    ids = table["triple_id"].to_pylist()
    assert ids == sorted(ids) and len(ids) == 3
    for claim in table.to_pylist():
        assert claim["triple_id"] == triple_id(claim["subject"], claim["predicate"], claim["object"])
        assert claim["evidence_ids"] == sorted(claim["evidence_ids"])
        assert claim["doc_ids"] == sorted(set(claim["doc_ids"]))


def test_evidence_in_equals_evidence_out(write_evidence: Write) -> None:
    rows = _many(3000, seed=1)
    table = fuse(write_evidence(rows), FusionConfig(retracted="keep"), SPLITS)
    told = [evidence_id for ids in table["evidence_ids"].to_pylist() for evidence_id in ids]
    assert len(told) == len(set(told)) == len(rows)
    counts = sum(table["supporting_evidence"].to_pylist()) + sum(table["contradicting_evidence"].to_pylist())
    assert counts == len(rows)


def _many(rows: int, seed: int) -> list[dict[str, Any]]:
    draw = random.Random(seed)
    return [
        {
            "doc_id": f"PMID:{draw.randrange(60)}",
            "sentence": f"sentence {i}",
            "subject": f"MESH:{draw.randrange(5)}",
            "predicate": draw.choice(["biolink:treats", "biolink:contraindicated_in", "biolink:affects"]),
            "direction": draw.choice([None, "increased", "decreased"]),
            "polarity": draw.random() < 0.8,
            "certainty": draw.choice([1.0, 0.7, 0.3]),
            "probability": draw.uniform(0.01, 0.99),
            "extractor": draw.choice(["trigger.v1", "dependency.v1", "curated.v1"]),
            "retracted": draw.random() < 0.1,
        }
        for i in range(rows)
    ]


@pytest.mark.parametrize("retracted", ["exclude", "downweight", "keep"])
def test_the_same_bits_whatever_the_threads_and_the_order_of_rows(
    write_evidence: Write, tmp_path: Path, retracted: Any
) -> None:
    path = write_evidence(_many(4000, seed=2))
    config = FusionConfig(retracted=retracted)
    expected = fuse(path, config, SPLITS, threads=1)
    whole = pq.read_table(path[0])
    for threads, seed in [(2, 3), (4, 4)]:
        order = list(range(whole.num_rows))
        random.Random(seed).shuffle(order)
        shuffled = whole.take(pa.array(order))
        paths = []
        for part in range(3):
            paths.append(str(tmp_path / f"{threads}-{part}.parquet"))
            pq.write_table(shuffled.slice(part * 1400, 1400), paths[-1], row_group_size=300)
        assert fuse(paths, config, SPLITS, threads=threads).equals(expected)


def reference_belief(rows: list[dict[str, Any]], s: float) -> tuple[float, float]:
    """Support and contradiction by the formula of the design, in plain Python."""
    pools = []
    for polarity in (True, False):
        surest: dict[str, tuple[float, str]] = {}
        for r in sorted((r for r in rows if r["polarity"] is polarity), key=lambda r: str(r["extractor"])):
            said = r["probability"] * r["certainty"], r["extractor"]
            if said[0] > surest.get(r["doc_id"], (0, ""))[0]:
                surest[r["doc_id"]] = said
        product = 1.0
        for extractor in {extractor for _, extractor in surest.values()}:
            product *= s + (1 - s) * math.prod(1 - p for p, by in surest.values() if by == extractor)
        pools.append(1 - product)
    return pools[0], pools[1]


ROW = st.fixed_dictionaries(
    {
        "doc_id": st.sampled_from(["PMID:1", "PMID:2", "PMID:3"]),
        "polarity": st.booleans(),
        "certainty": st.sampled_from([1.0, 0.5]),
        "probability": st.floats(0.001, 0.999),
        "extractor": st.sampled_from(["trigger.v1", "dependency.v1"]),
    }
)
ROWS = st.lists(ROW, min_size=1, max_size=12).map(lambda rows: [r | {"sentence": str(i)} for i, r in enumerate(rows)])
LAW = settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])


@LAW
@given(ROWS, st.floats(0.01, 0.5))
def test_the_columns_agree_with_the_formula(write_evidence: Write, rows: list[dict[str, Any]], s: float) -> None:
    claim = believe(write_evidence, rows, systematic_error=s)
    support, contradiction = reference_belief(rows, s)
    assert claim["support"] == pytest.approx(support, abs=1.1e-6)
    assert claim["contradiction"] == pytest.approx(contradiction, abs=1.1e-6)
    assert claim["belief"] == round(claim["support"] * (1 - claim["contradiction"]), 6)
    assert 0 <= claim["belief"] <= claim["support"] <= 1


@LAW
@given(ROWS, ROW)
def test_one_more_paper_for_a_claim_never_lowers_its_support(
    write_evidence: Write, rows: list[dict[str, Any]], more: dict[str, Any]
) -> None:
    more |= {"doc_id": "PMID:4", "polarity": True, "sentence": "more"}
    before, after = believe(write_evidence, rows), believe(write_evidence, [*rows, more])
    assert after["support"] >= before["support"]
    assert after["contradiction"] == before["contradiction"]


@LAW
@given(ROWS, st.randoms(use_true_random=False), st.sampled_from([1, 2, 3]))
def test_order_and_threads_never_change_a_bit(
    write_evidence: Write, rows: list[dict[str, Any]], order: random.Random, threads: int
) -> None:
    rows = [row | {"evidence_id": f"{i:064x}"} for i, row in enumerate(rows)]
    shuffled = order.sample(rows, len(rows))
    expected = fuse(write_evidence(rows), FusionConfig(), SPLITS, threads=1)
    assert fuse(write_evidence(shuffled), FusionConfig(), SPLITS, threads=threads).equals(expected)


AFFECTS = {"predicate": "biolink:affects"}
INCREASED, DECREASED = AFFECTS | {"direction": "increased"}, AFFECTS | {"direction": "decreased"}


def test_the_direction_of_an_effect_is_the_one_that_is_believed_more(write_evidence: Write) -> None:
    claim = believe(
        write_evidence, said_by("PMID:1", **INCREASED) + said_by("PMID:2", **INCREASED) + said_by("PMID:3", **DECREASED)
    )
    assert claim["direction"] == "increased"
    assert claim["support"] == believe(write_evidence, said_by("PMID:1") + said_by("PMID:2"))["support"]
    assert claim["contradiction"] == believe(write_evidence, said_by("PMID:3"))["support"]
    assert (claim["supporting_evidence"], claim["contradicting_evidence"]) == (2, 1)


def test_an_effect_without_a_direction_supports_either(write_evidence: Write) -> None:
    claim = believe(write_evidence, said_by("PMID:1", **DECREASED) + said_by("PMID:2", **AFFECTS))
    assert (claim["direction"], claim["contradiction"], claim["supporting_documents"]) == ("decreased", 0, 2)
    assert believe(write_evidence, said_by("PMID:2", **AFFECTS))["direction"] is None


def test_an_effect_said_to_go_both_ways_alike_is_an_effect_of_no_direction(write_evidence: Write) -> None:
    claim = believe(write_evidence, said_by("PMID:1", **INCREASED) + said_by("PMID:2", **DECREASED))
    assert claim["direction"] is None
    assert claim["support"] == believe(write_evidence, said_by("PMID:1") + said_by("PMID:2"))["support"]
    assert claim["contradiction"] == 0


def test_denying_one_direction_does_not_contradict_the_other(write_evidence: Write) -> None:
    """That a drug was not found to increase a risk says nothing against its decreasing it."""
    denied = believe(write_evidence, said_by("PMID:1", **DECREASED) + said_by("PMID:2", **INCREASED, polarity=False))
    assert (denied["direction"], denied["contradiction"], denied["contradicting_evidence"]) == ("decreased", 0, 1)
    same = believe(write_evidence, said_by("PMID:1", **DECREASED) + said_by("PMID:2", **DECREASED, polarity=False))
    assert same["contradiction"] == same["support"] > 0


def reliabilities(extractor: str = "trigger.v1", error: float = 0.2, *steps: tuple[float, float]) -> Reliabilities:
    found = tuple(Step(least=least, probability=probability) for least, probability in steps)
    return Reliabilities(
        learned_from=LearnedFrom(files=(), documents=1, claims=1, true=1),
        extractors={extractor: Extractor(systematic_error=error, steps=found)},
    )


@pytest.mark.parametrize(("figure", "worth"), [(0.3, 0.1), (0.5, 0.6), (0.79, 0.6), (0.8, 0.9), (0.99, 0.9)])
def test_a_figure_is_worth_the_step_of_its_extractor_that_it_stands_on(
    write_evidence: Write, figure: float, worth: float
) -> None:
    learned = reliabilities("trigger.v1", 0.2, (0.0, 0.1), (0.5, 0.6), (0.8, 0.9))
    rows = said_by("PMID:1", probability=figure)
    (claim,) = fuse(write_evidence(rows), FusionConfig(), SPLITS, reliabilities=learned).to_pylist()
    assert claim["belief"] == round((1 - 0.2) * worth, 6)


def test_a_denial_is_worth_what_denials_of_its_extractor_are(write_evidence: Write) -> None:
    """Whatever figure it gives itself: words of negation are often about something else in the sentence."""
    learned = reliabilities("trigger.v1", 0.2, (0.0, 0.1), (0.5, 0.9))
    learned.extractors["trigger.v1"] = learned.extractors["trigger.v1"].model_copy(update={"denial": 0.3})
    rows = said_by("PMID:1", probability=0.8) + said_by("PMID:2", probability=0.8, polarity=False)
    (claim,) = fuse(write_evidence(rows), FusionConfig(), SPLITS, reliabilities=learned).to_pylist()
    assert claim["support"] == round(0.8 * 0.9, 6)
    assert claim["contradiction"] == round(0.8 * 0.3, 6)


def test_an_extractor_whose_reliability_is_not_known_is_taken_at_its_word(write_evidence: Write) -> None:
    learned = reliabilities("it's.v1", 0.2, (0.0, 0.1))
    rows = said_by("PMID:1", probability=0.7)
    (claim,) = fuse(
        write_evidence(rows), FusionConfig(systematic_error=0.05), SPLITS, reliabilities=learned
    ).to_pylist()
    assert claim["belief"] == round(0.95 * 0.7, 6)


@pytest.mark.parametrize(
    ("by_hand", "error"),
    [({}, 0.2), ({"trigger": 0.3}, 0.3), ({"trigger": 0.3, "trigger.v1": 0.4}, 0.4), ({"trigger.v2": 0.4}, 0.2)],
)
def test_a_systematic_error_set_by_hand_goes_before_a_learned_one(
    write_evidence: Write, by_hand: dict[str, float], error: float
) -> None:
    config = FusionConfig(systematic_errors=by_hand)
    learned = reliabilities("trigger.v1", 0.2, (0.0, 0.5))
    (claim,) = fuse(write_evidence([{}]), config, SPLITS, reliabilities=learned).to_pylist()
    assert claim["belief"] == round((1 - error) * 0.5, 6)


def test_the_name_of_a_trained_model_without_its_version() -> None:
    config = FusionConfig(systematic_errors={"materia_relations": 0.3})
    assert config.error_by_hand("materia_relations.v1.0a1b2c3d") == 0.3
    assert config.error_by_hand("trigger.v2") is None


def test_a_predicate_outside_the_model_is_fused_like_any_other(write_evidence: Write) -> None:
    """Validation reports it; what papers say is not lost for that."""
    claim = believe(write_evidence, said_by("PMID:1", predicate='mine:has a "feel" for'))
    assert claim["belief"] == believe(write_evidence, said_by("PMID:1"))["belief"]


def test_what_is_left_out_is_counted(write_evidence: Write) -> None:
    retracted: dict[int, int] = {}
    rows = said_by("PMID:1", times=3) + said_by("PMID:2", times=2, retracted=True)
    with connect(threads=1) as connection:
        ((_, batch),) = fuse_by_bucket(connection, write_evidence(rows), FusionConfig(), SPLITS, 1, retracted=retracted)
    assert retracted == {0: 2}
    assert sum(batch["supporting_evidence"].to_pylist()) == 3


def test_one_connection_serves_many_buckets(write_evidence: Write) -> None:
    with connect(threads=1) as connection:
        for doc_id in ("PMID:1", "PMID:2"):
            ((_, batch),) = fuse_by_bucket(connection, write_evidence(said_by(doc_id)), FusionConfig(), SPLITS, 1)
            assert batch["doc_ids"].to_pylist() == [[doc_id]]


def test_a_hundred_thousand_rows_on_one_claim_do_not_overflow(tmp_path: Path, write_evidence: Write) -> None:
    one = pq.read_table(write_evidence([{"probability": 0.999999}])[0])
    ids = pa.array([f"{i:064x}" for i in range(100_000)])
    docs = pa.array([f"PMID:{i}" for i in range(100_000)])
    many = pa.concat_tables([one] * 100_000).combine_chunks()
    many = many.set_column(EVIDENCE.get_field_index("evidence_id"), EVIDENCE.field("evidence_id"), ids)
    many = many.set_column(EVIDENCE.get_field_index("doc_id"), EVIDENCE.field("doc_id"), docs)
    pq.write_table(many, tmp_path / "many.parquet")
    (claim,) = fuse([str(tmp_path / "many.parquet")], FusionConfig(), SPLITS).to_pylist()
    assert (claim["belief"], claim["supporting_documents"]) == (0.95, 100_000)


@pytest.mark.parametrize(
    "wrong",
    [{"probability": math.nan}, {"probability": 1.0}, {"probability": 0.0}, {"certainty": 1.5}, {"certainty": None}],
)
def test_a_probability_that_is_none_is_named_not_believed(write_evidence: Write, wrong: dict[str, Any]) -> None:
    """NaN sorts above every number in DuckDB, so a clamp alone would have made it near certain."""
    rows = [*said_by("PMID:1"), wrong | {"evidence_id": "feed", "sentence": "x"}]
    with pytest.raises(MateriaError, match=r"evidence, feed: has a probability outside"):
        fuse(write_evidence(rows), FusionConfig(), SPLITS)


def test_no_evidence_gives_an_empty_table(write_evidence: Write) -> None:
    for paths in ([], write_evidence([])):
        table = fuse(paths, FusionConfig(), SPLITS)
        assert table.num_rows == 0 and table.schema.equals(TRIPLES)


def test_a_missing_file_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(
        MateriaError, match=r"evidence: the files of this table cannot be read .*gone\.parquet.*Build it again\.$"
    ):
        fuse([str(tmp_path / "gone.parquet")], FusionConfig(), SPLITS)


def test_a_folder_with_pattern_characters_in_its_name_is_read(tmp_path: Path, write_evidence: Write) -> None:
    folder = tmp_path / "it's [a] *home*?" / "split=train"
    folder.mkdir(parents=True)
    (path,) = write_evidence([{}])
    target = folder / "evidence.parquet"
    target.write_bytes(Path(path).read_bytes())
    assert fuse([str(target)], FusionConfig(), SPLITS).num_rows == 1


def test_files_of_an_object_store_are_read_through_fsspec(write_evidence: Write) -> None:
    import fsspec

    with fsspec.open("memory://home/evidence.parquet", "wb") as target:
        target.write(Path(write_evidence([{}])[0]).read_bytes())
    assert fuse(["memory://home/evidence.parquet"], FusionConfig(), SPLITS).num_rows == 1


def test_triple_ids_are_the_same_in_sql() -> None:
    sql = f"SELECT {TRIPLE_ID_SQL} FROM (SELECT 'MESH:é' AS subject, 'biolink:treats' AS predicate, 'HP:1' AS object)"
    assert duckdb.sql(sql).fetchall() == [(triple_id("MESH:é", "biolink:treats", "HP:1"),)]
