"""Wraps cachetools: an LRU cache that threads can share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

from cachetools import LRUCache

Key = TypeVar("Key")
Value = TypeVar("Value")


class LruCache(Generic[Key, Value]):
    """Values that weigh at most `size` together; the least recently used is dropped first.

    Each weighs 1 unless `weigh` says otherwise. One that weighs more than `size` is not kept, so a cache of
    size 0 stays empty.
    """

    def __init__(self, size: int, weigh: Callable[[Value], int] = lambda _: 1) -> None:
        self._lock = threading.Lock()  # reading changes the order too
        self._values: LRUCache[Key, Value] = LRUCache(size, weigh)

    def get(self, key: Key) -> Value | None:
        """The value, if it is cached."""
        with self._lock:
            return self._values.get(key)

    def get_or_compute(self, key: Key, compute: Callable[[Key], Value]) -> Value:
        """The cached value, or a new one that is cached; two threads may compute the same one."""
        value = self.get(key)
        if value is None:
            value = compute(key)
            self.update({key: value})
        return value

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Value]:
        """The cached values of these keys."""
        with self._lock:
            return {key: self._values[key] for key in keys if key in self._values}

    def update(self, values: Mapping[Key, Value]) -> None:
        """Add values as the most recently used."""
        with self._lock:
            for key, value in values.items():
                if self._values.getsizeof(value) <= self._values.maxsize:
                    self._values[key] = value

    def clear(self) -> None:
        """Remove all values."""
        with self._lock:
            self._values.clear()
