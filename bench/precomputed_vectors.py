"""Encoders for corpora with precomputed vectors: one builds, the other encodes questions with a real model.

Both have the fingerprint of the precomputed vectors, so that each opens an index built with the other.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.bare_forward import WINDOW
from bench.synthetic_corpora import PrecomputedVectors
from index.embedding.encoder import (
    EncodedPassages,
    EncodedQuestion,
    Encoder,
    PassageText,
    SentenceEncoder,
)
from index.storage.arrays import Vectors

_BATCH = 8_192


NAME = "given vectors"
FINGERPRINT = hashlib.sha256(b"vectors given by bench").hexdigest()


class PrecomputedEncoder(SentenceEncoder):
    """Looks vectors up instead of working them out."""

    name = NAME
    fingerprint = FINGERPRINT
    max_tokens = WINDOW

    def __init__(self, vectors: PrecomputedVectors, model: Path) -> None:
        """`model` is the folder whose tokenizer counts."""
        self._vectors = vectors
        self._tokenizer = _tokenizer(model)
        self.dimension = vectors.dimension

    def count_tokens(self, text: str) -> int:
        """See `Encoder.count_tokens`."""
        return len(self._tokenizer.encode(text).ids)

    def encode(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
        """See `Encoder.encode`."""
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for start in range(0, len(texts), _BATCH):
            batch = texts[start : start + _BATCH]
            vectors[start : start + len(batch)] = self._vectors.of(batch)
            if progress:
                progress(len(batch))
        return vectors


class QuestionEncoder:
    """A real encoder under the name of the precomputed vectors; `seconds` is the total time of encoding."""

    name = NAME
    fingerprint = FINGERPRINT

    def __init__(self, encoder: Encoder, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._encoder, self._clock = encoder, clock
        self.dimension, self.max_tokens = encoder.dimension, encoder.max_tokens
        self.token_dimension, self.pools_late = encoder.token_dimension, encoder.pools_late
        self.count_tokens = encoder.count_tokens
        self.seconds = 0.0

    def encode(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
        """See `Encoder.encode`."""
        return self._encoder.encode(texts, progress=progress)

    def encode_questions(self, texts: Sequence[str]) -> list[EncodedQuestion]:
        """See `Encoder.encode_questions`."""
        started = self._clock()
        questions = self._encoder.encode_questions(texts)
        self.seconds += self._clock() - started
        return questions

    def encode_passages(
        self, passages: Sequence[PassageText], *, progress: Callable[[int], None] | None = None
    ) -> EncodedPassages:
        """See `Encoder.encode_passages`."""
        return self._encoder.encode_passages(passages, progress=progress)


def _tokenizer(model: Path) -> Any:
    from tokenizers import Tokenizer

    counting = Tokenizer.from_file(str(model / "tokenizer.json"))
    counting.no_truncation()
    counting.no_padding()
    return counting
