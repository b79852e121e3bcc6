"""Chunks of a partition on a real cluster: who reads them, in which order they come, and what becomes of those that die."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from assets.engines.ray_chunks import Chunks
from assets.engines.ray_cluster import fetched, joined
from pipeline.errors import MateriaError
from pipeline.parallel import Workers, given

pytest.importorskip("ray", reason='no Ray: pip install "materia[scale]"')
pytestmark = pytest.mark.scale

CHUNK_S = 0.1


class Task(NamedTuple):
    """A chunk: which, and the process of the task that has the partition."""

    number: int
    owner: int


class Read(NamedTuple):
    """Who read a chunk, and where."""

    number: int
    process: int
    node: str


def read(task: Task) -> Read:
    import ray

    time.sleep(CHUNK_S)
    return Read(task.number, os.getpid(), ray.get_runtime_context().get_node_id())


def read_or_die(task: Task) -> Read:
    if os.getpid() != task.owner:
        os._exit(1)
    return read(task)


def read_or_fail(task: Task) -> Read:
    if task.number == 7:
        raise MateriaError("is no chunk", record="7", remedy="Remove it")
    return read(task)


def prepare_slowly(owner: int, folder: str) -> None:
    """What elsewhere takes as long as twenty chunks, and then fails, where it is asked to."""
    if os.getpid() != owner:
        time.sleep(20 * CHUNK_S)
        if (Path(folder) / "fail").exists():
            raise MateriaError("is no index of names", remedy="Make it")
    with (Path(folder) / "prepared").open("a") as noted:
        print(os.getpid(), file=noted)


def read_partition(
    home: str, count: int, function: Callable[[Task], Read], prepared_in: str | None = None
) -> tuple[list[Read], str, int, list[float]]:
    """What the task of a partition does: the chunks, and its own error, process and processor seconds of others."""
    spent, found = list[float](), list[Read]()
    owner = os.getpid()
    prepare, arguments = (prepare_slowly, (owner, prepared_in)) if prepared_in else (None, ())
    said = ""
    with given(1, partial(Chunks, home, spent)), Workers(2, prepare, arguments) as workers:
        try:
            for one in workers.map(function, [Task(number, owner) for number in range(count)]):
                found.append(one)
        except MateriaError as error:
            said = str(error)
    return found, said, owner, spent


def hold(until: str) -> None:
    """A task that has a core for as long as a file is not there."""
    while not Path(until).exists():
        time.sleep(CHUNK_S)


@pytest.fixture
def ray(cluster) -> Iterator[Any]:
    import ray

    with joined(cluster.address):
        yield ray


def numbers(found: Sequence[Read]) -> list[int]:
    return [one.number for one in found]


def test_they_come_in_their_order_and_are_read_by_one_process_for_each_core(ray, tmp_path):
    """Ray would start a second process on the core of a task that waits, as long as it takes."""
    found, _, owner, spent = fetched(ray.remote(num_cpus=1)(read_partition).remote(str(tmp_path), 100, read))
    assert numbers(found) == [*range(100)]
    assert len({one.process for one in found}) == len({one.node for one in found}) == 2
    elsewhere = [one for one in found if one.process != owner]
    assert len(elsewhere) >= 15
    assert len(spent) >= 2 * len(elsewhere), "each gets ready, and reads"


def test_a_task_reads_alone_while_others_have_all_cores(ray, tmp_path):
    """It would wait for one of them to end, with its own core idle."""
    end = tmp_path / "end"
    other = ray.remote(num_cpus=1)(hold).remote(str(end))
    reading = ray.remote(num_cpus=1)(read_partition).remote(str(tmp_path), 20, read)
    try:
        assert ray.wait([reading], timeout=60)[0], "it waits"
        found, _, owner, spent = fetched(reading)
    finally:
        end.touch()
        fetched(other)
    assert numbers(found) == [*range(20)]
    assert {one.process for one in found} == {owner}
    assert spent == []


def test_a_process_that_is_not_ready_yet_is_left_to_get_ready(ray, tmp_path):
    """Ray interrupts what is taken back: an import would have to begin anew for each chunk, or fail for ever."""
    task = ray.remote(num_cpus=1)(read_partition)
    found, _, owner, _ = fetched(task.remote(str(tmp_path), 200, read, str(tmp_path)))
    assert numbers(found) == [*range(200)]
    prepared = (tmp_path / "prepared").read_text().split()
    assert len(prepared) == len({*prepared}) == 2
    assert {str(one.process) for one in found} == {*prepared}
    assert {one.process for one in found[:15]} == {owner}


def test_a_node_that_cannot_get_ready_ends_the_reading_however_long_it_tries(ray, tmp_path):
    """The task had read on alone, without a word, since by then it had taken the chunk back."""
    (tmp_path / "fail").touch()
    found, said, _, _ = fetched(ray.remote(num_cpus=1)(read_partition).remote(str(tmp_path), 200, read, str(tmp_path)))
    assert numbers(found) == [*range(len(found))]
    assert len(found) < 200
    assert "is no index of names (on " in said
    assert "a node of the cluster). Make it" in said


def test_that_all_chunks_die_elsewhere_is_told(ray, tmp_path):
    """A node without memory for them would be tried for ever, and nobody learn of it."""
    _, said, _, _ = fetched(ray.remote(num_cpus=1)(read_partition).remote(str(tmp_path), 600, read_or_die))
    assert "a task was begun again and again" in said


def test_chunks_of_processes_that_die_are_read_by_the_task(ray, tmp_path):
    found, _, owner, _ = fetched(ray.remote(num_cpus=1)(read_partition).remote(str(tmp_path), 30, read_or_die))
    assert numbers(found) == [*range(30)]
    assert {one.process for one in found} == {owner}


def test_a_problem_comes_in_the_place_of_its_chunk(ray, tmp_path):
    found, said, _, _ = fetched(ray.remote(num_cpus=1)(read_partition).remote(str(tmp_path), 30, read_or_fail))
    assert numbers(found) == [*range(7)]
    assert "is no chunk" in said
