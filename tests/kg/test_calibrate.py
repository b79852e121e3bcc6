"""From annotated documents to reliabilities, and from there to judged beliefs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kg.calibrate import calibrate
from kg.reliability import Reliabilities, load_reliabilities, save_reliabilities
from pipeline.errors import MateriaError
from pipeline.relations.model import load_classifier
from pipeline.relations.training import train_relations

CHEMICALS = ["Aspirin", "Cisplatin", "Lithium", "Haloperidol", "Captopril", "Warfarin", "Amiodarone", "Metformin"]
DISEASES = ["bleeding", "renal failure", "tremor", "catalepsy", "cough", "hemorrhage", "bradycardia", "acidosis"]


def corpus(path: Path, documents: int, first: int = 1) -> str:
    """PubTator documents that say of a chemical that it induced one disease; of every third the annotators disagree."""
    lines = []
    for number in range(first, first + documents):
        chemical, disease, other = CHEMICALS[number % 8], DISEASES[number * 3 % 8], DISEASES[(number * 3 + 1) % 8]
        title, abstract = f"{chemical} induced {disease} in a patient.", f"{chemical} was given for {other}."
        lines += [f"{number}|t|{title}", f"{number}|a|{abstract}"]
        base = len(title) + 1
        for start, name, kind, key in (
            (0, chemical, "Chemical", f"D1{number % 8:05}"),
            (title.index(disease), disease, "Disease", f"D2{number * 3 % 8:05}"),
            (base, chemical, "Chemical", f"D1{number % 8:05}"),
            (base + abstract.index(other), other, "Disease", f"D2{(number * 3 + 1) % 8:05}"),
        ):
            lines.append(f"{number}\t{start}\t{start + len(name)}\t{name}\t{kind}\t{key}")
        if number % 3:
            lines.append(f"{number}\tCID\tD1{number % 8:05}\tD2{number * 3 % 8:05}")
        lines.append("")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Reliabilities, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("calibrate")
    train, gold = corpus(folder / "train.pubtator", 60), corpus(folder / "gold.pubtator", 30, first=501)
    corpus(folder / "more.pubtator", 40, first=1001)
    reliabilities, report = calibrate([train], [gold], keep_classifier=str(folder / "cid"))
    return folder, reliabilities, report


def test_who_is_right_two_times_in_three_is_believed_two_times_in_three(
    calibrated: tuple[Path, Reliabilities, dict[str, Any]],
) -> None:
    _, _, report = calibrated
    assert report["n"] == 60
    assert report["claimed"]["n"] == 30
    assert abs(report["claimed"]["mean_belief"] - 2 / 3) < 0.1
    assert report["ece"] < 0.1 < report["brier_skill"]
    assert report["ece"] < report["uncalibrated"]["ece"]
    assert sum(one["n"] for one in report["bins"]) == report["n"]


def test_nobody_claims_what_is_only_named_beside(calibrated: tuple[Path, Reliabilities, dict[str, Any]]) -> None:
    _, reliabilities, report = calibrated
    assert report["unclaimed"] == {
        **report["unclaimed"],
        "n": 30,
        "share_true": 0.0,
        "mean_belief": reliabilities.unclaimed,
    }
    assert reliabilities.unclaimed is not None
    assert 0 < reliabilities.unclaimed < 0.05


def test_the_classifier_is_the_one_that_training_alone_gives(
    calibrated: tuple[Path, Reliabilities, dict[str, Any]],
) -> None:
    """So that reliabilities speak of the folder that `materia train relations` wrote from the same files."""
    folder, reliabilities, report = calibrated
    train_relations([str(folder / "train.pubtator")], str(folder / "again"))
    assert {load_classifier(folder / name).name for name in ("cid", "again")} == {report["classifier"]}
    assert set(reliabilities.extractors) == {report["classifier"], "trigger.v2"}


def test_the_file_says_what_it_was_learned_from_and_how_it_did(
    calibrated: tuple[Path, Reliabilities, dict[str, Any]],
) -> None:
    folder, reliabilities, report = calibrated
    save_reliabilities(reliabilities, folder / "reliabilities.json")
    again = load_reliabilities(folder / "reliabilities.json")
    assert [file.name for file in again.learned_from.files] == ["train.pubtator"]
    assert again.judged_on is not None
    assert [file.name for file in again.judged_on.files] == ["gold.pubtator"]
    assert again.judged_on.ece == report["ece"]
    assert str(folder) not in (folder / "reliabilities.json").read_text()


def test_a_classifier_that_is_there_is_judged_and_its_user_is_warned(
    calibrated: tuple[Path, Reliabilities, dict[str, Any]],
) -> None:
    folder, first, _ = calibrated
    args = ([str(folder / "more.pubtator")], [str(folder / "gold.pubtator")])
    reliabilities, report = calibrate(*args, classifier=str(folder / "cid"))
    assert set(reliabilities.extractors) == set(first.extractors)
    assert any("not trained on" in warning for warning in report["warnings"])
    again, _ = calibrate(*args, classifier=str(folder / "cid"))
    assert again == reliabilities


def test_documents_that_are_judged_are_not_learned_from(
    calibrated: tuple[Path, Reliabilities, dict[str, Any]],
) -> None:
    folder, _, _ = calibrated
    gold = str(folder / "gold.pubtator")
    with pytest.raises(MateriaError, match="Every training document stands in the gold files"):
        calibrate([gold], [gold])
    _, report = calibrate([gold, str(folder / "more.pubtator")], [gold], classifier=str(folder / "cid"))
    assert report["documents"] == {"learned": 40, "judged": 30, "left_out": 30}


def test_predicted_entities_need_a_vocabulary(tmp_path: Path) -> None:
    with pytest.raises(MateriaError, match="vocabulary"):
        calibrate(["a"], ["b"], entities="predicted")


@pytest.mark.realdata
@pytest.mark.slow
def test_beliefs_are_calibrated_on_documents_that_nothing_was_learned_from(materia_data: Path, tmp_path: Path) -> None:
    folder = materia_data / "annotated" / "bc5cdr"
    documents = (folder / "train.pubtator").read_text(encoding="utf-8").split("\n\n")
    half = tmp_path / "half.pubtator"  # learned from in less time, and held to the same bars
    half.write_text("\n\n".join(documents[::2]) + "\n\n", encoding="utf-8")
    _, report = calibrate([str(half)], [str(folder / "dev.pubtator")])
    assert report["n"] > 5000
    assert report["ece"] <= 0.05
    assert report["brier_skill"] >= 0.25
    assert np.isclose(report["auc"], 0.82, atol=0.03)
