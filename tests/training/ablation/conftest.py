import pytest

from tests.training.ablation.world import make_world


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="session")
def settings():
    """How the arms of a small ablation are pretrained: enough to learn what the world tells, in a few seconds each."""
    return {
        "backbone": {"layers": 1, "hidden": 64, "heads": 4, "feed_forward": 64},
        "tokenizer": {"vocabulary": 400},
        "data": {"max_length": 32, "rows": 16, "window": 256, "workers": 0, "triples": 16, "mask": 0.3},
        "objectives": {
            "next_sentence": {"weight": 0.0},
            "link_prediction": {"weight": 0.3},
            "link_prediction_table": {"weight": 0.0},
        },
        "trainer": {"steps": 300, "learning_rate": 5e-3, "tensorboard": False, "checkpoint_every": 50},
        "evaluation": {"passages": 8, "entities": 100},
    }
