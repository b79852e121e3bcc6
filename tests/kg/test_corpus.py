import json

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from kg.config import MixtureConfig, SplitConfig
from kg.corpus import SHARDS, corpus_index, ratio_met, word_counts, write_index
from kg.corpus_shards import SPLITS, add_counts
from kg.tables import CORPUS_PASSAGES, PASSAGES
from pipeline.storage import Dataset
from tests.kg.passages import FREE, HELD, A, rows


def test_words_are_counted_in_every_script():
    table = pa.table({"text": ["Type 2 diabetes, mild.", "", "糖尿病 is β-cell loss"]})
    assert word_counts(table).to_pylist() == [4, 0, 3 + 4]
    assert word_counts(table.to_batches()[0]).to_pylist() == [4, 0, 3 + 4]
    assert word_counts(PASSAGES.empty_table()).to_pylist() == []


@pytest.fixture
def home(tmp_path):
    def write(key, batches):
        with Dataset(tmp_path, SHARDS).writer(key) as writer:
            counts = writer.summary["splits"] = {}
            for split in SPLITS:
                sink = writer.table(f"split={split}/bucket={key}/passages.parquet", CORPUS_PASSAGES)
                for batch in batches:
                    table = finished(batch).filter(pc.equal(batch["split"], split))
                    sink.write(table)
                    for one in table.to_batches():
                        add_counts(counts, one)
            writer.commit(skip_key="k", code_version="1", inputs={})

    # "MESH:D1" and the "end" of "end.": three words to one name.
    told = rows(([[A, FREE]], {}), kind="verbalized")
    write("00", [told, rows(([[A, FREE], [A]], {}), ([[A, HELD]], {"split": "test"}))])
    write("01", [rows(([[A]], {}))])
    return tmp_path


def finished(batch):
    """Rows of PASSAGES as they stand in a shard, once each."""
    table = pa.Table.from_batches([batch])
    counts = word_counts(table).to_pylist()
    table = table.append_column("source", pa.nulls(table.num_rows, pa.string()))
    table = table.append_column("tokens", pa.array(counts, pa.int32()))
    return table.append_column("repeat", pa.array([0] * table.num_rows, pa.int32())).cast(CORPUS_PASSAGES)


def test_the_index_lists_every_shard_and_adds_up(home, tmp_path):
    index = corpus_index(home, SplitConfig(), MixtureConfig())
    paths = [shard["path"] for shard in index["shards"]]
    assert paths == sorted(paths)
    assert [path.rsplit("/", 1)[0] for path in paths] == [
        f"corpus_shards/split={split}/bucket={key}" for split in sorted(SPLITS) for key in ("00", "01")
    ]
    assert all((home / path).is_file() for path in paths)
    totals = index["totals"]["train"]
    assert totals["literature"] == {"rows": 2, "passages": 2, "tokens": 6 + 2 + 2 + 1, "longest": 8}
    assert totals["verbalized"] == {"rows": 1, "passages": 1, "tokens": 5, "longest": 5}
    assert index["totals"]["test"]["literature"]["rows"] == 1
    assert index["languages"]["train"]["en"]["tokens"] == 16
    assert index["graph_to_text"] == round(5 / 11, 6)
    write_index(index, tmp_path / "a.json")
    write_index(corpus_index(home, SplitConfig(), MixtureConfig()), tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert json.loads((tmp_path / "a.json").read_text()) == index
    assert str(tmp_path) not in (tmp_path / "a.json").read_text()


def test_an_empty_home_has_an_empty_index(tmp_path):
    index = corpus_index(tmp_path, SplitConfig())
    assert (index["shards"], index["graph_to_text"]) == ([], None)


@pytest.mark.parametrize(("graph", "met"), [(480, True), (520, True), (400, False), (600, False), (0, False)])
def test_a_ratio_is_met_to_within_three_percent_and_a_passage(graph, met):
    figures = {"verbalized": {"tokens": graph, "longest": 5}, "literature": {"tokens": 1000, "longest": 20}}
    found = ratio_met({"totals": {"train": figures}, "graph_to_text": graph / 1000}, 0.5)
    assert (found["passed"], found["wanted"], found["graph_to_text"]) == (met, 0.5, graph / 1000)
