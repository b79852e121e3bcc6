"""Why rows of a shard came and went: each version of a shard beside what changed in papers, vocabulary and configuration since the last.

Reasons are worked out when somebody asks, from ids that the builds noted, so a build pays for none. A row has the first that applies:
one of its papers changed; a row with which it shares a claim, or a paper, did so and it stands in its place; the selection's own
reason; the vocabulary or the configuration changed; else what is told of its claims changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from upath import UPath

from kg.corpus import SHARDS
from pipeline.history import Keys, Maybe, entries
from pipeline.live_history import LIVE
from pipeline.storage import WHOLE

__all__ = ["ShardVersion", "VersionRow", "shard_versions"]

_WORDS: Final = {
    "came": "came",
    "went": "is gone",
    "revised": "was revised",
    "retracted": "was retracted",
    "restored": "is no longer retracted",
}
#: What is read of each line of a history.
_DOCUMENTS: Final[Keys] = {"documents": dict.fromkeys(_WORDS, Maybe([str]))}
_VOCABULARY: Final[Keys] = {"inputs": [str]}
_CONFIGURATION: Final[Keys] = {"changed": {...: (object, object)}}
_ROW: Final[Keys] = {
    "split": str,
    "passage_id": str,
    "kind": str,
    "form": str,
    "text": str,
    "doc_ids": [str],
    "triple_ids": [str],
    "reason": Maybe(str | None),
}
_CHANGED_ROW: Final[Keys] = {
    **_ROW,
    "before": {"doc_ids": Maybe([str])},
    "after": dict,
}
_SHARD: Final[Keys] = {
    "data_version": str,
    "previous": str | None,
    "rules_changed": bool,
    "rows": {...: int},
    "inputs": [str],
    "added": Maybe({"count": int, "rows": [_ROW]}),
    "removed": Maybe({"count": int, "rows": [_ROW]}),
    "changed": Maybe({"count": int, "rows": [_CHANGED_ROW]}),
}


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A row that a version added, removed or changed, and why."""

    split: str
    passage_id: str
    kind: str
    form: str
    text: str
    doc_ids: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class ShardVersion:
    """One version of a bucket's shards, beside the one before.

    Attributes:
        rows: rows by split.
        inputs: partitions that changed since the version before.
        counts: rows added, removed and changed; empty for the first version.
        complete: whether the rows are all there, which they are up to `kg.shard_history.MOST_ROWS` of each.
        documents: what became of papers since the version before, those behind the rows below only.
        settings: settings that changed, with their values before and after.
    """

    at: str
    data_version: str
    previous: str | None
    rows: dict[str, int]
    inputs: tuple[str, ...]
    counts: dict[str, int]
    added: tuple[VersionRow, ...]
    removed: tuple[VersionRow, ...]
    changed: tuple[VersionRow, ...]
    complete: bool
    documents: dict[str, str] = field(default_factory=dict)
    settings: dict[str, list[Any]] = field(default_factory=dict)


def shard_versions(home: UPath | Path | str, key: str, split: str | None = None) -> list[ShardVersion]:
    """The versions of a bucket's shards that builds of this home made, oldest first.

    Args:
        split: rows of this split only; those of all where None. Counts are of all.
    """
    past = _Past(
        entries(home, LIVE, WHOLE, _DOCUMENTS),
        entries(home, "vocabulary", WHOLE, _VOCABULARY),
        entries(home, "configuration", WHOLE, _CONFIGURATION),
    )
    found, since = [], ""
    for entry in entries(home, SHARDS, key, _SHARD):
        found.append(_version(entry, past.between(since, entry["at"]), split))
        since = entry["at"]
    return found


