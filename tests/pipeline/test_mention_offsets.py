"""Every mention is the text at its offsets, in real papers with the vocabularies of a real build.

`MATERIA_OFFSETS_DOCUMENTS=all` reads all documents (minutes) in place of 3,000.
"""

import os
from itertools import islice

import pyarrow as pa
import pytest

from pipeline.documents import read_documents
from pipeline.inventory import list_files, take_inventory
from pipeline.mentions import find_mentions, mention_workers
from pipeline.parallel import cpu_count
from pipeline.vocabularies import load_vocabulary
from pipeline.vocabulary_index import VocabularyIndex

VOCABULARIES = ("doid_2016-03-04.obo.gz", "hp_2013-11-30.obo.gz", "medic_2012-07-06.txt.gz", "mesh_names.tsv.gz")
LITERATURE = ("annotated/bc5cdr/dev.pubtator", "literature/pubmed", "literature/cohen2006.jsonl.gz")


def documents(folder):
    files = list_files([str(folder / name) for name in LITERATURE])
    formats = {
        r["file"]: (r["position"], r["format"]) for r in take_inventory(files, set_aside=lambda _: None).to_pylist()
    }
    # The corpus, then PubMed, then the many abstracts: a part of them is a part of each kind.
    order = sorted((f for f in files if f.name in formats), key=lambda f: (f.name.startswith("cohen"), f.name))
    for file in order:
        for batch in read_documents([(file, *formats[file.name])], lambda _: None):
            yield from (batch.slice(place, 1) for place in range(batch.num_rows))


@pytest.mark.realdata
@pytest.mark.slow
def test_every_mention_is_the_text_at_its_offsets(materia_data, tmp_path):
    wanted = os.environ.get("MATERIA_OFFSETS_DOCUMENTS", "3000")
    read = [*islice(documents(materia_data), None if wanted == "all" else int(wanted))]
    texts = {
        (row["doc_id"], row["version"], row["text_hash"]): row["text"]
        for one in read
        for row in one.select(["doc_id", "version", "text_hash", "text"]).to_pylist()
    }
    table = load_vocabulary([str(materia_data / "vocabulary" / name) for name in VOCABULARIES], lambda _: None)
    _ = VocabularyIndex.of(table, tmp_path).matcher
    workers = cpu_count() if wanted == "all" else 1
    count = 0
    with mention_workers([str(tmp_path)], workers) as pool:
        for rows in find_mentions(read, pool):
            for row in pa.Table.from_batches([rows]).to_pylist():
                text = texts[row["doc_id"], row["version"], row["text_hash"]]
                assert text[row["start"] : row["end"]] == row["text"] != ""
                assert row["sentence_start"] <= row["start"] < row["end"] <= row["sentence_end"] <= len(text)
                count += 1
    assert count > 10 * len(read)
