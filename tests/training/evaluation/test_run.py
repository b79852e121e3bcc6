"""A model by a suite: what is written, that it goes on, and that controls stand beside it."""

import json
from importlib.metadata import version
from pathlib import Path

import pytest

from pipeline.errors import MateriaError
from tests.training.evaluation.test_perplexity import row
from training.evaluation.config import LinkProbeConfig, SuiteConfig
from training.evaluation.run import evaluate_model, measure
from training.library_versions import library_versions
from training.sources import Sources
from training.statistics.outcome_files import read_outcomes
from training.statistics.outcomes import Outcomes


@pytest.fixture(scope="module")
def sources(graph, tmp_path_factory, write_shard):
    rows = [row(n, f"Lisipril treats renal failure in {n} patients with hepatic pain.") for n in range(12)]
    shard = write_shard(tmp_path_factory.mktemp("s"), "split=test/p.parquet", rows)
    return Sources((), (), graph.triples, graph.names, test=[shard])


SUITE = SuiteConfig(
    link_probe={"steps": 20}, probing={"phrasings": 1}, perplexity={"masked": 0.3}, bootstrap={"draws": 200}
)


@pytest.fixture(scope="module")
def evaluated(models, sources, tmp_path_factory):
    out = tmp_path_factory.mktemp("e") / "told"
    return out, evaluate_model(models.told, SUITE, sources, out)


def test_figures_have_intervals_and_stand_against_controls(evaluated):
    out, figures = evaluated
    assert json.loads((out / "figures.json").read_text()) == figures
    for name in ("probing.mrr", "probing.gain_mrr", "link_probe.mrr", "link_probe.random.mrr", "perplexity.per_word"):
        found = figures["figures"][name]
        assert found["low"] <= found["value"] <= found["high"], name
    blind = next(c for c in figures["comparisons"] if c["control"] == "probing.blind_mrr")
    assert blind["difference"]["low"] > 0
    assert blind["p"] <= blind["p_holm"] < 0.05


def test_the_page_says_what_the_figures_say(evaluated):
    out, figures = evaluated
    page = (out / "evaluation.md").read_text()
    value = figures["figures"]["link_probe.bag_of_wordpieces.mrr"]["value"]
    assert f"| bag_of_wordpieces.mrr | {value:.4f} |" in page
    assert "95% interval" in page
    assert f"tokenizers {version('tokenizers')}" in page
    assert (out / "evaluation.png").read_bytes().startswith(b"\x89PNG")


def test_outcomes_in_files_give_the_figures_again(evaluated):
    out, figures = evaluated
    (file,) = (out / "outcomes").glob("probing-*.parquet")
    assert round(read_outcomes(file)["probing.mrr"].value(), 6) == figures["figures"]["probing.mrr"]["value"]


