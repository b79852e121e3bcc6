"""The ordered map: results in order, few tasks in memory, errors where they belong."""

import os
import pickle
from collections.abc import Iterator

import pytest

from kg.sparql_endpoint.request import RequestError
from pipeline.errors import DiskFullError, MateriaError
from pipeline.parallel import Workers, given


def square(n: int) -> int:
    if n == 13:
        raise MateriaError("is unlucky", file="numbers.txt", record="13", remedy="Leave it out")
    return n * n


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_tasks(workers: int) -> None:
    with Workers(workers) as pool:
        assert list(pool.map(square, range(12))) == [n * n for n in range(12)]
        assert list(pool.map(square, range(3))) == [0, 1, 4]  # the same processes serve again


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_crosses_processes_whole(workers: int) -> None:
    with pytest.raises(MateriaError, match="numbers.txt, 13: is unlucky. Leave it out.") as caught:
        with Workers(workers) as pool:
            list(pool.map(square, range(20)))
    assert caught.value.remedy == "Leave it out"


def fill(_: int) -> None:
    raise DiskFullError("has no space left", file="/data", remedy="Free some")


def test_a_full_disk_in_a_worker_is_not_taken_for_an_error_of_the_data() -> None:
    """Its kind decides whether a run is tried again, and whether a stage is made anew as a whole."""
    with pytest.raises(DiskFullError, match="/data: has no space left"):
        with Workers(2) as pool:
            list(pool.map(fill, range(3)))


def test_what_a_kind_of_error_holds_beside_its_sentence_crosses_too() -> None:
    error = pickle.loads(pickle.dumps(RequestError(403, "a page of another site asks", "Ask from here")))
    assert (type(error), error.status, str(error)) == (
        RequestError,
        403,
        "a page of another site asks. Ask from here.",
    )


def test_only_a_window_of_tasks_is_taken_ahead() -> None:
    taken = 0

    def tasks() -> Iterator[int]:
        nonlocal taken
        for n in range(12):
            taken += 1
            yield n

    with Workers(2) as pool:
        results = pool.map(square, tasks())
        next(results)
        assert taken <= 7
        list(results)


def here(_: int) -> int:
    return os.getpid()


def test_the_first_tasks_are_done_here_and_others_are_started_only_for_more() -> None:
    with Workers(2, alone=3) as pool:
        assert list(pool.map(here, range(2))) == [os.getpid()] * 2
        assert pool._pool is None
        places = list(pool.map(here, range(4)))
        assert [place == os.getpid() for place in places] == [True, False, False, False]
        assert list(pool.map(square, range(5))) == [0, 1, 4, 9, 16]


def process(_: int) -> int:
    return os.getpid()


def test_who_is_given_several_cores_and_no_pool_reads_on_these() -> None:
    """A task of a cluster with cores of its own."""
    with given(2), Workers(2) as pool:
        assert os.getpid() not in {*pool.map(process, range(6))}