@dataclass(frozen=True, slots=True)
class _Past:
    documents: list[dict[str, Any]]
    vocabulary: list[dict[str, Any]]
    configuration: list[dict[str, Any]]

    def between(self, since: str, until: str) -> _Change:
        """What changed after one moment and up to another."""

        def within(lines: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
            return (line for line in lines if since < line["at"] <= until)

        documents: dict[str, str] = {}
        for line in within(self.documents):
            for what, ids in line["documents"].items():
                if what in _WORDS:
                    documents |= dict.fromkeys(ids, _WORDS[what])
        vocabulary = sorted({name for line in within(self.vocabulary) for name in line["inputs"]})
        settings = {name: pair for line in within(self.configuration) for name, pair in line["changed"].items()}
        return _Change(documents, vocabulary, settings)


@dataclass(frozen=True, slots=True)
class _Change:
    documents: dict[str, str]
    vocabulary: list[str]
    settings: dict[str, list[Any]]


def _version(entry: dict[str, Any], change: _Change, split: str | None) -> ShardVersion:
    lists = {what: entry.get(what, {"count": 0, "rows": []}) for what in ("added", "removed", "changed")}
    by_paper = _by_paper(lists["removed"]["rows"] + lists["added"]["rows"], change)
    rows = {
        what: tuple(
            VersionRow(
                row["split"], row["passage_id"], row["kind"], row["form"], row["text"], tuple(row["doc_ids"]),
                _why(what, row, entry, change, by_paper),
            )
            for row in listed["rows"]
            if split in (None, row["split"])
        )
        for what, listed in lists.items()
    }  # fmt: skip
    behind = {d for listed in lists.values() for row in listed["rows"] for d in _papers(row)}
    return ShardVersion(
        at=entry["at"],
        data_version=entry["data_version"],
        previous=entry["previous"],
        rows=entry["rows"],
        inputs=tuple(entry["inputs"]),
        counts={what: listed["count"] for what, listed in lists.items()} if entry["previous"] else {},
        added=rows["added"],
        removed=rows["removed"],
        changed=rows["changed"],
        complete=all(listed["count"] == len(listed["rows"]) for listed in lists.values()),
        documents={d: change.documents[d] for d in sorted(behind & change.documents.keys())},
        settings=change.settings,
    )


def _papers(row: Mapping[str, Any]) -> set[str]:
    """Papers of a row; of a changed one those of before too."""
    before = row.get("before", {}).get("doc_ids", ())
    return {*row["doc_ids"], *before}


def _by_paper(rows: list[dict[str, Any]], change: _Change) -> dict[str, str]:
    """What became of a paper, by each claim and paper of the rows it stands behind: their successors share those."""
    found: dict[str, str] = {}
    whys = [_of_papers(_papers(row), change) for row in rows]
    names = [(*row["triple_ids"], *(row["doc_ids"] if row["kind"] == "literature" else ())) for row in rows]
    before = -1
    # A paragraph that is told anew may pass on a claim to another that shares nothing with the paper itself.
    while before < len(found):
        before = len(found)
        for mine, own in zip(names, whys, strict=True):
            if why := own or next((found[name] for name in mine if name in found), None):
                found |= {name: why for name in mine if name not in found}
    return found


def _of_papers(papers: set[str], change: _Change) -> str | None:
    told = [f"{paper} {change.documents[paper]}" for paper in sorted(papers & change.documents.keys())]
    more = f" and {len(told) - 3} more papers changed" if len(told) > 3 else ""
    return ", ".join(told[:3]) + more if told else None


def _why(
    what: str, row: Mapping[str, Any], entry: Mapping[str, Any], change: _Change, by_paper: Mapping[str, str]
) -> str:
    if why := _of_papers(_papers(row), change):
        return why
    if shared := next((by_paper[name] for name in (*row["triple_ids"], *row["doc_ids"]) if name in by_paper), None):
        return f"told anew, since {shared}"
    if what == "changed":
        return f"other {', '.join(name.replace('_', ' ') for name in row['after'])}"
    if what == "removed" and row.get("candidate"):
        return f"the selection leaves it out ({row.get('reason') or 'the mixture takes less of its kind'})"
    if change.settings:
        return f"the configuration changed ({', '.join(sorted(change.settings)[:3])})"
    if entry["rules_changed"]:
        return "the code or the settings that make shards changed"
    if change.vocabulary:
        return f"the vocabulary changed ({', '.join(change.vocabulary[:3])})"
    if all(name.startswith("selected_passages/") for name in entry["inputs"]):
        return "the selection takes it now" if what == "added" else "the selection leaves it out"
    if row["form"] == "entity":
        return "the graph has claims of it now" if what == "added" else "the graph has no claim of it any more"
    return "what is told of its claims changed"
