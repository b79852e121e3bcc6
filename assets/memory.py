"""What builds note of the past (`pipeline.history`), beside what they make: wired to the stages by `Stage.remember`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from assets.home import Home
from kg.shard_history import remember_shards
from pipeline.history import Keys, append, last, now
from pipeline.live_history import remember_documents
from pipeline.storage import WHOLE, Manifest

__all__ = ["Memory", "Remember", "remember_configuration", "remember_corpus", "remember_live", "remember_vocabulary"]

#: Looks at partitions that are about to be replaced; what it returns is told their new manifests, and notes the difference.
Remember = Callable[[Home, Sequence[str]], Callable[[Iterable[Manifest]], None]]
#: Partitions that are noted together: so many are held as they were, at most.
_TOGETHER: Final = 64
#: What is read of a line about the configuration.
_SETTINGS: Final[Keys] = {"settings": dict}


class Memory:
    """What a stage notes of the partitions that it replaces, many at once: a note by itself costs more than the partition.

    A build that is killed loses the notes of those it had not told yet. Nothing that a build makes depends on them.
    """

    def __init__(self, home: Home, remember: Remember | None, keys: Sequence[str]) -> None:
        self._home, self._remember = home, remember
        self._keys = list(keys)
        self._wanted = 0
        self._made: list[Manifest] = []
        self._note: Callable[[Iterable[Manifest]], None] | None = None

    def look(self) -> None:
        """The next partition is about to be replaced."""
        if self._remember is not None and self._note is None:
            group, self._keys = self._keys[:_TOGETHER], self._keys[_TOGETHER:]
            self._note, self._wanted = self._remember(self._home, group), len(group)

    def made(self, manifest: Manifest) -> None:
        """It was replaced."""
        if self._note is not None:
            self._made.append(manifest)
            if len(self._made) == self._wanted:
                self.tell()

    def tell(self) -> None:
        """Note those of the group that were replaced."""
        if self._note is not None:
            note, made = self._note, self._made
            self._note, self._made = None, []
            note(made)


def remember_live(home: Home, keys: Sequence[str]) -> Callable[[Iterable[Manifest]], None]:
    """Documents that came, went, were revised, retracted or restored."""
    return remember_documents(home.url, *keys)


def remember_corpus(home: Home, keys: Sequence[str]) -> Callable[[Iterable[Manifest]], None]:
    """Rows of buckets' shards that came, went or changed."""
    return remember_shards(home.url, keys)


def remember_vocabulary(home: Home, keys: Sequence[str]) -> Callable[[Iterable[Manifest]], None]:
    """Files of the vocabulary that came, went or changed."""
    before = home.dataset("vocabulary").manifest(*keys)

    def remember(made: Iterable[Manifest]) -> None:
        for after in made:
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
