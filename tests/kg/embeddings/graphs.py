"""A small graph for the tests of training."""

import pyarrow as pa

from kg.embeddings.encode import EncodedTriples, encode_triples


def ring(size: int = 24) -> EncodedTriples:
    """Next and previous around a ring, and who is opposite; every fourth link is held out, and its inverse is not."""
    rows = []
    for i in range(size):
        here, there = f"E:{i:02}", f"E:{(i + 1) % size:02}"
        split = "test" if i % 4 == 3 else "validation" if i % 4 == 1 and i > 2 else "train"
        rows += [(here, "next", there, split), (there, "previous", here, "train")]
        rows.append((here, "opposite", f"E:{(i + size // 2) % size:02}", "train"))
    names = ("subject", "predicate", "object", "split")
    return encode_triples(pa.table({name: [row[i] for row in rows] for i, name in enumerate(names)}))
