from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.document_rows import DOCUMENT_ROWS, EarlierRows, Told, documents_with_text, renewed, text_fingerprint
from pipeline.hashing import text_hash
from pipeline.storage import Dataset, Layout
from pipeline.tables import DOCUMENTS, table_schema

WORDS = table_schema("words", 1, {"word": (pa.string(), "a word of a text"), "place": (pa.int32(), "where it stands")})
#: A batch of documents, each the words of its text.
BATCHES = st.lists(st.lists(st.sampled_from("abc"), max_size=4).map("".join), max_size=12)


def fingerprint(text):
    return text_fingerprint(text_hash(text))


def made_from(texts, at_once=2):
    """Some rows of each text, a few texts at a time, as a reader makes them."""
    for first in range(0, len(texts), at_once):
        some = texts[first : first + at_once]
        rows = [{"word": word, "place": place} for text in some for place, word in enumerate(text)]
        yield [pa.RecordBatch.from_pylist(rows, WORDS)], [Told(len(text), fingerprint(text * 2)) for text in some]


def rows_of(made):
    made = [*made]
    batches = [batch for batches, _ in made for batch in batches]
    return pa.Table.from_batches(batches, WORDS).to_pylist(), [one for _, told in made for one in told]


def build(dataset, texts):
    with dataset.writer("k") as writer:
        rows, told = writer.table("k/words.parquet", WORDS, Layout(3)), writer.state("documents", DOCUMENT_ROWS)
        for (batch,), _ in made_from(texts):
            rows.write(batch)
        columns = [[fingerprint(t) for t in texts], [len(t) for t in texts], [fingerprint(t * 2) for t in texts]]
        told.write(pa.table([pa.array(c, f.type) for c, f in zip(columns, DOCUMENT_ROWS, strict=True)], DOCUMENT_ROWS))
        writer.commit(skip_key="", code_version="", inputs={})
    return EarlierRows.of(dataset, "k")


@settings(max_examples=50)
@given(BATCHES, BATCHES, st.sets(st.sampled_from("abc")))
def test_rows_taken_over_and_rows_made_are_what_making_all_gives(before, after, forgotten):
    with TemporaryDirectory() as folder:
        earlier = build(Dataset(Path(folder), "words"), before)
        earlier.forget(fingerprint(text) for text in forgotten)
        unknown = [text for text in after if fingerprint(text) not in earlier]
        assert Counter(unknown) == Counter(t for t in after if t not in before or t in forgotten)
        result = rows_of(renewed([fingerprint(text) for text in after], [earlier], made_from(unknown)))
        assert result == rows_of(made_from(after))


@settings(max_examples=50)
@given(BATCHES, BATCHES, BATCHES)
def test_the_first_source_that_has_a_text_counts(one, other, after):
    with TemporaryDirectory() as folder:
        sources = [build(Dataset(Path(folder), name), texts) for name, texts in (("one", one), ("other", other))]
        unknown = [text for text in after if text not in [*one, *other]]
        result = rows_of(renewed([fingerprint(text) for text in after], sources, made_from(unknown, at_once=5)))
        assert result == rows_of(made_from(after))


def test_all_made_anew_passes_as_it_comes():
    batches = [*made_from(["ab", "c", "abc"])]
    through = [*renewed([fingerprint(text) for text in ("ab", "c", "abc")], [EarlierRows()], iter(batches))]
    assert [rows is same for (rows, _), (same, _) in zip(through, batches, strict=True)] == [True, True]


def test_documents_with_a_text_come_without_tombstones_and_only_those_wanted(tmp_path):
    documents = Dataset(tmp_path, "documents")
    texts = ["one", "", "two", "three"]
    with documents.writer("k") as writer:
        rows = [dict.fromkeys(DOCUMENTS.names) | {"text": text, "text_hash": text_hash(text)} for text in texts]
        writer.table("k/documents.parquet", DOCUMENTS).write(pa.Table.from_pylist(rows, DOCUMENTS))
        writer.commit(skip_key="", code_version="", inputs={})

    def found(wanted=None):
        batches = documents_with_text(documents, "k", ["text"], wanted, batch_size=2)
        return [text for batch in batches for text in batch.column("text").to_pylist()]

    assert found() == ["one", "two", "three"]
    assert found([True, False, True]) == ["one", "three"]
    assert found([False, False, False]) == []
