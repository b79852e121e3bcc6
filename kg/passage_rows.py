"""Rows of the table PASSAGES, gathered column by column.

Nested columns are kept flat (one list of values, one list of offsets) and become Arrow arrays in one step, which costs about
5 microseconds a passage; from dictionaries it would cost 60.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

import pyarrow as pa

from kg.tables import PASSAGES
from pipeline.hashing import hash_fields

__all__ = ["PassageRows", "Relation", "Sentence", "Span", "verbalized_id"]

#: Start and end of a sentence in its passage.
Sentence = tuple[int, int]
#: Start, end, CURIE and Biolink class of an entity's name in its passage.
Span = tuple[int, int, str, str]
#: Index of the subject's span, predicate, index of the object's span, id of what says so.
Relation = tuple[int, str, int, str]


def verbalized_id(language: str, sources: Sequence[str], text: str) -> str:
    """The id of a passage that tells triples (their ids), or what an entity is (its CURIE)."""
    return hash_fields("verbalized", language, *sources, text)


class PassageRows:
    """Passages of one kind, added one at a time, read as one record batch with the schema PASSAGES."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._passage_id: list[str] = []
        self._language: list[str] = []
        self._text: list[str] = []
        self._belief: list[float | None] = []
        self._split: list[str] = []
        self._form: list[str] = []
        self._nested: dict[str, list[Sequence[object]]] = {
            name: [] for name in ("sentences", "spans", "relations", "triple_ids", "evidence_ids", "doc_ids")
        }

    def __len__(self) -> int:
        return len(self._text)

    def add(
        self,
        *,
        passage_id: str,
        language: str,
        text: str,
        sentences: Sequence[Sentence],
        spans: Sequence[Span],
        relations: Sequence[Relation],
        triple_ids: Sequence[str],
        evidence_ids: Sequence[str],
        doc_ids: Sequence[str],
        belief: float | None,
        split: str,
        form: str = "text",
    ) -> None:
        """Add one passage; ids come sorted."""
        self._form.append(form)
        self._passage_id.append(passage_id)
        self._language.append(language)
        self._text.append(text)
        self._belief.append(belief)
        self._split.append(split)
        nested = self._nested
        nested["sentences"].append(sentences)
        nested["spans"].append(spans)
        nested["relations"].append(relations)
        nested["triple_ids"].append(triple_ids)
        nested["evidence_ids"].append(evidence_ids)
        nested["doc_ids"].append(doc_ids)

    def batch(self) -> pa.RecordBatch:
        """All rows added so far."""
        columns = {
            "passage_id": pa.array(self._passage_id, pa.string()),
            "kind": pa.repeat(self.kind, len(self)),
            "language": pa.array(self._language, pa.string()),
            "text": pa.array(self._text, pa.string()),
            "belief": pa.array(self._belief, pa.float64()),
            "split": pa.array(self._split, pa.string()),
            "form": pa.array(self._form, pa.string()),
        }
        for name, rows in self._nested.items():
            columns[name] = _lists(rows, PASSAGES.field(name).type)
        return pa.RecordBatch.from_arrays([columns[name] for name in PASSAGES.names], schema=PASSAGES)


def _lists(rows: list[Sequence[object]], kind: pa.ListType) -> pa.ListArray:
    """Lists of strings or of tuples as an Arrow list array of that type."""
    offsets = [0]
    total = 0
    for row in rows:
        total += len(row)
        offsets.append(total)
    flat: Iterable[object] = chain.from_iterable(rows)
    if pa.types.is_struct(kind.value_type):
        fields = list(kind.value_type)
        if kind.value_type.get_field_index("predicate") >= 0:
            # Tuples read as the sentence does (subject, predicate, object), as the struct's fields stand.
            fields = [kind.value_type.field(name) for name in ("subject", "predicate", "object", "source")]
        parts = list(zip(*flat, strict=True)) or [()] * len(fields)
        arrays = [pa.array(part, field.type) for part, field in zip(parts, fields, strict=True)]
        values = pa.StructArray.from_arrays(arrays, fields=fields)
    else:
        values = pa.array(list(flat), kind.value_type)
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values, type=kind)
