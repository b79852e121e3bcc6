"""The lease of a home in an object store: one holder at a time, taken over when it is gone, and whoever lost it writes no more."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from upath import UPath

from assets import lease
from assets.holder import HomeBusyError
from assets.lease import Fence, LeaseLostError, Timing, leased, term_of
from assets.lock import hold, holder
from pipeline.errors import UnreachableError
from pipeline.manifest import Manifest
from pipeline.object_store import ObjectStore
from pipeline.storage import Dataset

FAST = Timing(renew=0.05, stale=0.4, look=0.01)
MANIFEST = Manifest("triples", "00", "skip", "data", "1", {}, (), 0)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A home in a store in memory, and the working folder of one machine."""
    machine(monkeypatch, tmp_path / "here")
    yield str(UPath(f"memory://{tmp_path}/home"))
    monkeypatch.undo()


def machine(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Go to a machine, which is told from others by its working folder, and has seen nothing yet."""
    monkeypatch.setenv("MATERIA_CACHE", str(folder))
    monkeypatch.setattr(lease, "_SEEN", {})


def make_folder(home: str) -> None:
    lease.working_folder(home).mkdir(parents=True, exist_ok=True)


def stored(home: str) -> dict[str, bytes]:
    store = ObjectStore(home)
    return {name: store.read(f".lock/{name}") for name in store.listing(".lock")}


@pytest.fixture
def left_behind(home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A term of a process on another machine that was killed; this is a machine that comes later."""
    make_folder(home)
    with leased(home, 0, FAST):
        left = stored(home)
    for name, data in left.items():
        ObjectStore(home).write(f".lock/{name}", data)
    machine(monkeypatch, tmp_path / "later")
    make_folder(home)
    return next(iter(left))


def test_of_two_machines_one_is_told_who_builds_where_and_since_when(home, tmp_path, monkeypatch):
    with hold(home, 0):
        machine(monkeypatch, tmp_path / "elsewhere")
        who = holder(home)
        assert who is not None
        assert str(time.localtime().tm_year) in who.since
        with pytest.raises(HomeBusyError, match=rf"is being built by process {who.pid} \(.+\) since "):
            with hold(home, 0):
                pass
    assert holder(home) is None
    with hold(home, 0):
        assert holder(home) is not None


def test_a_holder_that_lives_is_told_as_soon_as_it_renews_however_long_its_build_takes(home, tmp_path, monkeypatch):
    make_folder(home)
    with leased(home, 0, FAST):
        machine(monkeypatch, tmp_path / "elsewhere")
        make_folder(home)
        began = time.monotonic()
        with pytest.raises(HomeBusyError), leased(home, 0.01, FAST):
            pass
        assert time.monotonic() - began < 20 * FAST.renew
        time.sleep(2 * FAST.stale)
        with pytest.raises(HomeBusyError), leased(home, 0.01, FAST):
            pass


def test_what_a_killed_holder_left_is_taken_over_when_nothing_renews_it(home, left_behind):
    began = time.monotonic()
    with pytest.raises(HomeBusyError), leased(home, 0, FAST):
        pass
    with leased(home, 0.01, FAST):
        assert time.monotonic() - began >= FAST.stale
        assert [*stored(home)] == [f"{int(left_behind) + 1:012d}"]


def test_on_its_own_machine_it_is_taken_over_at_once(home, left_behind, tmp_path, monkeypatch):
    machine(monkeypatch, tmp_path / "here")
    with leased(home, 0, FAST):
        assert term_of(home) == f"{int(left_behind) + 1:012d}"


def test_on_its_own_machine_who_was_killed_is_named_no_more_though_others_name_him_still(
    home, left_behind, tmp_path, monkeypatch
):
    """`materia status` right after a kill said that the home was being built."""
    assert holder(home) is not None
    machine(monkeypatch, tmp_path / "here")
    assert holder(home) is None
    with hold(home, 0):
        assert holder(home) is not None


def test_who_lost_it_puts_no_manifest_in_force_and_leaves_the_lease_of_the_other(home):
    make_folder(home)
    dataset = Dataset(home, "triples")
    with leased(home, 0, FAST):
        dataset.put_manifest(MANIFEST)
        mine = stored(home)["000000000001"]
        other = mine.replace(b'"pid": ', b'"pid": 9').replace(b'"machine": "', b'"machine": "not-')
        ObjectStore(home).create(".lock/000000000002", other)
        time.sleep(2 * FAST.renew)
        with pytest.raises(LeaseLostError, match="was taken over by process 9") as lost:
            dataset.put_manifest(Manifest("triples", "01", "skip", "data", "1", {}, (), 0))
        assert str(lost.value).startswith(home)
    assert [*ObjectStore(home).listing("triples/_manifests")] == ["00.json"]
    assert stored(home)["000000000002"] == other


def test_a_worker_of_the_holder_writes_as_long_as_that_has_the_home(home):
    make_folder(home)
    with leased(home, 0, FAST):
        term = term_of(home)
        assert term is not None
        Fence(home, term).check()
    with leased(home, 0, FAST), pytest.raises(LeaseLostError):
        Fence(home, term).check()


def test_a_term_that_others_had_and_left_since_one_looked_is_not_taken(home, monkeypatch):
    make_folder(home)
    for _ in range(3):
        with leased(home, 0, FAST):
            pass
    assert [*stored(home)] == ["000000000003"]
    me = lease.json.loads(stored(home)["000000000003"]) | {"token": "of one who was asleep"}
    assert not lease._made(home, "000000000002", me)
    assert [*stored(home)] == ["000000000003"]


def test_a_store_that_does_not_list_a_term_is_given_up_with_a_sentence(home, left_behind, monkeypatch):
    monkeypatch.setattr(lease, "_terms", lambda _: {})
    with pytest.raises(UnreachableError, match=r"does not list \.lock/0+1"), leased(home, 0, FAST):
        pass


def test_of_many_who_come_at_once_one_at_a_time_has_it(home):
    make_folder(home)
    inside, most, turns = 0, 0, 0
    counting = threading.Lock()

    def take(_: int) -> None:
        nonlocal inside, most, turns
        with leased(home, 20, Timing(renew=0.05, stale=20, look=0.01)):
            with counting:
                inside, turns = inside + 1, turns + 1
                most = max(most, inside)
            time.sleep(0.02)
            with counting:
                inside -= 1

    # Of one machine the lock would let in one; so they seem to be on six.
    names = iter("abcdef")
    original, lease._machine = lease._machine, lambda _: next(names)
    try:
        with ThreadPoolExecutor(6) as threads:
            list(threads.map(take, range(6)))
    finally:
        lease._machine = original
    assert (most, turns) == (1, 6)
