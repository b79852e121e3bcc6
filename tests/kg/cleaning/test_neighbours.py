"""Which passages are judged again when others come or go: whoever shares a sign, and so on; never by chance."""

import random

import numpy as np
import pyarrow as pa

from kg.cleaning.clean import clean
from kg.cleaning.config import CleaningConfig
from kg.cleaning.neighbours import neighbourhood
from tests.kg.cleaning.conftest import batches, passage

SIGNS = {
    "00": [[1, 2], [2, 3], None, [9]],
    "01": [[3 + 2**32], [3], [9 + 2**40, 7]],
}


def read():
    for bucket, lists in SIGNS.items():
        yield bucket, pa.array(lists, pa.list_(pa.uint64()))


def found(*signs):
    rows = neighbourhood(read, np.array(signs, np.uint64))
    return {bucket: places.tolist() for bucket, places in rows.items()}


def test_signs_lead_from_passage_to_passage():
    assert found(1) == {"00": [0, 1], "01": [1]}


def test_signs_are_compared_in_all_their_bits():
    assert found(9) == {"00": [3]}
    assert found(3 + 2**32) == {"01": [0]}


def test_passages_that_have_nothing_in_common_share_no_sign():
    """With signs of 32 bits some of these would: then what one paper reaches grows with the number of all passages, squared."""
    draw = random.Random(0)
    texts = (" ".join(f"w{draw.randrange(10**9)}" for _ in range(30)) for _ in range(12_000))
    signs: list[pa.RecordBatch] = []
    rows = batches(passage(text, doc_ids=[f"PMID:{i}"]) for i, text in enumerate(texts))
    alone = dict.fromkeys(("shortest", "letters", "digits", "repeated", "damaged", "foreign", "common_words"))
    assert not list(clean(rows, CleaningConfig(**alone, boilerplate=False), signed=signs.append))
    values = pa.Table.from_batches(signs)["signs"].combine_chunks().flatten()
    assert len(values) > 200_000
    assert len(values.unique()) == len(values)
