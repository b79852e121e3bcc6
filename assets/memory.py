"""What builds note of the past (`pipeline.history`), beside what they make: wired to the stages by `Stage.remember`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from assets.home import Home
from kg.shard_history import remember_shard
from pipeline.history import Keys, append, last, now
from pipeline.live_history import remember_documents
from pipeline.storage import WHOLE, Manifest

__all__ = ["remember_configuration", "remember_live", "remember_shards", "remember_vocabulary"]

Remember = Callable[[Manifest], None]
#: What is read of a line about the configuration.
_SETTINGS: Final[Keys] = {"settings": dict}


def remember_live(home: Home, key: str) -> Remember:
    """Documents that came, went, were revised, retracted or restored."""
    return remember_documents(home.url, key)


def remember_shards(home: Home, key: str) -> Remember:
    """Rows of a bucket's shards that came, went or changed."""
    return remember_shard(home.url, key)


def remember_vocabulary(home: Home, key: str) -> Remember:
    """Files of the vocabulary that came, went or changed."""
    before = home.dataset("vocabulary").manifest(key)

    def remember(after: Manifest) -> None:
        if before is None or before.data_version != after.data_version:
            old, new = ({_file(n): v for n, v in m.inputs.items()} if m else {} for m in (before, after))
            changed = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
            append(home.url, "vocabulary", WHOLE, {"at": now(), "inputs": changed if before else []})

    return remember


def _file(place: str) -> str:
    """The name of a file of the vocabulary, less its place among the others."""
    number, _, name = place.partition("/")
    return name if number.isdecimal() else place


def remember_configuration(home: Home) -> None:
    """Settings that differ from those of the last build that had something to do, with both values."""
    settings = _flat(home.config.model_dump(mode="json"))
    before = last(home.url, "configuration", WHOLE, _SETTINGS)
    if before is not None and before["settings"] == settings:
        return
    old = before["settings"] if before else settings
    changed = {
        name: [old.get(name), settings.get(name)]
        for name in sorted(old.keys() | settings.keys())
        if old.get(name) != settings.get(name)
    }
    append(home.url, "configuration", WHOLE, {"at": now(), "changed": changed, "settings": settings})


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """Nested settings by dotted names."""
    if not isinstance(value, dict) or not value:
        return {name: value}
    return {n: v for key, one in value.items() for n, v in _flat(one, f"{name}.{key}" if name else str(key)).items()}
