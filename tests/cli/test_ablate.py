"""`materia ablate` on a small home: what it says beforehand, what it trains, what it refuses."""

import json

import pytest

from cli.main import main
from tests.training.ablation.world import make_rows
from tests.training.pretraining_home import make_home

SETTINGS = {
    "arms": ["untrained", "text", "all_shuffled"],
    "seeds": [1],
    "workers": 1,
    "pretraining": {
        "backbone": {"layers": 1, "hidden": 16, "heads": 2, "feed_forward": 16},
        "tokenizer": {"vocabulary": 300},
        "data": {"max_length": 32, "rows": 4, "workers": 0, "triples": 8},
        "trainer": {"steps": 3, "tensorboard": False},
        "evaluation": {"passages": 4, "entities": 50},
    },
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    made = make_home(folder, *make_rows())
    (made / "ablation.yaml").write_text(json.dumps(SETTINGS))
    return made


def ablate(home, *words):
    return main(["ablate", "--home", str(home), "--config", str(home / "ablation.yaml"), *words])


def test_it_says_beforehand_what_it_will_do_and_trains_nothing(home, tmp_path, capsys):
    assert ablate(home, "--dry-run", "--until", "pretraining", "--out", str(tmp_path)) == 0
    assert "2 trainings of 3 steps" in capsys.readouterr().err
    assert not (tmp_path / "models").exists()


def test_models_are_made_once_and_lie_in_the_home(home, capsys):
    for _ in range(2):
        assert ablate(home, "--until", "pretraining", "--json") == 0
        found = json.loads(capsys.readouterr().out)
        assert list(found["models"]) == ["untrained 1", "text 1", "all_shuffled 1"]
        folders = sorted((home / "models" / "ablation" / "models").iterdir())
        assert sorted(found["models"].values()) == [str(folder) for folder in folders]
        assert all((folder / "model.safetensors").exists() for folder in folders)
        assert found["plan"]["steps"] == 3
        assert "held-out claims: none of them is there" in found["decontamination"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", "arms=[alll]"), "there is no arm 'alll'"),
        (("--set", "arms=[]"), "name one arm or more"),
        (("--set", "minute=3"), "minutes"),
        (("--set", "pretraining.objectives.relation_classification.weight=0"), "relation classification"),
        (("--set", "minutes=0.001"), "minutes are too few"),
    ],
)
def test_a_mistake_is_one_sentence_before_anything_is_trained(home, tmp_path, capsys, words, said):
    assert ablate(home, "--until", "pretraining", "--out", str(tmp_path / "out"), *words) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out" / "models").exists()
