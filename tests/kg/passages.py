"""Passages made by hand, for tests of what is done with a corpus."""

from kg.config import SplitConfig
from kg.passage_rows import PassageRows
from kg.splits import split_of

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
