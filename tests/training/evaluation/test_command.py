"""`materia evaluate model`: the home's triples, a suite, figures as JSON, and mistakes in a sentence."""

import json

import pytest

from cli.main import main
from tests.training.pretraining_home import make_home


@pytest.fixture(scope="module")
def home(graph, tmp_path_factory):
    rows = [
        {"triple_id": f"{number:064x}", "belief": 0.9, **row} for number, row in enumerate(graph.triples.to_pylist())
    ]
    return make_home(tmp_path_factory.mktemp("h"), [], rows, graph.names)


def test_a_model_is_judged_by_a_suite(home, models, tmp_path, capsys):
    suite = tmp_path / "suite.yaml"
    suite.write_text("probing: {phrasings: 1}\nlink_probe: {steps: 5}\nperplexity: null\n")
    words = [
        "evaluate",
        "model",
        str(models.told),
        "--home",
        str(home),
        "--suite",
        str(suite),
        "--out",
        str(tmp_path / "out"),
    ]
    assert main([*words, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["figures"]["probing.gain_mrr"]["low"] > 0
    assert figures["suite"]["link_probe"]["steps"] == 5
    assert main(words) == 0
    said = capsys.readouterr()
    assert f"({figures['figures']['probing.mrr']['low']:.4f} to " in said.out
    assert "evaluation.md" in said.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["model"], "lacks a folder"),
        (["model", "no-such-folder", "--suite", "no-such-suite.yaml"], "no-such-suite.yaml"),
        (["mentions", "some-folder"], "takes no folder"),
    ],
)
def test_a_mistake_is_one_sentence(home, words, said, capsys):
    assert main(["evaluate", *words, "--home", str(home)]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
