import json

import pyarrow as pa
import pytest

from kg.config import SplitConfig
from kg.corpus import corpus_index, count_tokens, find_leaks, leaks_in, write_index
from kg.passage_rows import PassageRows
from kg.splits import split_of
from kg.tables import PASSAGES, TRIPLES
from pipeline.storage import Dataset

SPLITS = SplitConfig()
A = "MESH:D1"
HELD = next(f"MESH:C{i}" for i in range(9999) if split_of(A, f"MESH:C{i}", SPLITS) != "train")
FREE = next(
    f"MESH:C{i}"
    for i in range(9999)
    if split_of(A, f"MESH:C{i}", SPLITS) == "train" == split_of(HELD, f"MESH:C{i}", SPLITS)
)


def rows(*passages, kind="literature"):
    """Passages of (sentences, curies by sentence); further columns by name."""
    made = PassageRows(kind)
    for number, (sentences, columns) in enumerate(passages):
        text, bounds, spans = "", [], []
        for curies in sentences:
            start = len(text)
            for curie in curies:
                spans.append((len(text), len(text) + len(curie), curie, "biolink:NamedThing"))
                text += curie + " "
            text += "end. "
            bounds.append((start, len(text) - 1))
        made.add(
            **{
                "passage_id": f"p{number:05d}",
                "language": "en",
                "text": text.strip(),
                "sentences": bounds,
                "spans": spans,
                "relations": [],
                "triple_ids": [],
                "evidence_ids": [],
                "doc_ids": ["PMID:1"],
                "belief": None,
                "split": "train",
            }
            | columns
        )
    return made.batch()


def found(batch, **arguments):
    return [(leak.passage_id, leak.reason) for leak in leaks_in([batch], SPLITS, **arguments)]


def test_a_clean_corpus_has_no_leak():
    assert found(rows(([[A, FREE], [HELD, FREE], []], {}), ([[A], [HELD]], {}), ([[HELD, HELD]], {}))) == []


@pytest.mark.parametrize("pair", [(A, HELD), (HELD, A)])
def test_a_planted_pair_is_caught_in_either_order_and_named(pair):
    batch = rows(*[([[A, FREE]], {})] * 500, ([[FREE], [FREE, *pair]], {}), *[([[A, FREE]], {})] * 500)
    (leak,) = leaks_in([batch], SPLITS)
    assert (leak.reason, leak.passage_id, leak.kind) == ("pair-in-sentence", "p00500", "literature")
    assert {leak.subject, leak.object} == {A, HELD}
    assert HELD in leak.text


@pytest.mark.parametrize("relation", [(0, "biolink:treats", 1, "e"), (1, "biolink:treats", 0, "e")])
def test_a_planted_relation_across_sentences_is_caught_in_either_direction(relation):
    assert found(rows(([[A], [HELD]], {"relations": [relation]}))) == [("p00000", "held-out-relation")]


def test_a_relation_between_free_entities_is_no_leak_though_a_held_out_one_is_near():
    assert found(rows(([[A, FREE], [HELD]], {"relations": [(0, "biolink:treats", 1, "e")]}))) == []


def test_a_name_over_a_sentence_boundary_is_caught():
    spans = [(0, 7, A, "biolink:NamedThing"), (5, 20, HELD, "biolink:NamedThing")]
    assert found(rows(([[A], [FREE]], {"spans": spans}))) == [("p00000", "pair-in-sentence")]


def test_a_held_out_triple_told_in_training_is_caught():
    batch = rows(([[A]], {"triple_ids": ["t1", "t2"]}), ([[A]], {"triple_ids": ["t3"]}), kind="verbalized")
    assert found(batch, held_out_triples=[pa.array(["t2"]), pa.array([], pa.string())]) == [
        ("p00000", "held-out-triple")
    ]


def test_a_test_row_in_the_training_shard_is_caught():
    assert found(rows(([[A]], {"split": "test"}))) == [("p00000", "not-train")]


def test_every_batch_is_scanned_and_examples_are_limited():
    leaky = rows(*[([[A, HELD]], {})] * 30)
    clean = rows(*[([[A, FREE]], {})] * 30)
    assert len(leaks_in([clean] * 5 + [leaky], SPLITS)) == 20
    assert len(leaks_in([clean, leaky], SPLITS, limit=3)) == 3


def test_the_same_id_in_two_rows_mixes_nothing_up():
    assert found(rows(([[A], [FREE]], {"passage_id": "same"}), ([[HELD], [FREE]], {"passage_id": "same"}))) == []


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
    with Dataset(tmp_path, "triples").writer("00") as writer:
        writer.table("00/triples.parquet", TRIPLES).write(
            pa.Table.from_pylist([{"triple_id": "t1", "split": "test"}, {"triple_id": "t2", "split": "train"}], TRIPLES)
        )
        writer.commit(skip_key="k", code_version="1", inputs={})
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


def test_a_home_is_scanned_whole_and_a_planted_row_fails_it(home):
    assert find_leaks(home, SPLITS) == []
    with Dataset(home, "literature_corpus").writer("02") as writer:
        sink = writer.table("split=train/bucket=02/passages.parquet", PASSAGES)
        sink.write(rows(([[HELD, A]], {}), ([[A]], {"triple_ids": ["t1"]})))
        writer.commit(skip_key="k", code_version="1", inputs={})
    leaks = find_leaks(home, SPLITS)
    assert [leak["reason"] for leak in leaks] == ["pair-in-sentence", "held-out-triple"]
    json.dumps(leaks)


def test_an_empty_home_has_an_empty_index(tmp_path):
    index = corpus_index(tmp_path, SPLITS)
    assert (index["shards"], index["graph_to_text"]) == ([], None)
    assert find_leaks(tmp_path, SPLITS) == []
