"""Homes that earlier versions recorded open, and their settings mean what they meant."""

import json

from assets.home import open_home
from assets.renamed_settings import renamed

OLD = {
    "steps": 50, "batch": 4, "vocabulary": 900, "mask": 0.2, "gamma": 7.0, "evaluation_passages": 9, "shuffle": 99,
    "backbone": {"layers": 3, "hidden": 60, "heads": 3, "feed_forward": 10, "dropout": 0.1},
    "weights": {"masked_lm": 1.0, "next_sentence": 0.0, "link_prediction": 2.0, "relation_classification": 1.0},
}  # fmt: skip


def test_flat_settings_of_pretraining_are_found_in_their_sections(tmp_path):
    home = open_home(str(tmp_path)).configure()
    record = json.loads((tmp_path / "home.json").read_text())
    record["config"]["pretraining"] = OLD
    (tmp_path / "home.json").write_text(json.dumps(record))
    config = open_home(str(tmp_path)).config.pretraining
    assert (config.trainer.steps, config.data.rows, config.data.window, config.tokenizer.vocabulary) == (50, 4, 99, 900)
    assert (config.backbone.layers, config.evaluation.passages, config.data.mask) == (3, 9, 0.2)
    objectives = config.objectives
    assert (objectives.next_sentence.weight, objectives.link_prediction.weight) == (0.0, 2.0)
    assert objectives.link_prediction.gamma == 7.0
    assert home.config.pretraining != config


def test_what_this_version_records_stays_as_it_is(tmp_path):
    home = open_home(str(tmp_path)).configure()
    values = json.loads((tmp_path / "home.json").read_text())["config"]
    assert renamed(values) == values
    assert open_home(str(tmp_path)).config == home.config
