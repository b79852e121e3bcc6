"""The ordered map: results in order, few tasks in memory, errors where they belong."""

from collections.abc import Iterator

import pytest

from pipeline.errors import MateriaError
from pipeline.parallel import ordered_map


def square(n: int) -> int:
    if n == 13:
        raise MateriaError("is unlucky", file="numbers.txt", record="13", remedy="Leave it out")
    return n * n


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_tasks(workers: int) -> None:
    assert list(ordered_map(square, range(12), workers=workers)) == [n * n for n in range(12)]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_crosses_processes_whole(workers: int) -> None:
    with pytest.raises(MateriaError, match="numbers.txt, 13: is unlucky. Leave it out.") as caught:
        list(ordered_map(square, range(20), workers=workers))
    assert caught.value.remedy == "Leave it out"


def test_only_a_window_of_tasks_is_taken_ahead() -> None:
    taken = 0

    def tasks() -> Iterator[int]:
        nonlocal taken
        for n in range(12):
            taken += 1
            yield n

    results = ordered_map(square, tasks(), workers=2)
    next(results)
    assert taken <= 7
    list(results)
