"""Which texts go through a network together, and work done one step ahead.

A network reads a rectangle: every text of a batch costs as much as the longest. So texts of like length go
together, as many as a budget of pieces (texts times the longest) holds. With a budget of 12, lengths

    3, 9, 2, 4  ->  [2, 0, 3] of 3 x 4 pieces, 3 of them filling; [1] of 9

and not two batches of two with 3 + 5 filling pieces, as the order of the texts would have it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Thing = TypeVar("Thing")
Made = TypeVar("Made")


def pack(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Places in `lengths`, shortest first, in batches within the budget; one too long for it goes alone."""
    batches: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lambda place: lengths[place]):
        if batches and (len(batches[-1]) + 1) * lengths[place] <= budget:
            batches[-1].append(place)
        else:
            batches.append([place])
    return batches


def one_ahead(make: Callable[[Thing], Made], things: Iterable[Thing]) -> Iterator[Made]:
    """What is made of each thing, in order; the next is made in a thread while the caller uses this one."""
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        coming: Future[Made] | None = None
        for thing in things:
            following = thread.submit(make, thing)
            if coming:
                yield coming.result()
            coming = following
        if coming:
            yield coming.result()
