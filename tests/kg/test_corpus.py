import json

import pyarrow as pa
import pytest

from kg.corpus import corpus_index, count_tokens, write_index
from kg.tables import PASSAGES
from pipeline.storage import Dataset
from tests.kg.passages import FREE, HELD, SPLITS, A, rows


def test_words_are_counted_in_every_script():
    table = pa.table({"text": ["Type 2 diabetes, mild.", "", "糖尿病 is β-cell loss"]})
    assert count_tokens(table) == 4 + 0 + 3 + 4
    assert count_tokens(table.to_batches()[0]) == 11
    assert count_tokens(PASSAGES.empty_table()) == 0


@pytest.fixture
def home(tmp_path):
    def write(asset, key, shards, counted):
        dataset = Dataset(tmp_path, asset)
        with dataset.writer(key) as writer:
            for split, batch in shards.items():
                writer.table(f"split={split}/bucket={key}/passages.parquet", PASSAGES).write(batch)
                if counted:
                    writer.summary.setdefault("splits", {})[split] = {"tokens": count_tokens(batch)}
            writer.commit(skip_key="k", code_version="1", inputs={})

    # "MESH:D1" and a full stop of "end.": three words to one name.
    write("verbalized_corpus", "00", {"train": rows(([[A, FREE]], {}), kind="verbalized")}, counted=True)
    write(
        "literature_corpus",
        "00",
        {"train": rows(([[A, FREE], [A]], {})), "test": rows(([[A, HELD]], {"split": "test"}))},
        counted=False,
    )
    write("literature_corpus", "01", {"train": rows(([[A]], {}))}, counted=True)
    return tmp_path


def test_the_index_lists_every_shard_and_adds_up(home, tmp_path):
    index = corpus_index(home, SPLITS)
    paths = [shard["path"] for shard in index["shards"]]
    assert paths == sorted(paths)
    assert [path.rsplit("/", 1)[0] for path in paths] == [
        "literature_corpus/split=test/bucket=00",
        "literature_corpus/split=train/bucket=00",
        "literature_corpus/split=train/bucket=01",
        "verbalized_corpus/split=train/bucket=00",
    ]
    assert all((home / path).is_file() for path in paths)
    totals = index["totals"]["train"]
    assert totals["literature"] == {"shards": 2, "rows": 2, "tokens": 6 + 2 + 2 + 1}
    assert totals["verbalized"] == {"shards": 1, "rows": 1, "tokens": 5}
    assert index["totals"]["test"]["literature"]["rows"] == 1
    assert index["graph_to_text"] == round(5 / 11, 6)
    write_index(index, tmp_path / "a.json")
    write_index(corpus_index(home, SPLITS), tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert json.loads((tmp_path / "a.json").read_text()) == index
    assert str(tmp_path) not in (tmp_path / "a.json").read_text()


def test_an_empty_home_has_an_empty_index(tmp_path):
    index = corpus_index(tmp_path, SPLITS)
    assert (index["shards"], index["graph_to_text"]) == ([], None)
