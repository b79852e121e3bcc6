"""An ablation of the tiny world from sources to page."""

import json

import pytest
from safetensors.torch import load_file

from pipeline.errors import MateriaError
from training.ablation.config import AblationConfig
from training.ablation.run import Ablation, held

SUITE = "probing: {questions: 60, phrasings: 1}\nlink_probe: null\nperplexity: null\nbootstrap: {draws: 400}\n"


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    path = tmp_path_factory.mktemp("suite") / "suite.yaml"
    path.write_text(SUITE)
    return str(path)


@pytest.fixture
def short(settings):
    """The same, for two steps."""
    return settings | {
        "trainer": settings["trainer"] | {"steps": 2},
        "backbone": {**settings["backbone"], "hidden": 16},
    }


@pytest.fixture(scope="module")
def done(world, settings, suite, tmp_path_factory):
    out = tmp_path_factory.mktemp("ablation")
    config = AblationConfig(
        arms=["text", "all", "all_shuffled"], seeds=[1], ratio=4.0, pretraining=settings, suite=suite, workers=1
    )
    ablation = Ablation(world, config, out)
    plan, heard = ablation.plan(), []
    trainings = ablation.pretrain(plan, heard.append)
    results = ablation.write_results(plan, trainings, ablation.judge(trainings), "Nothing was found.")
    return ablation, trainings, results, heard


def test_where_only_the_graph_knows_the_answer_the_page_says_that_the_graph_helps(done):
    ablation, _, results, _ = done
    mrr = {arm: found["probing.mrr"]["value"] for arm, found in results["figures"].items()}
    assert mrr["all"] > 2 * max(mrr["text"], mrr["all_shuffled"])
    assert results["summary"].startswith("The graph helped on 2 of 2 figures")
    page = (ablation.out / "results.md").read_text()
    assert "The graph helped on 2 of 2 figures: probing.mrr, probing.gain_mrr." in page
    assert "| probing.mrr | all - all_shuffled |" in page
    assert "Nothing was found." in page


def test_a_shuffled_graph_does_not(done):
    _, _, results, _ = done
    shuffled = results["figures"]["all_shuffled"]
    assert shuffled["probing.gain_mrr"]["value"] < 0.1
    (control,) = results["shuffles"]
    assert control["true"] == 0 < control["true_by_chance"]
    assert control["words"] == control["words_of_told"]


def test_the_control_reads_as_many_tokens_in_as_many_steps(done):
    _, trainings, _, _ = done
    tokens = {one.arm: one.report()["tokens"] for one in trainings}
    assert tokens["all_shuffled"] == pytest.approx(tokens["all"], rel=0.002)
    assert len({one.report()["steps"] for one in trainings}) == 1


def test_plots_and_figures_lie_beside_the_page(done):
    ablation, _, results, heard = done
    assert json.loads((ablation.out / "results.json").read_text())["verdicts"] == results["verdicts"]
    assert {"results.png", "differences.png"} <= {path.name for path in ablation.out.iterdir()}
    assert {arm for arm, _, _ in heard} == {"text", "all", "all_shuffled"}


def test_what_is_there_is_not_trained_again(done, world, suite):
    ablation, trainings, _, _ = done
    config = ablation.config.model_copy(update={"arms": ("all", "text"), "suite": None, "workers": 3})
    again = Ablation(world, config, ablation.out).trainings(ablation.plan().steps)
    assert {one.name() for one in again} < {one.name() for one in trainings}
    assert all(one.is_done() for one in again)


def test_all_arms_begin_with_the_same_weights_of_the_encoder(world, short, suite, tmp_path):
    """One step with a rate of next to nothing leaves the first weights where they were."""
    still = short | {"trainer": {"steps": 1, "learning_rate": 1e-12, "weight_decay": 0.0, "tensorboard": False}}
    arms = ["untrained", "text", "all", "all_shuffled"]
    ablation = Ablation(
        world, AblationConfig(arms=arms, seeds=[1], pretraining=still, suite=suite, workers=1), tmp_path
    )
    first, *others = [load_file(one.model / "model.safetensors") for one in ablation.pretrain(ablation.plan())]
    for other in others:
        assert {name: tuple(tensor.shape) for name, tensor in first.items()} == {
            name: tuple(tensor.shape) for name, tensor in other.items()
        }
        assert max(float((other[name] - tensor).abs().max()) for name, tensor in first.items()) < 1e-9


def test_a_training_goes_by_what_goes_into_it(world, short, suite, tmp_path):
    def name(arm="all", seed=1, **changed):
        config = AblationConfig(arms=[arm], seeds=[seed], pretraining=short | changed, suite=suite)
        return Ablation(world, config, tmp_path).trainings()[0].name().split("-")[-1]

    assert name() == name() == name(evaluation={"passages": 3}) == name(data=short["data"] | {"workers": 2})
    different = [
        name(),
        name(seed=2),
        name("all_shuffled"),
        name("links"),
        name("text"),
        name(data=short["data"] | {"rows": 4}),
    ]
    assert len(set(different)) == len(different)


def test_only_the_arms_that_are_named_are_fine_tuned_for_tasks(done, world, tmp_path):
    ablation, trainings, _, _ = done
    (tmp_path / "records.csv").write_text("text,label\none,a\ntwo,b\n")
    (tmp_path / "suite.yaml").write_text(
        SUITE + "tasks: {t: {task: record_classification, data: {train: [records.csv]}}}"
    )
    changed = {"suite": str(tmp_path / "suite.yaml"), "task_arms": ("all",)}
    judged = Ablation(world, ablation.config.model_copy(update=changed), ablation.out)
    assert {one.arm: list(judged.judging(one).suite.tasks) for one in trainings} == {
        "text": [], "all": ["t"], "all_shuffled": []
    }  # fmt: skip


def test_two_ablations_do_not_share_a_folder(tmp_path):
    with held(tmp_path), pytest.raises(MateriaError, match="another ablation runs there"), held(tmp_path):
        pass


def test_the_settings_of_another_suite_cost_no_training(done, world, tmp_path):
    ablation, trainings, _, _ = done
    other = tmp_path / "suite.yaml"
    other.write_text(SUITE.replace("60", "10"))
    config = ablation.config.model_copy(update={"suite": str(other)})
    again = Ablation(world, config, ablation.out)
    assert again.plan() == ablation.plan()
    assert [one.name() for one in again.trainings(again.plan().steps)] == [one.name() for one in trainings]
