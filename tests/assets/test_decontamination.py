"""A home is checked with all that it knows: its tests, its claims, what its build took out, the record of a model."""

import json
import random
import shutil

import pyarrow as pa
import pytest

from assets.decontamination import check_home_decontaminated
from assets.home import open_home
from assets.models import pretraining_sources
from kg.tables import SELECTION
from pipeline.storage import Dataset
from tests.training.conftest import DISEASES, DRUGS, curie, make_triples, passage
from tests.training.pretraining_home import make_home
from training.decontamination_report import ContaminatedError

TEST = "Forty patients with a mild cough were given honey before sleep for seven nights by their own mothers."


@pytest.fixture
def home(tmp_path):
    """A home whose claims are all for training, with a file of tests in its configuration."""
    triples = make_triples().to_pylist()
    rows = [row | {"triple_id": f"t{n:03}", "belief": 0.9, "split": "train"} for n, row in enumerate(triples)]
    draw = random.Random(3)
    passages = [passage(i, "train", draw) for i in range(40)]
    names = {curie(name): name for name in (*DRUGS, *DISEASES)}
    file = tmp_path / "tests.txt"
    file.write_text(TEST)
    made = open_home(str(make_home(tmp_path / "home", passages, rows, names)))
    corpus = made.config.corpus.model_copy(update={"test_documents": (str(file),)})
    with Dataset(made.url, "selected_passages").writer("0") as writer:
        row = {"passage_id": "p", "split": "train", "taken": 0, "tokens": 9, "reason": "test-ngram", "other": "tests.txt", "detail": "1 run"}  # fmt: skip
        writer.table("selected.parquet", SELECTION).write(pa.Table.from_pylist([row], SELECTION))
        writer.commit(skip_key="k", code_version="1", inputs={})
    return made.configure(config=made.config.model_copy(update={"corpus": corpus}))


def test_the_tests_of_the_configuration_are_looked_for_and_what_was_taken_out_is_told(home):
    report = check_home_decontaminated(home)
    assert (report.rows, report.test_documents, report.held_out) == (40, 1, 0)
    assert report.sentence().endswith("The build of the corpus had taken out before: 1 test-ngram.")


def test_a_home_that_lacks_the_record_of_what_was_taken_out_is_not_read_as_nothing_taken_out(home):
    shutil.rmtree(home.path / "selected_passages")
    said = check_home_decontaminated(home).sentence()
    assert "taken out before" not in said
    assert said.endswith("Not known: what the build of the corpus had taken out, as the home has no selected_passages.")


def test_other_tests_than_those_of_the_build_block_where_its_corpus_holds_them(home, tmp_path):
    text = next(passage(i, "train", random.Random(3))["text"] for i in range(1))
    other = tmp_path / "other.json"
    other.write_text(json.dumps([{"context": text}]))
    with pytest.raises(ContaminatedError, match="test-ngram of other.json, 1"):
        check_home_decontaminated(home, [str(other)])


def test_the_shards_of_a_model_are_those_of_its_record(home, tmp_path):
    shard, *_ = pretraining_sources(home).train
    shards = [
        {"name": shard.name, "sha256": shard.sha256, "split": "train"},
        {"name": "corpus_shards/gone.parquet", "sha256": "0" * 64, "split": "train"},
    ]
    (tmp_path / "materia_manifest.json").write_text(json.dumps({"shards": shards}))
    report = check_home_decontaminated(home, model=tmp_path)
    assert [name for name, _ in report.shards] == [shard.name]
    assert "Not known: corpus_shards/gone.parquet" in report.sentence()
