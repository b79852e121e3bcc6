"""What is taken, how often, and that one more paper moves little."""

import pytest

from pipeline.errors import MateriaError
from tests.kg.mixture.conftest import paper, told


def test_without_a_mixture_everything_clean_is_taken_once(home_of):
    home = home_of([*map(paper, range(40)), *map(told, range(40))])
    bad = home.rows[0]["passage_id"], home.rows[50]["passage_id"]
    rows = home.select(rejected=bad)
    assert {row["taken"] for name, row in rows.items() if name not in bad} == {1}
    assert [(rows[name]["taken"], rows[name]["reason"], rows[name]["detail"]) for name in bad] == [
        (0, "bad", "by hand")
    ] * 2
    assert home.rejected == {"bad": 2}


def test_a_ratio_repeats_the_graph_and_keeps_the_papers(home_of):
    home = home_of([*map(paper, range(200)), *map(told, range(80))])
    rows = home.select(graph_to_text=1)
    assert home.tokens(rows, kind="literature") == 2000
    assert home.tokens(rows, kind="verbalized") == pytest.approx(2000, rel=0.02)
    assert {row["taken"] for row in rows.values() if row["predicate"]} == {2, 3}


def test_where_repeats_do_not_suffice_papers_are_sampled_down(home_of):
    home = home_of([*map(paper, range(400)), *map(told, range(50))])
    rows = home.select(graph_to_text=1, repeats=2)
    assert home.tokens(rows, kind="verbalized") == 1000
    assert home.tokens(rows, kind="literature") == pytest.approx(1000, rel=0.02)
    assert home.rejected == {"ratio": 400 - home.tokens(rows, kind="literature") // 10}


def test_a_graph_larger_than_wanted_is_sampled_down(home_of):
    home = home_of([*map(paper, range(100)), *map(told, range(300))])
    rows = home.select(graph_to_text=0.5)
    assert home.tokens(rows, kind="literature") == 1000
    assert home.tokens(rows, kind="verbalized") == pytest.approx(500, rel=0.03)
    assert {row["taken"] for row in rows.values()} == {0, 1}


def test_a_budget_is_never_exceeded_and_keeps_the_ratio(home_of):
    home = home_of([*map(paper, range(300)), *map(told, range(300))])
    rows = home.select(graph_to_text=0.25, tokens=1000)
    assert 980 <= home.tokens(rows) <= 1000
    assert home.tokens(rows, kind="verbalized") == 200
    assert set(home.rejected) == {"token-budget"}
    assert home.tokens(home.select(tokens=10**9)) == 6000


def test_held_out_splits_are_not_mixed(home_of):
    some = [paper(i, split="test") for i in range(30)] + [told(i, split="validation") for i in range(30)]
    home = home_of([*some, *(paper(i) for i in range(100, 200)), *(told(i) for i in range(100, 200))])
    rows = home.select(graph_to_text=0.1, passages_per_document=1, tokens=500)
    assert {row["taken"] for row in rows.values() if row["split"] != "train"} == {1}


@pytest.mark.parametrize(("kind", "make"), [("literature", paper), ("verbalized", told)])
def test_a_source_has_no_more_than_its_share(home_of, kind, make):
    home = home_of([*(make(i) for i in range(300)), *(make(i, folder="notes") for i in range(300, 400))])
    rows = home.select(source_shares={"pubmed": 0.5})
    pubmed, notes = (home.tokens(rows, kind=kind, source=name) for name in ("pubmed", "notes"))
    assert notes == 1000
    assert 970 <= pubmed <= 1000
    assert home.rejected == {"source-share": 300 - pubmed // 10}


def test_a_predicate_has_no_more_than_its_share_also_where_facts_are_repeated(home_of):
    facts = [told(i) for i in range(300)] + [told(i, "biolink:causes") for i in range(300, 360)]
    home = home_of([*map(paper, range(400)), *facts])
    rows = home.select(graph_to_text=0.4, predicate_shares={"*": 0.6})
    graph = home.tokens(rows, kind="verbalized")
    assert graph == pytest.approx(1600, rel=0.03)
    assert home.tokens(rows, predicate="biolink:treats") <= 0.61 * graph
    assert home.rejected["predicate-share"] > 100


def test_shares_that_make_no_whole_are_refused_with_the_names(home_of):
    home = home_of([*map(paper, range(20)), *(paper(i, folder="notes") for i in range(20))])
    with pytest.raises(
        MateriaError, match=r"source_shares: leaves no way .* all 2 there are \(notes, pubmed\) may have 80%"
    ):
        home.select(source_shares={"*": 0.4})


def test_a_fact_of_a_graph_has_the_graph_for_its_source_and_one_of_several_has_none(home_of):
    several = told(3, triple_ids=["t3", "t4"])
    home = home_of([told(1, folder="graph"), told(2), several, told(4, folder="notes")])
    rows = home.select()
    sources = {row["passage_id"]: rows[row["passage_id"]]["source"] for row in home.rows}
    assert list(sources.values()) == ["hetionet", "pubmed", None, "notes"]


def test_a_passage_goes_under_the_predicate_of_most_of_its_facts(home_of):
    home = home_of([told(1) | {"triple_ids": ["t1", "t2", "t3"], "predicates": ["a:x", "b:y", "b:y"]}])
    (row,) = home.select().values()
    assert row["predicate"] == "b:y"


def test_the_most_passages_of_a_paper(home_of):
    home = home_of([paper(i, doc_id=f"PMID:{i % 10}") for i in range(100)])
    rows = home.select(passages_per_document=3)
    assert home.tokens(rows) == 300
    assert home.rejected == {"passages-per-document": 70}
    assert home.tokens(home.select(passages_per_document=10)) == 1000


def test_temperature_brings_languages_nearer_to_one_size(home_of):
    home = home_of([*map(told, range(400)), *(told(i, language="zh") for i in range(400, 500))])
    rows = home.select(temperature={"languages": 2}, repeats=10)
    chinese = {row["passage_id"] for row in home.rows if row["language"] == "zh"}
    of_chinese = sum(row["taken"] * 10 for name, row in rows.items() if name in chinese)
    # 400 : 100 becomes 20 : 10
    assert of_chinese / home.tokens(rows) == pytest.approx(1 / 3, abs=0.03)
    assert home.tokens(rows) == pytest.approx(5000, rel=0.02)


def test_temperature_of_entities_takes_passages_of_rare_ones_oftener(home_of):
    common = [told(i, names=["MESH:common"]) for i in range(256)]
    rare = [told(i, names=["MESH:common", f"MESH:rare{i}"]) for i in range(300, 332)]
    home = home_of([*common, *rare])
    rows = home.select(temperature={"entities": 2}, repeats=4)
    taken = [rows[row["passage_id"]]["taken"] for row in home.rows]
    assert set(taken[256:]) == {4}
    assert sum(taken[:256]) < 256


def test_one_more_paper_moves_few_passages(home_of):
    passages = [*map(paper, range(600)), *map(told, range(300))]
    mixture = {"graph_to_text": 0.2, "predicate_shares": {"*": 1}, "passages_per_document": 5}
    before, after = home_of(passages), home_of([*passages, paper(1000), told(1000)])
    one, two = before.select(**mixture), after.select(**mixture)
    moved = [name for name in one if one[name]["taken"] != two[name]["taken"]]
    assert {row["taken"] for row in one.values()} == {0, 1}
    assert len(moved) <= 5
    assert len(two) == len(one) + 2


def test_the_choice_depends_on_the_passages_alone_and_not_on_their_order(home_of):
    passages = [*map(paper, range(100)), *map(told, range(60))]
    mixture = {"graph_to_text": 1.5, "temperature": {"predicates": 2}, "source_shares": {"pubmed": 1}}
    assert home_of(passages).select(**mixture) == home_of(passages[::-1]).select(**mixture)


@pytest.mark.parametrize(
    ("passages", "ratio", "said"),
    [
        ([told(1)], 0.5, "asks for a ratio of 0.5, but there are no passages of papers to train on"),
        ([paper(1)], 0.5, "there are no facts told from the graph to train on"),
        ([*map(told, range(9)), paper(1)], 10**6, "leaves room for less than one literature passage"),
    ],
)
def test_a_ratio_that_cannot_be_met_is_one_sentence(home_of, passages, ratio, said):
    with pytest.raises(MateriaError, match=said):
        home_of(passages).select(graph_to_text=ratio)


def test_the_table_of_what_was_taken_adds_up(home_of):
    from kg.mixture import taken_in_words

    home = home_of([*map(paper, range(200)), *map(told, range(80))])
    rows = home.select(rejected=[home.rows[0]["passage_id"]], graph_to_text=0.1)
    table = home.mixture.to_pydict()
    assert sum(table["candidates"]) == 280
    assert sum(table["rows"]) == sum(row["taken"] for row in rows.values())
    assert sum(table["tokens"]) == home.tokens(rows)
    text = taken_in_words(home.mixture)
    assert "| verbalized | 80 | 19 | 1.00 | 190 | 8.7% |" in text
    assert "| ratio | verbalized | 61 | 610 |" in text
    assert "| bad | literature | 1 | 10 |" in text
