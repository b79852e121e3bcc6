"""What builds note of the past: many partitions at once, and those that were replaced before something failed."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest
from upath import UPath

from assets.home import Home
from assets.memory import Memory
from pipeline.storage import Manifest


def manifest(key: str) -> Manifest:
    return Manifest("shards", key, "skip", f"data of {key}", "1", {}, (), 0)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(UPath(tmp_path))


@pytest.fixture
def told() -> list[tuple[str, list[str]]]:
    return []


@pytest.fixture
def remember(told: list[tuple[str, list[str]]]) -> Callable[..., Callable[[Iterable[Manifest]], None]]:
    def look(home: Home, keys: Sequence[str]) -> Callable[[Iterable[Manifest]], None]:
        told.append(("looked at", list(keys)))
        return lambda made: told.append(("noted", [one.partition for one in made]))

    return look


def test_partitions_are_noted_in_groups(home: Home, told, remember) -> None:
    keys = [f"{number:03}" for number in range(100)]
    memory = Memory(home, remember, keys)
    for key in keys:
        memory.look()
        memory.made(manifest(key))
    memory.tell()
    assert told == [("looked at", keys[:64]), ("noted", keys[:64]), ("looked at", keys[64:]), ("noted", keys[64:])]


def test_what_was_replaced_before_a_failure_is_noted(home: Home, told, remember) -> None:
    memory = Memory(home, remember, ["a", "b", "c"])
    memory.look()
    memory.made(manifest("a"))
    memory.look()  # and b fails
    memory.tell()
    assert told == [("looked at", ["a", "b", "c"]), ("noted", ["a"])]
