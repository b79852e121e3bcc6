import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import mentions as module
from pipeline.mentions import find_mentions, mention_workers
from pipeline.tables import MENTIONS

pytestmark = pytest.mark.filterwarnings("error::UserWarning")

TEXTS = [
    "Metformin in type 2 diabetes\nMetformin (MET) was given. No nausea occurred. MET may cause headache.",
    "Nothing here",
    "Omeprazole heals duodenal ulcer.",
]


@pytest.fixture(scope="module")
def workers(small_vocabulary_path):
    with mention_workers([small_vocabulary_path]) as pool:
        yield pool


def read(workers, *batches):
    return pa.Table.from_batches(list(find_mentions(batches, workers)), MENTIONS)


def test_mentions_point_at_their_text(workers, documents_of):
    batch = documents_of(*TEXTS)
    text = dict(zip(batch.column("doc_id").to_pylist(), batch.column("text").to_pylist(), strict=True))
    rows = read(workers, batch).to_pylist()
    assert [(r["doc_id"], r["text"]) for r in rows] == [
        ("PMID:1", "Metformin"),
        ("PMID:1", "type 2 diabetes"),
        ("PMID:1", "Metformin"),
        ("PMID:1", "MET"),
        ("PMID:1", "nausea"),
        ("PMID:1", "MET"),
        ("PMID:1", "headache"),
        ("PMID:3", "Omeprazole"),
        ("PMID:3", "duodenal ulcer"),
    ]
    for row in rows:
        assert text[row["doc_id"]][row["start"] : row["end"]] == row["text"]
        assert row["sentence_start"] <= row["start"] < row["end"] <= row["sentence_end"]
        assert 0 <= row["score"] <= 1
    assert [r["text"] for r in rows if r["negated"]] == ["nausea"]
    assert [r["text"] for r in rows if r["hedged"]] == ["headache"]
    assert {r["expanded"] for r in rows if r["text"] == "MET"} == {"Metformin"}


def test_rows_do_not_depend_on_how_documents_are_cut(workers, documents_of, monkeypatch):
    whole = read(workers, documents_of(*TEXTS * 5))
    monkeypatch.setattr(module, "CHUNK_DOCUMENTS", 2)
    pieces = [documents_of(text, first=number) for number, text in enumerate(TEXTS * 5, 1)]
    assert read(workers, *pieces).equals(whole)


def test_two_processes_give_what_one_gives(workers, documents_of, small_vocabulary_path, monkeypatch):
    monkeypatch.setattr(module, "CHUNK_DOCUMENTS", 3)
    batch = documents_of(*TEXTS * 4)
    with mention_workers([small_vocabulary_path], 2) as pool:
        assert read(pool, batch).equals(read(workers, batch))


def test_a_tombstone_has_no_mentions(workers, documents_of):
    batch = documents_of("Aspirin", "Aspirin")
    columns = [
        batch.column(i) if batch.schema.names[i] != "text" else pa.array([None, "Aspirin"])
        for i in range(batch.num_columns)
    ]
    assert read(workers, pa.RecordBatch.from_arrays(columns, schema=batch.schema)).column("doc_id").to_pylist() == [
        "PMID:2"
    ]


def test_a_text_longer_than_a_piece_keeps_its_offsets(workers, documents_of, monkeypatch):
    monkeypatch.setattr(module, "MAX_PIECE", 50)
    text = "Aspirin for headache was tried in the town.\n" * 20
    rows = read(workers, documents_of(text)).to_pylist()
    assert len(rows) == 40
    assert all(text[r["start"] : r["end"]] == r["text"] for r in rows)
    assert {text[r["sentence_start"] : r["sentence_end"]] for r in rows} == {
        "Aspirin for headache was tried in the town."
    }


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.characters(exclude_categories=["Cs"])
        | st.sampled_from(["Aspirin", " (ASA) ", "ASA", "nausea", "\n", ". ", "é\u0301"])
    )
)
def test_text_from_start_to_end_is_the_mention(workers, documents_of, pieces):
    text = "".join(pieces)
    for row in read(workers, documents_of(text)).to_pylist():
        assert text[row["start"] : row["end"]] == row["text"]
        assert row["sentence_start"] <= row["start"]


def test_two_pools_in_one_process_do_not_read_with_each_others_names(small_vocabulary_path, documents_of, tmp_path):
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(small_vocabulary_path, partitioning=None)
    fewer = tmp_path / "fewer.parquet"
    pq.write_table(table.filter(pc.not_equal(table["name"], "Metformin")), fewer)
    batch = documents_of(*TEXTS)
    with mention_workers([small_vocabulary_path]) as all_names, mention_workers([str(fewer)]) as fewer_names:
        first = read(all_names, batch)
        assert "Metformin" not in read(fewer_names, batch)["text"].to_pylist()
        assert read(all_names, batch).equals(first)
