"""What was used last, kept in memory: the one file that knows cachetools."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Generic, TypeVar

from cachetools import LRUCache

Key = TypeVar("Key")
Value = TypeVar("Value")


class LruCache(Generic[Key, Value]):
    """At most `size` values: the one not used for longest goes first. Safe to share between threads."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()  # reading changes the order too
        self._kept: LRUCache[Key, Value] = LRUCache(size)

    def get(self, key: Key) -> Value | None:
        """The value, if it is still there."""
        with self._lock:
            return self._kept.get(key)

    def held(self, keys: Iterable[Key]) -> dict[Key, Value]:
        """Those of the keys that are still there, and their values."""
        with self._lock:
            return {key: self._kept[key] for key in keys if key in self._kept}

    def keep(self, values: Mapping[Key, Value]) -> None:
        """Keep these as used last."""
        if self._size:
            with self._lock:
                self._kept.update(values)

    def clear(self) -> None:
        """Keep nothing of it all."""
        with self._lock:
            self._kept.clear()
