"""What rests on something, as plain text: the numbers first, then examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kg.affected import Affected

__all__ = ["format_affected"]

_TEXT: int = 100


def format_affected(found: Affected, names: Mapping[str, str], *, most: int | None = 5) -> str:
    """Numbers, then shards, files, models, claims and rows.

    Args:
        names: preferred names of concepts, by CURIE.
        most: lines of each kind at most; all where None.
    """
    return "\n".join(_lines(found, names, most)) + "\n"


def _lines(found: Affected, names: Mapping[str, str], most: int | None) -> Iterator[str]:
    target = found.target
    label = f"  {_short(target.label)}" if target.label else ""
    yield f"{target.kind} {target.name}{label}"
    others = [name for name in target.ids if name != target.name]
    if others:
        yield f"  also {', '.join(others)}"
    alone = (
        "" if target.kind in ("concept", "vocabulary file") else f", of which {found.sole_triples:,} on nothing else"
    )
    yield f"  {found.documents:>9,} {_few('document', found.documents)} with {found.evidence:,} {_few('row', found.evidence)} of evidence"
    yield f"  {found.triples:>9,} {_few('claim', found.triples)}{alone}"
    yield f"  {found.rows:>9,} {_few('row', found.rows)} of the corpus in {len(found.shards):,} {_few('shard', len(found.shards))}"
    yield f"  {len(found.nquads):>9,} {_few('N-Quads file', len(found.nquads))}"
    yield f"  {len(found.models):>9,} {_few('model', len(found.models))}"
    for model in found.models:
        state = "as it is now" if model.current else "as it was before the last build"
        yield f"model {model.asset}  learned from {model.rests_on} {state}"
    shown = sorted(found.shards, key=lambda shard: (-shard.rows, shard.shard))
    yield from _some((f"shard {s.shard}  {s.rows:,} of {s.of:,} rows" for s in shown[:most]), len(shown), most, "shard")
    yield from _some((f"file {path}" for path in found.nquads[:most]), len(found.nquads), most, "file")
    if target.kind != "document":
        documents = (f"document {doc_id}" for doc_id in found.some_documents)
        yield from _some(documents, found.documents, most, "document")
    triples = (_triple(triple, names) for triple in found.some_triples)
    yield from _some(triples, found.triples, most, "claim")
    rows = (f"row {row['shard']}:{row['row']}  {_short(row['text'])}" for row in found.some_rows)
    yield from _some(rows, found.rows, most, "row")


def _triple(triple: Mapping[str, object], names: Mapping[str, str]) -> str:
    subject, object_ = (
        f"{names.get(curie, '')} {curie}".strip() for curie in (str(triple["subject"]), str(triple["object"]))
    )
    predicate = str(triple["predicate"]).removeprefix("biolink:").replace("_", " ")
    return f"claim {str(triple['triple_id'])[:16]}  {subject} {predicate} {object_}  belief {triple['belief']:.3f}"


def _some(lines: Iterator[str], total: int, most: int | None, noun: str) -> Iterator[str]:
    yield from lines
    if most is not None and total > most:
        yield f"  and {total - most:,} more {_few(noun, total - most)} (--all shows {'it' if total - most == 1 else 'them'})"


def _few(noun: str, number: int) -> str:
    return noun if number == 1 else f"{noun}s"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _TEXT else line[: _TEXT - 1] + "…"
