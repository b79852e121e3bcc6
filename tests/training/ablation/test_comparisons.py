import numpy as np
import pytest

from training.ablation.comparisons import compare_arms, figure_names, headlines
from training.ablation.verdict import summary, verdicts
from training.statistics.config import BootstrapConfig
from training.statistics.outcomes import count_means

CONFIG = BootstrapConfig(draws=400)
UNITS = [f"E:{n}" for n in range(150)]


def arm(level, figure="probing.mrr", seeds=2):
    """Outcomes about a level, whose seeds hardly differ."""
    noise = np.random.default_rng(1).normal(0, 0.1, (seeds, len(UNITS)))
    kind = "perplexity" if figure.startswith("perplexity") else "mean"
    return {figure: [count_means(kind, UNITS, list(level + row), [1.0] * len(UNITS)) for row in noise]}


def judged(figure="probing.mrr", **levels):
    return compare_arms({name: arm(level, figure) for name, level in levels.items()}, CONFIG)


def test_the_two_first_questions_come_first_and_all_are_one_family():
    found = judged(text=0.2, links=0.3, all=0.4, all_shuffled=0.2, all_mentioned=0.4)
    assert [(one.first, one.second) for one in found] == [
        ("all", "text"), ("all", "all_shuffled"), ("links", "text"), ("all_mentioned", "all"),
    ]  # fmt: skip
    assert [one.verdict for one in found] == ["better", "better", "better", "unknown"]
    assert all(one.p <= one.p_holm for one in found)
    assert found[0].p_holm == pytest.approx(4 * found[0].p)


def test_a_task_that_some_arms_alone_were_fine_tuned_for_is_compared_where_both_were():
    some, task = (("text", 0.2), ("all", 0.4)), "tasks.chemprot.micro_f1"
    runs = {"untrained": arm(0.1), "links": arm(0.2)} | {name: arm(level) | arm(level, task) for name, level in some}
    assert headlines(figure_names(runs)) == ["probing.mrr", task]
    assert [(one.first, one.second) for one in compare_arms(runs, CONFIG) if one.figure == task] == [("all", "text")]


def test_lower_perplexity_is_better():
    (found, _) = judged("perplexity.per_word", text=3.0, all=2.0, all_shuffled=3.0)
    assert found.difference.value < 0
    assert found.verdict == "better"


@pytest.mark.parametrize(
    ("text", "all_", "shuffled", "said"),
    [
        (0.2, 0.4, 0.2, "the graph helps"),
        (0.2, 0.4, 0.4, "what helps need not be what the graph says"),
        (0.2, 0.4, 0.6, "what helps is not what the graph says"),
        (0.4, 0.4, 0.2, "not shown to be better than none"),
        (0.4, 0.4, 0.4, "nothing was shown"),
        (0.4, 0.4, 0.6, "the true graph is worse than a shuffled one"),
        (0.4, 0.2, 0.1, "its truth counts"),
        (0.4, 0.2, 0.2, "the graph part costs"),
    ],
)
def test_the_sentence_says_what_was_shown_and_no_more(text, all_, shuffled, said):
    found = judged(text=text, all=all_, all_shuffled=shuffled)
    (sentence,) = verdicts(found)
    assert said in sentence
    assert ("The graph helped on 1 of 1 figure" in summary(found)) == (said == "the graph helps")


def test_each_other_way_to_learn_from_the_graph_has_a_sentence_beside_all():
    levels = {"all": 0.4, "all_mentioned": 0.4, "all@1.0": 0.6, "all_alternating": 0.2}
    *_, mentioned, more, turns = verdicts(judged(text=0.2, all_shuffled=0.2, **levels))
    assert mentioned.startswith("**all_mentioned** beside `all`: nothing was shown on probing.mrr (+0.0000, from")
    assert more.startswith("**all@1.0** beside `all`: better on probing.mrr (+0.2000, from")
    assert turns.startswith("**all_alternating** beside `all`: worse on probing.mrr (-0.2000, from")


def test_without_the_arms_in_question_nothing_is_claimed():
    assert "Nothing was asked" in summary(judged(text=0.2, links=0.9))


def test_a_difference_as_large_as_is_called_detectable_is_found_and_a_third_of_it_is_not():
    """Seeds differ here, as trainings do."""
    random = np.random.default_rng(4)

    def runs(level):
        seeds = random.normal(0, 0.02, 3)
        return {
            "probing.mrr": [
                count_means("mean", UNITS, list(level + s + random.normal(0, 0.3, 150)), [1.0] * 150) for s in seeds
            ]
        }

    size = compare_arms({"text": runs(0.4), "all": runs(0.4)}, CONFIG)[0].detectable

    def share(difference):
        found = [compare_arms({"text": runs(0.4), "all": runs(0.4 + difference)}, CONFIG)[0].verdict for _ in range(40)]
        return found.count("better") / len(found)

    assert share(1.5 * size) > 0.7
    assert share(size / 3) < 0.5


def test_only_headline_figures_are_tested():
    assert headlines(["probing.mrr", "probing.hits@1", "tasks.a.accuracy"]) == ["probing.mrr", "tasks.a.accuracy"]


def test_a_plain_difference_is_shown_however_many_are_asked():
    """Of 400 draws, the smallest p times the number of comparisons would be above 0.05, whatever the difference."""
    figures = ["probing.mrr", *(f"tasks.{n}.accuracy" for n in range(11))]
    runs = {
        name: {figure: arm(level)["probing.mrr"] for figure in figures}
        for name, level in (("text", 0.2), ("all", 0.6), ("all_shuffled", 0.2))
    }
    found = compare_arms(runs, CONFIG)
    assert len(found) == 24
    assert {one.verdict for one in found} == {"better"}


def test_what_is_called_detectable_is_found_where_two_seeds_differ_and_many_figures_are_asked():
    """There Student's tails reach far beyond a normal's, and a smaller figure would promise what the test cannot find."""
    random = np.random.default_rng(2)
    figures = ["probing.mrr", *(f"tasks.{n}.accuracy" for n in range(5))]

    def runs(level):
        found = [
            count_means("mean", UNITS, list(level + shift + random.normal(0, 0.01, 150)), [1.0] * 150)
            for shift in (-0.05, 0.05)
        ]
        return dict.fromkeys(figures, found)

    def among(difference):
        arms = {"text": runs(0.4), "all": runs(0.4 + difference), "all_shuffled": runs(0.4)}
        return compare_arms(arms, CONFIG)[0]

    size = among(0).detectable
    assert among(1.05 * size).verdict == "better"
    assert among(size / 2).verdict == "unknown"


@pytest.mark.parametrize("seeds", [1, 2])
def test_one_training_of_each_arm_claims_nothing_of_others(seeds):
    found = compare_arms(
        {name: arm(0.4 if name == "all" else 0.2, seeds=seeds) for name in ("text", "all", "all_shuffled")}, CONFIG
    )
    assert "The graph helped" in summary(found)
    assert ("other seeds may say otherwise" in summary(found)) == (seeds == 1)
