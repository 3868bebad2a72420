"""Wraps cachetools: an LRU cache that threads can share."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Generic, TypeVar

from cachetools import LRUCache

Key = TypeVar("Key")
Value = TypeVar("Value")


class LruCache(Generic[Key, Value]):
    """At most `size` values; the least recently used is dropped first. A cache of size 0 stays empty."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()  # reading changes the order too
        self._values: LRUCache[Key, Value] = LRUCache(size)

    def get(self, key: Key) -> Value | None:
        """The value, if it is cached."""
        with self._lock:
            return self._values.get(key)

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Value]:
        """The cached values of these keys."""
        with self._lock:
            return {key: self._values[key] for key in keys if key in self._values}

    def update(self, values: Mapping[Key, Value]) -> None:
        """Add values as the most recently used."""
        if self._size:
            with self._lock:
                self._values.update(values)

    def clear(self) -> None:
        """Remove all values."""
        with self._lock:
            self._values.clear()
