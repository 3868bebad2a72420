from __future__ import annotations

import random
import threading

import pytest

from index.batches import one_ahead, pack


def test_the_worked_example() -> None:
    assert pack([3, 9, 2, 4], 12) == [[2, 0, 3], [1]]


@pytest.mark.parametrize(
    ("lengths", "budget", "batches"),
    [
        ([], 12, []),
        ([12], 12, [[0]]),
        ([13], 12, [[0]]),  # too long for the budget: alone
        ([13, 1, 13], 12, [[1], [0], [2]]),
        ([6, 6, 6], 12, [[0, 1], [2]]),
        ([1] * 13, 12, [list(range(12)), [12]]),
    ],
)
def test_batches_hold_what_the_budget_allows(
    lengths: list[int], budget: int, batches: list[list[int]]
) -> None:
    assert pack(lengths, budget) == batches


def test_every_place_comes_once_and_no_batch_is_over_budget() -> None:
    drawn = random.Random(7)
    for _ in range(200):
        lengths = [drawn.randint(1, 60) for _ in range(drawn.randint(0, 80))]
        batches = pack(lengths, 100)
        assert sorted(place for batch in batches for place in batch) == list(range(len(lengths)))
        for batch in batches:
            assert len(batch) * max(lengths[place] for place in batch) <= 100 or len(batch) == 1


def test_the_next_is_made_while_this_one_is_used() -> None:
    made = {number: threading.Event() for number in range(4)}

    def make(number: int) -> int:
        made[number].set()
        return number * number

    seen = []
    for number, square in enumerate(one_ahead(make, range(4))):
        seen.append(square)
        if number < 3:
            assert made[number + 1].wait(10)
        if number < 2:
            assert not made[number + 2].is_set()  # one ahead, not all at once
    assert seen == [0, 1, 4, 9]
    assert list(one_ahead(make, [])) == []


def test_what_goes_wrong_in_the_thread_is_raised_where_it_is_used() -> None:
    results = one_ahead(lambda number: 1 // number, [1, 0, 1])
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)
