"""The plain way through a model: sentence-transformers' own `encode`.

For a model that does more with a text than cut it into pieces (a prompt before each, pictures, two towers),
and the measure that the faster ways are held against.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.wordpieces import sayable, uncut

BATCH = 32  # texts per pass: the default of sentence-transformers


class PlainEncoder:
    """An `index.encoder.Encoder` over a loaded `SentenceTransformer`; safe to share between threads."""

    def __init__(self, model: Any, *, name: str, fingerprint: str) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self.dimension = int(model.get_embedding_dimension())
        self.max_tokens = int(model.max_seq_length)
        self._model = model
        self._tokenizer = uncut(model.tokenizer.backend_tokenizer.to_str())
        self._lock = threading.Lock()  # the tokenizer changes its own settings during a call

    def count_tokens(self, text: str) -> int:
        """See `index.encoder.Encoder.count_tokens`."""
        return len(self._tokenizer.encode(sayable(text)).ids)

    def encode(
        self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """See `index.encoder.Encoder.encode`. Batches hold texts of like length."""
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            vectors[rows] = self._encode_batch([sayable(texts[row]) for row in rows])
            if progress:
                progress(len(rows))
        return vectors

    def _encode_batch(self, texts: list[str]) -> NDArray[np.float32]:
        with self._lock:
            vectors = self._model.encode(
                texts, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False
            )
        return np.asarray(vectors, dtype=np.float32)
