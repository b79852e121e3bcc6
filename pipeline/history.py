"""What changed from build to build: one line of JSON a change, in `HOME/history/<asset>/<partition>.jsonl`, outside the law.

Tables hold what is, and a clean build has no past; so the past is kept apart, with clocks, and nothing that a build makes depends
on it. Removing the folder loses the memory and nothing else. A line costs 0.1 ms; one cut short by a crash is passed over.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from upath import UPath

__all__ = ["append", "entries", "history_folder", "last", "now"]


def now() -> str:
    """The time as histories have it, in UTC, so that texts compare as times do."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def history_folder(home: UPath | Path | str, asset: str) -> Path | None:
    """Where the history of an asset is; nowhere where the home is no local folder, since object stores have no appending."""
    url = UPath(home)
    return Path(url.path) / "history" / asset if url.protocol in ("", "file", "local") else None


def append(home: UPath | Path | str, asset: str, key: str, entry: dict[str, Any]) -> None:
    """Add a line to the history of a partition."""
    folder = history_folder(home, asset)
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    line = json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    with (folder / f"{key}.jsonl").open("ab+") as stream:
        if stream.tell():
            stream.seek(-1, 2)
            if stream.read(1) != b"\n":  # a build was killed in the middle of a line
                line = b"\n" + line
        stream.write(line + b"\n")


def entries(home: UPath | Path | str, asset: str, key: str) -> list[dict[str, Any]]:
    """The history of a partition, oldest first; [] where there is none."""
    folder = history_folder(home, asset)
    path = folder / f"{key}.jsonl" if folder else None
    found = []
    for line in path.read_bytes().split(b"\n") if path and path.exists() else []:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def last(home: UPath | Path | str, asset: str, key: str) -> dict[str, Any] | None:
    """The newest line of a partition's history."""
    found = entries(home, asset, key)
    return found[-1] if found else None
