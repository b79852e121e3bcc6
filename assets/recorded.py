"""What Dagster's records know of a home: a cache, brought up to date from the events that came since, which may be deleted."""

from __future__ import annotations

import json
from pathlib import Path

import dagster as dg

from pipeline.storage import WHOLE, write_atomically

__all__ = ["MADE_FROM", "Recorded"]

#: The metadata of an event that tells the skip key of a partition.
MADE_FROM = "skip_key"
_PAGE = 1000
#: An asset that every home has events of.
_FIRST = dg.AssetKey("literature_inventory")


class Recorded:
    """Data version and skip key of every partition in Dagster's records, and the state of manifests and checks when last told.

    Args:
        place: the file that keeps it.
        instance: whose records they are.
    """

    def __init__(self, place: Path, instance: dg.DagsterInstance) -> None:
        self._place = place
        self._instance = instance
        self.states: dict[str, str] = {}
        self.checks: dict[str, str] = {}
        self._cursors: dict[str, int] = {}
        self._versions: dict[str, dict[str, list[str]]] = {}
        try:
            kept = json.loads(place.read_text(encoding="utf-8"))
            if instance.fetch_materializations(_FIRST, limit=1).records:  # else the records it tells of are gone
                self.states, self.checks, self._cursors, self._versions = (
                    kept[name] for name in ("states", "checks", "cursors", "versions")
                )
        except (OSError, ValueError, KeyError, TypeError):
            pass

    def save(self) -> None:
        """Keep it for the next time."""
        kept = {
            "states": self.states,
            "checks": self.checks,
            "cursors": self._cursors,
            "versions": self._versions,
        }
        write_atomically(self._place, json.dumps(kept))

    def is_news(self, asset: str, key: str, version: str, made_from: str) -> bool:
        """Whether the records do not know a partition in this version, made from this."""
        return self._versions.get(asset, {}).get(key) != [version, made_from]

    def note(self, asset: str, key: str, version: str, made_from: str) -> None:
        """It was told now."""
        self._versions.setdefault(asset, {})[key] = [version, made_from]

    def learn(self, asset: str) -> None:
        """Read what runs have reported of an asset since the last time."""
        after = self._cursors.get(asset)
        while True:
            wanted = dg.AssetRecordsFilter(dg.AssetKey(asset), after_storage_id=after)
            page = self._instance.fetch_materializations(wanted, limit=_PAGE, ascending=True).records
            for record in page:
                event = record.asset_materialization
                if event is not None:
                    made_from = event.metadata.get(MADE_FROM)
                    version = (event.tags or {}).get("dagster/data_version", "")
                    self.note(asset, event.partition or WHOLE, version, str(made_from.value) if made_from else "")
            if page:
                after = self._cursors[asset] = page[-1].storage_id
            if len(page) < _PAGE:
                return
