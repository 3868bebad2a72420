"""Questions that arrive together, encoded together.

Who asks while a pass is under way waits for its end; then one of those who wait makes the next pass for all
of them. Who asks alone goes straight through. There is no thread and no timer: the wait for others is the
pass that is under way anyhow.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from index.embedding.batch_encoder import FP32_BELOW
from index.embedding.encoder import Encoder
from index.errors import IndexFailure
from index.storage.arrays import Vectors

# What an encoder raises for texts it cannot take: each who waited then asks for itself, and hears its own.
_TAKEN_AMISS = (AttributeError, LookupError, TypeError, ValueError)
_FAILED = (IndexFailure, MemoryError, OSError, RuntimeError)


@dataclass(slots=True, eq=False)
class _PendingRequest:
    """A caller's texts, and their vectors once a pass has been made for it: none when that pass failed."""

    texts: list[str]
    vectors: Vectors | None = None
    served: bool = False


class DynamicBatchingEncoder:
    """An `index.embedding.load.Encoder` that encodes what several threads ask for in one pass of another."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.name = encoder.name
        self.fingerprint = encoder.fingerprint
        self.dimension = encoder.dimension
        self.max_tokens = encoder.max_tokens
        self._changed = threading.Condition()
        self._under_way = False
        self._waiting: list[_PendingRequest] = []

    def count_tokens(self, text: str) -> int:
        """See `index.embedding.load.Encoder.count_tokens`."""
        return self.encoder.count_tokens(text)

    def encode(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
        """See `index.embedding.load.Encoder.encode`. An error reaches those alone whose own texts cause it."""
        if progress or not 0 < len(texts) <= FP32_BELOW:
            return self.encoder.encode(texts, progress=progress)
        mine = _PendingRequest(list(texts))
        with self._changed:
            self._waiting.append(mine)
            while not mine.served:
                if self._under_way:
                    self._changed.wait()
                else:
                    self._run_batch()
        return self.encoder.encode(mine.texts) if mine.vectors is None else mine.vectors

    def _run_batch(self) -> None:
        """Make a pass for those who have waited longest; others may come and wait meanwhile."""
        together = self._next_batch()
        self._under_way = True
        self._changed.release()
        try:
            self._encode_batch(together)
        finally:
            self._changed.acquire()
            self._under_way = False
            for one in together:
                one.served = True
            self._changed.notify_all()

    def _next_batch(self) -> list[_PendingRequest]:
        taken: list[_PendingRequest] = []
        room = FP32_BELOW
        while self._waiting and len(self._waiting[0].texts) <= room:
            taken.append(self._waiting.pop(0))
            room -= len(taken[-1].texts)
        return taken

    def _encode_batch(self, together: Sequence[_PendingRequest]) -> None:
        try:
            vectors = self.encoder.encode([text for one in together for text in one.texts])
        except (*_TAKEN_AMISS, *_FAILED):
            return
        start = 0
        for one in together:
            one.vectors = vectors[start : start + len(one.texts)]
            start += len(one.texts)
