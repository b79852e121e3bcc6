"""From `materia train relations` and `materia calibrate` to a build whose beliefs follow, on the bundled sample."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from assets.build import build
from assets.config import load_config
from assets.home import SAMPLE, Home, open_home
from assets.stages import until
from assets.status import status
from cli.main import main
from kg.reliability import load_reliabilities
from kg.reliability_learning import worth
from tests.kg.test_calibrate import corpus


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with models/cid, reliabilities.json and a configuration, as the commands make them."""
    folder = tmp_path_factory.mktemp("calibration")
    train, gold = corpus(folder / "train.pubtator", 60), corpus(folder / "gold.pubtator", 30, first=501)
    assert main(["train", "relations", "--train", train, "--out", str(folder / "models" / "cid")]) == 0
    out, plot = folder / "reliabilities.json", folder / "curve.png"
    assert main(["calibrate", "--train", train, "--gold", gold, "--out", str(out), "--plot", str(plot)]) == 0
    assert plot.read_bytes().startswith(b"\x89PNG")
    (folder / "materia.yaml").write_text(
        "buckets: 2\nsmall_file_groups: 1\nextraction: {relations: models/cid}\nfusion: {reliabilities: reliabilities.json}\n"
    )
    return folder


@pytest.fixture(scope="module")
def home(folder: Path) -> Home:
    home = configured(folder, "materia.yaml")
    build(home, "belief_calibration")
    return home


def configured(folder: Path, settings: str) -> Home:
    sources = [str(SAMPLE / "literature")], [str(SAMPLE / "vocabulary")]
    return open_home(str(folder / "home")).configure(*sources, load_config(str(folder / settings)))


def summary(home: Home) -> dict[str, Any]:
    manifest = home.dataset("belief_calibration").manifest()
    assert manifest is not None
    return manifest.summary


def test_what_it_prints_as_json_is_json_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = corpus(folder / "more.pubtator", 40, first=1001)
    words = ["calibrate", "--train", more, "--gold", str(folder / "gold.pubtator")]
    assert main([*words, "--classifier", str(folder / "models" / "cid"), "--json"]) == 0
    out, errors = capsys.readouterr()
    report = json.loads(out)
    assert {"ece", "brier_skill", "auc", "bins", "n"} <= set(report)
    assert set(report["bins"][0]) == {"least", "most", "n", "mean_belief", "share_true"}
    assert "not trained on them" in errors


def test_beliefs_follow_what_was_learned(folder: Path, home: Home) -> None:
    """Of a claim with one row of evidence the belief is known: what its figure is worth, less the systematic error."""
    learned = load_reliabilities(folder / "reliabilities.json")
    triples = pa.concat_tables([home.dataset("triples").read(key) for key in home.buckets]).to_pylist()
    evidence = {
        row["evidence_id"]: row
        for key in home.buckets
        for row in home.dataset("evidence_by_bucket").read(key).to_pylist()
    }
    seen = set()
    for triple in triples:
        if len(triple["evidence_ids"]) > 1 or triple["contradicting_evidence"]:
            continue
        row = evidence[triple["evidence_ids"][0]]
        one = learned.extractors[row["extractor"]]
        (value,) = worth(one.steps, np.array([row["probability"] * row["certainty"]]))
        if triple["contradiction"] == 0:
            assert triple["belief"] == pytest.approx((1 - one.systematic_error) * value, abs=2e-6)
            seen.add(row["extractor"])
    assert seen == set(learned.extractors)


def test_the_asset_shows_the_curve_and_what_it_says_of_the_build(home: Home) -> None:
    found = summary(home)
    assert found["beliefs"].startswith("calibrated; calibration error 0.")
    assert found["plot_of_reliability"].startswith("![share true by belief](data:image/png;base64,")
    assert found["checks"]["reliabilities_used"] == {"passed": True, "unused": ""}
    assert found["figures"]["uncalibrated_extractors"] == []
    triples = sum(manifest.rows for manifest in home.dataset("triples").manifests().values())
    assert sum(found["figures"]["triples_by_belief"]) == triples > 0


def test_status_says_it_in_one_line(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--home", str(home.url)]) == 0
    assert "Beliefs are calibrated; calibration error 0." in capsys.readouterr().out


def test_other_reliabilities_make_triples_anew_and_other_names_are_told(folder: Path, home: Home) -> None:
    """A classifier that was trained anew has another name, so that what was learned of the old one is of no use: it is said."""
    content = json.loads((folder / "reliabilities.json").read_text())
    name = next(name for name in content["extractors"] if name.startswith("materia_relations"))
    content["extractors"]["materia_relations.v1.00000000"] = content["extractors"].pop(name)
    (folder / "other.json").write_text(json.dumps(content))
    settings = (folder / "materia.yaml").read_text().replace("reliabilities.json", "other.json")
    (folder / "other.yaml").write_text(settings)
    other = configured(folder, "other.yaml")
    stages = {stage.name: stage for stage in until("belief_calibration")}
    assert stages["evidence"].stale(other) == []
    assert stages["triples"].stale(other) == list(other.buckets)
    build(other, "belief_calibration")
    assert summary(other)["checks"]["reliabilities_used"] == {
        "passed": False,
        "unused": "materia_relations.v1.00000000",
    }
    assert summary(other)["figures"]["uncalibrated_extractors"] == [name]
    assert "reliabilities_used" in status(other)["failed_checks"]


def test_without_reliabilities_the_build_says_how_to_learn_them(tmp_path: Path) -> None:
    home = open_home(str(tmp_path / "home"))
    build(home, "belief_calibration")
    assert "uncalibrated" in summary(home)["beliefs"]
    assert "materia calibrate --train" in summary(home)["beliefs"]
    assert "plot_of_reliability" not in summary(home)
    assert summary(home)["figures"]["uncalibrated_extractors"] == ["trigger.v2"]