def test_the_same_again_measures_nothing_and_writes_the_same_bytes(evaluated, models, sources, tmp_path):
    out, _ = evaluated
    told = []
    before = {path.name: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    evaluate_model(models.told, SUITE, sources, out, progress=told.append)
    assert told == []
    evaluate_model(models.told, SUITE, sources, tmp_path / "other", progress=told.append)
    assert told == ["probing", "link probe", "perplexity"]
    for folder in (out, tmp_path / "other"):
        assert {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_only_what_changed_is_measured_and_what_is_left_over_goes(models, sources, tmp_path):
    told = []

    def run(model, suite):
        told.clear()
        measure(model, suite, sources, tmp_path, progress=told.append)
        return told

    suite = SuiteConfig(probing=None, perplexity=SUITE.perplexity, link_probe={"steps": 5})
    assert run(models.told, suite) == ["link probe", "perplexity"]
    assert run(models.told, suite.model_copy(update={"bootstrap": SUITE.bootstrap})) == []
    assert run(models.told, suite.model_copy(update={"link_probe": LinkProbeConfig(steps=6)})) == ["link probe"]
    assert run(models.untold, suite) == ["link probe", "perplexity"]
    assert len(list(tmp_path.iterdir())) == 2


def test_figures_of_other_libraries_are_not_taken_for_those_of_these(models, sources, tmp_path, monkeypatch):
    suite = SuiteConfig(probing={"phrasings": 1}, link_probe=None, perplexity=None)
    measure(models.told, suite, sources, tmp_path)
    (before,) = tmp_path.iterdir()
    others = {**library_versions(), "tokenizers": "0.23.2"}
    monkeypatch.setattr("training.evaluation.parts.library_versions", lambda: others)
    measure(models.told, suite, sources, tmp_path)
    (after,) = tmp_path.iterdir()
    assert after.name != before.name


def test_a_run_that_stops_goes_on(models, sources, tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    told = []
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("training.evaluation.perplexity.perplexity", stop)
        measure(models.told, SUITE, sources, tmp_path, progress=told.append)
    measure(models.told, SUITE, sources, tmp_path, progress=told.append)
    assert told == ["probing", "link probe", "perplexity", "perplexity"]


def test_a_task_is_fine_tuned_once_a_seed(tiny_encoder, tmp_path):
    words = {"heart": "cardiac pain edema failure", "kidney": "renal fibrosis failure pain"}
    lines = [f"{n},{words[kind]} {n},{kind}" for n in range(40) for kind in [("heart", "kidney")[n % 2]]]
    (tmp_path / "notes.csv").write_text("\n".join(["id,text,label", *lines]))
    task = {
        "task": "record_classification",
        "data": {"train": [str(tmp_path / "notes.csv")]},
        "epochs": 1,
        "max_length": 32,
    }
    suite = SuiteConfig(probing=None, link_probe=None, perplexity=None, tasks={"notes": task}, seeds=(1, 2))
    told = []
    runs = measure(tiny_encoder, suite, None, tmp_path / "kept", progress=told.append)
    assert told == ["tasks notes, seed 1", "tasks notes, seed 2"]
    ((name, found),) = runs.items()
    assert name == "tasks.notes.macro_f1"
    assert len(found) == 2
    assert found[0].units == found[1].units
    assert all(isinstance(one, Outcomes) for one in found)
    more = suite.model_copy(update={"seeds": (1, 2, 3)})
    measure(tiny_encoder, more, None, tmp_path / "kept", progress=told.append)
    assert told[2:] == ["tasks notes, seed 3"]


def test_a_figure_is_called_what_it_is_where_records_have_several_labels(tiny_encoder, tmp_path):
    lines = [f"{n},renal fibrosis failure pain {n},{('heart', 'heart|kidney')[n % 2]}" for n in range(20)]
    (tmp_path / "notes.csv").write_text("\n".join(["id,text,label", *lines]))
    data = {"train": [str(tmp_path / "notes.csv")], "separator": "|"}
    task = {"task": "record_classification", "data": data, "epochs": 1, "max_length": 32}
    suite = SuiteConfig(probing=None, link_probe=None, perplexity=None, tasks={"notes": task})
    runs = measure(tiny_encoder, suite, None, tmp_path / "kept")
    assert {name: found[0].figure for name, found in runs.items()} == {"tasks.notes.micro_f1": "micro_f1"}


def test_what_needs_a_home_says_so(models, tmp_path):
    with pytest.raises(MateriaError, match="need a home"):
        measure(models.told, SUITE, None, tmp_path)


def test_a_folder_of_something_else_is_not_written_into(models, sources, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(MateriaError, match="holds no evaluation"):
        evaluate_model(models.told, SUITE, sources, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_no_model_is_refused_before_anything_is_written(sources, tmp_path):
    with pytest.raises(MateriaError, match="no model"):
        evaluate_model(Path(tmp_path / "none"), SUITE, sources, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("test", "said"),
    [
        (["90,cardiac pain ninety,lung"], "labels that training lacks"),
        (["1,renal fibrosis failure pain 1,kidney"], "are among the training examples"),
        (["90,cardiac pain ninety,"], "no-label"),
    ],
)
def test_a_mistake_in_a_file_of_a_task_is_found_before_anything_is_measured(models, sources, tmp_path, test, said):
    lines = [f"{n},renal fibrosis failure pain {n},{('heart', 'kidney')[n % 2]}" for n in range(20)]
    for name, rows in (("train", lines), ("test", test)):
        (tmp_path / f"{name}.csv").write_text("\n".join(["id,text,label", *rows]))
    data = {name: [str(tmp_path / f"{name}.csv")] for name in ("train", "test")}
    suite = SUITE.model_copy(
        update={"tasks": SuiteConfig(tasks={"notes": {"task": "record_classification", "data": data}}).tasks}
    )
    told = []
    with pytest.raises(MateriaError, match=said):
        evaluate_model(models.told, suite, sources, tmp_path / "out", progress=told.append)
    assert told == []
    assert not (tmp_path / "out").exists()


def test_a_home_without_held_out_literature_is_found_before_anything_is_measured(models, sources, tmp_path):
    told = []
    with pytest.raises(MateriaError, match="no literature in the test split"):
        measure(models.told, SUITE, Sources((), (), sources.triples, sources.names), tmp_path, progress=told.append)
    assert told == []
