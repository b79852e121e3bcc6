"""Watches the literature folders: new, changed and removed files become partitions and runs.

A tick costs a listing (names, sizes, times), not a hash of every file; the runs it asks for compare hashes.
"""

import json
from typing import Any

import dagster as dg

from assets.dagster_assets import BATCHES
from assets.home import open_home
from pipeline.errors import MateriaError
from pipeline.hashing import hash_json

__all__ = ["literature_sensor"]

_ONCE = ["vocabulary", "name_index"]
_PER_BATCH = ["documents", "mentions", "evidence"]


@dg.sensor(
    name="literature_folder",
    asset_selection=dg.AssetSelection.assets("literature_inventory", *_ONCE, *_PER_BATCH),
    minimum_interval_seconds=30,
    description="Looks for new, changed and removed literature files; reads what is new.",
)
def literature_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Ask for the inventory when the folder changed, then for every batch that was added or whose files changed."""
    from pipeline.inventory import take_inventory

    home = open_home()
    try:
        files = home.literature_files()
        listing = {f.name: [f.bytes, 0 if f.problem else f.path.stat().st_mtime] for f in files}
        seen: dict[str, Any] = json.loads(context.cursor) if context.cursor else {"listing": "", "batches": {}}
        now = hash_json(listing)
        if now == seen["listing"]:
            return dg.SkipReason("The literature folders hold what they held at the last look.")
        inventory = take_inventory(files, small_file_groups=home.config.small_file_groups, set_aside=lambda _: None)
    except MateriaError as error:
        return dg.SkipReason(str(error))
    batches: dict[str, list[str]] = {}
    for row in inventory.to_pylist():
        batches.setdefault(row["batch"], []).append(row["file"] + row["sha256"])
    hashes = {batch: hash_json(sorted(rows)) for batch, rows in batches.items()}
    known = context.instance.get_dynamic_partitions("batches")
    changed = sorted(batch for batch, value in hashes.items() if seen["batches"].get(batch) != value)
    missing = any(home.dataset(name).manifest() is None for name in _ONCE)
    first = ["literature_inventory", *(_ONCE if missing else ())]
    runs = [dg.RunRequest(run_key=f"inventory@{now}", asset_selection=[dg.AssetKey(name) for name in first])]
    runs += [
        dg.RunRequest(
            run_key=f"{batch}@{hashes[batch]}",
            partition_key=batch,
            asset_selection=[dg.AssetKey(name) for name in _PER_BATCH],
        )
        for batch in changed
    ]
    requests: list[Any] = []
    if new := sorted(set(hashes) - set(known)):
        requests.append(BATCHES.build_add_request(new))
    if gone := sorted(set(known) - set(hashes)):
        requests.append(BATCHES.build_delete_request(gone))
    return dg.SensorResult(
        run_requests=runs,
        dynamic_partitions_requests=requests,
        cursor=json.dumps({"listing": now, "batches": hashes}),
    )
