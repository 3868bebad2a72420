"""Values kept for their last use, by index/recent.py."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from index.storage.lru import LruCache


def test_the_one_not_used_for_longest_goes() -> None:
    recent: LruCache[str, int] = LruCache(2)
    recent.update({"one": 1, "two": 2})
    assert recent.get("one") == 1
    recent.update({"three": 3})
    assert recent.get_many(["one", "two", "three"]) == {"one": 1, "three": 3}
    recent.clear()
    assert recent.get_many(["one", "three"]) == {}


def test_a_value_kept_again_counts_as_used() -> None:
    recent: LruCache[str, int] = LruCache(2)
    recent.update({"one": 1, "two": 2})
    recent.update({"one": 10})
    recent.update({"three": 3})
    assert recent.get_many(["one", "two", "three"]) == {"one": 10, "three": 3}


def test_more_than_there_is_room_for_and_no_room_at_all() -> None:
    recent: LruCache[int, int] = LruCache(3)
    recent.update({number: number for number in range(10)})
    assert recent.get_many(range(10)) == {7: 7, 8: 8, 9: 9}
    none: LruCache[int, int] = LruCache(0)
    none.update({1: 1})
    assert none.get(1) is None


def test_threads_that_share_it_lose_nothing() -> None:
    recent: LruCache[int, int] = LruCache(50)

    def use(start: int) -> None:
        for number in range(start, start + 3_000):
            recent.update({number % 90: number % 90})
            assert all(key == value for key, value in recent.get_many(range(90)).items())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(use, range(4)))
    assert len(recent.get_many(range(90))) == 50
