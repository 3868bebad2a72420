"""Encodes concurrent questions in one batch.

A request that arrives during a forward pass waits for its end; then one waiting caller encodes the next batch
for all of them. A request on its own goes straight through. There is no thread and no timer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from index.embedding.batch_encoder import FP32_BELOW
from index.embedding.encoder import EncodedPassages, EncodedQuestion, Encoder, PassageText
from index.errors import IndexFailure
from index.storage.arrays import Vectors

# If a batch fails, each caller encodes its own texts and gets its own error.
_TEXT_ERRORS = (AttributeError, LookupError, TypeError, ValueError)
_BATCH_ERRORS = (*_TEXT_ERRORS, IndexFailure, MemoryError, OSError, RuntimeError)


@dataclass(slots=True, eq=False)
class _PendingRequest:
    """A caller's questions, and after their batch what was encoded: None if it failed."""

    texts: list[str]
    encoded: list[EncodedQuestion] | None = None
    done: bool = False


class DynamicBatchingEncoder:
    """Wraps an `Encoder`: requests of concurrent threads share its forward passes."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.name = encoder.name
        self.fingerprint = encoder.fingerprint
        self.dimension = encoder.dimension
        self.token_dimension = encoder.token_dimension
        self.pools_late = encoder.pools_late
        self.max_tokens = encoder.max_tokens
        self._changed = threading.Condition()
        self._running = False
        self._waiting: list[_PendingRequest] = []

    def count_tokens(self, text: str) -> int:
        """See `Encoder.count_tokens`."""
        return self.encoder.count_tokens(text)

    def encode(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
        """See `Encoder.encode`; not batched with others."""
        return self.encoder.encode(texts, progress=progress)

    def encode_passages(
        self, passages: Sequence[PassageText], *, progress: Callable[[int], None] | None = None
    ) -> EncodedPassages:
        """See `Encoder.encode_passages`; not batched with others."""
        return self.encoder.encode_passages(passages, progress=progress)

    def encode_questions(self, texts: Sequence[str]) -> list[EncodedQuestion]:
        """See `Encoder.encode_questions`. An error reaches only the callers whose own texts cause it."""
        if not 0 < len(texts) <= FP32_BELOW:
            return self.encoder.encode_questions(texts)
        request = _PendingRequest(list(texts))
        with self._changed:
            self._waiting.append(request)
            while not request.done:
                if self._running:
                    self._changed.wait()
                else:
                    self._run_batch()
        return self.encoder.encode_questions(request.texts) if request.encoded is None else request.encoded

    def _run_batch(self) -> None:
        """Encodes the oldest pending requests as one batch; new requests may queue meanwhile."""
        batch = self._next_batch()
        self._running = True
        self._changed.release()
        try:
            self._encode_batch(batch)
        finally:
            self._changed.acquire()
            self._running = False
            for request in batch:
                request.done = True
            self._changed.notify_all()

    def _next_batch(self) -> list[_PendingRequest]:
        batch: list[_PendingRequest] = []
        room = FP32_BELOW
        while self._waiting and len(self._waiting[0].texts) <= room:
            batch.append(self._waiting.pop(0))
            room -= len(batch[-1].texts)
        return batch

    def _encode_batch(self, batch: Sequence[_PendingRequest]) -> None:
        try:
            encoded = self.encoder.encode_questions([text for request in batch for text in request.texts])
        except _BATCH_ERRORS:
            return
        start = 0
        for request in batch:
            request.encoded = encoded[start : start + len(request.texts)]
            start += len(request.texts)
